import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type KeyManager, keyManagerFor } from "../../../runtime-lib/key-manager.ts";
import { ServiceAway } from "../../../runtime-lib/service-client.ts";
import type { SettingsSources } from "../../../runtime-lib/settings-load.ts";
import { type Received, ServiceUnderTest } from "../../support/service-under-test.ts";
import { settingsFrom } from "./settings-for-test.ts";

const server = new ServiceUnderTest();
const managers: KeyManager[] = [];

before(() => server.start());
after(() => Promise.all([server.stop(), ...managers.map((manager) => manager.close())]));
beforeEach(() => {
  server.requests.length = 0;
  server.json({ active: false });
});

async function load(text: string, more: Partial<SettingsSources> = {}) {
  const { settings, report } = await settingsFrom(text.replaceAll("URL", server.url), more);
  const manager = await keyManagerFor(settings, report);
  if (manager !== undefined) managers.push(manager);
  return { manager, lines: report.lines() };
}

async function loaded(text: string, more: Partial<SettingsSources> = {}): Promise<KeyManager> {
  const { manager, lines } = await load(`[keyManager]\nserverUrl = "URL"\n${text}`, more);
  assert.ok(manager, lines.join("\n"));
  return manager;
}

const formOf = ({ body }: Received): Record<string, string> => Object.fromEntries(new URLSearchParams(body));
const basicOf = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
const introspections = (): Received[] => server.requests.filter(({ url }) => url.endsWith("/introspect"));
const tokenRequests = (): Received[] => server.requests.filter(({ url }) => !url.endsWith("/introspect"));
const ask = (manager: KeyManager) => manager.post("/introspect", { token: "t" });

describe("Basic (S-OPQ-03)", () => {
  test("the form goes to the token context of the server's URL", async () => {
    const manager = await loaded('username = "gw"\npassword = "p:w"\ntokenContext = "/a/oauth2/"');
    await manager.post("/introspect", { token: "a&b=c d+é" });
    const [received] = server.requests as [Received];
    assert.equal(received.method, "POST");
    assert.equal(received.url, "/a/oauth2/introspect");
    assert.equal(received.headers.authorization, basicOf("gw:p:w"));
    assert.equal(received.headers["content-type"], "application/x-www-form-urlencoded");
    assert.equal(received.body, "token=a%26b%3Dc+d%2B%C3%A9");
  });

  test("keyManager.username wins over keymanager.security.basic", async () => {
    const basic = '[keymanager.security.basic]\nusername = "other"\npassword = "pw2"';
    await ask(await loaded(`username = "gw"\npassword = "pw1"\n${basic}`));
    await ask(await loaded(basic));
    assert.deepEqual(
      server.requests.map(({ headers }) => headers.authorization),
      [basicOf("gw:pw1"), basicOf("other:pw2")],
    );
  });

  test("401 is an answer: there is no other credential", async () => {
    server.json({}, 401);
    const reply = await ask(await loaded('username = "gw"\npassword = "pw"'));
    assert.equal(reply.status, 401);
    assert.equal(server.requests.length, 1);
  });

  test("wins over OAuth2 when both are enabled", async () => {
    const { manager, lines } = await load(
      `[keyManager]\nserverUrl = "URL"\n[keymanager.security.basic]\nenabled = true\nusername = "gw"\npassword = "pw"
       [keymanager.security.oauth2]\nenabled = true\n[keymanager.security.oauth2.directToken]\nenabled = true\naccessToken = "dt"`,
    );
    await ask(manager as KeyManager);
    assert.equal(server.requests[0]?.headers.authorization, basicOf("gw:pw"));
    assert.deepEqual(lines, [
      "warning: keymanager.security.oauth2.enabled: is not looked at: keymanager.security.basic is enabled too",
    ]);
  });

  test("no credentials at all, said so", async () => {
    const { manager, lines } = await load(
      '[keyManager]\nserverUrl = "URL"\n[keymanager.security.basic]\nenabled = false',
    );
    await ask(manager as KeyManager);
    assert.equal(server.requests[0]?.headers.authorization, undefined);
    assert.deepEqual(lines, [
      "warning: keymanager.security.basic.enabled: the gateway does not identify itself to the key manager",
    ]);
  });
});

const oauth = (rest: string): string =>
  `[keymanager.security.oauth2]\nenabled = true\ntokenUrl = "URL/token"\n${rest.replaceAll("[grant", "[keymanager.security.oauth2")}`;

/** Hands out `at1`, `at2`, ...; introspection takes only the newest. */
function tokenEndpoint(more: Record<string, unknown> = {}): { issued: number; refuseRefresh: boolean } {
  const state = { issued: 0, refuseRefresh: false };
  server.answer = (response, request) => {
    if (request.url.endsWith("/introspect")) {
      const good = request.headers.authorization === `Bearer at${state.issued}`;
      return void response.writeHead(good ? 200 : 401).end('{"active":true}');
    }
    if (state.refuseRefresh && request.body.includes("refresh_token"))
      return void response.writeHead(400).end('{"error":"invalid_grant"}');
    state.issued++;
    const answer = { access_token: `at${state.issued}`, token_type: "Bearer", expires_in: 3600, ...more };
    response.writeHead(200).end(JSON.stringify(answer));
  };
  return state;
}

describe("OAuth2 (S-OPQ-03)", () => {
  for (const name of ["clientId", "client_id"]) {
    test(`client credentials, with ${name}`, async () => {
      tokenEndpoint();
      const manager = await loaded(
        oauth(`[grant.clientCredential]\nenabled = true\n${name} = "id"\nclientSecret = "a+b"\nscopes = "x,y"`),
      );
      assert.equal((await ask(manager)).status, 200);
      await ask(manager);
      const [received] = tokenRequests() as [Received];
      assert.equal(tokenRequests().length, 1, "kept");
      assert.equal(received.url, "/token");
      assert.equal(received.headers.authorization, basicOf("id:a+b"));
      assert.deepEqual(formOf(received), { grant_type: "client_credentials", scope: "x y" });
    });
  }

  test("standard: id and secret are form-encoded first (RFC 6749 section 2.3.1)", async () => {
    tokenEndpoint();
    const text = oauth('[grant.clientCredential]\nenabled = true\nclientId = "i:d"\nclientSecret = "a+b"');
    await ask(await loaded(text, { compatibility: "standard" }));
    assert.equal(tokenRequests()[0]?.headers.authorization, basicOf("i%3Ad:a%2Bb"));
  });

  test("credentialBearer: in the body, or not at all", async () => {
    for (const [word, form] of [
      ["post_body_bearer", { grant_type: "client_credentials", client_id: "id", client_secret: "cs" }],
      ["NO_BEARER", { grant_type: "client_credentials" }],
    ] as const) {
      tokenEndpoint();
      server.requests.length = 0;
      const grant = '[grant.clientCredential]\nenabled = true\nclientId = "id"\nclientSecret = "cs"';
      await ask(await loaded(oauth(`credentialBearer = "${word}"\n${grant}`)));
      assert.deepEqual(formOf(tokenRequests()[0] as Received), form);
      assert.equal(tokenRequests()[0]?.headers.authorization, undefined);
    }
  });

  test("one request for a token, however many wait for it", async () => {
    tokenEndpoint();
    const manager = await loaded(
      oauth('[grant.clientCredential]\nenabled = true\nclientId = "id"\nclientSecret = "cs"'),
    );
    const replies = await Promise.all(Array.from({ length: 50 }, () => ask(manager)));
    assert.ok(replies.every((reply) => reply.status === 200));
    assert.equal(tokenRequests().length, 1);
  });

  test("a token that is refused is replaced once, by one request", async () => {
    const state = tokenEndpoint();
    const manager = await loaded(
      oauth('[grant.clientCredential]\nenabled = true\nclientId = "id"\nclientSecret = "cs"'),
    );
    await ask(manager);
    state.issued = 7;
    const replies = await Promise.all(Array.from({ length: 20 }, () => ask(manager)));
    assert.ok(replies.every((reply) => reply.status === 200));
    assert.equal(tokenRequests().length, 2);
    server.answer = (response, { url }) =>
      void response.writeHead(url === "/token" ? 200 : 401).end('{"access_token":"x"}');
    server.requests.length = 0;
    assert.equal((await ask(manager)).status, 401, "no loop");
    assert.equal(introspections().length, 2);
  });

  test("a token is not used in its last part", async () => {
    const state = tokenEndpoint({ expires_in: 0.05 });
    const manager = await loaded(
      oauth('[grant.clientCredential]\nenabled = true\nclientId = "id"\nclientSecret = "cs"'),
    );
    await ask(manager);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await ask(manager);
    assert.equal(state.issued, 2);
    assert.ok(introspections().every(({ headers }, index) => headers.authorization === `Bearer at${index + 1}`));
  });

  const passwordGrant =
    '[grant.password]\nenabled = true\nclientId = "id"\nclientSecret = "cs"\nusername = "joe"\npassword = "pw"';

  test("password, then refresh, then password again", async () => {
    const state = tokenEndpoint({ refresh_token: "rt" });
    const manager = await loaded(
      oauth(
        `${passwordGrant}\nscopes = "x"\n[grant.refresh]\nenabled = true\nrefreshUrl = "URL/refresh"\nscopes = "y"`,
      ),
    );
    await ask(manager);
    state.issued++;
    await ask(manager);
    state.issued++;
    state.refuseRefresh = true;
    await ask(manager);
    assert.deepEqual(
      tokenRequests().map((received) => [received.url, received.headers.authorization, formOf(received)]),
      [
        ["/token", basicOf("id:cs"), { grant_type: "password", username: "joe", password: "pw", scope: "x" }],
        ["/refresh", basicOf("id:cs"), { grant_type: "refresh_token", refresh_token: "rt", scope: "y" }],
        ["/refresh", basicOf("id:cs"), { grant_type: "refresh_token", refresh_token: "rt", scope: "y" }],
        ["/token", basicOf("id:cs"), { grant_type: "password", username: "joe", password: "pw", scope: "x" }],
      ],
    );
  });

  test("a token that is given: used, and without refresh never replaced", async () => {
    const manager = await loaded(oauth('[grant.directToken]\nenabled = true\naccessToken = "dt"'));
    await ask(manager);
    assert.equal(server.requests[0]?.headers.authorization, "Bearer dt");
    server.json({}, 401);
    assert.equal((await ask(manager)).status, 401);
    assert.equal(server.requests.length, 2);
  });

  test("a token that is given, with refresh; the refresh token may change", async () => {
    const state = tokenEndpoint({ refresh_token: "rt2" });
    const refresh =
      '[grant.refresh]\nenabled = true\nrefreshUrl = "URL/refresh"\nrefreshToken = "rt1"\nclientId = "id"\nclientSecret = "cs"';
    const manager = await loaded(oauth(`[grant.directToken]\nenabled = true\naccessToken = "dt"\n${refresh}`));
    assert.equal((await ask(manager)).status, 200);
    state.issued++;
    assert.equal((await ask(manager)).status, 200);
    assert.deepEqual(
      tokenRequests().map((received) => formOf(received).refresh_token),
      ["rt1", "rt2"],
    );
    state.issued++;
    state.refuseRefresh = true;
    await assert.rejects(ask(manager), new ServiceAway("token of the gateway: status 400", false));
  });

  test("client credentials before password before a direct token", async () => {
    tokenEndpoint();
    const direct = '[grant.directToken]\nenabled = true\naccessToken = "dt"';
    const client = '[grant.clientCredential]\nenabled = true\nclientId = "id"\nclientSecret = "cs"';
    await ask(await loaded(oauth(`${direct}\n${passwordGrant}\n${client}`)));
    await ask(await loaded(oauth(`${direct}\n${passwordGrant}`)));
    assert.deepEqual(
      tokenRequests().map((received) => formOf(received).grant_type),
      ["client_credentials", "password"],
    );
  });

  for (const [what, body, message] of [
    ["no token", "{}", "token of the gateway: none in the answer"],
    ["no JSON", "<html>", "token of the gateway: none in the answer"],
    ["a token that no header can hold", '{"access_token":"a\\r\\nb"}', "token of the gateway: none in the answer"],
    ["another kind of token", '{"access_token":"a","token_type":"mac"}', "token of the gateway: not a bearer token"],
  ] as const) {
    test(`the token endpoint answers with ${what}`, async () => {
      server.answer = (response) => void response.end(body);
      const manager = await loaded(
        oauth('[grant.clientCredential]\nenabled = true\nclientId = "id"\nclientSecret = "cs"'),
      );
      await assert.rejects(ask(manager), new ServiceAway(message, false));
      assert.equal(introspections().length, 0);
    });
  }
});

describe("settings that stop the start", () => {
  const linesOf = async (text: string, more: Partial<SettingsSources> = {}): Promise<readonly string[]> => {
    const { manager, lines } = await load(text, more);
    assert.ok(manager === undefined || lines.length > 0);
    return lines;
  };

  test("nothing set: the original's admin/admin is not assumed", async () => {
    const needed = [
      "error: keymanager.security.basic.username: is required by the key manager, or set keymanager.security.basic.enabled = false",
    ];
    assert.deepEqual(await linesOf('[keyManager]\nserverUrl = "URL"'), needed);
    assert.deepEqual(await linesOf('[keyManager]\nserverUrl = "URL"', { compatibility: "standard" }), needed);
  });

  test("admin/admin is refused in both spellings, and as password grant (S-SEC-01)", async () => {
    const known = "is the password that the original shipped for admin; set a new one";
    const admin = 'username = "admin"\npassword = "admin"';
    assert.deepEqual(await linesOf(`[keyManager]\nserverUrl = "URL"\n${admin}`), [
      `error: keyManager.password: ${known}`,
    ]);
    assert.deepEqual(await linesOf(`[keyManager]\nserverUrl = "URL"\n[keymanager.security.basic]\n${admin}`), [
      `error: keymanager.security.basic.password: ${known}`,
    ]);
    const grant = oauth(`[grant.password]\nenabled = true\nclientId = "id"\n${admin}`);
    assert.deepEqual(await linesOf(`[keyManager]\nserverUrl = "URL"\n${grant}`), [
      `error: keymanager.security.oauth2.password.password: ${known}`,
    ]);
    // API Manager knows the same user under all of these names.
    for (const username of ["admin@carbon.super", "Admin", "ADMIN@carbon.super"]) {
      const same = `username = "${username}"\npassword = "admin"`;
      assert.deepEqual(await linesOf(`[keyManager]\nserverUrl = "URL"\n${same}`), [
        `error: keyManager.password: is the password that the original shipped for ${username}; set a new one`,
      ]);
    }
  });

  test("--allow-known-defaults brings the original's defaults back, in wso2-3.2 only", async () => {
    const { manager, lines } = await load("", { allowKnownDefaults: true });
    assert.ok(manager);
    assert.deepEqual(lines, [
      "warning: keymanager.security.basic.password: is the password that the original shipped for admin; set a new one (allowed by --allow-known-defaults)",
    ]);
    assert.deepEqual(await linesOf("", { allowKnownDefaults: true, compatibility: "standard" }), [
      "error: keyManager.serverUrl: is required: opaque tokens are asked about there",
    ]);
  });

  test("OAuth2 without a grant, and grants without what they need", async () => {
    const server = '[keyManager]\nserverUrl = "URL"\n';
    assert.deepEqual(await linesOf(server + oauth("")), [
      "error: keymanager.security.oauth2.enabled: is on, but none of keymanager.security.oauth2.clientCredential, .password and .directToken is enabled",
    ]);
    const without = (text: string): Promise<readonly string[]> =>
      linesOf(server + oauth(text).replace('tokenUrl = "URL/token"', ""));
    assert.deepEqual(await without("[grant.clientCredential]\nenabled = true"), [
      "error: keymanager.security.oauth2.clientCredential.clientId: is required",
      "error: keymanager.security.oauth2.tokenUrl: is required",
    ]);
    assert.deepEqual(await without("[grant.password]\nenabled = true\n[grant.refresh]\nenabled = true"), [
      "error: keymanager.security.oauth2.password.username: is required",
      "error: keymanager.security.oauth2.password.password: is required",
      "error: keymanager.security.oauth2.password.clientId: is required",
      "error: keymanager.security.oauth2.tokenUrl: is required",
      "error: keymanager.security.oauth2.refresh.refreshUrl: is required",
    ]);
    assert.deepEqual(await without('[grant.directToken]\nenabled = true\naccessToken = "s3 cret"'), [
      "error: keymanager.security.oauth2.directToken.accessToken: must be one word of printable ASCII",
    ]);
  });

  test("URLs that are none, and plain http to another machine", async () => {
    assert.deepEqual(
      await linesOf('[keyManager]\nserverUrl = "http://km.test"\nusername = "gw"\npassword = "s3cret"'),
      ["error: keyManager.serverUrl: must be an https URL; plain http is only for loopback"],
    );
    assert.deepEqual(
      await linesOf('[keyManager]\nserverUrl = "URL"\ntokenContext = "a?b"\nusername = "gw"\npassword = "pw"'),
      ["error: keyManager.tokenContext: must be a path"],
    );
  });

  test("the legacy mode says what to do instead (S-OPQ-08)", async () => {
    const { report } = await settingsFrom("[keyManager]\nenableLegacyMode = true");
    assert.deepEqual(report.lines(), [
      "error: keyManager.enableLegacyMode: asks for key validation by SOAP (API Manager 3.2 and later answer introspection without this switch), which this version does not have; remove it or switch it off",
    ]);
  });
});
