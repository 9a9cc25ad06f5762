import assert from "node:assert/strict";
import { test } from "node:test";
import { diffGateways } from "../../../../compiler/review/diff/diff-gateways.ts";
import { modelOf } from "./project.ts";

const policies = `resourcePolicies:
  - Ten: {count: 10, unitTime: 1, timeUnit: min}
  - Twenty: {count: 20, unitTime: 1, timeUnit: min}
subscriptionPolicies:
  - Gold: {count: 100, unitTime: 1, timeUnit: min}
`;
const definition = `openapi: 3.1.0
info: {title: Shop, version: 1.0.0}
x-wso2-basePath: /shop
x-wso2-production-endpoints: {urls: ["https://shop.test/v1"]}
security: [{ba: []}]
components: {securitySchemes: {ba: {type: http, scheme: basic}}}
paths:
  /items:
    get: {x-wso2-throttling-tier: Ten, responses: {"200": {description: ok}}}
`;

async function places(head: { readonly definition?: string; readonly policies?: string }) {
  const files = (texts: typeof head) => ({
    "castgate.yaml": "compatibility: standard\n",
    "api_definitions/shop.yaml": texts.definition ?? definition,
    "policies.yaml": texts.policies ?? policies,
  });
  return diffGateways(await modelOf(files({})), await modelOf(files(head))).map(
    ({ code, base, head }) =>
      [code, base && `${base.file}#${base.pointer}`, head && `${head.file}#${head.pointer}`] as const,
  );
}

test("a tier that is another one under its name is what was edited", async () => {
  assert.deepEqual(await places({ policies: policies.replace("count: 10,", "count: 11,") }), [
    ["limit-raised", "policies.yaml#/resourcePolicies/0/Ten", "policies.yaml#/resourcePolicies/0/Ten"],
  ]);
  assert.deepEqual(await places({ policies: policies.replace("count: 100,", "count: 99,") }), [
    ["caller-tier-lowered", "policies.yaml#/subscriptionPolicies/0/Gold", "policies.yaml#/subscriptionPolicies/0/Gold"],
  ]);
});

test("an operation that asks for another tier is what was edited", async () => {
  const operation = "api_definitions/shop.yaml#/paths/~1items/get";
  assert.deepEqual(await places({ definition: definition.replace("tier: Ten", "tier: Twenty") }), [
    ["limit-raised", operation, operation],
  ]);
});

test("where a tier stands among others is no change", async () => {
  const [head, ten, twenty, ...rest] = policies.split("\n");
  assert.deepEqual(await places({ policies: [head, twenty, ten, ...rest].join("\n") }), []);
});
