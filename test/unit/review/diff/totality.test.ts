import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { GatewayModel } from "../../../../compiler/model/gateway-model.ts";
import { changeCatalogue } from "../../../../compiler/review/diff/catalogue.ts";
import type { Change } from "../../../../compiler/review/diff/change.ts";
import { comparedFields } from "../../../../compiler/review/diff/compared-fields.ts";
import { diffGateways } from "../../../../compiler/review/diff/diff-gateways.ts";

const root = new URL("../../../../fixtures/", import.meta.url);
const fixtures = readdirSync(root).flatMap((name) => {
  try {
    return [[name, readFileSync(new URL(`${name}/expected/model.json`, root), "utf8")] as const];
  } catch {
    return [];
  }
});

type Tree = { [key: string]: unknown };

/** Names in generated code and places: nobody can tell them from outside. */
const unseen = new Set(["origin", "id", "slug", "symbol", "template"]);

/** Paths to everything in a model that is no object: strings, numbers, flags, and what is absent. */
function* leavesOf(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (typeof value !== "object" || value === null) return yield path;
  for (const [key, member] of Object.entries(value)) {
    const isNameOfParameter = key === "name" && path.at(-2) === "segments";
    if (!unseen.has(key) && !isNameOfParameter) yield* leavesOf(member, [...path, key]);
  }
}

/** Other values that a leaf may have. */
function mutationsOf(path: readonly string[], old: unknown): readonly unknown[] {
  const key = path.at(-1) ?? "";
  if (key === "kind") return [];
  const words = wordsOf(key, path);
  if (words !== undefined) return words.filter((word) => word !== old);
  if (typeof old === "number") return [old + 1, ...(old > 1 ? [old - 1] : [])];
  if (typeof old === "boolean") return [!old];
  return [`${String(old)}x`];
}

const words: Readonly<Record<string, readonly string[]>> = {
  compatibility: ["wso2-3.2", "standard"],
  need: ["any", "all"],
  presence: ["mandatory", "optional"],
  dpop: ["required", "optional"],
  onUnavailable: ["deny", "allow", "local"],
  counted: ["all", "success", "bytes"],
  api: ["text", "status-report", "fault"],
  global: ["text", "status-report", "fault"],
  algorithm: ["round-robin", "least-requests"],
  order: ["sticky", "priority"],
  in: ["header", "query", "cookie"],
  level: ["api", "operation"],
  method: ["PATCH"],
  // There is no other yet.
  store: [],
  environment: [],
  exported: [],
  // An upstream that is no URL, or an address that is none, never gets this far.
  addresses: ["192.0.2.77"],
};

function wordsOf(key: string, path: readonly string[]): readonly string[] | undefined {
  const list = path.at(-2);
  if (list === "addresses") return words.addresses;
  if (list === "transports") return [];
  if (list === "features") return ["revocation"];
  return path.includes("throttle") && key === "order" ? undefined : words[key];
}

function mutated(text: string, path: readonly string[], value: unknown): GatewayModel {
  const model: Tree = JSON.parse(text);
  let node = model;
  for (const key of path.slice(0, -1)) node = node[key] as Tree;
  node[path.at(-1) as string] = value;
  return model as unknown as GatewayModel;
}

describe("whatever differs between two models is said", () => {
  for (const [name, text] of fixtures) {
    test(name, () => {
      const base: GatewayModel = JSON.parse(text);
      assert.deepEqual(diffGateways(base, JSON.parse(text)), []);
      const silent: string[] = [];
      for (const path of leavesOf(base)) {
        let old: unknown = base;
        for (const key of path) old = (old as Tree)[key];
        for (const value of mutationsOf(path, old)) {
          const head = mutated(text, path, value);
          const there = diffGateways(base, head);
          const where = `${path.join(".")}: ${String(old)} -> ${String(value)}`;
          if (there.length === 0) silent.push(where);
          assertOpposite(there, diffGateways(head, base), where);
        }
      }
      assert.deepEqual(silent, []);
    });
  }
});

/** Fields that are read or kept from the backend no more are weaker either way; what is new on one side is not new on the other. */
const oneWay = new Set([
  "backend-url-added",
  "backend-url-removed",
  "https-allowed",
  "https-refused",
  "builtin-path-changed",
]);

/** What is weaker one way is stronger the other way, at the same place. */
function assertOpposite(there: readonly Change[], back: readonly Change[], where: string): void {
  const counted = (changes: readonly Change[], verdict: string) =>
    changes.filter((change) => change.verdict === verdict && !oneWay.has(change.code)).length;
  const shown = () => `${where}\n${JSON.stringify(there, undefined, 1)}\n${JSON.stringify(back, undefined, 1)}`;
  assert.equal(counted(there, "weaker") > 0, counted(back, "stronger") > 0, shown());
  assert.equal(counted(there, "stronger") > 0, counted(back, "weaker") > 0, shown());
  assert.equal(counted(there, "unknown") > 0, counted(back, "unknown") > 0, shown());
}

test("any gateway can be compared with any other", () => {
  const models = fixtures.map(([name, text]) => [name, JSON.parse(text) as GatewayModel] as const);
  for (const [name, base] of models) {
    for (const [other, head] of models) {
      const changes = diffGateways(base, head);
      assert.equal(changes.length === 0, name === other);
      const keys = changes.map(({ subject, code, message, before, after, base, head }) =>
        JSON.stringify([subject, code, message, before, after, base?.pointer, head?.pointer]),
      );
      assert.equal(new Set(keys).size, keys.length, "nothing is said twice");
    }
  }
});

test("of each field somebody has said who compares it, and he is there", () => {
  const folder = new URL("../../../../compiler/review/diff/", import.meta.url);
  const modules = new Set(readdirSync(folder));
  for (const fields of Object.values(comparedFields)) {
    for (const by of Object.values(fields)) assert.ok(by === "unseen" || modules.has(`${by}.ts`), by);
  }
});

test("each code says why it is judged so, in a sentence", () => {
  for (const [code, { explanation }] of Object.entries(changeCatalogue)) {
    assert.match(code, /^[a-z]+(-[a-z]+)+$/);
    assert.match(explanation, /^[A-Z].*\.$/, code);
  }
});
