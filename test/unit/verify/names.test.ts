import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Statement } from "acorn";
import { NamedStatement } from "../../../compiler/verify/canonical.ts";
import { parseBundle } from "../../../compiler/verify/syntax.ts";

function statement(text: string): NamedStatement {
  return new NamedStatement(text, parseBundle(text).statements[0]?.node as Statement);
}

/** What `namesIn` says, which `canonical` must not contradict. */
function names(mine: string, theirs: string) {
  const found = statement(mine).namesIn(theirs);
  if (found === undefined) return undefined;
  const [here, there] = [statement(mine).canonical(), statement(theirs).canonical()];
  assert.equal(here.text, there.text);
  assert.deepEqual(
    found,
    here.globals.map((name, index) => [name, there.globals[index]]),
  );
  assert.deepEqual(
    here.declared.map((name) => new Map(found).get(name)),
    there.declared,
  );
  return Object.fromEntries(found);
}

describe("a statement with other names is known by its text", () => {
  const cases: readonly (readonly [mine: string, theirs: string, globals: Readonly<Record<string, string>>])[] = [
    ["function f2(a2) { return a2; }", "function f(a) { return a; }", { f2: "f" }],
    ["function f(a) { return g2(a, g2); }", "function f(a) { return g(a, g); }", { f: "f", g2: "g" }],
    ["function f(a) { return { a, b: a }; }", "function f(a2) { return { a: a2, b: a2 }; }", { f: "f" }],
    ["function f({ a, b = 1 }) { return a + b; }", "function f({ a: a2, b: b3 = 1 }) { return a2 + b3; }", { f: "f" }],
    ["var x2 = class { #x = x; x() {} };", "var x3 = class { #x = x2; x() {} };", { x2: "x3", x: "x2" }],
    ["function f(a) { { let a2 = a; } }", "function f(a) { { let a3 = a; } }", { f: "f" }],
    [
      "function f(a) { try { a(); } catch (e2) { e2(); } }",
      "function f(a) { try { a(); } catch (e) { e(); } }",
      { f: "f" },
    ],
  ];
  for (const [mine, theirs, globals] of cases) test(mine, () => assert.deepEqual(names(mine, theirs), globals));
});

describe("what is another statement is never taken for it", () => {
  const cases: Readonly<Record<string, readonly [mine: string, theirs: string]>> = {
    "one name for two": ["function f(a) { return g(a, g); }", "function f(a) { return g(a, g2); }"],
    "two names for one": ["function f(a) { return g(a, g2); }", "function f(a) { return g(a, g); }"],
    "a local for a global": ["function f(a) { return a; }", "function f(a) { return a2; }"],
    "a global for a local": ["function f(a) { return a2; }", "function f(a) { return a; }"],
    "a local that hides a global there": [
      "function f(a) { { let b2 = a; return b + b2; } }",
      "function f(a) { { let b = a; return b + b; } }",
    ],
    "a local that hides another there": [
      "function f(a) { { let a2 = 1; return a + a2; } }",
      "function f(a) { { let a = 1; return a + a; } }",
    ],
    "a local that hides another here": [
      "function f(a) { { let a = 1; return a; } }",
      "function f(a) { { let a2 = 1; return a; } }",
    ],
    "two parameters that are one there": ["function f(a, a2) { return a2; }", "function f(a, a) { return a; }"],
    "another member": ["function f(a) { return a.b2; }", "function f(a) { return a.b; }"],
    "another key": ["function f(a) { return { b2: a }; }", "function f(a) { return { b: a }; }"],
    "another key, written shortly": ["function f(a) { return { a }; }", "function f(a2) { return { a2 }; }"],
    "another text": ['function f(a) { return "b2" + a; }', 'function f(a) { return "b" + a; }'],
    "another label": ["function f(a) { b2: for (;;) break b2; }", "function f(a) { b: for (;;) break b; }"],
    "a word of the language there": ["async function f(a) { await2 (a); }", "async function f(a) { await (a); }"],
    "a word of the language here": ["async function f(a) { await (a); }", "async function f(a) { await2 (a); }"],
    "the arguments of a function there": ["function f() { return arguments2; }", "function f() { return arguments; }"],
    "more behind it": ["function f(a) { return a; }", "function f(a) { return a; } g();"],
    "more of a name": ["function f(a) { return a; }", "function f(a) { return a.b; }"],
    nothing: ["function f(a) { return a; }", ""],
  };
  for (const [what, [mine, theirs]] of Object.entries(cases)) {
    test(what, () => assert.equal(names(mine, theirs), undefined));
  }
});
