import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Compatibility, HttpMethod } from "../../compiler/model/names.ts";
import { generateRouters, type RoutedTo, type RouteSet } from "../support/generated-router.ts";
import { referenceMatcher } from "../support/reference-matcher.ts";

/** The same cases every time, unless asked for others: `CASTGATE_SEED=7 npm test -- --only=property`. */
const seed = Number(process.env.CASTGATE_SEED ?? 1);
const setsPerGateway = 25;
const requestsPerSet = 120;

const literals = ["users", "user", "me", "mexico", "a", "a.json", "v1", "@me", "report-x", "%C3%A9", "x,y", "b~1"];
const literal = fc.constantFrom(...literals);
const parameter = fc.constantFrom("{id}", "{a}.json", "{a}.j", "report-{b}", "re{b}", "report-{b}.json", "me{c}");
const segment = fc.oneof({ weight: 3, arbitrary: literal }, { weight: 2, arbitrary: parameter });
const methods = fc.uniqueArray(fc.constantFrom<HttpMethod>("GET", "PUT", "POST", "DELETE"), { minLength: 1 });

const template = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.boolean(), fc.integer({ min: 0, max: 9 }))
  .map(([segments, slash, wild]) => {
    const path = [...segments, ...(wild === 0 ? ["*"] : [])].join("/");
    return `/${path}${slash && wild !== 0 && path !== "" ? "/" : ""}`;
  });

const routeSet: fc.Arbitrary<RouteSet> = fc
  .array(fc.record({ template, methods }), { minLength: 1, maxLength: 14 })
  .map((routes) => ({ routes }));

/** Segments of requests: the literals and what lies near them, and what must be refused. */
const asked = fc.oneof(
  { weight: 6, arbitrary: literal },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "7",
      "mexic",
      "mexicos",
      "x.json",
      ".json",
      "report-",
      "report-.json",
      "report-7.json",
      "me7",
      "%40me",
      "us%65rs",
      "%6De",
      "%c3%a9",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "me;v=1",
      ";v=1",
      "a;x",
      "..",
      ".",
      "%2e%2e",
      "..;x",
      "%2F",
      "a%2Fb",
      "%5c",
      "",
      "%",
      "%C3",
      "%00",
      "a\\b",
    ),
  },
);
const request = fc
  .tuple(fc.array(asked, { maxLength: 5 }), fc.boolean(), fc.constantFrom("GET", "PUT", "POST", "DELETE"), fc.boolean())
  .map(([segments, slash, method, query]) => ({
    method,
    target: `${segments.length === 0 ? "" : `/${segments.join("/")}`}${slash ? "/" : ""}${query ? "?a=/../b" : ""}`,
  }));

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  describe(`random route sets, ${compatibility}`, () => {
    test("the generated router and the plain matcher agree on every request", async () => {
      const sets = fc.sample(routeSet, { numRuns: setsPerGateway, seed }).map((set) => distinct(set, compatibility));
      const route = await generateRouters(sets, compatibility);
      sets.forEach((set, index) => {
        const match = referenceMatcher(
          set.routes.map((one) => one.template),
          { compatibility },
        );
        for (const { method, target } of fc.sample(request, { numRuns: requestsPerSet, seed: seed + index })) {
          const expected = expectation(set, match, method, target);
          assert.deepEqual(
            route(index, method, target),
            expected,
            `${method} ${target} among\n${set.routes.map((one) => `${one.methods} ${one.template}`).join("\n")}`,
          );
        }
      });
    });
  });
}

function expectation(
  { routes }: RouteSet,
  match: ReturnType<typeof referenceMatcher>,
  method: string,
  target: string,
): RoutedTo {
  // The base path without its slash is the root of the API, too.
  const verdict = match(target.startsWith("/") ? target : `/${target}`);
  if (verdict.kind !== "route") return verdict;
  const found = routes.find((one) => one.template === verdict.template);
  assert.ok(found);
  if (found.methods.some((one) => one === method)) return verdict;
  const order = ["GET", "PUT", "POST", "DELETE"];
  const allow = [...found.methods].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  return { kind: "method-not-allowed", allow: allow.join(", ") };
}

/** Routes of one shape are one route: the compiler refuses a second one. */
function distinct({ routes }: RouteSet, compatibility: Compatibility): RouteSet {
  const shapes = new Map(
    routes.map((route) => {
      const shape = route.template.replace(/\{\w+\}/g, "{}");
      return [compatibility === "wso2-3.2" ? shape.replace(/(?<=.)\/$/, "") : shape, route] as const;
    }),
  );
  return { routes: [...shapes.values()] };
}
