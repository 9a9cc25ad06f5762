import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Sources } from "../../../compiler/diagnostics/locate.ts";
import { DiagnosticLog } from "../../../compiler/diagnostics/log.ts";
import { at } from "../../../compiler/diagnostics/place.ts";

/** What stands at a place, and where it begins. */
function find(format: "json" | "yaml" | "toml", text: string, pointer: string, target: "key" | "value" | "missing") {
  const sources = new Sources();
  sources.add("f", format, text);
  const span = sources.locate({ ref: { file: "f", pointer }, target });
  assert.ok(span);
  return `${span.line}:${span.column} ${text.slice(span.start, span.end)}`;
}

const yaml = [
  "# head",
  "---",
  "plain: value # comment",
  "\"quoted key\": 'it''s'",
  "? explicit",
  ": value",
  "empty:",
  "list:",
  "- a",
  "-   b: 1 # inline",
  "    c: 2",
  "- - nested",
  "  - {flow: [1, [x: y, z]], bare}",
  "-",
  "- {a: 1}",
  "anchored: &anchor",
  "  deep: {v: 1}",
  "use: *anchor",
  "merged:",
  "  <<: *anchor",
  "  own: 1",
  "folded: >",
  "  text: not a key",
  "",
  "200: ok",
  "1.10: float",
  "a/b~c: odd",
  "twice: 1",
  "twice: 2",
].join("\n");

describe("yaml", () => {
  for (const [pointer, target, expected] of [
    ["/plain", "value", "3:8 value"],
    ["/plain", "key", "3:1 plain"],
    ["/quoted key", "key", '4:1 "quoted key"'],
    ["/quoted key", "value", "4:15 'it''s'"],
    ["/explicit", "value", "6:3 value"],
    ["/empty", "value", "7:1 empty"],
    ["/list/0", "value", "9:3 a"],
    ["/list/1/b", "value", "10:8 1"],
    ["/list/1/c", "key", "11:5 c"],
    ["/list/2/0", "value", "12:5 nested"],
    ["/list/2/1/flow/0", "value", "13:13 1"],
    ["/list/2/1/flow/1/0/x", "value", "13:20 y"],
    ["/list/2/1/flow/1/1", "value", "13:23 z"],
    ["/list/2/1/bare", "key", "13:28 bare"],
    ["/list/4/a", "value", "15:7 1"],
    ["/anchored/deep/v", "value", "17:13 1"],
    ["/use", "value", "18:6 *anchor"],
    ["/use/deep/v", "value", "18:1 use"],
    ["/merged/own", "value", "21:8 1"],
    ["/merged/deep", "value", "19:1 merged"],
    ["/200", "key", "25:1 200"],
    ["/1.1", "key", "26:1 1.10"],
    ["/a~1b~0c", "value", "27:8 odd"],
    ["/twice", "value", "29:8 2"],
    ["/nothing/here", "value", "3:1 plain: value # comment"],
    ["/list/1", "missing", "10:5 b: 1 # inline"],
    ["/anchored", "missing", "16:1 anchored"],
  ] as const) {
    test(`${pointer} ${target}`, () => assert.equal(find("yaml", yaml, pointer, target), expected));
  }

  test("what stands before a syntax error keeps its place", () => {
    assert.equal(find("yaml", "a: 1\nb:\n  c: 2\n  d: [", "/b/c", "value"), "3:6 2");
  });
});

describe("json", () => {
  const json = '{\r\n  "a": {"__proto__": [10, {"x/y": null}]},\r\n  "b": "text", "a~": 1\r\n}';
  for (const [pointer, target, expected] of [
    ["/a/__proto__", "key", '2:9 "__proto__"'],
    ["/a/__proto__/1/x~1y", "value", "2:35 null"],
    ["/b", "value", '3:8 "text"'],
    ["/a~0", "key", '3:16 "a~"'],
    ["/a/constructor", "value", '2:3 "a"'],
    ["/a/__proto__/7", "value", '2:9 "__proto__"'],
  ] as const) {
    test(`${pointer} ${target}`, () => assert.equal(find("json", json, pointer, target), expected));
  }
});

describe("toml", () => {
  const toml = [
    "title = 'x' # comment",
    "",
    "[a.b]",
    'key = "v#v" # c',
    "on = true",
    'long = """',
    "key = 1",
    '"""',
    'list = [ "a",',
    '  "b" ]',
    "[[filters]]",
    'name = "A"',
    "[[filters]]",
    'name = "B"',
    "c.d = 1",
  ].join("\n");
  for (const [pointer, target, expected] of [
    ["/title", "value", "1:9 'x'"],
    ["/a/b", "key", "3:2 a.b"],
    ["/a/b/key", "value", '4:7 "v#v"'],
    ["/a/b/on", "key", "5:1 on"],
    ["/a/b/list", "key", "9:1 list"],
    ["/filters/0/name", "value", '12:8 "A"'],
    ["/filters/1/name", "value", '14:8 "B"'],
    ["/filters/1/c/d", "value", "15:7 1"],
    ["/a/b/gone", "value", "3:2 a.b"],
  ] as const) {
    test(`${pointer} ${target}`, () => assert.equal(find("toml", toml, pointer, target), expected));
  }
});

test("a scalar as it is written", () => {
  const sources = new Sources();
  sources.add("a.yaml", "yaml", "info: {version: 1.0}\n");
  assert.equal(sources.writtenAs("a.yaml", "/info/version"), "1.0");
  assert.equal(sources.writtenAs("a.yaml", "/info/title"), undefined);
  assert.equal(sources.writtenAs("b.yaml", ""), undefined);
});

describe("log", () => {
  function log() {
    const found = new DiagnosticLog();
    found.sources.add("a.yaml", "yaml", "x: 1\ny: 2\n");
    return found;
  }
  const place = (file: string, pointer: string) => at({ file, pointer }, "key");

  test("sorts by file, position, code, whatever the order of finding, and lists a finding once", () => {
    const found = log();
    found.report("setting-unknown", place("b.yaml", ""), { key: "b" });
    found.report("setting-unknown", place("a.yaml", "/y"), { key: "y" });
    found.report("toolkit-setting-unknown", place("a.yaml", "/x"), { key: "x" });
    found.report("setting-unknown", place("a.yaml", "/x"), { key: "x" });
    found.report("setting-unknown", place("a.yaml", "/x"), { key: "x" });
    assert.deepEqual(
      found.sorted().map(({ code, message }) => `${code}: ${message}`),
      [
        'setting-unknown: unknown setting "x"',
        'toolkit-setting-unknown: unknown setting "x"',
        'setting-unknown: unknown setting "y"',
        'setting-unknown: unknown setting "b"',
      ],
    );
  });

  test("silences warnings by code, never errors or notes", () => {
    const found = log();
    found.ignored = new Set(["key-duplicate", "setting-unknown", "operation-public"]);
    found.report("key-duplicate", place("a.yaml", "/x"), { key: "x" });
    found.report("setting-unknown", place("a.yaml", "/x"), { key: "x" });
    found.report("operation-public", place("a.yaml", "/x"), { operation: "GET /", why: "w" });
    assert.deepEqual(
      found.sorted().map(({ code }) => code),
      ["operation-public", "setting-unknown"],
    );
  });

  test("warnings fail only when they are denied and not ignored; notes never", () => {
    const found = log();
    found.denyWarnings = true;
    found.report("operation-public", place("a.yaml", "/x"), { operation: "GET /", why: "w" });
    assert.equal(found.failed, false);
    found.report("key-duplicate", place("a.yaml", "/x"), { key: "x" });
    assert.equal(found.failed, true);
    found.ignored = new Set(["key-duplicate"]);
    assert.equal(found.failed, false);
    found.denyWarnings = false;
    found.ignored = new Set();
    assert.equal(found.failed, false);
  });

  test("takes the severity of the compatibility", () => {
    const found = log();
    found.report("key-duplicate", place("a.yaml", "/x"), { key: "x" });
    found.compatibility = "standard";
    found.report("key-duplicate", place("a.yaml", "/y"), { key: "y" });
    assert.deepEqual(
      found.sorted().map(({ severity }) => severity),
      ["warning", "error"],
    );
    assert.equal(found.hasErrors, true);
  });
});
