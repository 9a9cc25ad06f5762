import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { featureNames } from "../../../../compiler/model/names.ts";
import { openExplainer } from "../../../../compiler/review/explain/explain.ts";
import type { Explanation } from "../../../../compiler/review/explain/explanation.ts";
import { isOn } from "../../../../compiler/review/explain/features.ts";
import { settingsOfWords } from "../../../../compiler/review/explain/run-time-settings.ts";
import { readSide } from "../../../../compiler/review/side.ts";
import { apiKeyIssuer } from "../../../../runtime-lib/feature-api-key-issuer.ts";
import { eventHub } from "../../../../runtime-lib/feature-event-hub.ts";
import { introspection } from "../../../../runtime-lib/feature-introspection.ts";
import { keyManagerProxies } from "../../../../runtime-lib/feature-key-manager-proxies.ts";
import { revocation } from "../../../../runtime-lib/feature-revocation.ts";
import { trafficManager } from "../../../../runtime-lib/feature-traffic-manager.ts";
import { loadSettings } from "../../../../runtime-lib/settings-load.ts";
import { TestIssuer } from "../../../support/test-issuer.ts";

const fixtures = path.join(import.meta.dirname, "../../../../fixtures");

describe("with run-time settings", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-test-"));
  const issuer = new TestIssuer("https://issuer.test");
  const foreigner = new TestIssuer("https://issuer.test");
  before(() => writeFileSync(path.join(folder, "issuer.pem"), issuer.certificatePem));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const own = `[listenerConfig]
trustStorePath = "issuer.pem"
[[jwtTokenConfig]]
issuer = "https://issuer.test"
certificateAlias = "issuer"
audience = "pets"
[apikey.tokenConfigs]
issuer = "https://issuer.test/apikey"
certificateAlias = "issuer"
`;

  async function opened(text: string, words: readonly string[] = []) {
    const read = await readSide("petstore", fixtures);
    assert.ok("side" in read);
    const more = settingsOfWords(words);
    assert.ok(typeof more !== "string", String(more));
    const input = { file: { name: "gw.conf", text }, env: {}, fileFolder: folder, workingFolder: folder, ...more };
    return openExplainer(read.side, input);
  }

  async function asked(text: string, authorization: string, words: readonly string[] = []): Promise<Explanation> {
    const explainer = await opened(text, words);
    assert.ok("explain" in explainer, String(explainer));
    return explainer.explain({
      method: "GET",
      target: "/petstore/v3/user/x",
      headers: [["Authorization", authorization]],
      scheme: "http",
      listener: "api",
      from: "127.0.0.1",
    });
  }

  function reasonOf({ outcome }: Explanation): string {
    return outcome.kind === "refused" ? outcome.reason : outcome.kind;
  }

  test("tokens are verified, and not assumed to be right", async () => {
    const good = await asked(own, `Bearer ${issuer.token({ aud: "pets" })}`);
    assert.equal(good.outcome.kind, "forwarded");
    assert.ok(good.checks.every(({ result }) => result === "passed"));
    assert.ok(!good.assumptions.some((text) => text.includes("signature")));
    assert.equal(reasonOf(await asked(own, `Bearer ${issuer.token({ aud: "cats" })}`)), "jwt: audience");
    assert.equal(reasonOf(await asked(own, `Bearer ${foreigner.token({ aud: "pets" })}`)), "jwt: signature");
    assert.equal(reasonOf(await asked(own, `Bearer ${issuer.token({ iss: "https://other" })}`)), "jwt: unknown issuer");
  });

  test("an issuer with keys at a URL is taken at its word, as far as it goes; nothing is fetched", async () => {
    const remote = `${own}[[jwtTokenConfig]]
issuer = "https://away.test"
jwksURL = "https://away.test/jwks"
audience = "pets"
`;
    const away = new TestIssuer("https://away.test");
    const good = await asked(remote, `Bearer ${away.token({ aud: "pets" })}`);
    assert.equal(good.outcome.kind, "forwarded");
    assert.equal(good.checks.find(({ check }) => check === "authenticate")?.result, "assumed");
    assert.ok(good.assumptions.some((text) => text.includes("https://away.test/jwks")));
    assert.equal(reasonOf(await asked(remote, `Bearer ${away.token({ aud: "cats" })}`)), "jwt: audience");
    assert.equal(reasonOf(await asked(remote, `Bearer ${foreigner.token({ aud: "pets" })}`)), "jwt: signature");
  });

  test("the project's own code is not run, and the explanation says so", async () => {
    const read = await readSide("corp", fixtures);
    assert.ok("side" in read);
    const text = own.replace('audience = "pets"', 'claimMapperClassName = "corp-claims"');
    const input = { file: { name: "gw.conf", text }, overrides: [], allowKnownDefaults: false, env: {} };
    const explainer = await openExplainer(read.side, { ...input, fileFolder: folder, workingFolder: folder });
    assert.ok("explain" in explainer, String(explainer));
    const headers = [["Authorization", `Bearer ${issuer.token({ scope: ["read:reports"] })}`]] as const;
    const request = { method: "GET", target: "/reports/", headers, from: "127.0.0.1", listener: "api" } as const;
    const { explain } = explainer;
    for (const found of [
      await explain({ ...request, scheme: "https" }),
      await explain({ ...request, scheme: "https" }),
    ]) {
      const { outcome, assumptions } = found;
      assert.ok(outcome.kind === "forwarded");
      assert.ok(assumptions.some((one) => one.startsWith("extensions/corp-claims.ts, which is not run")));
      assert.ok(assumptions.some((one) => one.startsWith("there is a TLS listener")));
    }
  });

  test("endpoints, proxies and limits of the settings hold", async () => {
    const key = "api_6e0335a8e83902f8bc6da9e81380b5bd91ed8d71c6a6fc06cf7c9872f922d8ea_prod_endpoint_0";
    const words = [`--${key}=http://pets.internal/base/`, "--castgate.trustedProxies=127.0.0.0/8"];
    const { outcome, request } = await asked(own, `Bearer ${issuer.token({ aud: "pets" })}`, words);
    assert.ok(outcome.kind === "forwarded");
    assert.equal(outcome.urls[0]?.url, "http://pets.internal/base/user/x");
    assert.equal(request.client, "127.0.0.1");
    const { outcome: long } = await asked(own, "Bearer x", ["--listenerConfig.maxUriLength=10"]);
    assert.ok(long.kind === "refused" && long.status === 414);
  });

  test("wrong settings are listed as the gateway would list them", async () => {
    const found = await opened(
      '[[jwtTokenConfig]]\nissuer = "https://issuer.test"\n[listenerConfig]\nhttpPort = "x"\n',
    );
    assert.ok(Array.isArray(found));
    assert.ok(found.includes("error: listenerConfig.httpPort: must be a whole number"), found.join("\n"));
    assert.ok(found.some((line) => line.startsWith("error: jwtTokenConfig[0].issuer: has no key source")));
  });

  test("behind -- stand settings alone", () => {
    assert.equal(settingsOfWords(["--check-config"]), "only settings may stand there");
    assert.equal(settingsOfWords(["x"]), "unexpected argument: x");
  });
});

test("what switches features on is what their own modules say", () => {
  const features = { apiKeyIssuer, eventHub, introspection, keyManagerProxies, revocation, trafficManager };
  const texts = [
    "",
    "[apikey.issuer.tokenConfig]\nenabled = true\n",
    '[listenerConfig]\nkeyStorePath = "x"\n[b7a.users.bob]\npassword = "x"\n',
    "[apim.eventHub]\nenable = true\n",
    "[security]\nvalidateSubscriptions = true\n",
    '[[jwtTokenConfig]]\nissuer = "x"\nvalidateSubscription = true\n',
    '[keyManager]\nserverUrl = "https://km.test"\n',
    '[keyManager]\nusername = "x"\n',
    '[keymanager.security.basic]\nusername = "x"\n',
    "[keymanager.security.oauth2]\nenabled = true\n",
    "[castgate.keyManagerProxies]\nenabled = true\n",
    "[tokenRevocationConfig.realtime]\nenableRealtimeMessageRetrieval = true\n",
    "[tokenRevocationConfig.persistent]\nenablePersistentStorageRetrieval = true\n",
    "[throttlingConfig]\nenabledGlobalTMEventPublishing = true\n",
  ];
  for (const compatibility of ["standard", "wso2-3.2"] as const)
    for (const text of texts) {
      const { settings } = loadSettings({
        compatibility,
        allowKnownDefaults: false,
        features: featureNames,
        overrides: [],
        env: {},
        file: { name: "x", text },
        fileFolder: "/",
        workingFolder: "/",
      });
      for (const feature of Object.values(features))
        assert.equal(isOn(feature.name, settings), feature.enabled(settings), `${feature.name}: ${text}`);
    }
});
