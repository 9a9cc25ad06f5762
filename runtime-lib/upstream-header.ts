import type { RuntimeModule } from "./module.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import type { Upstream } from "./upstream.ts";
import { refuseBasicBeside, type SentField, sendField } from "./upstream-field.ts";

/**
 * Sends a secret in a field of each request (K-28); the client's own of that name does not pass. The value is the setting
 * `<key>_header_value`: without it the gateway does not start.
 */
export function sendHeader(upstream: Upstream, name: string): Upstream {
  const field: SentField = { name, value: "" };
  declared.push({ key: upstream.key, field });
  return {
    key: upstream.key,
    send(x) {
      sendField(x, field);
      return upstream.send(x);
    },
  };
}

/** Reads the secrets. */
export const headerModule: RuntimeModule = {
  name: "upstream-header",
  configure,
};

const declared: { readonly key: string; readonly field: SentField }[] = [];

function configure(settings: Settings, report: SettingsReport): void {
  for (const { key, field } of declared) {
    if (field.name.toLowerCase() === "authorization") refuseBasicBeside(key, settings, report);
    const name = `${key}_header_value`;
    const value = settings.override(name) ?? "";
    if (value === "") report.error(name, `is required: the backend is to get it as ${field.name}`);
    else if (!/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value))
      report.error(name, "must be printable ASCII, without blanks around it");
    else field.value = value;
  }
}
