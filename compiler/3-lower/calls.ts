import type { ApiFacts, OperationFacts } from "../model/checked-project.ts";
import type { Access, LoweringNote, OperationModel } from "../model/gateway-model.ts";

type Calls = Pick<OperationModel, "caller" | "domains" | "upgrades">;

/**
 * What is asked of an operation's calls besides credentials: its own word, else the API's. What nobody could satisfy, or what needs
 * to know a caller where none is asked for, is noted.
 */
export function callsOf(api: ApiFacts, operation: OperationFacts, access: Access, notes: LoweringNote[]): Calls {
  return {
    caller: callerOf(api, operation, access, notes),
    domains: domainsOf(api, operation, access, notes),
    upgrades: upgradesOf(api, operation),
  };
}

/** Credentials by which a caller can be known to be of a kind: a certificate alone says of nobody what he is. */
const schemesOf = { app: ["oauth2", "api-key"], user: ["oauth2", "basic"] } as const;

function callerOf(api: ApiFacts, operation: OperationFacts, access: Access, notes: LoweringNote[]): Calls["caller"] {
  const stated = operation.calls.caller ?? (operation.authTypeNone === undefined ? api.calls.caller : undefined);
  if (stated === undefined || stated.value === "any" || stated.value === "none") return undefined;
  const { value: kind, ref } = stated;
  const shown = `${operation.method} ${operation.path}`;
  if (access.kind === "public") {
    // What an API says of its operations in general is no contradiction where one is opened.
    if (operation.calls.caller !== undefined) {
      const problem = `is public (${access.why}): it knows no caller`;
      notes.push({ code: "caller-impossible", ref, args: { operation: shown, problem } });
    }
    return undefined;
  }
  const names: readonly string[] = schemesOf[kind];
  if (!access.anyOf.some(({ allOf }) => allOf.some((scheme) => names.includes(scheme.kind)))) {
    const problem = `takes no credentials by which ${kind === "app" ? "an application" : "a user"} is known`;
    notes.push({ code: "caller-impossible", ref, args: { operation: shown, problem } });
  }
  return { kind, origin: ref };
}

function domainsOf(api: ApiFacts, operation: OperationFacts, access: Access, notes: LoweringNote[]): Calls["domains"] {
  const stated = operation.calls.domains ?? api.calls.domains;
  if (stated === undefined) return undefined;
  if (access.kind === "public" && "claim" in stated.value) {
    if (operation.calls.domains !== undefined) {
      const shown = `${operation.method} ${operation.path}`;
      const problem = `is public (${access.why}): nobody has a claim there`;
      notes.push({ code: "caller-impossible", ref: stated.ref, args: { operation: shown, problem } });
    }
    return undefined;
  }
  return { rule: stated.value, origin: stated.ref };
}

/** Of an API's word, GETs are meant: nothing else begins a WebSocket. */
function upgradesOf(api: ApiFacts, operation: OperationFacts): Calls["upgrades"] {
  const stated = operation.calls.upgrades ?? api.calls.upgrades;
  const [first, ...others] = stated?.value ?? [];
  if (stated === undefined || first === undefined || operation.method !== "GET") return undefined;
  return { protocols: [first, ...others], origin: stated.ref };
}
