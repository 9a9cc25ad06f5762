import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { ask, compileParts, definition, faults, faultText, get, outcomeOf } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

/** What operations ask of calls besides credentials (K-15, K-16), and paths with a rest (K-19). */

const token = [{ token: [] }];
const fixed = { header: "domain", values: ["shop.test", "*.stores.test"] };
const paths = {
  "/any": get({ security: token, "x-castgate-caller": "any" }),
  "/app": get({ security: [{ token: [] }, { key: [] }, { user: [] }], "x-castgate-caller": "app" }),
  "/user": get({ security: [{ token: [] }, { key: [] }, { user: [] }] }),
  "/none": get({ "x-castgate-caller": "none" }),
  "/words": get({ security: token, "x-auth-type": "Application" }),
  "/fixed": get({ security: token, "x-castgate-caller": "any", "x-castgate-allowed-domains": fixed }),
  "/claimed": get({
    security: token,
    "x-castgate-caller": "any",
    "x-castgate-allowed-domains": { header: "Origin", claim: "allowedDomains" },
  }),
  "/public": get({ "x-castgate-caller": "none", "x-castgate-allowed-domains": fixed }),
  "/files/{rest*}": get({ security: [], "x-castgate-caller": "none" }),
  "/files/own": get({ security: [], "x-castgate-caller": "none" }),
};
const policies = {
  subscriptionPolicies: ["Default", "Unauthenticated"].map((name) => ({
    [name]: { count: 10000, unitTime: 1, timeUnit: "min" },
  })),
};

describe("callers", () => {
  const issuer = new TestIssuer("https://issuer.test");
  let project: CompiledProject;
  let backend: StubBackend;
  let gateway: RunningGateway;

  before(async () => {
    const apis = { shop: definition("Shop", { security: token, "x-castgate-caller": "user" }, paths) };
    project = await compileParts("callers", { compatibility: "standard", apis, policies });
    backend = await StubBackend.start();
    const user = `[b7a.users.alice]\npassword = "@sha256:{${sha256}}"\n`;
    gateway = await startGateway(project, { issuer, backend, settings: user });
  });
  after(async () => {
    await gateway.stop();
    await backend.stop();
    project.remove();
  });

  const send = (target: string, headers: Record<string, string> = {}) =>
    ask(`${gateway.origin}/shop${target}`, { headers });
  const bearer = (claims: Record<string, unknown>) => ({ authorization: `Bearer ${issuer.token(claims)}` });
  const wrongKind = [
    401,
    faultText(
      900905,
      "Incorrect Access Token Type is provided",
      "Incorrect Access Token Type is provided. Unclassified Authentication Failure",
    ),
  ];

  const applications = {
    "API Manager's word": { sub: "alice", aut: "APPLICATION", azp: "c1" },
    "its own subject (RFC 9068 section 2.2)": { sub: "c1", client_id: "c1" },
    "its own subject, as azp": { sub: "c1", azp: "c1" },
    "a grant's name": { sub: "c1@clients", azp: "c1", gty: "client-credentials" },
    "a service account": { sub: "uuid", azp: "c1", preferred_username: "service-account-c1" },
  };
  const users = {
    "API Manager's word": { sub: "c1", aut: "APPLICATION_USER", azp: "c1" },
    "another subject than the client": { sub: "alice", client_id: "c1" },
  };
  const neither = { "no client is named": { sub: "alice" }, "nobody is named": { sub: "", client_id: "c1" } };

  test("K-16: tokens of applications", async () => {
    for (const [why, claims] of Object.entries(applications)) {
      assert.equal((await send("/app", bearer(claims))).status, 200, why);
      assert.deepEqual(outcomeOf(await send("/user", bearer(claims))), wrongKind, why);
      assert.equal((await send("/any", bearer(claims))).status, 200, why);
    }
  });

  test("K-16: tokens of users, and those of which it is not known", async () => {
    for (const [why, claims] of Object.entries(users)) {
      assert.equal((await send("/user", bearer(claims))).status, 200, why);
      assert.deepEqual(outcomeOf(await send("/app", bearer(claims))), wrongKind, why);
    }
    for (const [why, claims] of Object.entries(neither)) {
      assert.deepEqual(outcomeOf(await send("/user", bearer(claims))), wrongKind, why);
      assert.deepEqual(outcomeOf(await send("/app", bearer(claims))), wrongKind, why);
    }
  });

  test("K-16: a user of Basic is one, a key is an application's; none opens; x-auth-type says it, too", async () => {
    const basic = { authorization: `Basic ${Buffer.from("alice:secret").toString("base64")}` };
    assert.equal((await send("/user", basic)).status, 200);
    assert.deepEqual(outcomeOf(await send("/app", basic)), wrongKind);
    const key = { "X-Key": issuer.token({ iss: `${issuer.name}/apikey`, sub: "alice" }) };
    assert.equal((await send("/app", key)).status, 200);
    assert.deepEqual(outcomeOf(await send("/user", key)), wrongKind);
    assert.equal((await send("/none")).status, 200);
    assert.equal((await send("/words", bearer(applications["a grant's name"]))).status, 200);
    const refused = await send("/words", bearer(users["API Manager's word"]));
    assert.deepEqual(outcomeOf(refused), wrongKind);
    assert.equal(refused.headers["www-authenticate"], 'Bearer realm="castgate", error="invalid_token"');
  });

  test("K-15: a field names the domain", async () => {
    const claims = bearer({ sub: "alice", client_id: "c1" });
    const status = async (domain?: string) =>
      (await send("/fixed", { ...claims, ...(domain === undefined ? {} : { Domain: domain }) })).status;
    for (const good of [
      "shop.test",
      "SHOP.test",
      "https://shop.test:8443",
      "a.stores.test",
      "https://b.a.stores.test/x",
    ])
      assert.equal(await status(good), 200, good);
    for (const bad of ["", "evil.test", "shop.test.evil.test", "stores.test", "evilstores.test", "shop.test@evil.test"])
      assert.equal(await status(bad), 403, bad);
    assert.equal(await status(), 403);
    assert.deepEqual(outcomeOf(await send("/public", { domain: "evil.test" })), faults.forbidden);
    assert.equal((await send("/public", { domain: "shop.test" })).status, 200);
  });

  test("K-15: or a claim lists them, for restricted callers alone", async () => {
    const status = async (origin: string, allowedDomains?: unknown) =>
      (await send("/claimed", { origin, ...bearer({ sub: "alice", client_id: "c1", allowedDomains }) })).status;
    assert.equal(await status("https://evil.test"), 200);
    assert.equal(await status("https://shop.test", ["shop.test"]), 200);
    assert.equal(await status("https://a.shop.test", "other.test, *.Shop.test"), 200);
    for (const [origin, listed] of [
      ["https://evil.test", ["shop.test"]],
      ["https://shop.test", []],
      ["https://shop.test", 7],
      ["https://shop.test", { "shop.test": true }],
      ["null", ["shop.test"]],
    ] as const) {
      assert.equal(await status(origin, listed), 403, JSON.stringify(listed));
    }
  });

  test("K-19: {rest*} is any rest of a path, also none; a literal wins", async () => {
    const target = async (below: string) => JSON.parse((await send(below)).body).target;
    assert.equal(await target("/files/a/b%20c/d?x=1"), "/shop.test/api/files/a/b%20c/d?x=1");
    assert.equal(await target("/files"), "/shop.test/api/files");
    const generated = (file: string) => readFileSync(path.join(project.folder, "generated/shop", file), "utf8");
    assert.match(generated("routes.txt"), /^GET {2}\/shop\/files\/\{rest\*\} {2}access: public/m);
    assert.match(
      generated("routes.txt"),
      /^GET {2}\/shop\/fixed .* {2}domain: domain in \*\.stores\.test,shop\.test$/m,
    );
    assert.match(generated("routes.txt"), /^GET {2}\/shop\/app .* {2}caller: app$/m);
    assert.match(generated("app.ts"), /if \(!isApplication\(caller\)\) return wrongCaller\(x, "an application"\);/);
  });
});

/** Of `secret`. */
const sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
