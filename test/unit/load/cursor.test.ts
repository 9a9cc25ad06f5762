import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { referenceFailure, resolveReference, rootCursor } from "../../../compiler/1-load/cursor.ts";
import { parseDocument } from "../../../compiler/1-load/parse-document.ts";
import { DiagnosticLog } from "../../../compiler/diagnostics/log.ts";
import type { SourceDocument } from "../../../compiler/model/source.ts";

function documents(files: Record<string, string>): ReadonlyMap<string, SourceDocument> {
  const log = new DiagnosticLog();
  const parsed = new Map<string, SourceDocument>();
  for (const [file, text] of Object.entries(files)) {
    const document = parseDocument(file, file.endsWith(".json") ? "json" : "yaml", text, log);
    if (document !== undefined) parsed.set(file, document);
  }
  assert.deepEqual(log.all(), []);
  return parsed;
}

describe("cursor", () => {
  test("carries the place of what it read", () => {
    const root = rootCursor(documents({ "a.yaml": "paths:\n  /pets/{id}:\n    get: {tags: [a, b]}\n" }), "a.yaml");
    const get = root?.get("paths")?.get("/pets/{id}")?.get("get");
    assert.deepEqual(get?.ref, { file: "a.yaml", pointer: "/paths/~1pets~1{id}/get" });
    const tags = get?.get("tags")?.items();
    assert.deepEqual(
      tags?.map((tag) => [tag.value, tag.ref.pointer]),
      [
        ["a", "/paths/~1pets~1{id}/get/tags/0"],
        ["b", "/paths/~1pets~1{id}/get/tags/1"],
      ],
    );
  });

  test("knows own keys only", () => {
    const root = rootCursor(documents({ "a.json": '{"a": {}, "b": [1], "c": "text"}' }), "a.json");
    assert.equal(root?.get("constructor"), undefined);
    assert.equal(root?.get("a")?.get("__proto__"), undefined);
    assert.equal(root?.get("b")?.get("length"), undefined);
    assert.equal(root?.get("b")?.get("0"), undefined);
    assert.equal(root?.get("c")?.get("length"), undefined);
  });

  for (const [file, text] of [
    ["a.json", '{"__proto__": {"x": 1}, "constructor": 2}'],
    ["a.yaml", "__proto__: {x: 1}\nconstructor: 2\n"],
  ] as const) {
    test(`reads __proto__ and constructor as plain keys: ${file}`, () => {
      const root = rootCursor(documents({ [file]: text }), file);
      assert.equal(root?.get("__proto__")?.get("x")?.value, 1);
      assert.equal(root?.get("constructor")?.value, 2);
      assert.deepEqual(
        root?.entries().map(([key]) => key),
        ["__proto__", "constructor"],
      );
      assert.equal(root?.get("x"), undefined);
    });
  }

  test("lists members in the order of their keys", () => {
    const root = rootCursor(documents({ "a.json": '{"b": 1, "10": 2, "9": 3, "B": 4}' }), "a.json");
    assert.deepEqual(
      root?.entries().map(([key]) => key),
      ["10", "9", "B", "b"],
    );
  });

  test("follows a $ref to its target, whose place it then carries", () => {
    const files = documents({
      "api/a.yaml": "x: {$ref: '#/y'}\ny: {$ref: 'parts/b.json#/z/0'}\n",
      "api/parts/b.json": '{"z": [{"$ref": "../a.yaml#/w"}], "deep": {"v": 1}}',
    });
    const withTarget = new Map(files);
    const more = documents({ "api/a.yaml": "x: {$ref: '#/y'}\ny: {$ref: 'parts/b.json#/z/0'}\nw: {v: 2}\n" });
    for (const [file, document] of more) withTarget.set(file, document);
    const found = rootCursor(withTarget, "api/a.yaml")?.get("x");
    assert.deepEqual(found?.ref, { file: "api/a.yaml", pointer: "/w" });
    assert.equal(found?.get("v")?.value, 2);
    assert.equal(rootCursor(files, "api/a.yaml")?.get("x"), undefined);
    assert.deepEqual(rootCursor(files, "api/a.yaml")?.raw("x")?.value, { $ref: "#/y" });
  });

  test("passes through a $ref on the way", () => {
    const files = documents({ "a.yaml": "a: {$ref: '#/b'}\nb: {c: {$ref: '#/a/d'}, d: 1}\nx: {$ref: '#/a/c'}\n" });
    assert.deepEqual(rootCursor(files, "a.yaml")?.get("x")?.ref, { file: "a.yaml", pointer: "/b/d" });
  });

  test("undoes percent-encoding and ~0 ~1", () => {
    const files = documents({
      "my file.yaml": "paths: {'/a/{x}': {'~m%': 1}}\n",
      "a.yaml":
        "x: {$ref: 'my%20file.yaml#/paths/~1a~1%7Bx%7D/~0m%25'}\ny: {$ref: './my file.yaml#/paths/~1a~1{x}/~0m%'}\n",
    });
    assert.equal(rootCursor(files, "a.yaml")?.get("x")?.value, 1);
    assert.equal(rootCursor(files, "a.yaml")?.get("y")?.value, 1);
  });

  test("a property that is named $ref is no reference", () => {
    const root = rootCursor(documents({ "a.yaml": "properties: {$ref: {type: string}}\n" }), "a.yaml");
    assert.equal(root?.get("properties")?.get("$ref")?.get("type")?.value, "string");
  });

  const failures: readonly (readonly [string, string])[] = [
    ["https://example.test/a.yaml#/x", "remote"],
    ["//example.test/a.yaml", "remote"],
    ["urn:example:x", "remote"],
    ["../../etc/passwd", "outside"],
    ["/etc/passwd", "outside"],
    ["file:///etc/passwd", "outside"],
    ["..\\secret.yaml", "outside"],
    ["#Pet", "malformed"],
    ["missing.yaml", "no-such-file"],
    ["#/nothing/here", "dangling"],
    ["#/list/7", "dangling"],
    ["#/one", "loop"],
    ["#/self/deeper", "loop"],
  ];
  for (const [reference, why] of failures) {
    test(`${reference}: ${why}`, () => {
      const files = documents({
        "api/a.yaml": "list: [1]\none: {$ref: '#/two'}\ntwo: {$ref: '#/one'}\nself: {$ref: '#/self/deeper'}\n",
      });
      assert.equal(resolveReference(files, "api/a.yaml", reference), undefined);
      assert.equal(referenceFailure(files, "api/a.yaml", reference), why);
    });
  }
});
