import { fullPath } from "../../6-bundle/manifest.ts";
import type { Change, Subject } from "../diff/change.ts";

/** The same change at several operations or APIs: at least one. */
export interface ChangeGroup {
  readonly message: string;
  /** Where it holds, in one line. */
  readonly on: string;
  readonly changes: readonly [Change, ...Change[]];
}

/** Puts together what says the same but for the operation that it is about. In the order in which each was first met. */
export function groupChanges(changes: readonly Change[]): readonly ChangeGroup[] {
  const groups = new Map<string, [Change, ...Change[]]>();
  for (const change of changes) {
    const { code, verdict, aspect, before, after, step, subject } = change;
    const level = subject === undefined ? "gateway" : subject.method === undefined ? "api" : "operation";
    const key = JSON.stringify([code, verdict, aspect, before, after, step, level, withoutSubject(change)]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [change]);
    else group.push(change);
  }
  return [...groups.values()].map((group) => {
    const subjects = distinctSubjects(group);
    const on = named(subjects);
    const [first] = group;
    const message = subjects.length === 1 ? first.message : withoutSubject(first).replaceAll(mark, () => on);
    return { message, on, changes: group };
  });
}

/** `GET /shop/v1/items`, `/shop/v1`, `the gateway`. */
export function subjectName(subject: Subject | undefined): string {
  if (subject === undefined) return "the gateway";
  const { basePath, method, template } = subject;
  if (method === undefined) return template === undefined ? basePath : fullPath(basePath, template);
  return `${method} ${fullPath(basePath, template ?? "")}`;
}

/** Stands for the subject in a message. */
const mark = "\u0000";

function withoutSubject({ message, subject }: Change): string {
  if (subject === undefined) return message;
  // Never inside of something longer: "/" is in every URL.
  const name = subjectName(subject).replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  return message.replace(new RegExp(`(?<![\\w/:.*{}%~-])${name}(?![\\w/{}*%~-])`, "g"), mark);
}

function distinctSubjects(changes: readonly Change[]): readonly string[] {
  return [...new Set(changes.map(({ subject }) => subjectName(subject)))];
}

function named([first = "", ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
