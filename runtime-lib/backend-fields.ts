import type { Api } from "./api.ts";
import type { Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Header fields that the gateway itself adds to a request for a backend: name, value, ... Undefined: the request must not be
 * forwarded, and gets 500/900900.
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

/** Puts the fields of all sources into `x.backendFields`. False: one of them has failed. */
export async function collectBackendFields(x: Exchange, api: Api, caller: Caller): Promise<boolean> {
  for (const source of backendFields) {
    const fields = await source(x, api, caller);
    if (fields === undefined) return false;
    x.backendFields ??= [];
    x.backendFields.push(...fields);
  }
  return true;
}
