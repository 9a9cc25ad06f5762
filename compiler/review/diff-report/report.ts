import type { AcceptedEntry } from "../../model/loaded-project.ts";
import type { HttpMethod } from "../../model/names.ts";
import type { Aspect, Verdict } from "../diff/change.ts";
import type { SidePlace } from "../side.ts";

/** What a comparison found, ready to be printed in any format. */
export interface DiffReport {
  readonly base: SideFacts;
  readonly head: SideFacts;
  /** The gravest of what is not accepted: weaker, then unknown, stronger, neutral; `none`: nothing is left, or nothing differs. */
  readonly verdict: Verdict | "none";
  /** Of operations, by method and path as clients can send it; `changed` are on both sides and differ in more than words. */
  readonly operations: { readonly added: number; readonly removed: number; readonly changed: number };
  /** Gravest first; within a verdict those that touch public operations, then by what they are about, then by how much. */
  readonly findings: readonly Finding[];
  /** Every entry of `accepted` of the head, in the order in which they are written. */
  readonly accepted: readonly AcceptanceUse[];
}

export interface SideFacts {
  /** As the user named it. */
  readonly name: string;
  readonly kind: "project" | "revision" | "bundle";
  /** Of a project: its folder, from where annotations are shown; `""` for there. */
  readonly folder: string;
  readonly apis: number;
  readonly operations: number;
  readonly publicOperations: number;
}

/** The same change, wherever it was made. */
export interface Finding {
  /** Of the catalogue of changes. */
  readonly code: string;
  readonly verdict: Verdict;
  readonly aspect: Aspect;
  readonly message: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Where it holds, in one line: `GET /shop/v1/items and 2 more`, `/shop/v1`, `the gateway`. */
  readonly on: string;
  readonly occurrences: readonly [Occurrence, ...Occurrence[]];
  readonly affected: Affected;
  /** Stands for exactly this change at exactly these operations: what an entry of `accepted` names. */
  readonly fingerprint: string;
  /** The entry that covers it, if it counts; then the finding does not fail the comparison. */
  readonly acceptedBy: Acceptance | undefined;
}

/** An entry of `accepted` that counts. */
export interface Acceptance extends AcceptedEntry {
  /**
   * The base does not accept the same for as long: what is compared brings its own acceptance along, so whoever approves it
   * approves that, too. Never said of a base that is a bundle, in which no entries are.
   */
  readonly isNew: boolean;
}

/** A change at one operation, at one API, or at the gateway as a whole (both undefined). */
export interface Occurrence {
  readonly method: HttpMethod | undefined;
  /** With the base path, which alone stands for an API. */
  readonly path: string | undefined;
  readonly base: SidePlace | undefined;
  readonly head: SidePlace | undefined;
  /** The line of the check in generated code: of the head, or of the base where the head has none. */
  readonly generated: GeneratedPlace | undefined;
}

/** A place in generated code, or in a bundle. */
export interface GeneratedPlace {
  readonly side: "base" | "head";
  readonly file: string;
  readonly line: number;
}

/** How much a finding is about. */
export interface Affected {
  readonly operations: number;
  /** Of how many there are: in the head, or in the base if all of them were removed. */
  readonly of: number;
  /** Of the operations, those that the head lets anybody call. */
  readonly publicOperations: number;
  readonly apis: number;
  /** Names of tiers that the operations are counted against; where a change is about limits, on either side. */
  readonly tiers: number;
  /** Backends that they reach; where a change is about backends, on either side. */
  readonly backends: number;
}

/** What became of an entry of `accepted`. */
export interface AcceptanceUse {
  readonly entry: AcceptedEntry;
  readonly place: SidePlace;
  /**
   * `used`: it covers a finding. `expired`, `too-far`: it would, but its day is over, or is further away than a year.
   * `mismatched`: its fingerprint is that of a finding which it calls otherwise. `unused`: no such finding.
   */
  readonly state: "used" | "expired" | "too-far" | "mismatched" | "unused";
  /** What is wrong with it, in one sentence; undefined when used. */
  readonly complaint: string | undefined;
}
