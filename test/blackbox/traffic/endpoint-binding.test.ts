import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { until } from "../../support/debian-services.ts";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { ask, compileParts, definition, get } from "../../support/security-project.ts";
import { identity } from "../../support/self-signed.ts";
import { ServiceUnderTest } from "../../support/service-under-test.ts";
import { StubBackend } from "../../support/stub-backend.ts";

const secured = identity("localhost", { type: 2, value: "localhost" });
const own = identity("gateway", { type: 2, value: "gateway.test" });
const other = identity("localhost", { type: 2, value: "localhost" });
const pinOf = ({ cert }: { readonly cert: string }) =>
  createHash("sha256")
    .update(new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");

const open = (name: string, more: object = {}) => ({
  "x-wso2-disable-security": true,
  "x-wso2-production-endpoints": { name, urls: [`http://${name}.test/api`], ...more },
});
const anyPath = {
  "/x": get(),
  "/x/{id}": { parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }], ...get() },
};
const apis = {
  plain: definition("Plain", open("plain"), anyPath),
  address: definition("Address", open("address", { type: "address" }), anyPath),
  fixed: definition("Fixed", open("fixed", { "x-castgate-append-path": false }), anyPath),
  pool: definition(
    "Pool",
    open("pool", {
      advanceEndpointConfig: { poolConfig: { maxActiveConnections: 2, waitTimeInMillis: 500 } },
    }),
    anyPath,
  ),
  header: definition(
    "Header",
    open("header", { "x-castgate-credentials": { type: "header", name: "X-Backend-Key" } }),
    anyPath,
  ),
  token: definition(
    "Token",
    open("token", {
      "x-castgate-credentials": { type: "oauth2", tokenUrl: "https://idp.test/token", scopes: ["read", "write"] },
    }),
    anyPath,
  ),
  pinned: definition(
    "Pinned",
    open("pinned", { urls: ["https://pinned.test"], "x-castgate-pins": [pinOf(secured)] }),
    anyPath,
  ),
  own: definition("Own", open("own", { urls: ["https://own.test"] }), anyPath),
  foreign: definition("Foreign", open("foreign", { urls: ["https://foreign.test"] }), anyPath),
  mispinned: definition(
    "Mispinned",
    open("mispinned", { urls: ["https://mispinned.test"], "x-castgate-pins": [pinOf(other)] }),
    anyPath,
  ),
};
const secrets = [
  "--header_prod_header_value=header secret",
  "--token_prod_oauth2_client_id=gate way",
  "--token_prod_oauth2_client_secret=token:secret",
];

describe("how endpoints are bound", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-binding-"));
  const tls = new ServiceUnderTest(secured);
  const issuer = new ServiceUnderTest();
  let backend: StubBackend;
  let slow: Server;
  let asking: TlsServer;
  let project: CompiledProject;
  let gateway: RunningGateway;
  let issued = 0;
  let atOnce = 0;
  let most = 0;

  before(async () => {
    [backend, project] = await Promise.all([
      StubBackend.start(),
      compileParts("binding", {
        compatibility: "standard",
        apis,
        policies: { subscriptionPolicies: [{ Unauthenticated: { count: 99_999, unitTime: 1, timeUnit: "day" } }] },
      }),
      tls.start(),
      issuer.start(),
    ]);
    slow = createServer((_request, response) => {
      most = Math.max(most, ++atOnce);
      setTimeout(() => {
        atOnce--;
        response.end("slow");
      }, 600);
    });
    await new Promise<void>((resolve) => slow.listen(0, "127.0.0.1", resolve));
    mkdirSync(path.join(folder, "all"));
    writeFileSync(path.join(folder, "all/ca.pem"), secured.cert);
    writeFileSync(path.join(folder, "other.pem"), other.cert);
    writeFileSync(path.join(folder, "gateway.pem"), own.key + own.cert);
    asking = createTlsServer({ ...other, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      response.end((request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? "nobody");
    });
    await new Promise<void>((resolve) => asking.listen(0, "localhost", resolve));
    const elsewhere = `https://localhost:${(asking.address() as AddressInfo).port}`;
    gateway = await startGateway(project, {
      args: [
        `--plain_prod_endpoint_0=${backend.origin}/api`,
        `--address_prod_endpoint_0=${backend.origin}/only/this/?own=1`,
        `--fixed_prod_endpoint_0=${backend.origin}/service`,
        `--pool_prod_endpoint_0=http://127.0.0.1:${(slow.address() as AddressInfo).port}`,
        `--header_prod_endpoint_0=${backend.origin}`,
        `--token_prod_endpoint_0=${backend.origin}`,
        `--token_prod_oauth2_token_url=${issuer.url}/token`,
        `--pinned_prod_endpoint_0=${tls.url}`,
        `--mispinned_prod_endpoint_0=${tls.url}`,
        `--own_prod_endpoint_0=${elsewhere}`,
        `--own_prod_trustStorePath=${path.join(folder, "other.pem")}`,
        `--own_prod_keyStorePath=${path.join(folder, "gateway.pem")}`,
        `--foreign_prod_endpoint_0=${elsewhere}`,
        `--httpClients.sslConfig.trustStorePath=${path.join(folder, "all")}`,
        ...secrets,
      ],
    });
  });
  after(async () => {
    await gateway?.stop();
    await Promise.all([backend?.stop(), tls.stop(), issuer.stop()]);
    for (const server of [slow, asking]) {
      server?.closeAllConnections();
      server?.close();
    }
    project?.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    backend.seen.length = 0;
    backend.answers.length = 0;
    tls.requests.length = 0;
    issuer.requests.length = 0;
    issued = 0;
    issuer.answer = (response) => {
      const text = JSON.stringify({ access_token: `t${++issued}`, token_type: "bearer", expires_in: 3 });
      response.writeHead(200, { "content-type": "application/json" }).end(text);
    };
  });

  const to = (target: string, headers: Readonly<Record<string, string>> = {}) =>
    ask(gateway.origin + target, { headers });

  test("R-PIPE-07: redirects are not followed, in or out of the backend's host", async () => {
    for (const location of ["/api/elsewhere", `${tls.url}/there`, "https://elsewhere.test/"]) {
      backend.answers.push({ status: 302, headers: { location }, body: "moved" });
      const { status, headers, body } = await to("/plain/x");
      assert.deepEqual([status, headers.location, body], [302, location, "moved"]);
    }
    backend.answers.push({ status: 308, headers: { location: "/api/x" } });
    assert.equal((await to("/plain/x")).status, 308);
    assert.equal(backend.seen.length, 4);
    assert.equal(tls.requests.length, 0);
  });

  test("R-PIPE-07: cookies are the client's alone", async () => {
    const cookies = ["a=1; Path=/; HttpOnly", "b=2; Domain=plain.test; Secure"];
    backend.answers.push({ headers: { "set-cookie": cookies } });
    assert.deepEqual((await to("/plain/x")).headers["set-cookie"], cookies);
    await to("/plain/x");
    await to("/plain/x", { cookie: "c=3; a=other" });
    assert.deepEqual(
      backend.seen.map(({ headers }) => headers.cookie),
      [undefined, undefined, "c=3; a=other"],
    );
  });

  test("K-26: an address is used as it is, with its query and the request's", async () => {
    await to("/address/x");
    await to("/address/x/1?b=2&c=%20");
    await to("/fixed/x/1");
    await to("/fixed/x?q");
    assert.deepEqual(
      backend.seen.map(({ target }) => target),
      ["/only/this/?own=1", "/only/this/?own=1&b=2&c=%20", "/service", "/service?q"],
    );
  });

  test("R-EP-10: an endpoint's own number of connections, and how long requests wait for one", async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => to("/pool/x")));
    const served = answers.filter(({ status }) => status === 200).length;
    const refused = answers.filter(({ status }) => status === 503);
    assert.equal(most, 2);
    assert.equal(served + refused.length, 12);
    assert.ok(served >= 2 && refused.length >= 1, `${served} were served`);
    for (const { headers } of refused) assert.ok(Number(headers["retry-after"]) > 0);
  });

  test("K-28: a secret in a field, in place of what the client sends under that name", async () => {
    await to("/header/x", { "x-backend-key": "mine", X_Backend_Key: "mine too", "x-other": "passes" });
    const [{ headers } = assert.fail("nothing came")] = backend.seen;
    assert.equal(headers["x-backend-key"], "header secret");
    assert.equal(headers.x_backend_key, undefined);
    assert.equal(headers["x-other"], "passes");
  });

  test("K-28: access tokens of the gateway's own: one for all, renewed when they end", async () => {
    await Promise.all(Array.from({ length: 10 }, () => to("/token/x", { authorization: "Bearer mine" })));
    const sent = () => backend.seen.map(({ headers }) => headers.authorization);
    assert.deepEqual(new Set(sent()), new Set(["Bearer t1"]));
    assert.equal(issuer.requests.length, 1);
    const [{ method, url, headers, body } = assert.fail("nobody asked")] = issuer.requests;
    assert.deepEqual([method, url, body], ["POST", "/token", "grant_type=client_credentials&scope=read+write"]);
    assert.equal(headers.authorization, `Basic ${Buffer.from("gate+way:token%3Asecret").toString("base64")}`);
    await until(async () => {
      await to("/token/x");
      return sent().at(-1) !== "Bearer t1";
    });
    assert.ok(sent().every((value) => value?.startsWith("Bearer t")));
  });

  test("K-28: without a token 503, and the backend is not asked; then one can be had again", async () => {
    issuer.answer = (response) => void response.writeHead(400).end('{"error":"invalid_client"}');
    await until(async () => (await to("/token/x")).status === 503);
    backend.seen.length = 0;
    assert.equal((await to("/token/x")).status, 503);
    assert.equal(backend.seen.length, 0);
    await until(() => gateway.log().includes('"reason":"status 400","msg":"no access token for the backend"'));
    issuer.answer = (response) => void response.end('{"access_token":"again","expires_in":"3600"}');
    await until(async () => (await to("/token/x")).status === 200);
    assert.equal(backend.seen.at(-1)?.headers.authorization, "Bearer again");
    assert.doesNotMatch(gateway.log(), /secret|Bearer|t1/);
  });

  test("K-30: a pinned key, beside chain and name", async () => {
    assert.equal((await to("/pinned/x")).status, 200);
    assert.equal((await to("/mispinned/x")).status, 502);
    assert.equal(tls.requests.length, 1);
    await until(() => gateway.log().includes("PIN_MISMATCH"));
  });

  test("K-30: an endpoint's own trust, and the certificate that it gets", async () => {
    const { status, body } = await to("/own/x");
    assert.deepEqual([status, body], [200, "gateway"]);
    assert.equal((await to("/foreign/x")).status, 502, "the trust of others is not shared");
  });

  test("without its secrets a gateway does not start; none of them is in what is built", () => {
    const { status, stderr } = spawnSync(process.execPath, [project.bundle, "--config", "/dev/null"], {
      encoding: "utf8",
    });
    assert.equal(status, 78);
    assert.match(stderr, /^error: header_prod_header_value: is required: the backend is to get it as X-Backend-Key$/m);
    assert.match(stderr, /^error: token_prod_oauth2_client_id: is required/m);
    assert.match(stderr, /^error: token_prod_oauth2_client_secret: is required/m);
    const basic = ["--token_prod_basic_username=a", "--token_prod_oauth2_token_url=http://idp.test/", ...secrets];
    const wrong = spawnSync(
      process.execPath,
      [project.bundle, "--config", "/dev/null", "--own_prod_keyStorePath=/none"],
      {
        encoding: "utf8",
      },
    );
    assert.match(wrong.stderr, /^error: own_prod_keyStorePath: /m);
    const second = spawnSync(process.execPath, [project.bundle, "--config", "/dev/null", ...basic], {
      encoding: "utf8",
    });
    assert.match(second.stderr, /^error: token_prod_basic_username: cannot be set/m);
    assert.match(second.stderr, /^error: token_prod_oauth2_token_url: must be an https URL/m);
    assert.doesNotMatch(second.stderr, /secret/);
  });
});
