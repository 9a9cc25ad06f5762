import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { ApiFacts, Fact } from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import {
  dpopTerm,
  encodedSlashTerm,
  mutualSslTerm,
  responseCacheTerm,
  transportsTerm,
} from "../../vocabulary/extensions.ts";
import { termKeys } from "../../vocabulary/term.ts";
import {
  kindOf,
  present,
  type Reading,
  readFlag,
  readList,
  readMap,
  readNumber,
  readText,
  reportUnknownKeys,
  textOf,
} from "./values.ts";

/** `x-wso2-transports`: a set, any case and order; empty or absent means both (T-EXT-20). */
export function readTransports(
  reading: Reading,
  root: Cursor,
  mutualSsl: ApiFacts["mutualSsl"],
): ApiFacts["transports"] {
  const { words } = transportsTerm.of;
  const found = new Set<"http" | "https">();
  for (const item of readList(reading, root, "x-wso2-transports")?.items() ?? []) {
    const word = typeof item.value === "string" ? item.value.trim().toLowerCase() : "";
    const transport = words.find((known) => known === word);
    if (transport !== undefined) {
      found.add(transport);
      continue;
    }
    const shown = typeof item.value === "string" ? `"${item.value}"` : kindOf(item.value);
    const suggestion = suggest(word, words);
    reading.log.report("value-invalid", at(item.ref), {
      what: "x-wso2-transports",
      problem: `may hold http and https, but holds ${shown}`,
      ...(suggestion && { suggestion }),
    });
  }
  if (found.size === 0) return ["http", "https"];
  if (mutualSsl?.value === "mandatory") found.add("https");
  return [...found].sort();
}

/** T-EXT-14: any case. */
export function readMutualSsl(reading: Reading, root: Cursor): ApiFacts["mutualSsl"] {
  const cursor = present(reading, root, "x-wso2-mutual-ssl");
  // Not as other text: blank must not switch it off.
  const text = cursor && textOf(reading, cursor, "x-wso2-mutual-ssl");
  if (text === undefined) return undefined;
  const value = mutualSslTerm.words.find((word) => word === text.value.toLowerCase());
  if (value !== undefined) return { value, ref: text.ref };
  const suggestion = suggest(text.value, mutualSslTerm.words);
  reading.log.report("value-invalid", at(text.ref), {
    what: "x-wso2-mutual-ssl",
    problem: `must be mandatory or optional, but is "${text.value}"`,
    ...(suggestion && { suggestion }),
  });
  return undefined;
}

/** T-EXT-18, T-EXT-21. */
export function readResponseCache(reading: Reading, root: Cursor): Fact<boolean> | undefined {
  const map = readMap(reading, root, "x-wso2-response-cache");
  if (map === undefined) return undefined;
  reportUnknownKeys(reading, map, termKeys(responseCacheTerm), "x-wso2-response-cache", "key-ignored");
  readNumber(reading, map, "cacheTimeoutInSeconds", responseCacheTerm.keys.cacheTimeoutInSeconds.range);
  if (map.raw("enabled") === undefined) {
    reading.log.report("value-invalid", at(map.ref, "missing"), {
      what: "x-wso2-response-cache",
      problem: "must say enabled: true or enabled: false",
    });
  }
  return readFlag(reading, map, "enabled");
}

/** T-EXT-16: the name of a header field (RFC 9110 section 5.1). */
export function readAuthHeader(reading: Reading, root: Cursor): Fact<string> | undefined {
  const text = readText(reading, root, "x-wso2-auth-header");
  if (text === undefined || /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text.value)) return text;
  const problem = "must be the name of a header field";
  reading.log.report("value-invalid", at(text.ref), { what: "x-wso2-auth-header", problem });
  return undefined;
}

/**
 * The tier of a level. API Manager's `x-throttling-tier` counts only where `x-wso2-throttling-tier` is absent; the
 * original lets it win on an operation (T-EXT-06), and so does `wso2-3.2`.
 */
export function readTier(reading: Reading, parent: Cursor, level: "api" | "operation"): Fact<string> | undefined {
  const own = readText(reading, parent, "x-wso2-throttling-tier");
  const legacy = readText(reading, parent, "x-throttling-tier");
  if (own !== undefined && legacy !== undefined && own.value !== legacy.value) {
    const legacyWins = level === "operation" && reading.compatibility === "wso2-3.2";
    const [winner, loser] = legacyWins ? [legacy, own] : [own, legacy];
    const related = [{ place: at(winner.ref), label: "this one applies" }];
    reading.log.report("tier-repeated", at(loser.ref), { tier: loser.value, winner: winner.value }, related);
    return winner;
  }
  return own ?? legacy;
}

/** `x-castgate-encoded-slash: allow | refuse`. */
export function readEncodedSlash(reading: Reading, root: Cursor): boolean {
  const text = readText(reading, root, "x-castgate-encoded-slash");
  if (text === undefined) return false;
  const word = encodedSlashTerm.words.find((known) => known === text.value);
  if (word !== undefined) return word === "allow";
  const problem = `must be allow or refuse, but is "${text.value}"`;
  reading.log.report("value-invalid", at(text.ref), { what: "x-castgate-encoded-slash", problem });
  return false;
}

/** `x-castgate-dpop: required | optional`: tokens with a proof of possession (RFC 9449). */
export function readDpop(reading: Reading, root: Cursor): ApiFacts["dpop"] {
  const cursor = present(reading, root, "x-castgate-dpop");
  // Not as other text: blank must not switch it off.
  const text = cursor && textOf(reading, cursor, "x-castgate-dpop");
  if (text === undefined) return undefined;
  const value = dpopTerm.words.find((word) => word === text.value);
  if (value !== undefined) return { value, ref: text.ref };
  const suggestion = suggest(text.value, dpopTerm.words);
  reading.log.report("value-invalid", at(text.ref), {
    what: "x-castgate-dpop",
    problem: `must be required or optional, but is "${text.value}"`,
    ...(suggestion && { suggestion }),
  });
  return undefined;
}

const longestReason = 300;

/** `x-castgate-public`: why operations are public, in a sentence. It stands in generated comments, so it is one line. */
export function readPublicReason(reading: Reading, parent: Cursor): Fact<string> | undefined {
  const text = readText(reading, parent, "x-castgate-public");
  if (text === undefined) return undefined;
  const value = text.value.replaceAll(/\s+/g, " ");
  if (value.length <= longestReason) return { value, ref: text.ref };
  const problem = `must be a reason of at most ${longestReason} characters`;
  reading.log.report("value-invalid", at(text.ref), { what: "x-castgate-public", problem });
  return undefined;
}
