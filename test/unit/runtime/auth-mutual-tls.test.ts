import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import { api } from "../../../runtime-lib/api.ts";
import { mutualTls, mutualTlsModule } from "../../../runtime-lib/auth-mutual-tls.ts";
import { authenticate } from "../../../runtime-lib/authenticate.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { refuse } from "../../../runtime-lib/respond.ts";
import type { Scheme } from "../../../runtime-lib/scheme.ts";
import { SettingsLog } from "../../../runtime-lib/settings-load.ts";
import { fieldOf, RecordedExchange } from "../../support/recorded-exchange.ts";
import { identity, identityOf } from "../../support/self-signed.ts";
import { settingsFrom } from "./settings-for-test.ts";

const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-certificates-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const partner = identity("partner");
const old = identityOf("old", { fromDays: -9, toDays: -5 });
mkdirSync(path.join(folder, "trust"));
writeFileSync(path.join(folder, "trust/partner.pem"), partner.cert);
writeFileSync(path.join(folder, "trust/old.pem"), old.cert);

const shop = api({ name: "Shop", version: "V1", basePath: "/shop", challenges: ["oauth2"] });
const lonely = api({ name: "Lonely", version: "2", basePath: "/lonely", challenges: [] });
const certificate = mutualTls(shop, "mandatory");
const ifAny = mutualTls(shop, "optional");
mutualTls(lonely, "mandatory");

const store = `[listenerConfig]\nkeyStorePath = "x.p12"\ntrustStorePath = ${JSON.stringify(path.join(folder, "trust"))}\n`;
const lonelyEntry = '[[mutualSSLConfig.api.certificates]]\nname = "lonely"\nversion = "2"\naliasList = ["partner"]\n';
const entry = (aliases: string, name = "sHOP", version = "v1"): string =>
  `[[mutualSSLConfig.api.certificates]]\nname = "${name}"\nversion = "${version}"\naliasList = ${aliases}\n`;

async function configure(
  text: string,
  compatibility: "wso2-3.2" | "standard" = "wso2-3.2",
): Promise<readonly string[]> {
  const { settings, report } = await settingsFrom(text, { compatibility });
  assert.deepEqual(report.lines(), []);
  const log = new SettingsLog();
  await mutualTlsModule.configure(settings, log, () => assert.fail("no backends here"));
  return log.lines();
}

function der(pem: string): Uint8Array {
  return new X509Certificate(pem).raw;
}

describe("at start", () => {
  test("a complete table is fine, names without case (S-MTL-02)", async () => {
    assert.deepEqual(await configure(store + entry('["Partner"]') + lonelyEntry), []);
    assert.deepEqual(await configure(store + entry('"partner"') + lonelyEntry), []);
  });

  test("the table is missing", async () => {
    const [line, ...more] = await configure(store);
    assert.match(
      line ?? "",
      /^error: mutualSSLConfig\.api\.certificates: operations ask for client certificates: say with \[\[/,
    );
    assert.deepEqual(more, []);
  });

  test("all its mistakes at once", async () => {
    const text = `${store}${entry('["partner", "nobody"]')}${entry('["old"]', "Other")}[[mutualSSLConfig.api.certificates]]\n`;
    assert.deepEqual(await configure(text), [
      'error: mutualSSLConfig.api.certificates[0].aliasList: listenerConfig.trustStorePath has no certificate "nobody"',
      "warning: mutualSSLConfig.api.certificates[1].name: no API of this name and version asks for certificates",
      `warning: mutualSSLConfig.api.certificates[1].aliasList: "old" expired on ${new X509Certificate(old.cert).validTo}: it opens nothing`,
      "error: mutualSSLConfig.api.certificates[2].name: is required",
      "error: mutualSSLConfig.api.certificates[2].version: is required",
      "error: mutualSSLConfig.api.certificates[2].aliasList: is required",
      'warning: mutualSSLConfig.api.certificates: has no entry for "Lonely" version 2: it takes no certificate',
    ]);
  });

  test("there is nobody to trust, and no way for a certificate to arrive", async () => {
    assert.deepEqual(
      await configure(
        `[mutualSSLConfig]\nisClientCertificateValidationEnabled = false\n${entry('["a"]')}${lonelyEntry}`,
      ),
      [
        "error: listenerConfig.trustStorePath: is not set, but operations ask for client certificates",
        "warning: listenerConfig.keyStorePath: is not set: without https, and without trusted proxies, no client can show its certificate",
        "warning: mutualSSLConfig.isClientCertificateValidationEnabled: is false: only certificates in a header field count, and castgate.trustedProxies names nobody who may send one",
      ],
    );
  });
});

describe("callers", () => {
  const user: Caller = {
    name: "bob",
    scheme: "basic",
    scopes: new Set(),
    scopesApply: true,
    keyType: "SANDBOX",
    application: { id: "1", tier: "Unlimited", subscriptions: [] },
    claims: undefined,
    consumerKey: "",
    revocationIds: [],
  };
  const login: Scheme = { kind: "basic", present: () => true, verify: () => ({ ok: true, caller: user }) };
  const request = (shown: string | undefined, headers: readonly string[] = []) =>
    new RecordedExchange({ headers, ...(shown !== undefined && { certificate: der(shown) }) });

  test("S-MTL-07: nobody in particular, of production; an application's caller goes first", async () => {
    await configure(store + entry('["partner"]') + lonelyEntry);
    const alone = await authenticate(request(partner.cert), shop, [[certificate]]);
    assert.deepEqual(
      [alone?.name, alone?.scheme, alone?.keyType, alone?.application.id],
      ["Unknown", "mutual-tls", "PRODUCTION", "anonymous"],
    );
    const basic = ["authorization", "Basic x"];
    for (const allOf of [
      [certificate, login],
      [login, certificate],
      [ifAny, login],
    ]) {
      assert.equal(await authenticate(request(partner.cert, basic), shop, [allOf]), user);
    }
    assert.equal(await authenticate(request(undefined, basic), shop, [[ifAny, login]]), user);
  });

  test("in `standard` the caller has the name that the operator gave the certificate", async () => {
    await configure(store + entry('["Partner"]') + lonelyEntry, "standard");
    const caller = await authenticate(request(partner.cert), shop, [[certificate]]);
    assert.deepEqual([caller?.name, caller?.application.id], ["partner", "partner"]);
    const x = request(undefined);
    assert.equal(await authenticate(x, shop, [[certificate]]), undefined);
    assert.deepEqual(x.refusal, {
      status: 401,
      code: 900901,
      reason: "mutual-tls: no certificate",
      challenges: ["mutual-tls"],
      flaw: "certificate",
    });
  });

  test("S-MTL-06: dates are looked at whenever it is used", async (t) => {
    await configure(store + entry('["partner"]') + lonelyEntry);
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    assert.ok(await authenticate(request(partner.cert), shop, [[certificate]]));
    t.mock.timers.tick(3 * 86_400_000);
    const x = request(partner.cert);
    assert.equal(await authenticate(x, shop, [[certificate]]), undefined);
    assert.equal(x.refusal?.reason, "mutual-tls: certificate outside its dates");
  });

  test("a certificate that is missing is no failed log-in, a wrong one is", async () => {
    await configure(`${store}${entry('["partner"]')}${lonelyEntry}[castgate]\nfailedLoginsPerMinute = 3\n`);
    const from = { clientAddress: "192.0.2.77" };
    const codes: (number | undefined)[] = [];
    const attempt = async (shown?: string) => {
      const x = new RecordedExchange({ ...from, ...(shown !== undefined && { certificate: der(shown) }) });
      const caller = await authenticate(x, shop, [[certificate]]);
      codes.push(caller === undefined ? x.refusal?.code : 0);
    };
    for (let i = 0; i < 5; i++) await attempt();
    for (let i = 0; i < 4; i++) await attempt(old.cert);
    await attempt(partner.cert);
    assert.deepEqual(codes, [...Array(8).fill(900901), 900800, 0]);
  });

  test("both challenges of the original stand in one field (S-ERR-R4)", async () => {
    await configure(store + entry('["partner"]') + lonelyEntry);
    const x = request(old.cert);
    await authenticate(x, shop, [[certificate]]);
    refuse(x);
    assert.deepEqual(fieldOf(x, "www-authenticate"), [
      'Mutual SSL realm="WSO2 API Microgateway" OAuth2 realm="WSO2 API Microgateway", error="invalid token" , error_description="The access token expired"',
    ]);
  });
});
