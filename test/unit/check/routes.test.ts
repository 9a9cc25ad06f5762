import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parsePathTemplate } from "../../../compiler/2-check/read/path-template.ts";
import { findOverlaps, type Overlap, RouteTrie } from "../../../compiler/2-check/rules/route-trie.ts";
import type { OperationFacts } from "../../../compiler/model/checked-project.ts";
import { referenceMatcher } from "../../support/reference-matcher.ts";
import { check, definition, operation, paths } from "./check.ts";

async function messages(templates: Record<string, unknown>): Promise<readonly string[]> {
  const { diagnostics } = await check(definition({ paths: templates }));
  return diagnostics.map(({ severity, code, message }) => `${severity} ${code}: ${message}`);
}

describe("routes below another base path", () => {
  const outer = (change = {}) => definition({ "x-wso2-basePath": "/a", ...change });
  const inner = (change = {}) =>
    definition({ "x-wso2-basePath": "/a/b", info: { title: "Inner", version: "1.0.0" }, ...change });
  const found = async (...definitions: readonly unknown[]) =>
    (await check(definitions)).diagnostics.map(({ code, message }) => `${code}: ${message}`);

  test("a route that the other API takes whole is reported, with a request", async () => {
    const templates = paths("/b", "/b/{id}/x", "/b/*", "/bb/{id}", "/bb/x", "/*");
    assert.deepEqual(await found(outer({ paths: templates }), inner()), [
      'route-unreachable: "/b" is never reached: GET /a/b is below /a/b, the base path of api_definitions/1.json',
      'route-unreachable: "/b/*" is never reached: GET /a/b/1 is below /a/b, the base path of api_definitions/1.json',
      'route-unreachable: "/b/{id}/x" is never reached: GET /a/b/1/x is below /a/b, the base path of api_definitions/1.json',
    ]);
    const root = outer({ "x-wso2-basePath": "/", paths: paths("/a/b/c", "/a/c") });
    assert.equal((await found(root, inner())).length, 1);
  });

  test("not where the other API is not asked on every transport", async () => {
    const templates = { paths: paths("/b/x") };
    const tls = { "x-wso2-transports": ["https"] };
    assert.deepEqual(await found(outer(templates), inner(tls)), []);
    assert.equal((await found(outer({ ...templates, ...tls }), inner(tls))).length, 1);
  });
});

describe("routes that clash", () => {
  test("the same shape and method: both are named, with a request", async () => {
    assert.deepEqual(await messages(paths("/pets/{id}", "/pets/{name}")), [
      'error route-duplicate: GET "/pets/{name}" and GET "/pets/{id}" are the same route: both match GET /shop/pets/1',
    ]);
  });

  test("a slash at the end is no difference in wso2-3.2 (R-RTE-03)", async () => {
    assert.equal((await messages(paths("/pets", "/pets/"))).length, 1);
    const { found } = await check(definition({ paths: paths("/pets", "/pets/") }), { compatibility: "standard" });
    assert.deepEqual(found, []);
  });

  test("the same shape with other methods is one route", async () => {
    const one = paths("/pets/{id}");
    const parameters = [{ name: "name", in: "path", required: true, schema: { type: "string" } }];
    const other = { "/pets/{name}": { delete: operation({ parameters }) } };
    assert.deepEqual(await messages({ ...one, ...other }), []);
  });

  test("neither is more specific: the left-most difference decides", async () => {
    assert.deepEqual(await messages(paths("/{a}/b", "/a/{b}")), [
      'warning route-ambiguous: "/{a}/b" and "/a/{b}" both match GET /shop/a/b: "/a/{b}" gets it',
    ]);
    assert.deepEqual(await messages(paths("/{x}.json", "/report-{y}")), [
      'warning route-ambiguous: "/{x}.json" and "/report-{y}" both match GET /shop/report-1.json: "/report-{y}" gets it',
    ]);
  });

  test("a more specific path is no clash", async () => {
    assert.deepEqual(await messages(paths("/pets/{id}", "/pets/mine", "/pets/{id}.json", "/*", "/pets/*")), []);
  });

  test("a method that the more specific path lacks", async () => {
    const templates = paths("/pets/{id}") as Record<string, Record<string, unknown>>;
    Object.assign(templates["/pets/{id}"] as object, { delete: templates["/pets/{id}"]?.get });
    assert.deepEqual(await messages({ ...templates, ...paths("/pets/mine") }), [
      'note route-shadowed: DELETE /shop/pets/mine is answered with 405: "/pets/mine" wins over "/pets/{id}" and lacks the method',
    ]);
  });

  test("a witness does not fall into a literal route", async () => {
    const [message] = await messages(paths("/{a}/{b}/x", "/{a}/y/{c}", "/1/y/z"));
    assert.match(message ?? "", /both match GET \/shop\/2\/y\/x/);
  });

  test("only the first of many are listed, and the rest is counted", async () => {
    const many = Array.from({ length: 30 }, (_, index) => `/{a}/${index}`);
    const found = await messages(paths(...many, "/x/{b}"));
    assert.equal(found.length, 10);
    assert.match(found.at(-1) ?? "", /such pairs besides: 20/);
  });

  test("22,000 operations are checked without comparing all pairs", async () => {
    const many = Array.from({ length: 22_000 }, (_, index) => `/area${index % 200}/{id}/item${index}/{sub}`);
    const { checked, found } = await check(definition({ paths: paths(...many) }));
    assert.deepEqual(found, []);
    assert.equal(checked?.apis[0]?.operations.length, 22_000);
  });
});

describe("overlaps agree with a plain matcher", () => {
  const rules = { compatibility: "wso2-3.2" } as const;
  const pieces = ["a", "b", "{x}", "{x}.json", "a{x}", "a{x}.json", "{x}-{y}", "a{x}-{y}"];
  let seed = 20_261_122;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (seed >> 8) % below;
  };

  test("on random pairs: the witness matches both, and the winner gets it", () => {
    for (let round = 0; round < 3000; round++) {
      const [one, other] = [randomTemplate(), randomTemplate()];
      const overlaps = overlapsOf([one, other]);
      const both = someRequest(one, other);
      assert.equal(overlaps.length, both === undefined || sameShape(one, other) ? 0 : 1, `${one} ${other} ${both}`);
      for (const { witness, winner } of overlaps) {
        const target = `/${witness.join("/")}`;
        assert.ok(matches(one, target) && matches(other, target), `${one} ${other} ${target}`);
        assert.deepEqual(referenceMatcher([one, other], rules)(target), { kind: "route", template: winner.path });
      }
    }
  });

  function randomTemplate(): string {
    const length = 1 + random(3);
    const parts = Array.from({ length }, () => pieces[random(pieces.length)]);
    if (random(5) === 0) parts.push("*");
    return `/${parts.join("/")}`;
  }

  function overlapsOf(templates: readonly string[]): readonly Overlap[] {
    const trie = new RouteTrie();
    for (const path of templates) {
      const parsed = parsePathTemplate(path, { ignoreTrailingSlash: true, encodedSlash: false });
      assert.ok(parsed.kind === "segments");
      trie.add({ path, method: "GET", segments: parsed.segments } as unknown as OperationFacts);
    }
    const found: Overlap[] = [];
    findOverlaps(trie, (overlap) => found.push(overlap));
    return found;
  }

  function sameShape(one: string, other: string): boolean {
    return one === other;
  }

  function matches(template: string, target: string): boolean {
    return referenceMatcher([template], rules)(target).kind === "route";
  }

  /** Tries every request of up to four segments that could tell. */
  function someRequest(one: string, other: string): string | undefined {
    const texts = ["a", "b", "1", "1.json", "a1", "a1.json", "1-1", "a1-1", "1-1.json", "a1-1.json"];
    const walk = (target: string, depth: number): string | undefined => {
      if (depth > 0 && matches(one, target) && matches(other, target)) return target;
      if (depth === 4) return undefined;
      const parts = [one, other].map((template) => template.split("/")[depth + 1]);
      for (const text of texts) {
        // Only texts that both templates could still take: keeps the search small.
        if (parts.some((part) => part !== undefined && part !== "*" && !matches(`/${part}`, `/${text}`))) continue;
        const found = walk(`${target}/${text}`, depth + 1);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    return walk("", 0);
  }
});
