import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { CallerKind, CallFacts, DomainRule, Fact, UpgradeProtocol } from "../../model/checked-project.ts";
import type { HttpMethod } from "../../model/names.ts";
import type { Cursor } from "../../model/source.ts";
import { callerTerm, domainsTerm, upgradeTerm } from "../../vocabulary/extensions.ts";
import { termKeys } from "../../vocabulary/term.ts";
import { present, type Reading, readList, readMap, readText, reportUnknownKeys, textOf } from "./values.ts";

/** What an API, or an operation, asks of calls besides credentials: `x-castgate-upgrade`, `-caller`, `-allowed-domains`. */
export function readCalls(reading: Reading, node: Cursor, method?: HttpMethod): CallFacts {
  return {
    upgrades: readUpgrades(reading, node, method),
    caller: readCaller(reading, node) ?? (method === undefined ? undefined : readAuthType(reading, node)),
    domains: readDomains(reading, node),
  };
}

export const noCalls: CallFacts = { upgrades: undefined, caller: undefined, domains: undefined };

const protocols: readonly UpgradeProtocol[] = upgradeTerm.of.words;

/** Protocols that a connection may change to. Others than WebSockets could carry requests past all checks (h2c does). */
function readUpgrades(reading: Reading, node: Cursor, method: HttpMethod | undefined): CallFacts["upgrades"] {
  const key = "x-castgate-upgrade";
  const list = readList(reading, node, key);
  if (list === undefined) return undefined;
  const found = new Set<UpgradeProtocol>();
  for (const item of list.items()) {
    const text = textOf(reading, item, `${key}[]`);
    if (text === undefined) continue;
    const protocol = protocols.find((one) => one === text.value.toLowerCase());
    if (protocol !== undefined) found.add(protocol);
    else {
      const suggestion = suggest(text.value, protocols);
      const problem = `may hold websocket only, but holds "${text.value}"`;
      reading.log.report("value-invalid", at(text.ref), { what: key, problem, ...(suggestion && { suggestion }) });
    }
  }
  if (method !== undefined && method !== "GET" && found.size > 0) {
    const problem = `is for GET only: a WebSocket begins with one, not with ${method}`;
    reading.log.report("value-invalid", at(list.ref, "key"), { what: key, problem });
  }
  return { value: [...found].sort(), ref: list.ref };
}

const kinds: readonly CallerKind[] = callerTerm.words;

/** K-16. */
function readCaller(reading: Reading, node: Cursor): Fact<CallerKind> | undefined {
  const key = "x-castgate-caller";
  const cursor = present(reading, node, key);
  // Not as other text: blank must not let everybody in.
  const text = cursor && textOf(reading, cursor, key);
  if (text === undefined) return undefined;
  const value = kinds.find((kind) => kind === text.value);
  if (value !== undefined) return { value, ref: text.ref };
  const suggestion = suggest(text.value, kinds);
  const problem = `must be any, app, user or none, but is "${text.value}"`;
  reading.log.report("value-invalid", at(text.ref), { what: key, problem, ...(suggestion && { suggestion }) });
  return undefined;
}

const authTypes: ReadonlyMap<string, CallerKind> = new Map([
  ["Any", "any"],
  ["Application", "app"],
  ["Application & Application User", "any"],
  ["Application User", "user"],
]);

/** API Manager's words for the same. The original knows but `None` (T-EXT-11), which is read elsewhere. */
function readAuthType(reading: Reading, node: Cursor): Fact<CallerKind> | undefined {
  const key = "x-auth-type";
  const cursor = node.get(key);
  if (typeof cursor?.value !== "string" || cursor.value === "None") return undefined;
  const { value: word, ref } = cursor;
  const kind = authTypes.get(word);
  if (reading.compatibility === "standard") {
    if (kind !== undefined) return { value: kind, ref };
    const words = [...authTypes.keys(), "None"];
    const suggestion = suggest(word, words);
    const problem = `must be one of ${words.join(", ")}`;
    reading.log.report("value-invalid", at(ref), { what: key, problem, ...(suggestion && { suggestion }) });
  } else if ((kind === "app" || kind === "user") && node.get("x-castgate-caller") === undefined) {
    reading.log.report("auth-type-ignored", at(ref), { word, kind });
  }
  return undefined;
}

/** K-15. */
function readDomains(reading: Reading, node: Cursor): Fact<DomainRule> | undefined {
  const key = "x-castgate-allowed-domains";
  const map = readMap(reading, node, key);
  if (map === undefined) return undefined;
  reportUnknownKeys(reading, map, termKeys(domainsTerm), key);
  const invalid = (problem: string, cursor = map) =>
    void reading.log.report("value-invalid", at(cursor.ref), { what: key, problem });
  const header = readText(reading, map, "header");
  const claim = readText(reading, map, "claim");
  const values = readList(reading, map, "values");
  if (header === undefined) invalid("needs a header: the name of the field that says where a call comes from");
  else if (!fieldName.test(header.value)) invalid("has a header that is no name of a field");
  if ((claim === undefined) === (values === undefined)) invalid("needs either values or a claim");
  const names: string[] = [];
  for (const item of values?.items() ?? []) {
    const text = textOf(reading, item, `${key}.values[]`);
    if (text === undefined) continue;
    const name = text.value.toLowerCase();
    if (domain.test(name)) names.push(name);
    else invalid(`has "${text.value}", which is neither a domain (shop.test) nor all below one (*.shop.test)`, item);
  }
  const [first, ...others] = [...new Set(names)].sort();
  if (values !== undefined && values.items().length === 0) invalid("has no domain in its values: nobody could call");
  if (header === undefined) return undefined;
  if (claim !== undefined) return { value: { header: header.value, claim: claim.value }, ref: map.ref };
  if (first === undefined) return undefined;
  return { value: { header: header.value, values: [first, ...others] }, ref: map.ref };
}

const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A host name, or `*.` and one. */
const domain = /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
