import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FeatureName } from "../../../runtime-lib/feature.ts";
import { type SettingSpec, settingsSchema } from "../../../runtime-lib/settings-schema.ts";
import { linesFrom } from "./settings-for-test.ts";

/**
 * Each setting of the schema is either read without any feature, or by the features that are written here. A new setting has to
 * be put into one of the two tables.
 */
const readByFeatures: Readonly<Record<string, readonly FeatureName[]>> = {
  "apikey.issuer.*": ["api-key-issuer"],
  "castgate.apiKeyIssuer.*": ["api-key-issuer"],
  "apim.credentials.*": ["backend-jwt"],
  "castgate.userClaimsCacheSeconds": ["backend-jwt"],
  "jwtConfig.*": ["backend-jwt"],
  "jwtGeneratorConfig.*": ["backend-jwt"],
  "jwtTokenConfig[].remoteUserClaimRetrievalEnabled": ["backend-jwt"],
  "keyManager.remoteUserClaimRetrievalEnabled": ["backend-jwt"],
  "apim.eventHub.*": ["event-hub"],
  "castgate.eventHub.*": ["event-hub"],
  "jwtTokenConfig[].validateSubscription": ["event-hub"],
  "security.*": ["event-hub"],
  "castgate.amqpHeartbeatSeconds": ["event-hub", "revocation", "traffic-manager"],
  "castgate.introspectionAudience": ["introspection"],
  "castgate.introspectionCacheSeconds": ["introspection"],
  "keyManager.issuer": ["introspection"],
  "keyManager.password": ["introspection"],
  "keyManager.username": ["introspection"],
  "keymanager.security.*": ["introspection"],
  "castgate.keyManagerTimeoutSeconds": ["introspection", "key-manager-proxies"],
  "keyManager.tokenContext": ["introspection", "key-manager-proxies"],
  "keyManager.serverUrl": ["backend-jwt", "introspection", "key-manager-proxies"],
  "castgate.keyManagerProxies.*": ["key-manager-proxies"],
  "listenerConfig.tokenListenerPort": ["key-manager-proxies"],
  "castgate.revocation.*": ["revocation"],
  "tokenRevocationConfig.*": ["revocation"],
  "castgate.trafficManager.*": ["traffic-manager"],
  // Only the switch: without it, what a file of the original says of its traffic manager is read by nobody.
  "throttlingConfig.enabledGlobalTMEventPublishing": ["traffic-manager"],
};

const readAlways: readonly string[] = [
  "analytics.*",
  "api.usage.data.path",
  "apikey.tokenConfigs.*",
  "authConfig.*",
  "b7a.*",
  "caching.*",
  "castgate.*",
  "datacenterId",
  "etcd*",
  "http2.enable",
  "httpClients.*",
  "jwtTokenConfig[].*",
  // The clock skew of all tokens; what this version does not have; what nothing reads.
  "keyManager.timestampSkew",
  "keyManager.enableLegacyMode",
  "keyManager.external",
  "listenerConfig.*",
  "mutualSSLConfig.*",
  "server.*",
  "throttlingConfig.*",
  "validationConfig.*",
];

const fits = (pattern: string, name: string) =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

function expectedReaders(name: string): readonly FeatureName[] {
  const found = Object.keys(readByFeatures).find((pattern) => fits(pattern, name));
  if (found !== undefined) return readByFeatures[found] ?? [];
  assert.ok(
    readAlways.some((pattern) => fits(pattern, name)),
    `${name} is in none of the tables`,
  );
  return [];
}

/** A file that sets it to something that asks for whatever it belongs to. */
function fileSetting(name: string, spec: SettingSpec): string {
  const value =
    spec.type === "boolean"
      ? "true"
      : spec.type === "integer" || spec.type === "number"
        ? String(spec.max === undefined ? 1 : Math.max(spec.min ?? 1, 1))
        : JSON.stringify(spec.oneOf?.[0] ?? (spec.pattern?.[0].test("X-A") === false ? "https://a.test" : "X-A"));
  const segments = name.replaceAll("*", "name").split(".");
  const key = segments.pop() as string;
  const lines: string[] = [];
  const path: string[] = [];
  for (const segment of segments) {
    path.push(segment.replace("[]", ""));
    if (segment.endsWith("[]")) lines.push(`[[${path.join(".")}]]`);
  }
  if (segments.length > 0 && segments.at(-1)?.endsWith("[]") !== true) lines.push(`[${path.join(".")}]`);
  return `${lines.join("\n")}\n${key} = ${value}\n`;
}

const complaints = async (file: string, features: readonly FeatureName[], compatibility: "standard" | "wso2-3.2") =>
  (await linesFrom(file, { compatibility, features })).filter((line) => line.includes("was built without"));

describe("settings of features that are not in the bundle", () => {
  test("standard: every one of them stops the start, none that is read without features does", async () => {
    for (const [name, spec] of settingsSchema) {
      const readers = expectedReaders(name);
      const file = fileSetting(name, spec);
      const lines = await complaints(file, [], "standard");
      if (readers.length === 0) {
        assert.deepEqual(lines, [], name);
        continue;
      }
      assert.equal(lines.length, 1, name);
      assert.ok(lines[0]?.startsWith("error: "), name);
      assert.ok(lines[0]?.includes(`: needs ${readers.join(" or ")}, which this gateway was built without`), lines[0]);
      for (const feature of readers) assert.deepEqual(await complaints(file, [feature], "standard"), [], name);
      // What is off asks for nothing.
      if (spec.type === "boolean")
        assert.deepEqual(await complaints(file.replace("true", "false"), [], "standard"), []);
      // 3.2 had all of it in every gateway.
      assert.deepEqual(await complaints(file, [], "wso2-3.2"), [], name);
    }
  });

  test("also on the command line and in the environment", async () => {
    const more = {
      compatibility: "standard",
      features: [],
      overrides: [["jwtConfig.header", "X-Caller"]],
      env: { keyManager_serverUrl: "https://km.test", keymanager_security_basic_enabled: "false" },
    } as const;
    assert.deepEqual(await linesFrom("", more), [
      "error: keyManager.serverUrl (environment): needs backend-jwt or introspection or key-manager-proxies, which this gateway was built without: add it to features in castgate.yaml (it is left out where no operation takes tokens)",
      "error: jwtConfig.header (command line): needs backend-jwt, which this gateway was built without: add it to features in castgate.yaml",
    ]);
  });
});
