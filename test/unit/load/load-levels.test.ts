import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compile } from "../../../compiler/compile.ts";
import { memoryHost } from "../../support/memory-host.ts";

const definition = `openapi: 3.0.3
info: {title: Pets, version: 1.0.0}
x-wso2-basePath: /shop
x-wso2-production-endpoints: {urls: [https://pets.test]}
paths:
  /pets: {get: {security: [], responses: {"200": {description: ok}}}}
  /pets/mine: {get: {security: [], responses: {"200": {description: ok}}}}
`;
const policies = "resourcePolicies: [{Mine: {count: 1, unitTime: 1, timeUnit: min}}]\n";

/** `severity code pointer` of what is found, and whether the compilation failed. */
async function found(settings: string): Promise<readonly [readonly string[], boolean]> {
  const files = {
    "api_definitions/pets.yaml": definition,
    "policies.yaml": policies,
    "castgate.yaml": `compatibility: standard\n${settings}`,
  };
  const { diagnostics, failed } = await compile("p", memoryHost(files), { stopAfter: "lower" });
  return [diagnostics.map(({ severity, code, place }) => `${severity} ${code} ${place.ref.pointer}`), failed];
}

const pets = "/paths/~1pets/get";
const mine = "/paths/~1pets~1mine/get";
const plain = [
  `note operation-public ${pets}`,
  `warning public-without-reason ${pets}`,
  `note operation-public ${mine}`,
  `warning public-without-reason ${mine}`,
  "warning tier-unused /resourcePolicies/0/Mine",
];

describe("levels of a project", () => {
  test("none", async () => assert.deepEqual(await found(""), [plain, false]));

  test("a warning that is ignored, everywhere", async () => {
    const expected = plain.filter((text) => !text.includes("public-without"));
    assert.deepEqual(await found("diagnostics: {public-without-reason: ignore}\n"), [expected, false]);
    assert.deepEqual(await found("ignore: [public-without-reason]\n"), [expected, false]);
  });

  test("a warning that is an error, and stops the compilation", async () => {
    const expected = plain.map((text) => text.replace("warning tier-unused", "error tier-unused"));
    const [all, failed] = await found("diagnostics: {tier-unused: error}\n");
    // Found by 2-check: what lowering would note is not reached.
    assert.deepEqual(all, [expected[4]]);
    assert.equal(failed, true);
    const late = await found("diagnostics: {public-without-reason: error}\n");
    assert.deepEqual(late, [plain.map((text) => text.replace("warning public", "error public")), true]);
  });

  test("a note that is raised", async () => {
    const expected = plain.map((text) => text.replace("note operation-public", "warning operation-public"));
    assert.deepEqual(await found("diagnostics: {operation-public: warning}\n"), [expected, false]);
    assert.equal((await found("diagnostics: {operation-public: warning}\ndeny-warnings: true\n"))[1], true);
  });

  test("in one place, with a reason; of several entries the first that holds", async () => {
    const entry = `{level: ignore, in: "api_definitions/pets.yaml#/paths/~1pets", reason: a shop window}`;
    const [all] = await found(`diagnostics: {public-without-reason: [${entry}, error]}\n`);
    assert.deepEqual(
      all.filter((text) => text.includes("public-without")),
      [`error public-without-reason ${mine}`],
    );
    const [file] = await found(
      "diagnostics: {tier-unused: {level: ignore, in: policies.yaml, reason: for the next release}}\n",
    );
    assert.deepEqual(file, plain.slice(0, 4));
  });

  test("it holds before `ignore`", async () => {
    const [all] = await found("ignore: [tier-unused]\ndiagnostics: {tier-unused: error}\n");
    assert.ok(all.includes("error tier-unused /resourcePolicies/0/Mine"));
  });

  const wrong: readonly (readonly [string, readonly string[]])[] = [
    ["7", ["error setting-type /diagnostics"]],
    ["{no-such-code: error}", ["error ignore-unknown /diagnostics/no-such-code"]],
    ["{tier-unused: off}", ["error setting-value /diagnostics/tier-unused"]],
    ["{tier-unused: 7}", ["error setting-type /diagnostics/tier-unused"]],
    ["{tier-unused: {level: ignore}}", ["error level-incomplete /diagnostics/tier-unused"]],
    [
      "{tier-unused: {level: ignore, in: policies.yaml, reason: ''}}",
      ["error level-incomplete /diagnostics/tier-unused/reason"],
    ],
    ["{tier-unused: {level: ignore, in: 7, reason: x}}", ["error setting-type /diagnostics/tier-unused/in"]],
    [
      "{tier-unused: {level: ignore, in: policies.yaml, reason: x, until: y}}",
      ["error setting-unknown /diagnostics/tier-unused/until"],
    ],
    [
      "{tier-unused: {level: ignore, in: policy.yaml, reason: x}}",
      ["error level-place-unknown /diagnostics/tier-unused/in"],
    ],
    [
      "{tier-unused: {level: ignore, in: policies.yaml#/subscriptionPolicies, reason: x}}",
      ["error level-place-unknown /diagnostics/tier-unused/in"],
    ],
    ["{__proto__: error}", ["error ignore-unknown /diagnostics/__proto__"]],
    ["{route-duplicate: ignore}", ["warning level-useless /diagnostics/route-duplicate"]],
    ["{operation-public: ignore}", ["warning level-useless /diagnostics/operation-public"]],
  ];
  for (const [value, expected] of wrong) {
    test(`diagnostics: ${value}`, async () => {
      const [all] = await found(`diagnostics: ${value}\n`);
      const own = all.filter((text) => text.includes("/diagnostics"));
      for (const text of expected) assert.ok(own.includes(text), own.join("\n"));
    });
  }
});
