import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadProject } from "../../../compiler/1-load/load-project.ts";
import { checkProject } from "../../../compiler/2-check/check-project.ts";
import { DiagnosticLog } from "../../../compiler/diagnostics/log.ts";
import type { Compatibility } from "../../../compiler/model/names.ts";
import { memoryHost } from "../../support/memory-host.ts";
import { check, definition } from "./check.ts";

const withPolicies = (text: string, compatibility: Compatibility = "wso2-3.2") =>
  check(definition({ paths: {} }), { compatibility, files: { "policies.yaml": text } });

describe("policies.yaml", () => {
  test("tiers of three lists (T-POL-02, T-POL-03)", async () => {
    const { checked } = await withPolicies(
      "resourcePolicies:\n  - burst: {count: 200, unitTime: 5, timeUnit: MIN}\napplicationPolicies:\n  - burst: {count: 1, unitTime: 1, timeUnit: month}\nsubscriptionPolicies:\n  - soft: {count: 10, unitTime: 1, timeUnit: day, stopOnQuota: false}\n",
    );
    const { ref: _, ...burst } = checked?.policies.resource.get("burst") ?? assert.fail();
    assert.deepEqual(burst, { name: "burst", count: 200, unitMs: 60_000, windowMs: 300_000, stopOnQuota: true });
    assert.equal(checked?.policies.application.get("burst")?.windowMs, 30 * 24 * 3_600_000);
    assert.equal(checked?.policies.subscription.get("soft")?.stopOnQuota, false);
  });

  const wrong: readonly (readonly [string, readonly string[]])[] = [
    [
      "resourcePolicies:\n  - a: {count: ten, unitTime: 1, timeUnit: min}\n",
      ["error value-type /resourcePolicies/0/a/count"],
    ],
    [
      "resourcePolicies:\n  - a: {count: -1, unitTime: 1, timeUnit: min}\n",
      ["error value-invalid /resourcePolicies/0/a/count"],
    ],
    [
      "resourcePolicies:\n  - a: {count: 1, unitTime: 0, timeUnit: min}\n",
      ["error value-invalid /resourcePolicies/0/a/unitTime"],
    ],
    [
      "resourcePolicies:\n  - a: {count: 1, unitTime: 1, timeUnit: sec}\n",
      ["error value-invalid /resourcePolicies/0/a/timeUnit"],
    ],
    ["resourcePolicies:\n  - a: {count: 1, unitTime: 1}\n", ["error policy-incomplete /resourcePolicies/0/a"]],
    [
      "resourcePolicies:\n  - a: {count: 1, unitTime: 1, timeUnit: min, stopOnQuotaReach: true}\n",
      ["error key-unknown /resourcePolicies/0/a/stopOnQuotaReach"],
    ],
    ["resourcePolicies: {a: {}}\n", ["error value-type /resourcePolicies"]],
    ["resourcePolicies:\n  - a\n", ["error value-type /resourcePolicies/0"]],
    ["resourcePolicies:\n  - a:\n", ["error value-type /resourcePolicies/0/a"]],
    ["resourcePolicys: []\n", ["error key-unknown /resourcePolicys"]],
    ["- a\n", ["error value-type "]],
  ];
  for (const [text, expected] of wrong) {
    test(JSON.stringify(text), async () => assert.deepEqual((await withPolicies(text)).found, expected));
  }

  test("a list without a value is an empty list", async () => {
    assert.deepEqual((await withPolicies("resourcePolicies:\n")).found, ["warning value-empty /resourcePolicies"]);
  });

  test("without the file: the original's tiers, in standard none (T-POL-01)", async () => {
    for (const compatibility of ["wso2-3.2", "standard"] as const) {
      const log = new DiagnosticLog();
      const files = {
        "api_definitions/a.json": JSON.stringify(definition()),
        ...(compatibility === "standard" && { "castgate.yaml": "compatibility: standard\n" }),
      };
      const loaded = await loadProject("project", memoryHost(files), log);
      const policies = loaded && checkProject(loaded, log)?.policies;
      const old = compatibility === "wso2-3.2";
      assert.deepEqual(
        log.all().map(({ code }) => code),
        old ? ["policies-missing"] : [],
      );
      assert.deepEqual([...(policies?.resource.keys() ?? [])], old ? ["50kPerMin", "20kPerMin", "10kPerMin"] : []);
      assert.equal(policies?.subscription.get("Unauthenticated")?.count, old ? 500 : undefined);
    }
  });
});
