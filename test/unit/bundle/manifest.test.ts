import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { compile } from "../../../compiler/compile.ts";
import type { Manifest } from "../../../compiler/model/manifest.ts";
import { contentProblem, readManifest } from "../../../compiler/verify/embedded-manifest.ts";
import { memoryHost } from "../../support/memory-host.ts";

async function build(
  root: object,
  settings = "compatibility: standard\n",
  policies = "",
): Promise<{ text: string; manifest: Manifest }> {
  const definition = {
    openapi: "3.0.3",
    info: { title: "Shop", version: "1" },
    "x-wso2-basePath": "/shop",
    "x-wso2-production-endpoints": {
      urls: ["https://shop.test/v1", "http://shop.test:8080"],
      type: "failover",
      name: "shop",
    },
    paths: {
      "/a": { get: { security: [], responses: { 200: { description: "ok" } } } },
    },
    ...root,
  };
  const host = memoryHost({
    "api_definitions/shop.json": JSON.stringify(definition),
    "castgate.yaml": settings,
    ...(policies === "" ? {} : { "policies.yaml": policies }),
  });
  const { value, build, diagnostics } = await compile("shop", host);
  assert.ok(build !== undefined, JSON.stringify(diagnostics));
  return { text: build.target[0]?.text ?? "", manifest: value as Manifest };
}

describe("the manifest of a bundle", () => {
  test("stands in it, with a digest of all the rest of it", async () => {
    const { text, manifest } = await build({});
    const embedded = readManifest(text);
    assert.ok(!("problem" in embedded));
    assert.deepEqual(embedded.manifest, manifest);
    assert.equal(contentProblem(text, embedded), undefined);
    assert.deepEqual(
      JSON.parse(text.slice(embedded.start + 1, embedded.end - 1).replaceAll(/\\([\\`$])/g, "$1")),
      manifest,
    );
  });

  test("names what made it", async () => {
    const { tools, version } = (await build({})).manifest;
    assert.match(version, /^\d+\.\d+\.\d+/);
    for (const tool of [/^esbuild@\d/, /^prettier@\d/, /^yaml@\d/]) assert.ok(tools.some((each) => tool.test(each)));
  });

  test("lists the hosts that requests go to, and the settings that put others in their place", async () => {
    const { hosts, hostSettings } = (
      await build({
        "x-wso2-sandbox-endpoints": {
          urls: ["https://sandbox.test"],
          name: "box",
          "x-castgate-credentials": { type: "oauth2", tokenUrl: "https://login.test:8443/token" },
        },
      })
    ).manifest;
    assert.deepEqual(hosts, [
      { origin: "http://shop.test:8080", use: "backend", settings: ["shop_prod_endpoint_1"] },
      { origin: "https://login.test:8443", use: "token", settings: ["box_sand_oauth2_token_url"] },
      { origin: "https://sandbox.test", use: "backend", settings: ["box_sand_endpoint_0"] },
      { origin: "https://shop.test", use: "backend", settings: ["shop_prod_endpoint_0"] },
    ]);
    assert.deepEqual(hostSettings, [
      "httpClients.proxy.host",
      "jwtTokenConfig[].discoveryURL",
      "jwtTokenConfig[].jwksURL",
    ]);
  });

  test("lists the settings that name further hosts: those of all features in the original's meaning", async () => {
    const { hostSettings } = (await build({}, "compatibility: wso2-3.2\n")).manifest;
    assert.deepEqual(hostSettings, [
      "apim.eventHub.eventListeningEndpoints",
      "apim.eventHub.serviceUrl",
      "apim.eventHub.service_url",
      "httpClients.proxy.host",
      "jwtGeneratorConfig.claimRetrieval.configuration.serverUrl",
      "jwtTokenConfig[].discoveryURL",
      "jwtTokenConfig[].jwksURL",
      "keyManager.serverUrl",
      "keymanager.security.oauth2.clientCredential.refreshUrl",
      "keymanager.security.oauth2.directToken.refreshUrl",
      "keymanager.security.oauth2.password.refreshUrl",
      "keymanager.security.oauth2.refresh.refreshUrl",
      "keymanager.security.oauth2.tokenUrl",
      "throttlingConfig.dataRetriever.serverUrl",
      "throttlingConfig.jmsConnectionProviderUrl",
      "throttlingConfig.throttleEndpointUrl",
      "tokenRevocationConfig.persistent.endpointURL",
      "tokenRevocationConfig.persistent.hostname",
      "tokenRevocationConfig.realtime.jmsConnectionProviderUrl",
    ]);
  });

  test("lists the environment variables that a start reads", async () => {
    const { environment } = (await build({})).manifest;
    const of = (pattern: RegExp) => environment.filter((name) => pattern.test(name));
    assert.deepEqual(of(/^(?:castgate_d|b7a_[lu]|jwtTokenConfig_i|MGW|shop)/), [
      "MGW_RUNTIME_HOME",
      "b7a_log_level",
      "b7a_users_*_password",
      "b7a_users_*_scopes",
      "castgate_dpopNonce",
      "castgate_dpopProofSeconds",
      "castgate_dpopReplayCapacity",
      "castgate_drainSeconds",
      "jwtTokenConfig_issuer",
      "shop_prod_basic_password",
      "shop_prod_basic_username",
      "shop_prod_endpoint_0",
      "shop_prod_endpoint_1",
      "shop_prod_keyStorePassword",
      "shop_prod_keyStorePath",
      "shop_prod_trustStorePassword",
      "shop_prod_trustStorePath",
    ]);
    // Of features that are not in this bundle, and of what nothing reads.
    assert.deepEqual(of(/eventHub|etcd|redis|throttling|analytics_g.*URL|caching_enabled/), []);
    assert.deepEqual(environment, [...environment].sort());
    const { environment: all, features } = (
      await build(
        { "x-wso2-production-endpoints": { urls: ["etcd(shop, https://shop.test)"], name: "shop" } },
        "compatibility: wso2-3.2\n",
        "counters: { store: redis, onUnavailable: deny }\nsubscriptionPolicies:\n  - Unauthenticated: { count: 5, unitTime: 1, timeUnit: min }\n",
      )
    ).manifest;
    for (const name of ["apim_eventHub_enable", "etcdurl", "castgate_redis_url", "shop_prod_0_etcdKey"])
      assert.ok(all.includes(name), name);
    assert.deepEqual(features, [
      "api-key-issuer",
      "backend-jwt",
      "event-hub",
      "introspection",
      "key-manager-proxies",
      "revocation",
      "traffic-manager",
    ]);
  });

  test("lists the features that settings can switch on", async () => {
    assert.deepEqual((await build({})).manifest.features, []);
    const { manifest } = await build({}, "compatibility: standard\nfeatures: [revocation, backend-jwt]\n");
    assert.deepEqual(manifest.features, ["backend-jwt", "revocation"]);
  });
});

describe("a manifest that is none", () => {
  let whole: string;
  before(async () => {
    whole = (await build({})).text;
  });
  const cases: readonly (readonly [what: string, edit: (text: string) => string, problem: RegExp])[] = [
    ["no bundle", () => "console.log(1)\n", /^it has no manifest/],
    ["two manifests", (text) => text + text, /more than one manifest/],
    [
      "something else in its place",
      (text) => text.replace("JSON.parse(`{", "JSON.parse(x`{"),
      /not written as castgate/,
    ],
    ["code in it", (text) => text.replace('"name": "castgate"', `"name": "$${"{1}"}"`), /not written as castgate/],
    ["another escape in it", (text) => text.replace('"name": "castgate"', '"name": "\\n"'), /not written as castgate/],
    ["no end", (text) => text.replace(/^}\n`\)\);$/m, "}\n`);"), /not written as castgate/],
    ["no JSON", (text) => text.replace('"manifest": 2,', '"manifest": 2'), /is no JSON/],
    [
      "an older format",
      (text) => text.replace('"manifest": 2,', '"manifest": 1,'),
      /format 1, and this castgate reads format 2 \(castgate \d/,
    ],
    [
      "a newer format",
      (text) => text.replace('"manifest": 2,', '"manifest": 33,'),
      /format 33, and this castgate reads format 2/,
    ],
    ["another maker", (text) => text.replace('"name": "castgate"', '"name": "x"'), /\/name is not one of castgate/],
    [
      "one more member",
      (text) => text.replace('"name": "castgate"', '"__proto__": 1, "name": "castgate"'),
      /has a member "__proto__"/,
    ],
    [
      "one member less",
      (text) => text.replace(/ {2}"publicOperations": \[[^\]]*\],\n/, ""),
      /publicOperations is not a list/,
    ],
  ];
  for (const [what, edit, problem] of cases) {
    test(what, () => {
      const found = readManifest(edit(whole));
      assert.match("problem" in found ? found.problem : "(it was read)", problem);
    });
  }
});
