import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import { DevFolder } from "../../../compiler/commands/dev/dev-folder.ts";
import { sampleRequests } from "../../../compiler/commands/dev/sample-requests.ts";
import { compile } from "../../../compiler/compile.ts";
import { memoryHost } from "../../support/memory-host.ts";

const ok = { responses: { 200: { description: "ok" } } };
const id = { name: "id", in: "path", required: true, schema: { type: "string" } };
const definition = {
  openapi: "3.0.3",
  info: { title: "Shop", version: "1" },
  servers: [{ url: "https://shop.test/v1" }],
  "x-wso2-auth-header": "X-Auth",
  paths: {
    "/open/$(touch owned)/{id}.json": { get: { ...ok, parameters: [id], security: [] } },
    "/query/`touch owned`": {
      get: {
        ...ok,
        security: [{ inQuery: [] }],
        parameters: [
          { name: "q'\"", in: "query", required: true, schema: { type: "string", example: "$(touch owned)" } },
        ],
      },
    },
    "/token": { get: { ...ok, security: [{ token: ["a'; touch owned #", "b"] }] } },
    "/basic": {
      post: {
        ...ok,
        security: [{ basic: [] }],
        requestBody: { content: { "application/json": { example: { text: "it's $(touch owned)" } } } },
      },
    },
  },
  components: {
    securitySchemes: {
      inQuery: { type: "apiKey", in: "query", name: "key" },
      token: {
        type: "oauth2",
        flows: { clientCredentials: { tokenUrl: "https://shop.test", scopes: { "a'; touch owned #": "", b: "" } } },
      },
      basic: { type: "http", scheme: "basic" },
    },
  },
};

describe("sample requests of the development gateway", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-test-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("hostile text in a definition stays text in the shell", async () => {
    const host = memoryHost({
      "castgate.yaml": "compatibility: standard\n",
      "api_definitions/shop.json": JSON.stringify(definition),
    });
    const { build, diagnostics } = await compile("shop", host, { stopAfter: "audit" });
    assert.deepEqual(
      diagnostics.filter(({ severity }) => severity === "error"),
      [],
    );
    assert.ok(build !== undefined);
    const dev = new DevFolder(folder);
    await dev.prepare();
    const requests = await sampleRequests(build, dev, { http: 9090, https: 9095 }, folder);
    const words = Object.fromEntries(requests.map(({ path, line }) => [path, argumentsOf(line, folder)]));
    const origin = "http://127.0.0.1:9090";

    const open = "/v1/open/$(touch%20owned)/1.json";
    assert.deepEqual(words[open], ["-i", origin + open]);
    const [, query] = words["/v1/query/`touch%20owned`"] ?? [];
    assert.match(query ?? "", /\/v1\/query\/`touch%20owned`\?q'%22=%24\(touch%20owned\)&key=eyJ[\w.-]+$/);
    const [, flag, field] = words["/v1/token"] ?? [];
    assert.equal(flag, "-H");
    assert.match(field ?? "", /^X-Auth: Bearer eyJ[\w.-]+$/);
    const basic = words["/v1/basic"] ?? [];
    assert.match(basic[4] ?? "", /^X-Auth: Basic [\w+/=]+$/);
    assert.ok(basic.includes(JSON.stringify({ text: "it's $(touch owned)" })));
    assert.ok(!existsSync(path.join(folder, "owned")));
  });
});

/** What `curl` would get, as the shell reads the line. */
function argumentsOf(line: string, folder: string): string[] {
  const script = `curl() { for word in "$@"; do printf '%s\\0' "$word"; done; }\n${line}`;
  return execFileSync("sh", ["-c", script], { cwd: folder, encoding: "utf8" }).split("\0").slice(0, -1);
}
