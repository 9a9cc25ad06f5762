import type { Exchange } from "./exchange.ts";
import type { Settings, SettingsReport } from "./settings.ts";

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

/** Reports Basic credentials of the settings for an endpoint that sends others in the same field. */
export function refuseBasicBeside(key: string, settings: Settings, report: SettingsReport): void {
  const name = `${key}_basic_username`;
  if (settings.override(name) === undefined) return;
  report.error(name, "cannot be set: the definition has other credentials for this backend in the same field");
}
