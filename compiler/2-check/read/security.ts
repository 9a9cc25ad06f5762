import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { ApplicationSecurity, Fact, RequirementFact, SecurityFacts } from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import { applicationSecurityTerm } from "../../vocabulary/extensions.ts";
import { termKeys } from "../../vocabulary/term.ts";
import { isMap, keysOf, kindOf, type Reading, readFlag, readList, readMap, reportUnknownKeys } from "./values.ts";

const securityTypes = applicationSecurityTerm.keys["security-types"].of.words;

/** What one level, API or operation, says about who may call. */
export function readSecurity(reading: Reading, parent: Cursor, level: "api" | "operation"): SecurityFacts {
  const requirements = readRequirements(reading, parent);
  return {
    // An operation whose list says nothing that can be read is as closed as its API.
    requirements:
      level === "operation" && requirements?.length && requirements.every(isUnreadable) ? undefined : requirements,
    disable: readFlag(reading, parent, "x-wso2-disable-security"),
    application: readApplicationSecurity(reading, parent),
  };
}

/** Stands for a requirement that cannot be read. No scheme has this name, so it fails closed as an undeclared one does. */
export const unreadable = "\0unreadable";

function isUnreadable({ schemes }: RequirementFact): boolean {
  return schemes.length === 1 && schemes[0]?.name === unreadable;
}

/** The `security` list. What is not a map from schemes to scopes is reported, and becomes a requirement nobody meets. */
function readRequirements(reading: Reading, parent: Cursor): readonly RequirementFact[] | undefined {
  const list = parent.get("security") ?? parent.raw("security");
  if (list === undefined) return undefined;
  const malformed = (cursor: Cursor, problem: string): void => {
    reading.log.report("security-malformed", at(cursor.ref), { problem });
  };
  if (!Array.isArray(list.value)) {
    malformed(list, `must be a list of requirements, but is ${kindOf(list.value)}`);
    return [closed(list)];
  }
  const items = list.items();
  const requirements: RequirementFact[] = [];
  if (items.length < list.value.length) {
    malformed(list, "holds a $ref that leads nowhere");
    requirements.push(closed(list));
  }
  for (const item of items) {
    if (isMap(item.value)) {
      const schemes = keysOf(item).map((name) => ({ name, scopes: readScopes(item, name, malformed) }));
      requirements.push({ ref: item.ref, schemes });
    } else {
      const hint =
        typeof item.value === "string" && /^[\w.-]+:\S/.test(item.value) ? " (a blank is missing after the colon)" : "";
      malformed(item, `holds ${kindOf(item.value)} where a map from a scheme to its scopes is expected${hint}`);
      requirements.push(closed(item));
    }
  }
  return requirements;
}

function closed({ ref }: Cursor): RequirementFact {
  return { ref, schemes: [{ name: unreadable, scopes: [] }] };
}

function readScopes(
  requirement: Cursor,
  scheme: string,
  malformed: (cursor: Cursor, problem: string) => void,
): readonly string[] {
  const list = requirement.get(scheme) ?? requirement;
  if (!Array.isArray(list.value)) {
    malformed(list, `gives the scheme "${scheme}" ${kindOf(list.value)} where a list of scopes is expected`);
    // `oa: read` forgot the brackets, `oa:` and `oa: {}` name no scope; what anything else demands, nobody knows.
    if (typeof list.value === "string") return list.value.trim() === "" ? [] : [list.value];
    const isEmpty = list.value === null || (list !== requirement && isMap(list.value) && keysOf(list).length === 0);
    return isEmpty ? [] : [`unreadable:${scheme}`];
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
  reportUnknownKeys(reading, map, termKeys(applicationSecurityTerm), "x-wso2-application-security");
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
