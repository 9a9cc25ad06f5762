import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { CountersFact, Fact } from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import { countersTerm } from "../../vocabulary/policies.ts";
import { termKeys } from "../../vocabulary/term.ts";
import { isMap, type Reading, readMap, readText, reportUnknownKeys } from "./values.ts";

/** `counters` of policies.yaml: where requests are counted, and what becomes of them while that is away. Both must be said. */
export function readCounters(reading: Reading, policies: Cursor | undefined): CountersFact | undefined {
  if (policies === undefined || !isMap(policies.value)) return undefined;
  const counters = readMap(reading, policies, "counters");
  if (counters === undefined) return undefined;
  reportUnknownKeys(reading, counters, termKeys(countersTerm), "counters");
  const store = readWord(reading, counters, "store", countersTerm.keys.store.words);
  const onUnavailable = readWord(reading, counters, "onUnavailable", countersTerm.keys.onUnavailable.words);
  if (store === undefined || onUnavailable === undefined) return undefined;
  return { store, onUnavailable, ref: counters.ref };
}

function readWord<W extends string>(
  reading: Reading,
  counters: Cursor,
  key: string,
  words: readonly W[],
): W | undefined {
  if (counters.raw(key) === undefined) {
    reading.log.report("counters-incomplete", at(counters.ref, "key"), {
      key,
      words: words.join(", ").replace(/, (?=[^,]*$)/, " or "),
    });
    return undefined;
  }
  const found: Fact<string> | undefined = readText(reading, counters, key);
  const word = words.find((each) => each === found?.value);
  if (found === undefined || word !== undefined) return word;
  const suggestion = suggest(found.value, words);
  const problem = `must be ${words.length === 1 ? "" : "one of "}${words.join(", ")}, but is "${found.value}"`;
  reading.log.report("value-invalid", at(found.ref), { what: key, problem, ...(suggestion && { suggestion }) });
  return undefined;
}
