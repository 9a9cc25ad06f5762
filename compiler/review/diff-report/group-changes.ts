import { fullPath } from "../../6-bundle/manifest.ts";
import type { Change, Subject } from "../diff/change.ts";

/** The same change at several operations or APIs: at least one. */
export interface ChangeGroup {
  /** Where it holds, in one line. */
  readonly on: string;
  readonly changes: readonly [Change, ...Change[]];
}

/** Puts together what says the same but for the operation that it is about. In the order in which each was first met. */
export function groupChanges(changes: readonly Change[]): readonly ChangeGroup[] {
  const groups = new Map<string, [Change, ...Change[]]>();
  for (const change of changes) {
    const { code, verdict, aspect, message, before, after, step, subject } = change;
    const level = subject === undefined ? "gateway" : subject.method === undefined ? "api" : "operation";
    const key = JSON.stringify([code, verdict, aspect, before, after, step, level, message]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [change]);
    else group.push(change);
  }
  return [...groups.values()].map((changes) => ({ on: named(distinctSubjects(changes)), changes }));
}

/** `GET /shop/v1/items`, `/shop/v1`, `the gateway`. */
export function subjectName(subject: Subject | undefined): string {
  if (subject === undefined) return "the gateway";
  return subject.method === undefined ? subjectPath(subject) : `${subject.method} ${subjectPath(subject)}`;
}

/** As clients see it: `/shop/v1/items`; of an API, its base path. */
export function subjectPath({ basePath, template }: Subject): string {
  return template === undefined ? basePath : fullPath(basePath, template);
}

function distinctSubjects(changes: readonly Change[]): readonly string[] {
  return [...new Set(changes.map(({ subject }) => subjectName(subject)))];
}

function named([first = "", ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
