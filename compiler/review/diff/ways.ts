import type { Access, Alternative, AuthScheme } from "../../model/gateway-model.ts";
import type { Compatibility } from "../../model/names.ts";

/** One way in: all of its proofs must be given, and all of its scopes held. Nothing of both: everyone. */
export interface Way {
  readonly proofs: readonly Proof[];
  /** Sorted. */
  readonly scopes: readonly string[];
}

/** One thing that is asked of a caller. */
export type Proof =
  | { readonly kind: "token" | "token-with-proof" | "password" | "certificate" | "right-certificate" }
  | { readonly kind: "key"; readonly in: "header" | "query" | "cookie"; readonly name: string };

type CallerKind = "app" | "user" | undefined;

/**
 * Who may call, as a disjunction of conjunctions in its shortest form: a way that asks for all that another asks for, and more,
 * lets nobody in. A key in one of two places is two ways; so is any one of two scopes. Keys alone need no scopes in `wso2-3.2`
 * (S-SCP-05). What nobody can do is no way: a key that stands nowhere, a password where only applications may call (K-16).
 */
export function waysOf(access: Access, caller: CallerKind, compatibility: Compatibility): readonly Way[] {
  if (access.kind === "public") return [{ proofs: [], scopes: [] }];
  return shortest(access.anyOf.flatMap((alternative) => waysOfAlternative(alternative, caller, compatibility)));
}

function waysOfAlternative({ allOf, scopes }: Alternative, caller: CallerKind, compatibility: Compatibility): Way[] {
  const kinds = new Set(allOf.map(({ kind }) => kind));
  if (caller !== undefined && !canBe(caller, kinds)) return [];
  let sets: (readonly Proof[])[] = [[]];
  for (const scheme of allOf) sets = proofsOf(scheme).flatMap((proof) => sets.map((set) => [...set, proof]));
  const isExempt = compatibility === "wso2-3.2" && kinds.has("api-key") && !kinds.has("oauth2") && !kinds.has("basic");
  const names = isExempt || scopes === undefined ? [] : [...new Set(scopes.names)].sort();
  const scopeSets = scopes?.need === "any" && names.length > 0 ? names.map((name) => [name]) : [names];
  return sets.flatMap((proofs) => scopeSets.map((each): Way => ({ proofs: reduced(proofs), scopes: each })));
}

/** Whether a caller with these credentials can be known to be of a kind (runtime-lib/caller-kind.ts). */
function canBe(caller: "app" | "user", kinds: ReadonlySet<AuthScheme["kind"]>): boolean {
  return kinds.has("oauth2") || kinds.has(caller === "app" ? "api-key" : "basic");
}

/** Each of them suffices. */
function proofsOf(scheme: AuthScheme): readonly Proof[] {
  switch (scheme.kind) {
    case "oauth2":
      return [{ kind: scheme.dpop === "required" ? "token-with-proof" : "token" }];
    case "basic":
      return [{ kind: "password" }];
    case "mutual-tls":
      return [{ kind: scheme.presence === "mandatory" ? "certificate" : "right-certificate" }];
    case "api-key":
      return scheme.locations.map(({ in: place, name }) => ({
        kind: "key",
        in: place,
        name: place === "header" ? name.toLowerCase() : name,
      }));
  }
}

function reduced(proofs: readonly Proof[]): readonly Proof[] {
  const distinct = [...new Map(proofs.map((proof) => [idOf(proof), proof])).values()];
  const needed = distinct.filter((one) => !distinct.some((other) => other !== one && gives(other, one)));
  return needed.sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
}

/** Whoever gives the first gives the second: a proof of possession is one more proof beside a token. */
export function gives(given: Proof, asked: Proof): boolean {
  if (given.kind === "token-with-proof" && asked.kind === "token") return true;
  if (given.kind === "certificate" && asked.kind === "right-certificate") return true;
  return idOf(given) === idOf(asked);
}

/** Whether whoever gives all proofs of the first gives all of the second. */
export function proofsSuffice(given: readonly Proof[], asked: readonly Proof[]): boolean {
  return asked.every((proof) => given.some((one) => gives(one, proof)));
}

/** Whether whoever comes by the first way could come by the second. */
export function opens(given: Way, asked: Way): boolean {
  return proofsSuffice(given.proofs, asked.proofs) && asked.scopes.every((scope) => given.scopes.includes(scope));
}

function shortest(ways: readonly Way[]): readonly Way[] {
  const distinct = [...new Map(ways.map((way) => [idOfWay(way), way])).values()];
  const kept = distinct.filter((way) => !distinct.some((other) => other !== way && opens(way, other)));
  return kept.sort((a, b) => (idOfWay(a) < idOfWay(b) ? -1 : 1));
}

function idOf(proof: Proof): string {
  return proof.kind === "key" ? `key ${proof.in} ${proof.name}` : proof.kind;
}

function idOfWay({ proofs, scopes }: Way): string {
  return JSON.stringify([proofs.map(idOf), scopes]);
}

/** `a token`, `a user name and password`, `an API key in the header field x-key`. */
export function describeProof(proof: Proof): string {
  switch (proof.kind) {
    case "token":
      return "a token";
    case "token-with-proof":
      return "a token with proof of possession";
    case "password":
      return "a user name and password";
    case "certificate":
      return "a client certificate";
    case "right-certificate":
      return "a right client certificate, if any,";
    case "key": {
      const place = { header: "header field", query: "query parameter", cookie: "cookie" }[proof.in];
      return `an API key in the ${place} ${proof.name}`;
    }
  }
}

/** `a token`, `a client certificate with an API key in the cookie k`; nothing asked: `nothing`. */
export function describeProofs(proofs: readonly Proof[]): string {
  return proofs.length === 0 ? "nothing" : proofs.map(describeProof).join(" with ");
}

/** `a token with the scopes a and b, or a user name and password`. */
export function describeWays(ways: readonly Way[]): string {
  if (ways.length === 0) return "nobody";
  const byProofs = new Map<string, string[]>();
  for (const { proofs, scopes } of ways) {
    const who = proofs.length === 0 ? "everyone" : describeProofs(proofs);
    const known = byProofs.get(who) ?? [];
    known.push(scopes.join(" and "));
    byProofs.set(who, known);
  }
  const texts = [...byProofs].map(([who, scopes]) => {
    const asked = scopes.filter((text) => text !== "");
    if (asked.length < scopes.length || asked.length === 0) return who;
    const word = asked.length > 1 || asked[0]?.includes(" and ") ? "scopes" : "scope";
    return `${who} holding the ${word} ${asked.join(" or ")}`;
  });
  return texts.join(", or ");
}
