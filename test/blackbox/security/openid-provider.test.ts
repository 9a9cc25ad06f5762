import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import Provider from "oidc-provider";
import { until } from "../../support/debian-services.ts";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { type Answer, ask, compileParts, definition, faults, get, outcomeOf } from "../../support/security-project.ts";
import { identity } from "../../support/self-signed.ts";
import { StubBackend } from "../../support/stub-backend.ts";

const resource = "https://api.test";
const callback = "https://client.test/callback";
const apis = {
  pets: definition(
    "Pets",
    { security: [{ token: [] }] },
    { "/all": get(), "/read": get({ security: [{ token: ["read"] }] }) },
  ),
};

/** Over TLS and loopback: discovery, keys, tokens of two flows, rotation, introspection and revocation. */
describe("a real OpenID provider and a bundle", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "castgate-test-"));
  const own = identity("localhost", { type: 2, value: "localhost" });
  const asked: string[] = [];
  let handle: RequestListener = () => undefined;
  const server = createServer(own, (request, response) => {
    asked.push(request.url ?? "");
    handle(request, response);
  });
  let origin = "";
  let backend: StubBackend;
  let project: CompiledProject;
  let gateway: RunningGateway;
  const secrets: string[] = [];

  let keysMade = 0;
  const newKey = () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    return { ...privateKey.export({ format: "jwk" }), kid: `key-${++keysMade}`, alg: "RS256", use: "sig" };
  };
  const firstKey = newKey();

  before(async () => {
    writeFileSync(path.join(folder, "idp.pem"), own.cert);
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    origin = `https://localhost:${(server.address() as AddressInfo).port}`;
    serveKeys(firstKey);
    [backend, project] = await Promise.all([
      StubBackend.start(),
      compileParts("openid", { compatibility: "standard", features: ["introspection"], apis }),
    ]);
    gateway = await startGateway(project, {
      backend,
      settings: `trustStorePath = "${folder}"
[[jwtTokenConfig]]
issuer = "${origin}"
audience = "${resource}"
discoveryURL = "${origin}/.well-known/openid-configuration"
[keyManager]
serverUrl = "${origin}"
issuer = "${origin}"
username = "gateway"
password = "secret of the gateway"
[castgate]
introspectionCacheSeconds = 1
`,
    });
  });
  after(async () => {
    const ended = await gateway?.stop();
    await backend?.stop();
    project?.remove();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
    assert.deepEqual(ended, { code: 0, signal: null });
    for (const secret of [...secrets, "secret of the gateway"]) assert.ok(!gateway.log().includes(secret));
  });

  /** The provider signs with the first of these keys and publishes all of them. */
  function serveKeys(...keys: readonly object[]): void {
    const clients = { redirect_uris: [], response_types: [], grant_types: ["client_credentials"] };
    const provider = new Provider(origin, {
      jwks: { keys },
      clients: [
        { ...clients, client_id: "shop", client_secret: "secret of the shop" },
        { ...clients, client_id: "gateway", client_secret: "secret of the gateway" },
        {
          client_id: "web",
          client_secret: "secret of the web",
          redirect_uris: [callback],
          response_types: ["code"],
          grant_types: ["authorization_code"],
        },
      ],
      scopes: ["openid", "read", "write"],
      cookies: { keys: ["cookies of the test"] },
      features: {
        clientCredentials: { enabled: true },
        introspection: { enabled: true, allowedPolicy: () => true },
        revocation: { enabled: true, allowedPolicy: () => true },
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => undefined,
          useGrantedResource: () => true,
          getResourceServerInfo: () => ({
            scope: "read write",
            audience: resource,
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: "RS256" } },
          }),
        },
      },
      ttl: { ClientCredentials: 600, AccessToken: 600, Grant: 600, Session: 600, Interaction: 600 },
      routes: { introspection: "/oauth2/introspect", revocation: "/oauth2/revoke", jwks: "/keys" },
      interactions: { url: () => "/interaction" },
      findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    });
    const answer = provider.callback();
    handle = (request, response) => {
      if (request.url === "/interaction") void logIn(provider, request, response);
      else void answer(request, response);
    };
  }

  /** What a user would do on the provider's pages. */
  async function logIn(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { prompt } = await provider.interactionDetails(request, response);
    if (prompt.name === "login") {
      return provider.interactionFinished(request, response, { login: { accountId: "alice" } });
    }
    const grant = new provider.Grant({ accountId: "alice", clientId: "web" });
    grant.addOIDCScope("openid read");
    grant.addResourceScope(resource, "read");
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  }

  async function post(
    client: string,
    url: string,
    form: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, string>>> {
    const basic = Buffer.from(`${client}:${encodeURIComponent(`secret of the ${client}`)}`).toString("base64");
    const headers = { "content-type": "application/x-www-form-urlencoded", authorization: `Basic ${basic}` };
    const body = new URLSearchParams(form).toString();
    const answer = await ask(origin + url, { method: "POST", headers, body, ca: own.cert });
    assert.equal(answer.status, 200, answer.body);
    return answer.body === "" ? {} : JSON.parse(answer.body);
  }

  async function clientToken(more: Readonly<Record<string, string>> = { resource }): Promise<string> {
    const form = { grant_type: "client_credentials", scope: "read", ...more };
    const { access_token: token = "" } = await post("shop", "/token", form);
    secrets.push(token);
    return token;
  }

  /** The authorization code flow with PKCE, as a browser walks through it. */
  async function userToken(): Promise<string> {
    const verifier = randomBytes(32).toString("base64url");
    const query = new URLSearchParams({
      client_id: "web",
      response_type: "code",
      redirect_uri: callback,
      scope: "openid read",
      resource,
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
    });
    const cookies = new Map<string, string>();
    let at = new URL(`/auth?${query}`, origin);
    for (let steps = 0; at.origin === origin && steps < 10; steps++) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const answer = await ask(at.href, { headers: { cookie }, ca: own.cert });
      assert.ok(answer.headers.location !== undefined, answer.body);
      for (const line of answer.headers["set-cookie"] ?? []) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        cookies.set(name, value);
      }
      at = new URL(String(answer.headers.location), origin);
    }
    const code = at.searchParams.get("code") ?? assert.fail(at.href);
    const form = { grant_type: "authorization_code", code, redirect_uri: callback, code_verifier: verifier };
    const { access_token: token = "" } = await post("web", "/token", form);
    secrets.push(token, code);
    return token;
  }

  const call = (token: string, at = "/pets/all"): Promise<Answer> =>
    ask(gateway.origin + at, { headers: { authorization: `Bearer ${token}` } });
  const kidOf = (token: string) =>
    JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString("utf8")).kid as string;

  test("keys are found by discovery", () => {
    assert.ok(asked.includes("/.well-known/openid-configuration"));
    assert.ok(asked.includes("/keys"));
  });

  test("a token of a client for itself", async () => {
    const token = await clientToken();
    assert.equal(token.split(".").length, 3);
    assert.equal((await call(token, "/pets/read")).status, 200);
    const other = await clientToken({ resource, scope: "write" });
    assert.deepEqual(outcomeOf(await call(other, "/pets/read")), faults.scope);
  });

  test("a token of a user, by the authorization code flow", async () => {
    const token = await userToken();
    assert.equal((await call(token, "/pets/read")).status, 200);
    assert.deepEqual(outcomeOf(await call(`${token.slice(0, -4)}AAAA`)), faults.token);
  });

  test("keys are rotated under load: no good token is refused", async () => {
    const statuses = new Map<string, number>();
    let good = [await clientToken(), await userToken()];
    let stopped = false;
    async function load(): Promise<void> {
      while (!stopped) {
        for (const token of good) {
          const { status } = await call(token);
          const name = `${kidOf(token)} ${status}`;
          statuses.set(name, (statuses.get(name) ?? 0) + 1);
        }
      }
    }
    /** Until every one of the good tokens has been used often since. */
    async function untilUsed(tokens: readonly string[]): Promise<void> {
      good = [...tokens];
      const used = () => Math.min(...tokens.map((token) => statuses.get(`${kidOf(token)} 200`) ?? 0));
      for (const enough = used() + 50; used() < enough && !stopped; ) {
        assert.equal(
          [...statuses.keys()].every((name) => name.endsWith(" 200")),
          true,
          [...statuses.keys()].join(),
        );
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    const workers = Array.from({ length: 4 }, load);
    try {
      const [byFirst = ""] = good;
      await untilUsed(good);
      const [second, third] = [newKey(), newKey()];
      serveKeys(second, firstKey);
      const bySecond = await clientToken();
      await untilUsed([byFirst, bySecond, await userToken()]);
      // At once again, without the first key: the gateway has fetched keys a moment ago.
      serveKeys(third, second);
      const byThird = await clientToken();
      await untilUsed([bySecond, byThird]);
      assert.deepEqual([byFirst, bySecond, byThird].map(kidOf), ["key-1", "key-2", "key-3"]);
      stopped = true;
      await Promise.all(workers);
      assert.deepEqual([...statuses.keys()].sort(), ["key-1 200", "key-2 200", "key-3 200"]);
      // What was signed with a key that the provider has taken away is refused, though it was let in before.
      assert.deepEqual(outcomeOf(await call(byFirst)), faults.token);
    } finally {
      stopped = true;
      await Promise.all(workers);
    }
  });

  test("an opaque token is asked about, and refused soon after it was revoked", async () => {
    const token = await clientToken({});
    assert.equal(token.split(".").length, 1);
    assert.equal((await call(token, "/pets/read")).status, 200);
    assert.ok(asked.includes("/oauth2/introspect"));
    assert.deepEqual(outcomeOf(await call("never-issued")), faults.token);
    await post("shop", "/oauth2/revoke", { token });
    let last = await call(token);
    await until(async () => {
      last = await call(token);
      return last.status !== 200;
    });
    assert.deepEqual(outcomeOf(last), faults.token);
    assert.equal(last.headers["www-authenticate"], 'Bearer realm="castgate", error="invalid_token"');
  });
});
