import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, mock, test } from "node:test";
import Provider from "oidc-provider";
import { introspectionModule } from "../../../runtime-lib/introspection.ts";
import { opaqueTokens } from "../../../runtime-lib/opaque-tokens.ts";
import type { Verified } from "../../../runtime-lib/scheme.ts";
import { identity } from "../../support/self-signed.ts";
import { settingsFrom } from "./settings-for-test.ts";

/** A real OpenID provider on loopback: its opaque tokens, asked about as its own client. */
describe("a real OpenID provider", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "castgate-"));
  const own = identity("localhost", { type: 2, value: "localhost" });
  let handle: RequestListener = () => undefined;
  const server = createServer(own, (asked, response) => handle(asked, response));
  let provider: Provider;
  let origin = "";

  before(async () => {
    writeFileSync(path.join(folder, "idp.pem"), own.cert);
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    origin = `https://localhost:${(server.address() as AddressInfo).port}`;
    const client = { grant_types: ["client_credentials"], redirect_uris: [], response_types: [] };
    provider = new Provider(origin, {
      clients: [
        { client_id: "shop", client_secret: "shop-secret", ...client },
        // Characters that must be encoded in Basic (RFC 6749 section 2.3.1).
        { client_id: "gate:way", client_secret: "gateway+secret%2B", ...client },
      ],
      scopes: ["read:pets", "write:pets"],
      features: {
        clientCredentials: { enabled: true },
        introspection: { enabled: true, allowedPolicy: () => true },
        revocation: { enabled: true },
        devInteractions: { enabled: false },
      },
      ttl: { ClientCredentials: 600, AccessToken: 600, Grant: 600 },
      routes: { token: "/oauth2/token", introspection: "/oauth2/introspect", revocation: "/oauth2/revoke" },
      findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    });
    handle = provider.callback();
    await start(`issuer = "${origin}"`);
  });
  after(async () => {
    mock.timers.reset();
    await introspectionModule.close?.();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  async function start(keyManager: string, secret = "gateway+secret%2B"): Promise<void> {
    await introspectionModule.close?.();
    // The gateway sends both as they stand; this provider decodes them, as clients of OAuth encode theirs.
    const { settings, report } = await settingsFrom(
      `[listenerConfig]\ntrustStorePath = "${folder}/idp.pem"\n[keyManager]\nserverUrl = "${origin}"\n${keyManager}
       username = "gate%3Away"\npassword = "${encodeURIComponent(secret)}"`,
      { compatibility: "standard" },
    );
    await introspectionModule.configure(settings, report, () => assert.fail("opens no backends"));
    assert.deepEqual(report.lines(), []);
  }

  async function verify(token: string): Promise<Verified> {
    assert.ok(opaqueTokens);
    return opaqueTokens.verify(token);
  }

  function post(url: string, form: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const call = request(`${origin}${url}`, {
        method: "POST",
        ca: own.cert,
        auth: "shop:shop-secret",
        headers,
        agent: false,
      });
      call.on("error", reject).on("response", (response) => {
        let text = "";
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => {
          if (response.statusCode === 200) resolve(text === "" ? {} : JSON.parse(text));
          else reject(new Error(`${response.statusCode} ${text}`));
        });
      });
      call.end(new URLSearchParams(form).toString());
    });
  }

  async function clientToken(): Promise<string> {
    const { access_token: token } = await post("/oauth2/token", {
      grant_type: "client_credentials",
      scope: "read:pets",
    });
    return token as string;
  }

  async function userToken(): Promise<string> {
    const grant = new provider.Grant({ accountId: "alice", clientId: "shop" });
    grant.addOIDCScope("read:pets write:pets");
    const grantId = await grant.save();
    const client = await provider.Client.find("shop");
    const of = { accountId: "alice", client, grantId, scope: "read:pets write:pets", gty: "authorization_code" };
    return new provider.AccessToken(of).save();
  }

  test("a token of a client for itself", async () => {
    const outcome = await verify(await clientToken());
    assert.ok(outcome.ok, JSON.stringify(outcome));
    assert.equal(outcome.caller.consumerKey, "shop");
    assert.equal(outcome.caller.application.id, "shop");
    assert.deepEqual(outcome.caller.scopes, new Set(["read:pets"]));
    assert.equal(outcome.caller.claims?.iss, origin);
  });

  test("a token of a user", async () => {
    const outcome = await verify(await userToken());
    assert.ok(outcome.ok, JSON.stringify(outcome));
    assert.equal(outcome.caller.name, "alice");
    assert.equal(outcome.caller.consumerKey, "shop");
    assert.deepEqual(outcome.caller.scopes, new Set(["read:pets", "write:pets"]));
  });

  test("what it has not issued", async () => {
    const outcome = await verify("never-issued");
    assert.deepEqual(outcome, { ok: false, code: 900901, reason: "opaque token: not active" });
  });

  test("revoked: refused as soon as the answer has grown old, and at once by a gateway that asks anew", async () => {
    const token = await userToken();
    assert.equal((await verify(token)).ok, true);
    await post("/oauth2/revoke", { token });
    assert.equal((await verify(token)).ok, true, "kept for five minutes at most");
    mock.timers.enable({ apis: ["Date"], now: Date.now() + 300_000 });
    assert.deepEqual(await verify(token), { ok: false, code: 900901, reason: "opaque token: not active" });
    mock.timers.reset();
    const other = await clientToken();
    await post("/oauth2/revoke", { token: other });
    assert.equal((await verify(other)).ok, false);
  });

  test("expired", async () => {
    const token = await clientToken();
    assert.equal((await verify(token)).ok, true);
    mock.timers.enable({ apis: ["Date"], now: Date.now() + 700_000 });
    assert.equal((await verify(token)).ok, false);
    mock.timers.reset();
  });

  test("another issuer than the settings name, and credentials that it refuses", async () => {
    await start('issuer = "https://other.test"');
    const token = await clientToken();
    assert.deepEqual(await verify(token), {
      ok: false,
      code: 900901,
      reason: "opaque token: issuer",
      issuer: origin,
      clientId: "shop",
    });
    await start("", "wrong");
    assert.deepEqual(await verify(token), {
      ok: false,
      code: 900900,
      status: 503,
      reason: "opaque token: key manager away",
    });
  });
});
