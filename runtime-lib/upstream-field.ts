import type { Exchange } from "./exchange.ts";

/** A credential that the backend gets from the gateway. */
export interface SentField {
  readonly name: string;
  value: string;
}

/** The field goes to the backend, and what the client may have sent under its name does not. */
export function sendField(x: Exchange, { name, value }: SentField): void {
  x.withheld.push(name.toLowerCase());
  // Not in place: these may be shared by all requests of a caller.
  x.backendFields = [...(x.backendFields ?? []), name, value];
}
