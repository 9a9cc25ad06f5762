import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalOf } from "../../../compiler/verify/canonical.ts";
import { knownCode, statementsIn } from "../../../compiler/verify/known-code.ts";
import { knownScript, lateHolders } from "../../../compiler/verify/known-script.ts";
import { lateDigests } from "../../../compiler/verify/late-digests.ts";
import { runtimeNames } from "../../../compiler/verify/runtime-names.ts";
import { parseBundle, sha256 } from "../../../compiler/verify/syntax.ts";
import { builtFixture } from "../../support/built-fixture.ts";

test("statements are found without a parser as a parser finds them", async () => {
  const script = await knownScript(runtimeNames);
  const parsed = parseBundle(script).statements.map(({ node, label }) => ({
    label,
    text: script.slice(node.start, node.end),
  }));
  // The last one tells Node's loader of modules what there is.
  assert.deepEqual(statementsIn(script), parsed.slice(0, -1));
});

test("what statements declare and use is found without a parser as a parser finds it", async () => {
  const { sections, withWord, exported } = await knownCode();
  for (const statement of [...sections.values()].flat()) {
    const { text, declared, canonical } = statement;
    assert.deepEqual(declared, canonical.declared, text.slice(0, 80));
    for (const name of canonical.globals) assert.ok(withWord.get(name)?.includes(statement), `${name} in ${text}`);
  }
  assert.equal(exported.size, Object.values(runtimeNames).flat().length);
});

test("the libraries in comments are those of this version", async () => {
  const { text } = await builtFixture("shop");
  const { statements } = parseBundle(text);
  const digests = new Map<string, string>();
  for (const { node } of statements) {
    const library = node.type === "FunctionDeclaration" ? lateHolders.get(node.id.name) : undefined;
    if (library !== undefined) digests.set(library, sha256(text.slice(node.start, node.end)));
  }
  // To be written to compiler/verify/late-digests.ts when a library or esbuild is another one.
  assert.deepEqual(Object.fromEntries(digests), lateDigests);
});

test("names may differ, and nothing else", () => {
  const form = (text: string) => {
    const [statement] = parseBundle(text).statements;
    assert.ok(statement !== undefined);
    const { text: words, globals, declared } = canonicalOf(text, statement.node);
    return { words: words.replaceAll("\u0001", "%").replaceAll("\u0002", "%"), globals, declared };
  };
  assert.deepEqual(form("function f(a) { const { b, c: d = a } = g(a); return { b, d: f }; }"), {
    words: "function %0%(%0%) { const { b: %1%, c: %2% = %0% } = %1%(%0%); return { b: %1%, d: %0% }; }",
    globals: ["f", "g"],
    declared: ["f"],
  });
  assert.deepEqual(
    form("function f2(a2) { const { b: b2, c: d2 = a2 } = g2(a2); return { b: b2, d: f2 }; }").words,
    form("function f(a) { const { b, c: d = a } = g(a); return { b, d: f }; }").words,
  );
  const differ: readonly (readonly [one: string, other: string])[] = [
    ["var f = (a, b) => a(b);", "var f = (a, b) => b(a);"],
    ["var f = (a) => g(a);", "var f = (a) => a(g);"],
    ["var f = (a) => a.b;", "var f = (a) => a.c;"],
    ["var f = (a) => { { let g = 1; } return g; };", "var f = (a) => { let g = 1; return g; };"],
    ["var f = class { #a = 1; b() { return this.#a; } };", "var f = class { #c = 1; b() { return this.#a; } };"],
    ["var f = ({ a }) => a;", "var f = ({ b: a }) => a;"],
    ["f: for (;;) break f;", "f: for (;;) continue f;"],
  ];
  for (const [one, other] of differ) {
    try {
      assert.notDeepEqual(form(one), form(other), one);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "NotJavaScript") throw error;
    }
  }
});
