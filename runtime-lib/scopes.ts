import type { Caller } from "./caller.ts";

/** A rule on scopes as data, for an alternative of an operation that has one of its own. */
export interface ScopeRule {
  readonly kind: "any" | "all";
  readonly scopes: readonly string[];
}

/** Whether the caller holds one of the scopes, or is exempt (S-SCP-01, S-SCP-05). Compared exactly. */
export function hasAnyScope(caller: Caller, scopes: readonly string[]): boolean {
  if (!caller.scopesApply) return true;
  for (const scope of scopes) if (caller.scopes.has(scope)) return true;
  return false;
}

/** Whether the caller holds all of the scopes, or is exempt. */
export function hasAllScopes(caller: Caller, scopes: readonly string[]): boolean {
  if (!caller.scopesApply) return true;
  for (const scope of scopes) if (!caller.scopes.has(scope)) return false;
  return true;
}

/** One of them suffices. */
export function anyScope(...scopes: string[]): ScopeRule {
  return { kind: "any", scopes };
}

/** All of them are needed. */
export function allScopes(...scopes: string[]): ScopeRule {
  return { kind: "all", scopes };
}

export function holds(caller: Caller, rule: ScopeRule): boolean {
  return rule.kind === "any" ? hasAnyScope(caller, rule.scopes) : hasAllScopes(caller, rule.scopes);
}
