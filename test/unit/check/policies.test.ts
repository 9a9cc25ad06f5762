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
    [
      "resourcePolicies:\n  - a: {count: 1, unitTime: 1, timeUnit: min, algorithm: gcra}\n",
      ["error value-invalid /resourcePolicies/0/a/algorithm"],
    ],
    [
      "resourcePolicies:\n  - a: {count: 5, unitTime: 1, timeUnit: min, algorithm: sliding, burst: 6}\n",
      ["error value-invalid /resourcePolicies/0/a/burst"],
    ],
    [
      "resourcePolicies:\n  - a: {count: 5, unitTime: 1, timeUnit: min, countedRequests: failed}\n",
      ["error value-invalid /resourcePolicies/0/a/countedRequests"],
    ],
    [
      "resourcePolicies:\n  - a: {bandwidth: 10 megabytes, unitTime: 1, timeUnit: min}\n  - b: {bandwidth: 10, unitTime: 1, timeUnit: min}\n",
      ["error value-invalid /resourcePolicies/0/a/bandwidth", "error value-type /resourcePolicies/1/b/bandwidth"],
    ],
    [
      "resourcePolicies:\n  - a: {bandwidth: 1 GB, unitTime: 1, timeUnit: min, algorithm: sliding, countedRequests: all}\n",
      [
        "error policy-conflict /resourcePolicies/0/a/algorithm",
        "error policy-conflict /resourcePolicies/0/a/countedRequests",
      ],
    ],
    [
      "resourcePolicies:\n  - a: {count: 5, unitTime: 1, timeUnit: min, key: app}\n",
      ["error key-unknown /resourcePolicies/0/a/key"],
    ],
    [
      "subscriptionPolicies:\n  - a: {count: 5, unitTime: 1, timeUnit: min, conditionGroups: []}\n",
      ["error key-unknown /subscriptionPolicies/0/a/conditionGroups"],
    ],
    [
      "applicationPolicies:\n  - a: {count: 5, unitTime: 1, timeUnit: min, key: user}\n",
      ["error value-invalid /applicationPolicies/0/a/key"],
    ],
    ["compat: apim2\n", ["error value-invalid /compat"]],
    ["forbidUnlimited: yes please\n", ["error value-type /forbidUnlimited"]],
    ["denyConditions:\n  - {user: a, ip: 10.0.0.1}\n", ["error policy-conflict /denyConditions/0/user"]],
    [
      "denyConditions:\n  - {usr: a}\n  - {user: []}\n  - ip: 10.0.0\n  - {user: a, invert: true}\n",
      [
        "error policy-incomplete /denyConditions/0",
        "error key-unknown /denyConditions/0/usr",
        "error value-type /denyConditions/1/user",
        "error address-invalid /denyConditions/2/ip",
        "error key-unknown /denyConditions/3/invert",
      ],
    ],
    [
      "ipLimits:\n  - {ip: 10.0.0.1}\n  - {other: false, count: 1, unitTime: 1, timeUnit: min}\n  - {ip: 10.0.0.2, unlimited: true, count: 1}\n",
      [
        "error policy-incomplete /ipLimits/0",
        "error policy-incomplete /ipLimits/0",
        "error policy-incomplete /ipLimits/0",
        "error value-invalid /ipLimits/1/other",
        "error key-unknown /ipLimits/2/count",
        "error condition-unreachable /ipLimits/2",
      ],
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

  test("a tier with a mistake is not called undefined where it is named", async () => {
    const api = definition({
      "x-wso2-throttling-tier": "a",
      paths: { "/x": { get: { "x-wso2-throttling-tier": "b", responses: { default: { description: "" } } } } },
    });
    const text =
      "resourcePolicies:\n  - a: {count: ten, unitTime: 1, timeUnit: min}\n  - b: 5\n  - c: {count: 1, unitTime: 1, timeUnit: min}\n";
    const { found } = await check(api, { compatibility: "standard", files: { "policies.yaml": text } });
    assert.deepEqual(
      found.filter((one) => one.startsWith("error")),
      ["error value-type /resourcePolicies/0/a/count", "error value-type /resourcePolicies/1/b"],
    );
    const broken = await check(api, { compatibility: "standard", files: { "policies.yaml": "resourcePolicies: [" } });
    assert.deepEqual(
      broken.found.filter((one) => one.includes("throttling-tier-unknown")),
      [],
    );
  });

  test("an entry of ipLimits without an address may say how many", async () => {
    const { found } = await withPolicies("ipLimits:\n  - {count: 1, unitTime: 1, timeUnit: min, ipp: 10.0.0.1}\n");
    assert.deepEqual(found, ["error policy-incomplete /ipLimits/0", "error key-unknown /ipLimits/0/ipp"]);
  });

  /** One group of a tier; what is wrong is told below it. */
  const group = (text: string) =>
    `resourcePolicies:\n  - a: {count: 1, unitTime: 1, timeUnit: min, conditionGroups: [${text}]}\n`;
  const limits = "count: 1, unitTime: 1, timeUnit: min";
  const wrongGroups: readonly (readonly [string, readonly string[]])[] = [
    [`{${limits}}`, ["policy-incomplete "]],
    [`{when: [], ${limits}}`, ["policy-incomplete /when"]],
    ["{when: [{ip: 10.0.0.1}]}", ["policy-incomplete ", "policy-incomplete ", "policy-incomplete "]],
    [`{when: [{header: X-A}], ${limits}}`, ["policy-incomplete /when/0"]],
    [`{when: [{header: "X A", matches: a}], ${limits}}`, ["value-invalid /when/0/header"]],
    [`{when: [{header: X-A, matches: [a]}], ${limits}}`, ["value-type /when/0/matches"]],
    [`{when: [{claim: a, matches: "(?=a)"}], ${limits}}`, ["pattern-invalid /when/0/matches"]],
    [`{when: [{claim: a, matches: ".*a.*b.*"}], ${limits}}`, ["pattern-invalid /when/0/matches"]],
    [`{when: [{query: a, matches: "(a|b){2}"}], ${limits}}`, ["pattern-invalid /when/0/matches"]],
    [`{when: [{query: a, matches: "${"a?".repeat(30)}a{30}"}], ${limits}}`, ["pattern-invalid /when/0/matches"]],
    [`{when: [{query: a, matches: "${"a{0,100}".repeat(5)}b"}], ${limits}}`, ["pattern-invalid /when/0/matches"]],
    [`{when: [{query: a, matches: "${"(a|aa)".repeat(40)}b"}], ${limits}}`, ["pattern-invalid /when/0/matches"]],
    [`{when: [{query: a, matches: "(?:a|aa)+?"}], ${limits}}`, ["pattern-invalid /when/0/matches"]],
    [`{when: [{ip: 10.0.0.1, matches: a}], ${limits}}`, ["key-unknown /when/0/matches"]],
    [`{when: [{ip: 10.0.0.1, invert: 1}], ${limits}}`, ["value-type /when/0/invert"]],
    [`{when: [{cookie: a, matches: a}], ${limits}}`, ["policy-incomplete /when/0", "key-unknown /when/0/cookie"]],
  ];
  for (const [text, expected] of wrongGroups) {
    test(`a group: ${text}`, async () => {
      const { found } = await withPolicies(group(text));
      const at = "/resourcePolicies/0/a/conditionGroups/0";
      assert.deepEqual(
        found.map((line) => line.replace("error ", "").replace(at, "")),
        expected,
      );
    });
  }

  test("patterns that are bounded enough", async () => {
    for (const pattern of [
      "acme|globex",
      "v[0-9]+",
      "(?:a|b)?c{1,20}",
      "[*+]{3}\\\\(x\\\\)*",
      "",
      ".*@corp\\\\.test",
      "Mozilla/.*? (Chrome|Firefox|Edge|Safari)/.*",
      "\\\\d{1,3}\\\\.\\\\d{1,3}\\\\.\\\\d{1,3}\\\\.\\\\d{1,3}",
      "\\\\p{Lu}\\\\p{L}+-\\\\u{41}*",
      Array.from({ length: 200 }, (_, i) => `shop${i}`).join("|"),
    ]) {
      const { found } = await withPolicies(group(`{when: [{header: X-A, matches: "${pattern}"}], ${limits}}`));
      assert.deepEqual(found, [], pattern);
    }
  });

  test("a preset need not be written down, and what is written counts instead (K-06)", async () => {
    const { checked } = await withPolicies(
      "compat: apim1\nsubscriptionPolicies:\n  - Gold: {count: 7, unitTime: 1, timeUnit: hour}\n",
    );
    const counts = (level: "resource" | "application" | "subscription") =>
      [...(checked?.policies[level].values() ?? [])].map(({ name, count }) => `${name} ${count}`);
    assert.deepEqual(counts("resource"), ["Bronze 1", "Silver 5", "Gold 20"]);
    assert.deepEqual(counts("application"), ["Bronze 1", "Silver 5", "Gold 20"]);
    assert.deepEqual(counts("subscription"), ["Bronze 1", "Silver 5", "Gold 7", "Unauthenticated 500", "Default 500"]);
  });

  test("quotas beyond the original's", async () => {
    const { checked, found } = await withPolicies(
      "resourcePolicies:\n  - a: {bandwidth: 10mb, unitTime: 1, timeUnit: min}\n  - b: {count: 9, unitTime: 1, timeUnit: min, algorithm: sliding}\n  - c: {count: 9, unitTime: 1, timeUnit: min, algorithm: fixed, countedRequests: accepted}\n",
    );
    assert.deepEqual(found, []);
    const facts = [...(checked?.policies.resource.values() ?? [])];
    assert.deepEqual(
      facts.map(({ count, burst, counted }) => [count, burst, counted]),
      [
        [10 * 1024 * 1024, undefined, "bytes"],
        [9, 9, undefined],
        [9, undefined, undefined],
      ],
    );
  });

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
