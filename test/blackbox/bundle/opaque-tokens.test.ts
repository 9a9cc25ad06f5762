import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { until } from "../../support/debian-services.ts";
import {
  type CompiledProject,
  compileProject,
  type RunningGateway,
  startGateway,
} from "../../support/gateway-under-test.ts";
import { ServiceUnderTest } from "../../support/service-under-test.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const definition = {
  openapi: "3.0.3",
  info: { title: "Pets", version: "1.0.0" },
  servers: [{ url: "http://pets.test/api" }],
  "x-wso2-basePath": "/pets/1.0.0",
  components: {
    securitySchemes: {
      token: {
        type: "oauth2",
        flows: { clientCredentials: { tokenUrl: "https://idp.test/token", scopes: { "read:pets": "Read" } } },
      },
    },
  },
  security: [{ token: [] }],
  paths: {
    "/all": { get: { responses: { 200: { description: "Fine" } } } },
    "/some": { get: { security: [{ token: ["read:pets"] }], responses: { 200: { description: "Fine" } } } },
  },
};

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  describe(`opaque tokens, ${compatibility}`, () => {
    const parent = mkdtempSync(path.join(os.tmpdir(), "castgate-test-"));
    const issuer = new TestIssuer("https://issuer.test");
    const keyManager = new ServiceUnderTest({ key: issuer.privateKeyPem, cert: issuer.certificatePem });
    let backend: StubBackend;
    let project: CompiledProject;
    let gateway: RunningGateway;

    before(async () => {
      const source = path.join(parent, "pets");
      mkdirSync(path.join(source, "api_definitions"), { recursive: true });
      writeFileSync(path.join(source, "api_definitions/pets.json"), JSON.stringify(definition));
      const features = compatibility === "standard" ? "features: [introspection]\n" : "";
      writeFileSync(path.join(source, "castgate.yaml"), `name: pets\ncompatibility: ${compatibility}\n${features}`);
      [backend, project] = await Promise.all([StubBackend.start(), compileProject(source), keyManager.start()]);
      const settings = `[keyManager]\nserverUrl = "${keyManager.url}"\nusername = "gw"\npassword = "gw-pass-word"\n`;
      gateway = await startGateway(project, { issuer, backend, settings });
    });
    after(async () => {
      await gateway.stop();
      await Promise.all([backend.stop(), keyManager.stop()]);
      project.remove();
      rmSync(parent, { recursive: true });
    });
    beforeEach(() => {
      keyManager.requests.length = 0;
      backend.seen.length = 0;
    });

    async function get(path: string, token: string): Promise<{ readonly status: number; readonly code: unknown }> {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${gateway.origin}/pets/1.0.0${path}`, { headers });
      const body = (await response.json()) as { readonly fault?: { readonly code: unknown } };
      return { status: response.status, code: body.fault?.code };
    }

    test("one that the key manager vouches for, which is asked once; the backend does not see it", async () => {
      keyManager.json({ active: true, username: "alice", scope: "read:pets" });
      for (const path of ["/all", "/some", "/all"]) assert.equal((await get(path, "vouched-for")).status, 200);
      assert.equal(keyManager.requests.length, 1);
      assert.equal(keyManager.requests[0]?.url, "/oauth2/introspect");
      assert.equal(backend.seen.length, 3);
      assert.ok(!JSON.stringify(backend.seen).includes("vouched-for"));
    });

    test("a scope that it does not have: 403 with 900910", async () => {
      keyManager.json({ active: true, username: "alice", scope: "write:pets" });
      assert.equal((await get("/all", "no-scope")).status, 200);
      assert.deepEqual(await get("/some", "no-scope"), { status: 403, code: 900910 });
    });

    test("without a user no scope is held in wso2-3.2 (S-OPQ-07)", async () => {
      keyManager.json({ active: true, sub: "alice", scope: "read:pets" });
      const status = compatibility === "standard" ? 200 : 403;
      assert.equal((await get("/some", "no-user")).status, status);
    });

    test("one that is not active, and one that cannot be a token: 401 with 900901", async () => {
      keyManager.json({ active: false });
      assert.deepEqual(await get("/all", "not-active"), { status: 401, code: 900901 });
      assert.equal(keyManager.requests.length, 1);
      assert.deepEqual(await get("/all", "a&token=vouched-for"), { status: 401, code: 900901 });
      assert.deepEqual(await get("/all", "x".repeat(5_000)), { status: 401, code: 900901 });
      assert.equal(keyManager.requests.length, 1);
      assert.equal(backend.seen.length, 0);
    });

    test("a JWT is not asked about (S-SEL-14)", async () => {
      assert.equal((await get("/all", issuer.token())).status, 200);
      assert.deepEqual(await get("/all", "a.b.c"), { status: 401, code: 900901 });
      assert.equal(keyManager.requests.length, 0);
    });

    test("key manager away: 503 with 900900; what it vouched for goes on; nothing is let in", async () => {
      keyManager.json({ active: true, username: "alice", scope: "read:pets" });
      await get("/all", "known");
      await keyManager.stop();
      backend.seen.length = 0;
      for (const token of ["new-1", "new-2", "new-3"])
        assert.deepEqual(await get("/all", token), { status: 503, code: 900900 });
      assert.equal(backend.seen.length, 0);
      assert.equal((await get("/all", "known")).status, 200);
      assert.equal((await get("/all", issuer.token())).status, 200);
      await keyManager.start();
      let last = 503;
      await until(async () => {
        last = (await get("/all", "new-1")).status;
        return last !== 503;
      });
      assert.equal(last, 200);
    });

    test("no token, password or answer in the log (S-SEC-15)", async () => {
      await until(() => /"reason":"opaque token: not active"[\s\S]*"msg":"key manager away"/.test(gateway.log()));
      const log = gateway.log();
      const basic = Buffer.from("gw:gw-pass-word").toString("base64");
      for (const secret of ["vouched-for", "not-active", "known", "new-1", "gw-pass-word", basic, "alice"])
        assert.ok(!log.includes(secret), secret);
    });
  });
}

test("a gateway that takes no tokens has nobody to ask", async () => {
  const parent = mkdtempSync(path.join(os.tmpdir(), "castgate-test-"));
  const source = path.join(parent, "open");
  mkdirSync(path.join(source, "api_definitions"), { recursive: true });
  const open = { ...definition, "x-wso2-disable-security": true };
  writeFileSync(path.join(source, "api_definitions/pets.json"), JSON.stringify(open));
  const project = await compileProject(source);
  const { modules } = project.manifest as unknown as { readonly modules: readonly string[] };
  assert.ok(modules.includes("main"));
  assert.ok(!modules.includes("introspection"));
  assert.ok(!modules.includes("key-manager"));
  project.remove();
  rmSync(parent, { recursive: true });
});
