import type { Api } from "./api.ts";
import type { Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Header fields that the gateway itself adds to a request for a backend: name, value, ... Undefined: the request must not be
 * forwarded, and gets 500/900900. A promise only where something waits.
 */
export type BackendFields = (
  x: Exchange,
  api: Api,
  caller: Caller,
) => readonly string[] | undefined | Promise<readonly string[] | undefined>;

/** One process serves one gateway, so there is one list of it. Empty unless a feature is on. */
export const backendFields: BackendFields[] = [];

/** Has fields added to every request of an authenticated caller, from the start on. */
export function addBackendFields(fields: BackendFields): void {
  backendFields.push(fields);
}

/** Puts the fields of all sources into `x.backendFields`. False: one of them has failed. A promise only where one waits. */
export function collectBackendFields(x: Exchange, api: Api, caller: Caller): boolean | Promise<boolean> {
  return collectFrom(0, x, api, caller);
}

function collectFrom(from: number, x: Exchange, api: Api, caller: Caller): boolean | Promise<boolean> {
  for (let i = from; i < backendFields.length; i++) {
    const fields = backendFields[i]?.(x, api, caller);
    if (fields instanceof Promise)
      return fields.then((settled) => add(x, settled) && collectFrom(i + 1, x, api, caller));
    if (!add(x, fields)) return false;
  }
  return true;
}

function add(x: Exchange, fields: readonly string[] | undefined): boolean {
  if (fields === undefined) return false;
  if (fields.length === 0) return true;
  x.backendFields ??= [];
  for (const text of fields) x.backendFields.push(text);
  return true;
}
