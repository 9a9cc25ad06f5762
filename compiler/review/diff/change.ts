import type { PolicyChain } from "../../model/gateway-plan.ts";
import type { HttpMethod } from "../../model/names.ts";
import type { SourceRef } from "../../model/source.ts";

/**
 * `weaker`: some request that was refused before may pass now, or may pass more often, from more places, with fewer proofs or to
 * more, or something more is told or sent in clear. `stronger`: the converse. `unknown`: cannot be ordered. `neutral`: differs,
 * but nobody may do more or less. What is weaker in one way and stronger in another is two changes.
 */
export type Verdict = "weaker" | "stronger" | "neutral" | "unknown";

/** What a change is about, for grouping. */
export type Aspect =
  | "access"
  | "scopes"
  | "caller"
  | "domains"
  | "limits"
  | "deny"
  | "cors"
  | "transports"
  | "route"
  | "backend"
  | "headers"
  | "timeouts"
  | "resilience"
  | "upgrade"
  | "features"
  | "extensions"
  | "faults"
  | "settings"
  | "text";

/** One thing that a gateway does differently, for one operation, one API or all. */
export interface Change {
  /** Kebab-case, of the catalogue beside this file: never renamed or reused. */
  readonly code: string;
  readonly verdict: Verdict;
  readonly aspect: Aspect;
  /** Undefined: the gateway as a whole. Without method and template: an API. */
  readonly subject: Subject | undefined;
  /** One sentence: what changed for whom. */
  readonly message: string;
  readonly before?: string;
  readonly after?: string;
  /** Where it was written on either side; absent where that side says nothing. */
  readonly base?: SourceRef;
  readonly head?: SourceRef;
  /** Finds the generated line: the check of the handler that it is about. */
  readonly step?: PolicyChain[number]["kind"];
}

/** An operation is named as the head has it, one that was removed as the base had it. */
export interface Subject {
  readonly basePath: string;
  readonly method?: HttpMethod;
  /** As written, below the base path. */
  readonly template?: string;
}
