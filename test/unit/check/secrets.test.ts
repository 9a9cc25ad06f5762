import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compile } from "../../../compiler/compile.ts";
import { renderGithub } from "../../../compiler/diagnostics/render-github.ts";
import { renderJson } from "../../../compiler/diagnostics/render-json.ts";
import { renderPretty } from "../../../compiler/diagnostics/render-pretty.ts";
import { renderSarif } from "../../../compiler/diagnostics/render-sarif.ts";
import { memoryHost } from "../../support/memory-host.ts";
import { check, definition, operation } from "./check.ts";

const secret = "q7Jw2LxV9bTzR4mK";

async function found(change: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
  const files = { "policies.yaml": "{}\n" };
  const { diagnostics } = await check(definition(change), { compatibility: "standard", lint: true, files });
  return diagnostics
    .filter(({ code }) => code === "secret-in-file")
    .map(({ place, message }) => `${place.ref.pointer}: ${message.slice(0, message.indexOf(": "))}`);
}

const withParameter = (parameter: Readonly<Record<string, unknown>>) => ({
  paths: { "/pets": { get: operation({ parameters: [{ in: "query", schema: { type: "string" }, ...parameter }] }) } },
});

describe("secrets by position", () => {
  test("credentials in an extension", async () => {
    assert.deepEqual(await found({ "x-partner": { apiKey: secret, retries: 3 } }), [
      '/x-partner/apiKey: the value of "apiKey" looks like a real secret',
    ]);
  });

  test("a short one is enough there", async () => {
    assert.equal((await found({ "x-partner": { password: "hunter22" } })).length, 1);
  });

  test("in the query of a URL that the gateway is to call", async () => {
    const endpoints = (query: string) => ({ "x-wso2-production-endpoints": { urls: [`https://b.test/v1?${query}`] } });
    assert.deepEqual(await found(endpoints(`v=2&api_key=${secret}`)), [
      '/x-wso2-production-endpoints/urls/0: "api_key" in the query of a URL looks like a real secret',
    ]);
    for (const query of ["v=2", `page_token=${secret}`, "api_key=changeme", "api_key={key}", "api_key=", "api_key"])
      assert.deepEqual(await found(endpoints(query)), [], query);
  });

  test("what refers to something elsewhere is none, nor is a placeholder", async () => {
    for (const value of ["@env:{KEY}", "$KEY", "context.identity.apiKey", "<key>", "changeme", "/run/keys/partner"])
      assert.deepEqual(await found({ "x-partner": { apiKey: value } }), [], value);
  });

  test("examples and defaults under a name that asks for a secret", async () => {
    assert.deepEqual(await found(withParameter({ name: "client_secret", example: secret })), [
      '/paths/~1pets/get/parameters/0/example: the example of "client_secret" looks like a real secret',
    ]);
    const schema = { type: "object", properties: { access_token: { type: "string", default: secret } } };
    assert.deepEqual(await found({ components: { securitySchemes: {}, schemas: { A: schema } } }), [
      '/components/schemas/A/properties/access_token/default: the example of "access_token" looks like a real secret',
    ]);
  });

  test("an example's own name says nothing of its value", async () => {
    const examples = { GetSecret: { value: secret } };
    assert.deepEqual(await found(withParameter({ name: "id", examples })), []);
  });

  test("other names, and other values, are none", async () => {
    assert.deepEqual(await found(withParameter({ name: "sha", example: secret })), []);
    assert.deepEqual(await found(withParameter({ name: "page_token", example: secret })), []);
    assert.deepEqual(await found(withParameter({ name: "api_key", example: "a key of yours" })), []);
    assert.deepEqual(await found(withParameter({ name: "api_key", description: secret })), []);
  });

  test("a token in a header's example, without its scheme", async () => {
    assert.equal(
      (await found(withParameter({ name: "X-Authorization", in: "header", example: `Bearer ${secret}` }))).length,
      1,
    );
  });

  test("the same secret once; of many, twenty, and the rest is counted", async () => {
    assert.equal((await found({ "x-a": { secret }, "x-b": { secret } })).length, 1);
    const many = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`x-p${i}`, { secret: `${secret}${i}` }]));
    const files = { "policies.yaml": "{}\n" };
    const { diagnostics } = await check(definition(many), { lint: true, files });
    const all = diagnostics.filter(({ code }) => code === "secret-in-file");
    assert.equal(all.length, 20);
    assert.match(all[19]?.message ?? "", /; 5 more secrets are in this file/);
  });
});

/** What each way of printing says of a project; none may show a secret. */
async function printed(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const { diagnostics, sources } = await compile("project", memoryHost(files), { stopAfter: "lower" });
  assert.ok(diagnostics.some(({ code }) => code === "secret-in-file"));
  return [
    renderPretty(diagnostics, sources),
    renderPretty(diagnostics, sources, { color: true }),
    renderJson(diagnostics, sources),
    renderGithub(diagnostics, sources),
    renderSarif(diagnostics, sources, { version: "0" }),
  ];
}

describe("a secret is never printed", () => {
  const head = `openapi: 3.0.3
info: {title: Pets, version: 1.0.0}
x-wso2-production-endpoints: {urls: [https://pets.example.com]}
`;
  const paths = `paths:
  /pets: {get: {responses: {"200": {description: ok}}}}
`;
  const cases: readonly (readonly [string, string])[] = [
    ["plain", `x-partner: {apiKey: ${secret}}\n`],
    ["quoted", `x-partner: {apiKey: "${secret}"}\n`],
    [
      "beside other mistakes on its line",
      `x-wso2-transports: [htp]  \nx-partner: {apiKey: ${secret}, x: [}]}\n`.replace(", x: [}]", ""),
    ],
    ["on the line before another mistake", `x-partner: {apiKey: ${secret}}\nx-wso2-transports: [htp]\n`],
    ["quoted by another message", `x-wso2-throttling-tier: ${secret}\nx-partner: {apiKey: ${secret}}\n`],
    ["in a block of lines", `x-partner:\n  apiKey: |-\n    ${secret}\n`],
    ["folded over two lines", `x-partner:\n  apiKey: "${secret.slice(0, 8)}\\\n    ${secret.slice(8)}"\n`],
    ["with an escape", `x-partner: {apiKey: "\\x71${secret.slice(1)}"}\n`],
  ];
  for (const [name, text] of cases) {
    test(name, async () => {
      for (const output of await printed({ "api_definitions/pets.yaml": head + text + paths })) {
        for (const part of [secret, secret.slice(1), secret.slice(0, 8), secret.slice(8)])
          assert.ok(!output.includes(part), `${part} in ${output}`);
      }
    });
  }

  test("in a definition of one long line", async () => {
    const text = JSON.stringify(definition({ "x-a": { secret }, "x-wso2-transports": ["htp"] }));
    for (const output of await printed({ "api_definitions/pets.json": text })) assert.ok(!output.includes(secret));
  });

  test("a key of many lines", async () => {
    const lines = Array.from({ length: 4 }, (_, i) => `${secret}${i}c8Hn3PyD6sGf1WuA5eXo0ZiB`);
    const pem = `x-note: |\n  -----BEGIN ${"PRIVATE"} KEY-----\n  ${lines.join("\n  ")}\n  -----END ${"PRIVATE"} KEY-----\nx-wso2-transports: [htp]\n`;
    for (const output of await printed({ "api_definitions/pets.yaml": head + pem + paths }))
      assert.ok(!output.includes("c8Hn3PyD6s"), output);
  });
});
