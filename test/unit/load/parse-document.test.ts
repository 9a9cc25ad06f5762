import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseDocument } from "../../../compiler/1-load/parse-document.ts";
import { DiagnosticLog } from "../../../compiler/diagnostics/log.ts";

function parse(file: string, text: string) {
  const log = new DiagnosticLog();
  const format = file.endsWith(".json") ? "json" : file.endsWith(".toml") ? "toml" : "yaml";
  const document = parseDocument(file, format, text, log);
  const found = log.sorted().map(({ code, place, message }) => {
    const span = log.sources.locate(place);
    return `${code} ${span?.line}:${span?.column} ${message}`;
  });
  return { value: document?.value, document, found };
}

describe("yaml", () => {
  test("core schema: what looks like a text is one", () => {
    const { value, found } = parse(
      "a.yaml",
      "a: yes\nb: 2001-12-14\nc: 012\nd: 0o14\ne: 1_000\nf: ~\ng: True\nh: 12:30:45\ni: '1'\nj: 1e3\n",
    );
    assert.deepEqual(found, []);
    assert.deepEqual(value, {
      a: "yes",
      b: "2001-12-14",
      c: 12,
      d: 12,
      e: "1_000",
      f: null,
      g: true,
      h: "12:30:45",
      i: "1",
      j: 1000,
    });
  });

  test("anchors, aliases and merge keys", () => {
    assert.deepEqual(parse("a.yaml", "a: &x {p: 1}\nb: *x\nc: {<<: *x, q: 2}\n").value, {
      a: { p: 1 },
      b: { p: 1 },
      c: { p: 1, q: 2 },
    });
  });

  test("all syntax errors, each with its place", () => {
    const { document, found } = parse("a.yaml", 'a: [1, 2\nb: "x\nc: {d: 1\n');
    assert.equal(document, undefined);
    assert.ok(found.length >= 2, found.join("\n"));
    assert.ok(found.every((each) => /^yaml-syntax \d+:\d+ YAML syntax error: /.test(each)));
  });

  test("a tab as indentation", () => {
    const { document, found } = parse("a.yaml", "a:\n\tb: 1\n");
    assert.equal(document, undefined);
    assert.match(found[0] ?? "", /^yaml-syntax 2:/);
  });

  test("repeated keys, with both places; the last counts", () => {
    const { value, found } = parse("a.yaml", "a: 1\nb: {x: 1, x: 2}\na: 3\n");
    assert.deepEqual(value, { a: 3, b: { x: 2 } });
    assert.deepEqual(found, [
      'key-duplicate 2:11 the key "x" stands twice in one object',
      'key-duplicate 3:1 the key "a" stands twice in one object',
    ]);
  });

  test("several documents: the first counts", () => {
    const { value, found } = parse("a.yaml", "---\na: 1\n---\na: 2\n");
    assert.deepEqual(value, { a: 1 });
    assert.deepEqual(found, ["yaml-multiple-documents 3:1 the file holds more than one YAML document"]);
    assert.deepEqual(parse("a.yaml", "# x\n---\na: 1\n...\n").found, []);
    assert.deepEqual(parse("a.yaml", "---\na: 1\n---\n").found, []);
  });

  test("aliases that expand without bound, and an alias inside itself", () => {
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (const [before, name] of [..."abcdefgh"].map((each, at) => [each, "bcdefghi"[at]])) {
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(", ")}]`);
    }
    assert.match(parse("a.yaml", bomb.join("\n")).found.join(), /^yaml-aliases-excessive/);
    assert.match(parse("a.yaml", "a: &a [*a]").found.join(), /^(nesting-too-deep|yaml-)/);
  });

  test("nesting without end", () => {
    assert.match(parse("a.yaml", "[".repeat(100_000)).found.join(), /^nesting-too-deep/);
    assert.match(parse("a.json", "[".repeat(100_000)).found.join(), /^(json-syntax|nesting-too-deep)/);
    assert.match(parse("a.json", `${"[".repeat(100_000)}${"]".repeat(100_000)}`).found.join(), /^nesting-too-deep/);
  });

  test("texts that are no YAML", () => {
    for (const text of ["\u0001\u0002\u0003", "%PDF-1.4\nxx: [", "@x", "`x", "a: !unknown x", "*x"]) {
      const { document, found } = parse("a.yaml", text);
      assert.equal(document, undefined, JSON.stringify(text));
      assert.ok(found.length > 0);
    }
  });
});

describe("json", () => {
  test("all syntax errors, each with its place", () => {
    assert.deepEqual(parse("a.json", '{"a": 1,\n "b": tru,\n // no\n c: 2,\n "d": [1 2]}').found, [
      "json-syntax 2:7 JSON syntax error: this is not JSON",
      "json-syntax 3:2 JSON syntax error: JSON has no comments",
      "json-syntax 4:2 JSON syntax error: this is not JSON",
      'json-syntax 5:10 JSON syntax error: a "," is expected here',
    ]);
  });

  test("a trailing comma, an unfinished text, rubbish behind the end", () => {
    assert.match(parse("a.json", '{"a": 1,}').found.join(), /^json-syntax 1:9 /);
    assert.match(parse("a.json", '{"a": "x').found.join(), /^json-syntax 1:7 /);
    assert.match(parse("a.json", "{} {}").found.join(), /^json-syntax 1:4 /);
    assert.match(parse("a.json", '{"a": "\u0001"}').found.join(), /^json-syntax 1:\d+ /);
  });

  test("repeated keys, at any depth, colons in texts notwithstanding", () => {
    const { value, found } = parse("a.json", '{"a:\\"": {"x": ":", "x": "\\\\"}, "b": 1, "b": [{"c": 1, "c": 2}]}');
    assert.deepEqual(value, { 'a:"': { x: "\\" }, b: [{ c: 2 }] });
    assert.deepEqual(
      found.map((each) => each.split(" ", 2).join(" ")),
      ["key-duplicate 1:21", "key-duplicate 1:41", "key-duplicate 1:56"],
    );
  });
});

test("toml: a syntax error with its place", () => {
  assert.match(parse("a.toml", "a = 1\nb = \n").found.join(), /^toml-syntax 2:\d+ TOML syntax error: /);
});

test("an empty file is a document without a value", () => {
  for (const file of ["a.yaml", "a.json", "a.toml"]) {
    for (const text of ["", " \n\t\n", "\uFEFF"]) {
      assert.deepEqual(parse(file, text).document?.value, null);
      assert.deepEqual(parse(file, text).found, []);
    }
  }
});
