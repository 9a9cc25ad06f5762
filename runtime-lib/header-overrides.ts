import { isHopByHop } from "./headers.ts";
import type { Settings, SettingsReport } from "./settings.ts";

/** One field whose value the gateway replaces, in requests and in answers. */
export interface HeaderOverride {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

/**
 * `[[server.headerConf]]` (R-HDR-07): a field with `preserveHeader = false` gets `overrideValue`, but only where it is
 * present; `User-Agent` in every request. Preserved ones, and fields that nobody lists, pass as they came; the original
 * replaced `User-Agent` unasked.
 */
export function headerOverridesOf(settings: Settings, report: SettingsReport): readonly HeaderOverride[] {
  const overrides: HeaderOverride[] = [];
  for (const table of settings.tables("server.headerConf")) {
    const name = table.string("headerName")?.toLowerCase();
    if (name === undefined) {
      report.error(table.nameOf("headerName"), "is missing");
      continue;
    }
    // The original's defaults: only `Server` is preserved unless the entry says so.
    if (table.boolean("preserveHeader") ?? name === "server") continue;
    if (isHopByHop(name) || name === "host" || name === "content-length") {
      report.error(table.nameOf("headerName"), "this field belongs to the connection and cannot be replaced");
      continue;
    }
    overrides.push({ name, value: table.string("overrideValue") ?? "ballerina" });
  }
  return overrides;
}

/** Replaces values in a header list, several of one name by one. `always`: a name that is added when absent. */
export function applyOverrides(fields: string[], overrides: readonly HeaderOverride[], always: string): void {
  for (const { name, value } of overrides) {
    let found = false;
    for (let i = fields.length - 2; i >= 0; i -= 2) {
      const key = fields[i] as string;
      if (key.length !== name.length || key.toLowerCase() !== name) continue;
      if (found) fields.splice(i, 2);
      else fields[i + 1] = value;
      found = true;
    }
    if (!found && name === always) fields.push(name === "server" ? "Server" : "User-Agent", value);
  }
}
