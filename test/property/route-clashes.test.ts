import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { asOracleWrites, clashesOf, wrongRequests } from "../support/found-clashes.ts";
import { type OracleOperation, routeOracle } from "../support/route-oracle.ts";

/** The same cases every time, unless asked for others: `CASTGATE_SEED=7 npm test -- --only=property`. */
const seed = Number(process.env.CASTGATE_SEED ?? 1);

/** Every text of up to so many of these characters. */
function universe(characters: string, longest: number): readonly string[] {
  const all: string[] = [];
  for (let texts = [""]; texts.length > 0 && (texts[0] as string).length < longest; ) {
    texts = texts.flatMap((text) => [...characters].map((character) => text + character));
    all.push(...texts);
  }
  return all;
}

const methods = fc.constantFrom("GET", "PUT", "OPTIONS");

function sets(
  segment: fc.Arbitrary<string>,
  longest: number,
  routes: number,
): fc.Arbitrary<readonly OracleOperation[]> {
  const template = fc
    .tuple(fc.array(segment, { minLength: 1, maxLength: longest }), fc.integer({ min: 0, max: 9 }))
    .map(([segments, end]) => `/${segments.join("/")}${end < 2 ? "/*" : end === 2 ? "/" : ""}`);
  return fc.array(fc.record({ method: methods, template }), { minLength: 2, maxLength: routes });
}

function compare(operations: readonly OracleOperation[], options: Parameters<typeof routeOracle>[1]): void {
  const clashes = clashesOf(operations, options);
  const about = operations.map(({ method, template }) => `${method} ${template}`).join("\n");
  assert.ok(clashes.complete);
  assert.deepEqual(asOracleWrites(clashes), routeOracle(operations, options), about);
  assert.deepEqual(wrongRequests(operations, clashes, options), [], about);
}

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  describe(`clashes of random routes are those that trying every request finds, ${compatibility}`, () => {
    test("paths of several segments", () => {
      const segment = fc.constantFrom("a", "b", "{x}", "{y}", "a{x}", "{x}b");
      // The last character stands for all that no template holds. Two are enough for what is around one parameter.
      const texts = [...universe("ab7", 2), "a7b", "ab7b", "aab", "77b", "a77", ""];
      for (const operations of fc.sample(sets(segment, 2, 5), { numRuns: 40, seed })) {
        compare(operations, { compatibility, universe: texts });
      }
    });
  });
}

test("clashes of random segments with several parameters are those that trying every text finds", () => {
  // Up to two characters and three parameters each, so that no two need more than eight characters to meet.
  const segments = ["{p}-{q}", "{p}~{q}", "{p}--{q}", "{p}~~{q}", "{p}-~{q}", "{p}~-{q}", "{p}-{q}~{r}", "{p}-{q}-{r}"];
  const others = ["-{p}", "{p}~", "-{p}~", "~{p}-{q}", "{p}~{q}-", "{p}", "-~", "-7~"];
  const segment = fc.constantFrom(...segments, ...others);
  const operations = fc.array(fc.record({ method: methods, template: segment.map((text) => `/${text}`) }), {
    minLength: 3,
    maxLength: 6,
  });
  const texts = universe("-~7", 8);
  for (const set of fc.sample(operations, { numRuns: 15, seed })) {
    compare(set, { compatibility: "wso2-3.2", universe: texts });
  }
});
