import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { ApplicationSecurity, Fact, RequirementFact, SecurityFacts } from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import { isMap, keysOf, kindOf, type Reading, readFlag, readList, readMap, reportUnknownKeys } from "./values.ts";

const securityTypes = ["oauth2", "basic_auth", "api_key"] as const;

/** What one level, API or operation, says about who may call. */
export function readSecurity(reading: Reading, parent: Cursor): SecurityFacts {
  return {
    requirements: readRequirements(reading, parent),
    disable: readFlag(reading, parent, "x-wso2-disable-security"),
    application: readApplicationSecurity(reading, parent),
  };
}

/**
 * The `security` list. What is not a list of maps says nothing that can be trusted: it is left out, which in `wso2-3.2`
 * makes a token required as it did in the original, and reported, as an error in `standard`.
 */
function readRequirements(reading: Reading, parent: Cursor): readonly RequirementFact[] | undefined {
  const list = parent.get("security") ?? parent.raw("security");
  if (list === undefined) return undefined;
  const malformed = (cursor: Cursor, problem: string): void => {
    reading.log.report("security-malformed", at(cursor.ref), { problem });
  };
  if (!Array.isArray(list.value)) {
    malformed(list, `must be a list of requirements, but is ${kindOf(list.value)}`);
    return undefined;
  }
  const items = list.items();
  if (items.length < list.value.length) malformed(list, "holds a $ref that leads nowhere");
  const requirements: RequirementFact[] = [];
  for (const item of items) {
    if (isMap(item.value)) {
      const schemes = keysOf(item).map((name) => ({ name, scopes: readScopes(item, name, malformed) }));
      requirements.push({ ref: item.ref, schemes });
    } else {
      const hint =
        typeof item.value === "string" && /^[\w.-]+:\S/.test(item.value) ? " (a blank is missing after the colon)" : "";
      malformed(item, `holds ${kindOf(item.value)} where a map from a scheme to its scopes is expected${hint}`);
    }
  }
  return requirements;
}

function readScopes(
  requirement: Cursor,
  scheme: string,
  malformed: (cursor: Cursor, problem: string) => void,
): readonly string[] {
  const list = requirement.get(scheme) ?? requirement;
  if (!Array.isArray(list.value)) {
    malformed(list, `gives the scheme "${scheme}" ${kindOf(list.value)} where a list of scopes is expected`);
    return [];
  }
  const scopes: string[] = [];
  for (const item of list.value) {
    // A scope that cannot be read must still be demanded: leaving it out would open the operation.
    if (typeof item === "string") scopes.push(item);
    else {
      malformed(list, `lists ${kindOf(item)} among the scopes of "${scheme}"`);
      scopes.push(typeof item === "number" || typeof item === "boolean" ? String(item) : `unreadable:${scheme}`);
    }
  }
  return scopes;
}

/** `x-wso2-application-security` (T-EXT-13): unknown words are ignored (T-SEC-03), unknown keys refused (T-SEC-07). */
function readApplicationSecurity(reading: Reading, parent: Cursor): Fact<ApplicationSecurity> | undefined {
  const map = readMap(reading, parent, "x-wso2-application-security");
  if (map === undefined) return undefined;
  reportUnknownKeys(reading, map, ["security-types", "optional"], "x-wso2-application-security");
  const types: ApplicationSecurity["types"][number][] = [];
  for (const item of readList(reading, map, "security-types")?.items() ?? []) {
    const type = securityTypes.find((known) => known === item.value);
    if (type !== undefined) {
      if (!types.includes(type)) types.push(type);
      continue;
    }
    const word = typeof item.value === "string" ? item.value : kindOf(item.value);
    const suggestion = suggest(word, securityTypes);
    reading.log.report("application-security-type-unknown", at(item.ref), { word, ...(suggestion && { suggestion }) });
  }
  const optional = readFlag(reading, map, "optional")?.value ?? false;
  return { value: { types, optional }, ref: map.ref };
}
