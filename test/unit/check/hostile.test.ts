import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check, definition, operation } from "./check.ts";

/** JSON text, so that `__proto__` is a key of its own. */
const proto = JSON.parse('{"__proto__": {"get": {}}, "constructor": 2, "toString": null}');
const junk: readonly unknown[] = [
  null,
  0,
  -1.5,
  true,
  "",
  " ",
  "*/ process.exit() /*",
  "__proto__",
  "{",
  "#/x-wso2-endpoints/__proto__",
  [],
  {},
  [null],
  [[]],
  [{ a: null }],
  proto,
  { $ref: "#/nowhere" },
  { $ref: 5 },
];
const rootKeys = [
  "info",
  "paths",
  "servers",
  "security",
  "components",
  "x-wso2-basePath",
  "x-wso2-production-endpoints",
  "x-wso2-sandbox-endpoints",
  "x-wso2-endpoints",
  "x-wso2-throttling-tier",
  "x-throttling-tier",
  "x-wso2-cors",
  "x-wso2-request-interceptor",
  "x-wso2-disable-security",
  "x-wso2-application-security",
  "x-wso2-mutual-ssl",
  "x-wso2-transports",
  "x-wso2-auth-header",
  "x-wso2-owner",
  "x-wso2-response-cache",
  "x-castgate-encoded-slash",
];
const operationKeys = [
  "operationId",
  "parameters",
  "security",
  "servers",
  "x-scope",
  "x-auth-type",
  "x-wso2-production-endpoints",
  "responses",
];

describe("whatever stands in a definition, a diagnostic is the worst that happens", () => {
  for (const compatibility of ["wso2-3.2", "standard"] as const) {
    for (const key of rootKeys) {
      test(`${key} at the top, ${compatibility}`, async () => {
        for (const value of junk) await check(definition({ [key]: value }), { compatibility });
      });
    }
    for (const key of operationKeys) {
      test(`${key} of an operation, ${compatibility}`, async () => {
        for (const value of junk) {
          const paths = { "/pets/{id}": { get: operation({ [key]: value }) } };
          await check(definition({ paths }), { compatibility });
        }
      });
    }
    test(`path items and operations, ${compatibility}`, async () => {
      for (const value of junk) {
        await check(definition({ paths: { "/a": value } }), { compatibility });
        await check(definition({ paths: { "/a": { get: value } } }), { compatibility });
        await check(definition({ components: { securitySchemes: { key: value } } }), { compatibility });
        await check(definition({ servers: [value] }), { compatibility });
      }
    });
  }

  test("keys of Object.prototype are ordinary keys", async () => {
    const { checked, found } = await check(
      definition({
        paths: JSON.parse(
          '{"/__proto__": {"get": {"responses": {"200": {"description": "x"}}}}, "/constructor/{toString}": {"get": {"responses": {"200": {"description": "x"}}}}}',
        ),
      }),
    );
    assert.deepEqual(found, ["warning path-parameter-undeclared /paths/~1constructor~1{toString}"]);
    assert.deepEqual(
      checked?.apis[0]?.operations.map(({ path }) => path),
      ["/__proto__", "/constructor/{toString}"],
    );
  });

  test("an operationId is only text", async () => {
    const { checked, found } = await check(
      definition({ paths: { "/a": { get: operation({ operationId: "*/ process.exit() /*" }) } } }),
    );
    assert.deepEqual(found, []);
    assert.equal(checked?.apis[0]?.operations[0]?.operationId, "*/ process.exit() /*");
  });
});
