import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HttpMethod } from "../../../compiler/model/names.ts";
import { generateRouters, type RouteSet } from "../../support/generated-router.ts";
import { referenceMatcher } from "../../support/reference-matcher.ts";

/** Route sets that the emitter treats in ways of its own, each asked for every path that could meet or just miss it. */
const sets: Record<string, readonly string[]> = {
  "several parameters in one segment": [
    "/range({from},{to})",
    "/range({from},{to}:{step})",
    "/range({from})",
    "/{any}",
    "/{a}...{b}",
    "/range({from},{to})/values",
  ],
  "literals of one length, told apart by a character": "abcdefghijklmnop"
    .split("")
    .map((letter) => `/x${letter}y/{id}`),
  "literals of many lengths": Array.from({ length: 20 }, (_, index) => `/${"n".repeat(index + 1)}`),
  "literals that begin alike": Array.from({ length: 30 }, (_, index) => `/common-prefix-${index}/tail`),
  "a literal that leads nowhere, beside a parameter that does": ["/users/me/posts", "/users/{id}/likes", "/users/{id}"],
  "many literals beside affixes, a parameter and a wildcard": [
    ...Array.from({ length: 12 }, (_, index) => `/files/file${index}`),
    "/files/file{n}",
    "/files/{name}.txt",
    "/files/{name}",
    "/files/*",
  ],
  "subtrees with functions of their own": Array.from({ length: 60 }, (_, index) => `/big/{id}/part${index}/{x}`).concat(
    "/{any}/{id}/part1/{x}/more",
    "/big/special/part1/{x}",
  ),
  "a crowd of small subtrees": Array.from({ length: 280 }, (_, index) => `/c/${Math.floor(index / 7)}/${index % 7}`),
  everything: ["/*", "/{a}", "/{a}/{b}", "/a", "/a/b", "/"],
};

const methods: readonly HttpMethod[] = ["GET"];

/** Paths that fill a template, and their neighbours. */
function pathsOf(template: string): string[] {
  const fillings = ["1", "me", "file1", "a.txt", "", "1,2"];
  const filled = fillings.map((text) => template.replace(/\{[^}]*\}/g, text).replace("*", `${text}/x`));
  return filled.flatMap((path) => [
    path,
    path.slice(0, -1),
    `${path}x`,
    `${path}/`,
    `${path}/more`,
    path.replace(/^\/[^/]*/, "/other"),
  ]);
}

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  describe(`the emitted router and a plain matcher agree, ${compatibility}`, async () => {
    const names = Object.keys(sets);
    const routeSets = names.map((name): RouteSet => {
      const templates = sets[name] ?? [];
      return { routes: templates.map((template) => ({ template, methods })) };
    });
    const ask = await generateRouters(routeSets, compatibility);
    for (const [index, name] of names.entries()) {
      test(name, () => {
        const templates = sets[name] ?? [];
        const matcher = referenceMatcher(templates, { compatibility });
        const paths = new Set(templates.flatMap(pathsOf));
        let met = 0;
        for (const path of paths) {
          const target = path.startsWith("/") ? path : `/${path}`;
          const expected = matcher(target);
          assert.deepEqual(ask(index, "GET", target), expected, target);
          if (expected.kind === "route") met++;
        }
        assert.ok(met >= templates.length);
      });
    }
  });
}
