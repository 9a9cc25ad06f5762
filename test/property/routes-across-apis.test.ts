import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceMatcher } from "../support/reference-matcher.ts";
import { check, definition, paths } from "../unit/check/check.ts";

/** The same cases every time, unless asked for others: `CASTGATE_SEED=7 npm test -- --only=property`. */
const seed = Number(process.env.CASTGATE_SEED ?? 1);

interface Api {
  readonly base: string;
  readonly transports: readonly string[];
  readonly templates: readonly string[];
}

const texts = ["a", "b", "health", "livez", "token", "userinfo", "7", "a7", "7a"];
const segment = fc.constantFrom("a", "b", "health", "livez", "token", "{x}", "{x}", "{y}7", "7{z}");
const template = fc
  .tuple(fc.array(segment, { minLength: 0, maxLength: 2 }), fc.integer({ min: 0, max: 5 }))
  .map(([segments, end]) => `/${[...segments, ...(end === 0 ? ["*"] : [])].join("/")}`);
const api = fc.record({
  base: fc.constantFrom("/", "/", "/a", "/a", "/a/b", "/b/a", "/health/a", "/b"),
  transports: fc.constantFrom(["http", "https"], ["http", "https"], ["http"], ["https"]),
  templates: fc.uniqueArray(template, {
    minLength: 1,
    maxLength: 4,
    selector: (one) => one.replace(/\{\w+\}/g, "{}"),
  }),
});
const gateway: fc.Arbitrary<readonly Api[]> = fc.uniqueArray(api, {
  minLength: 2,
  maxLength: 4,
  selector: ({ base }) => base,
});

/** Every path of up to four of the texts. */
const targets = texts.flatMap((a) => [
  `/${a}`,
  ...texts.flatMap((b) => [
    `/${a}/${b}`,
    ...texts.flatMap((c) => [`/${a}/${b}/${c}`, ...texts.map((d) => `/${a}/${b}/${c}/${d}`)]),
  ]),
]);

test("routes that other APIs or the gateway take are those that asking for every path finds", async () => {
  for (const apis of fc.sample(gateway, { numRuns: 30, seed })) {
    const definitions = apis.map(({ base, transports, templates }, index) =>
      definition({
        info: { title: `API ${index}`, version: "1.0.0" },
        "x-wso2-basePath": base,
        "x-wso2-transports": transports,
        paths: paths(...templates),
      }),
    );
    const { diagnostics } = await check(definitions);
    const found = (code: string): readonly string[] =>
      diagnostics.filter((one) => one.code === code).map(({ place: { ref } }) => `${ref.file}#${ref.pointer}`);
    const expected = askEverything(apis);
    const about = JSON.stringify(apis, undefined, 1);
    assert.deepEqual(found("route-unreachable").toSorted(), [...expected.unreachable].sort(), about);
    assert.deepEqual(found("route-taken").toSorted(), [...expected.taken].sort(), about);
  }
});

function askEverything(apis: readonly Api[]): { unreachable: ReadonlySet<string>; taken: ReadonlySet<string> } {
  const rules = { compatibility: "wso2-3.2" } as const;
  const match = apis.map(({ templates }) => referenceMatcher(templates, rules));
  /** What an API does with a path of the gateway; undefined: not below its base path. */
  const within = (index: number, target: string) => {
    const base = apis[index]?.base === "/" ? "" : (apis[index]?.base ?? "");
    if (target !== base && !target.startsWith(`${base}/`)) return undefined;
    const verdict = match[index]?.(target.slice(base.length) || "/");
    return verdict?.kind === "route" ? verdict.template : "none";
  };
  const places = (index: number, path: string) =>
    `api_definitions/${index}.json#/paths/${path.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const literal = new Set(apis.flatMap(({ base, templates }) => templates.map((one) => join(base, one))));
  const firsts = new Set(apis.flatMap(({ base, templates }) => templates.map((one) => join(base, one).split("/")[1])));
  const isOwn = (target: string): boolean =>
    (!literal.has("/health") && /^\/health(\/|$)/.test(target)) || (!literal.has("/livez") && target === "/livez");
  const isService = (target: string): boolean =>
    ["token", "userinfo"].some((name) => !firsts.has(name) && target.split("/")[1] === name);

  const all = new Set(apis.flatMap(({ templates }, index) => templates.map((one) => places(index, one))));
  const reached = new Set<string>();
  const taken = new Set<string>();
  for (const target of ["/", ...targets]) {
    for (const transport of ["http", "https"]) {
      const below = apis
        .map((one, index) => ({ ...one, index, path: within(index, target) }))
        .filter(({ path, transports }) => path !== undefined && transports.includes(transport))
        .sort((one, other) => other.base.length - one.base.length);
      const first = isOwn(target) ? undefined : below[0];
      if (first !== undefined && first.path !== "none") {
        reached.add(places(first.index, first.path as string));
        if (transport === "https" && isService(target)) taken.add(places(first.index, first.path as string));
      }
      for (const { index, path } of below) {
        if (index === first?.index) continue;
        // What the other API serves is no loss: its path says more.
        if (path !== "none" && (first === undefined || first.path === "none")) taken.add(places(index, path as string));
        if (path !== "none" && transport === "https" && isService(target)) taken.add(places(index, path as string));
      }
    }
  }
  return {
    unreachable: new Set([...all].filter((one) => !reached.has(one))),
    taken: new Set([...taken].filter((one) => reached.has(one))),
  };
}

function join(base: string, path: string): string {
  return `${base === "/" ? "" : base}${path === "/" ? "" : path}`;
}
