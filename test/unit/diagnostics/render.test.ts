import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DiagnosticLog } from "../../../compiler/diagnostics/log.ts";
import { at, atOffset } from "../../../compiler/diagnostics/place.ts";
import { renderGithub } from "../../../compiler/diagnostics/render-github.ts";
import { renderJson } from "../../../compiler/diagnostics/render-json.ts";
import { renderPretty } from "../../../compiler/diagnostics/render-pretty.ts";

const petstore = [
  "paths:",
  "  /pets:",
  "    get:",
  "      responses: {}",
  "  /pets/{id}:",
  "    get:",
  "      operationId: getPet",
  "      x-wso2-throttling-tier: 10PerMinn",
  "",
].join("\n");

function log(): DiagnosticLog {
  const found = new DiagnosticLog();
  found.sources.add("api_definitions/petstore.yaml", "yaml", petstore);
  return found;
}

const tier = { file: "api_definitions/petstore.yaml", pointer: "/paths/~1pets~1{id}/get/x-wso2-throttling-tier" };

describe("pretty", () => {
  test("shows the source line, the place and a hint", () => {
    const found = log();
    found.report("throttling-tier-unknown", at(tier), { tier: "10PerMinn", suggestion: "10PerMin" });
    assert.equal(
      renderPretty(found.sorted(), found.sources),
      [
        'warning[throttling-tier-unknown]: throttling tier "10PerMinn" is not defined in policies.yaml',
        "  --> api_definitions/petstore.yaml:8:31",
        "   |",
        " 7 |       operationId: getPet",
        " 8 |       x-wso2-throttling-tier: 10PerMinn",
        "   |                               ^^^^^^^^^",
        '   = hint: did you mean "10PerMin"?',
        "",
        "1 warning",
        "",
      ].join("\n"),
    );
  });

  test("shows both sides of a clash, in frames of one margin", () => {
    const found = new DiagnosticLog();
    found.sources.add("a.json", "json", `{"a": 1,${"\n".repeat(9)} "a": 2}`);
    found.report("key-duplicate", atOffset("a.json", 18, 21), { key: "a" }, [
      { place: atOffset("a.json", 1, 4), label: "first written here" },
    ]);
    assert.equal(
      renderPretty(found.sorted(), found.sources),
      [
        'warning[key-duplicate]: the key "a" stands twice in one object',
        "   --> a.json:10:2",
        "    |",
        ' 10 |  "a": 2}',
        "    |  ^^^",
        "    = first written here:",
        "   --> a.json:1:2",
        "    |",
        '  1 | {"a": 1,',
        "    |  ^^^",
        "    = hint: the last one counts; remove or rename one of them",
        "",
        "1 warning",
        "",
      ].join("\n"),
    );
  });

  test("a key, and the parent of what is missing", () => {
    const found = log();
    found.report("setting-unknown", at({ ...tier, pointer: "/paths/~1pets" }, "missing"), { key: "x" });
    found.report("setting-unknown", at(tier, "key"), { key: "y" });
    found.report("setting-unknown", at({ ...tier, pointer: "/paths/~1pets/get/nothing/below" }), { key: "z" });
    found.report("setting-unknown", at({ ...tier, pointer: "" }, "missing"), { key: "root" });
    const text = renderPretty(found.sorted(), found.sources);
    assert.deepEqual(text.match(/yaml:.*/g), ["yaml:1:1", "yaml:2:3", "yaml:3:5", "yaml:8:7"]);
    assert.deepEqual(text.match(/\^+/g), ["^^^^^^", "^^^^^", "^^^", "^^^^^^^^^^^^^^^^^^^^^^"]);
  });

  test("cuts long lines around the place", () => {
    const found = new DiagnosticLog();
    const line = `{"x": "${"a".repeat(5000)}", "b": [7], "c": "${"d".repeat(5000)}"}`;
    found.sources.add("a.json", "json", line);
    found.report("setting-type", at({ file: "a.json", pointer: "/b/0" }), { key: "b", expected: "text" });
    const [head, arrow, , source, carets] = renderPretty(found.sorted(), found.sources).split("\n");
    assert.equal(head, "error[setting-type]: b must be text");
    assert.equal(arrow, "  --> a.json:1:5017");
    assert.ok(source !== undefined && source.length < 125 && source.startsWith(" 1 | …aaa") && source.endsWith("ddd…"));
    assert.equal(source[carets?.indexOf("^") ?? 0], "7");
    assert.equal(carets?.trim(), "| ".concat(" ".repeat((carets?.indexOf("^") ?? 0) - 5), "^"));
  });

  test("lines up under tabs, wide and combining characters", () => {
    const found = new DiagnosticLog();
    found.sources.add("a.json", "json", '\t{"寿司🍣e\u0301": 1}');
    found.report("setting-type", at({ file: "a.json", pointer: "/寿司🍣e\u0301" }), { key: "k", expected: "text" });
    const [, arrow, , source, carets] = renderPretty(found.sorted(), found.sources).split("\n");
    assert.equal(arrow, "  --> a.json:1:13");
    assert.equal(source, ' 1 |   {"寿司🍣e\u0301": 1}');
    assert.equal(carets, `   |   ${" ".repeat("{".length + 1 + 6 + 1 + 1 + 2)}^`);
  });

  test("control characters never reach the terminal", () => {
    const found = new DiagnosticLog();
    found.sources.add("a\u001b[31m.yaml", "yaml", 'x: "\u001b]0;owned\u0007\u009b1m\u202e"');
    found.report("setting-type", at({ file: "a\u001b[31m.yaml", pointer: "/x" }), {
      key: "\u001b[2J\r\n\u0085\u2028\u200b",
      expected: "b",
    });
    for (const text of [
      renderPretty(found.sorted(), found.sources),
      renderGithub(found.sorted(), found.sources),
      renderJson(found.sorted(), found.sources),
    ]) {
      assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }
    assert.match(
      renderPretty(found.sorted(), found.sources),
      /^error\[setting-type\]: ␛\[2J␍␊<U\+0085><U\+2028><U\+200B> must/,
    );
  });

  test("folds notes of one code, and only notes", () => {
    const found = log();
    for (let index = 0; index < 30; index++) {
      found.report("operation-public", at(tier), { operation: `GET /${index}`, why: "x" });
      found.report("throttling-tier-unknown", at(tier), { tier: `t${index}` });
    }
    const text = renderPretty(found.sorted(), found.sources);
    assert.equal(text.match(/^note\[operation-public\]/gm)?.length, 6);
    assert.equal(text.match(/^warning\[/gm)?.length, 30);
    assert.match(
      text,
      /^note\[operation-public\]: 25 more of these; --format=json lists them all\n\n30 warnings, 30 notes\n$/m,
    );
    assert.equal(JSON.parse(renderJson(found.sorted(), found.sources)).diagnostics.length, 60);
  });

  test("colours only when asked", () => {
    const found = log();
    found.report("throttling-tier-unknown", at(tier), { tier: "10PerMinn" });
    assert.ok(renderPretty(found.sorted(), found.sources, { color: true }).startsWith("\u001b[1;33mwarning["));
    assert.equal(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes are what is removed
      renderPretty(found.sorted(), found.sources, { color: true }).replaceAll(/\u001b\[[0-9;]*m/g, ""),
      renderPretty(found.sorted(), found.sources),
    );
  });

  test("nothing to say", () => {
    assert.equal(renderPretty([], new DiagnosticLog().sources), "");
  });

  test("what has no file, and a file that was not read", () => {
    const found = new DiagnosticLog();
    found.report("nothing-to-compile", at({ file: "", pointer: "" }), {});
    found.report("file-unreadable", at({ file: "a.yaml", pointer: "" }), { file: "a.yaml", why: "permission denied" });
    assert.equal(
      renderPretty(found.sorted(), found.sources),
      [
        "error[nothing-to-compile]: the project has nothing to compile",
        "   = hint: put an OpenAPI definition (.json, .yaml or .yml) into api_definitions/",
        "",
        "error[file-unreadable]: a.yaml cannot be read: permission denied",
        "  --> a.yaml",
        "",
        "2 errors",
        "",
      ].join("\n"),
    );
  });
});

describe("json", () => {
  test("holds places in lines and columns, and pointers", () => {
    const found = log();
    found.report("throttling-tier-unknown", at(tier), { tier: "10PerMinn" }, [
      { place: atOffset("api_definitions/petstore.yaml", 0, 5), label: "here" },
    ]);
    assert.deepEqual(JSON.parse(renderJson(found.sorted(), found.sources)), {
      version: 1,
      summary: { errors: 0, warnings: 1, notes: 0 },
      diagnostics: [
        {
          code: "throttling-tier-unknown",
          severity: "warning",
          message: 'throttling tier "10PerMinn" is not defined in policies.yaml',
          file: "api_definitions/petstore.yaml",
          line: 8,
          column: 31,
          endLine: 8,
          endColumn: 40,
          pointer: tier.pointer,
          related: [
            { label: "here", file: "api_definitions/petstore.yaml", line: 1, column: 1, endLine: 1, endColumn: 6 },
          ],
        },
      ],
    });
  });
});

describe("github", () => {
  test("escapes what would end a command or a property", () => {
    const found = new DiagnosticLog();
    found.sources.add("a,b:c%.yaml", "yaml", "x: 1\n");
    found.report("setting-unknown", at({ file: "a,b:c%.yaml", pointer: "/x" }, "key"), {
      key: "50%\n::error::x",
      suggestion: "y",
    });
    found.report("operation-public", at({ file: "a,b:c%.yaml", pointer: "" }), { operation: "GET /", why: "w" });
    const lines = renderGithub(found.sorted(), found.sources, "./my/project/").split("\n");
    assert.equal(lines.length, 3);
    assert.match(
      lines[0] ?? "",
      /^::notice file=my\/project\/a%2Cb%3Ac%25.yaml,line=1,col=1,endColumn=5,title=operation-public::/,
    );
    assert.equal(
      lines[1],
      '::error file=my/project/a%2Cb%3Ac%25.yaml,line=1,col=1,endColumn=2,title=setting-unknown::unknown setting "50%25␊::error::x"%0Ahint: did you mean "y"?',
    );
  });
});
