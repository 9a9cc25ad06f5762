import assert from "node:assert/strict";
import { test } from "node:test";
import { catalogue } from "../../../compiler/diagnostics/catalogue.ts";
import { DiagnosticLog } from "../../../compiler/diagnostics/log.ts";
import { at, atOffset } from "../../../compiler/diagnostics/place.ts";
import { renderSarif } from "../../../compiler/diagnostics/render-sarif.ts";

function sarif() {
  const log = new DiagnosticLog();
  log.sources.add("api definitions/ö#1.yaml", "yaml", "a: 1\n🍣: x\r\na: 2\n");
  const file = "api definitions/ö#1.yaml";
  log.report("key-duplicate", atOffset(file, 13, 14), { key: "a" }, [
    { place: atOffset(file, 0, 1), label: "first written here" },
  ]);
  log.report("setting-type", at({ file, pointer: "/🍣" }), { key: "🍣", expected: "b" });
  log.report("nothing-to-compile", at({ file: "", pointer: "" }), {});
  log.report("file-unreadable", at({ file: "x.yaml", pointer: "" }), { file: "x.yaml", why: "permission denied" });
  return JSON.parse(renderSarif(log.sorted(), log.sources, { version: "1.2.3", folder: "./shop/" }));
}

test("is a SARIF 2.1.0 log of one run, with every code as a rule", () => {
  const log = sarif();
  assert.equal(log.version, "2.1.0");
  assert.equal(log.runs.length, 1);
  const [{ tool, columnKind }] = log.runs;
  assert.equal(columnKind, "utf16CodeUnits");
  assert.equal(tool.driver.name, "castgate");
  assert.equal(tool.driver.semanticVersion, "1.2.3");
  const rules: { id: string; help: { text: string }; defaultConfiguration: { level: string } }[] = tool.driver.rules;
  assert.deepEqual(
    rules.map(({ id }) => id),
    Object.keys(catalogue).sort(),
  );
  for (const { help, defaultConfiguration } of rules) {
    assert.ok(help.text.length > 10);
    assert.ok(["error", "warning", "note"].includes(defaultConfiguration.level));
  }
});

test("results name their rule, place and the other side of a clash", () => {
  const [{ results, tool }] = sarif().runs;
  assert.deepEqual(
    results.map(({ ruleId, level }: { ruleId: string; level: string }) => [ruleId, level]),
    [
      ["nothing-to-compile", "error"],
      ["setting-type", "error"],
      ["key-duplicate", "warning"],
      ["file-unreadable", "error"],
    ],
  );
  for (const { ruleId, ruleIndex } of results) assert.equal(tool.driver.rules[ruleIndex].id, ruleId);
  const artifactLocation = { uri: "shop/api%20definitions/%C3%B6%231.yaml" };
  assert.deepEqual(results[0].locations, []);
  assert.deepEqual(results[1].locations, [
    { physicalLocation: { artifactLocation, region: { startLine: 2, startColumn: 5, endLine: 2, endColumn: 6 } } },
  ]);
  assert.deepEqual(results[2].relatedLocations, [
    {
      id: 1,
      message: { text: "first written here" },
      physicalLocation: {
        artifactLocation,
        region: { startLine: 1, startColumn: 1, endLine: 1, endColumn: 2 },
      },
    },
  ]);
  assert.deepEqual(results[3].locations, [{ physicalLocation: { artifactLocation: { uri: "shop/x.yaml" } } }]);
});
