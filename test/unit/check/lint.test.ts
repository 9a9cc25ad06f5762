import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Compatibility } from "../../../compiler/model/names.ts";
import { check, definition, operation } from "./check.ts";

const standard = { compatibility: "standard" as Compatibility, lint: true };
const defaultTier = "subscriptionPolicies:\n  - Default: {count: 500, unitTime: 1, timeUnit: min}\n";

/** `code message`, without those that a project of one operation cannot avoid. */
async function lint(
  value: Readonly<Record<string, unknown>>,
  policies: string,
  compatibility: Compatibility = "standard",
): Promise<readonly string[]> {
  const files = { "policies.yaml": policies };
  const { diagnostics } = await check(value, { ...standard, compatibility, files });
  return diagnostics.map(({ code, message }) => `${code}: ${message}`);
}

describe("quota arithmetic", () => {
  const both = (change: Readonly<Record<string, unknown>> = {}) =>
    definition({
      "x-wso2-throttling-tier": "Outer",
      paths: { "/pets": { get: operation({ "x-wso2-throttling-tier": "Inner" }) } },
      ...change,
    });
  const tiers = (inner: string, outer: string) =>
    `resourcePolicies:\n  - Inner: {${inner}}\n  - Outer: {${outer}}\n${defaultTier}`;
  const perMinute = (count: number, more = "") => `count: ${count}, unitTime: 1, timeUnit: min${more}`;
  const per = (count: number, unit: string, units = 1) => `count: ${count}, unitTime: ${units}, timeUnit: ${unit}`;
  const never = ['tier-unreachable: the tier "Inner" never refuses a call: the API\'s tier "Outer" refuses first'];

  const cases: readonly (readonly [string, string, string, boolean])[] = [
    ["a higher count in the same window", perMinute(20), perMinute(10), true],
    ["the same", perMinute(10), perMinute(10), true],
    ["a lower count", perMinute(9), perMinute(10), false],
    ["an hour against sixty minutes", per(600, "hour"), perMinute(10), true],
    ["an hour against more than sixty minutes let through", per(599, "hour"), perMinute(10), false],
    ["a minute within an hour", perMinute(100), per(100, "hour"), true],
    ["a minute that an hour's tier may use up", perMinute(99), per(100, "hour"), false],
    // Windows of 90 minutes start at whole minutes, so one touches three windows of an hour (R-THR-07).
    ["windows that are not aligned", per(299, "min", 90), per(100, "hour"), false],
    ["windows that are not aligned, and one more", per(300, "min", 90), per(100, "hour"), true],
    // Weeks and months of 30 days share no boundaries: a month touches up to six weeks.
    ["a month of weeks", per(599, "month"), per(100, "week"), false],
    ["a month of weeks, all that it touches", per(600, "month"), per(100, "week"), true],
    [
      "a window against a bucket, what it holds and what flows",
      perMinute(15),
      perMinute(10, ", algorithm: sliding, burst: 5"),
      true,
    ],
    [
      "a window against a bucket that gives more",
      perMinute(14),
      perMinute(10, ", algorithm: sliding, burst: 5"),
      false,
    ],
    ["a bucket that holds two windows", perMinute(20, ", algorithm: sliding, burst: 20"), perMinute(10), true],
    [
      "a bucket that holds less than two windows",
      perMinute(20, ", algorithm: sliding, burst: 19"),
      perMinute(10),
      false,
    ],
    ["a bucket that empties too slowly", `${per(30, "min", 60)}, algorithm: sliding`, perMinute(10), false],
    [
      "a bucket against a smaller one",
      perMinute(10, ", algorithm: sliding"),
      perMinute(10, ", algorithm: sliding"),
      true,
    ],
    ["bytes against requests", "bandwidth: 1 MB, unitTime: 1, timeUnit: min", perMinute(10), false],
    ["requests against bytes", perMinute(10), "bandwidth: 1 KB, unitTime: 1, timeUnit: min", false],
    [
      "bytes against bytes",
      "bandwidth: 1 MB, unitTime: 1, timeUnit: min",
      "bandwidth: 1000 KB, unitTime: 1, timeUnit: min",
      true,
    ],
    ["all requests, refused ones too", perMinute(20, ", countedRequests: all"), perMinute(10), false],
    ["successes among admitted requests", perMinute(20, ", countedRequests: success"), perMinute(10), true],
    ["admitted requests against successes", perMinute(20), perMinute(10, ", countedRequests: success"), false],
    ["an API's tier that counts refused ones, too", perMinute(10), perMinute(10, ", countedRequests: all"), true],
  ];
  for (const [name, inner, outer, found] of cases) {
    test(name, async () => assert.deepEqual(await lint(both(), tiers(inner, outer)), found ? never : []));
  }

  test("groups of the API's tier have counts of their own: all of them may pass", async () => {
    const group = "conditionGroups: [{name: g, when: [{header: x, matches: y}], count: 5, unitTime: 1, timeUnit: min}]";
    assert.deepEqual(await lint(both(), tiers(perMinute(15), perMinute(10, `, ${group}`))), never);
    assert.deepEqual(await lint(both(), tiers(perMinute(14), perMinute(10, `, ${group}`))), []);
  });

  test("a group of an operation's tier alone", async () => {
    const group =
      "conditionGroups: [{name: partners, when: [{header: x, matches: y}], count: 50, unitTime: 1, timeUnit: min}]";
    assert.deepEqual(await lint(both(), tiers(perMinute(5, `, ${group}`), perMinute(10))), [
      'tier-unreachable: the tier "Inner/partners" never refuses a call: the API\'s tier "Outer" refuses first',
    ]);
  });

  test("each tier once, and for how many more operations", async () => {
    const tier = operation({ "x-wso2-throttling-tier": "Inner" });
    const value = both({ paths: { "/a": { get: tier, put: tier }, "/b": { get: tier } } });
    assert.deepEqual(await lint(value, tiers(perMinute(20), perMinute(10))), [
      `${never[0]} (also for 2 more operations)`,
    ]);
  });

  test("in `wso2-3.2` the API's tier replaces it, which is said (T-POL-08)", async () => {
    const found = await lint(both(), tiers(perMinute(20), perMinute(10)), "wso2-3.2");
    assert.deepEqual(found, ['tier-shadowed: the tier "Inner" is not applied: the API\'s tier "Outer" replaces it']);
  });
});

describe("tiers without effect", () => {
  const one = (name: string, more = "") => `  - ${name}: {count: 10, unitTime: 1, timeUnit: min${more}}\n`;

  test("one that nothing names; those that every new project has may stay (T-POL-01)", async () => {
    const policies = `resourcePolicies:\n${one("Mine")}  - 10kPerMin: {count: 10000, unitTime: 1, timeUnit: min}\n${one("20kPerMin")}`;
    assert.deepEqual(await lint(definition(), policies), [
      'tier-unused: no API and no operation names the tier "Mine"',
      'tier-unused: no API and no operation names the tier "20kPerMin"',
    ]);
  });

  test("nothing is said of tiers while a definition cannot be read", async () => {
    const { found } = await check(definition({ paths: 7 }), {
      ...standard,
      files: { "policies.yaml": `resourcePolicies:\n${one("Mine")}` },
    });
    assert.ok(found.every((text) => !text.includes("tier-unused")));
  });

  test("presets are not written down, so they may stay", async () => {
    assert.deepEqual(await lint(definition(), "compat: apim1\n"), []);
  });

  test("stopOnQuota: false (T-POL-05)", async () => {
    const soft = ", stopOnQuota: false";
    const policies = `applicationPolicies:\n${one("A", soft)}subscriptionPolicies:\n${one("Default", soft)}${one("Unauthenticated", soft)}`;
    assert.deepEqual(
      (await lint(definition(), policies)).map((text) => text.slice(0, text.indexOf(":"))),
      ["stop-on-quota-ignored", "tier-stops-nobody", "stop-on-quota-ignored"],
    );
  });
});

describe("what is declared and not used", () => {
  const none = "{}\n";
  const login = (scopes: Readonly<Record<string, string>>) => ({
    type: "oauth2",
    flows: { clientCredentials: { tokenUrl: "https://login.example.com", scopes } },
  });
  const secured = (schemes: Readonly<Record<string, unknown>>, security: unknown, more = {}) =>
    definition({ components: { securitySchemes: schemes }, security, ...more });
  const key = { type: "apiKey", in: "header", name: "X-Key" };

  test("a scheme", async () => {
    assert.deepEqual(await lint(secured({ key, login: login({}) }, [{ key: [] }]), none), [
      'security-scheme-unused: nothing asks for the security scheme "login"',
    ]);
  });

  test("a scheme that one operation asks for is used", async () => {
    const paths = { "/pets": { get: operation({ security: [{ login: [] }] }) } };
    assert.deepEqual(await lint(secured({ key, login: login({}) }, [{ key: [] }], { paths }), none), []);
  });

  test("extensions select kinds of schemes without naming one", async () => {
    const more = { "x-wso2-application-security": { "security-types": ["oauth2"] } };
    assert.deepEqual(await lint(secured({ login: login({}) }, undefined, more), none), []);
    const mutual = { openapi: "3.1.0", "x-wso2-mutual-ssl": "mandatory" };
    assert.deepEqual(await lint(secured({ tls: { type: "mutualTLS" } }, undefined, mutual), none), []);
  });

  test("one that may be meant by a name that is not declared", async () => {
    assert.deepEqual(
      (
        await check(secured({ key }, [{ kye: [] }]), { lint: true, files: { "policies.yaml": defaultTier } })
      ).diagnostics.map(({ code }) => code),
      ["security-scheme-undeclared"],
    );
  });

  test("scopes, a few of them by name", async () => {
    const many = Object.fromEntries(["a", "b", "c", "d", "e", "f", "g", "h"].map((scope) => [scope, ""]));
    assert.deepEqual(await lint(secured({ login: login(many) }, [{ login: ["b"] }]), none), [
      'scope-unused: no operation asks for the scopes "a", "c", "d", "e", "f" and 2 more of "login"',
    ]);
  });

  test("x-scope asks for one, whatever the scheme (T-EXT-12)", async () => {
    const paths = { "/pets": { get: operation({ "x-scope": "read" }) } };
    assert.deepEqual(await lint(secured({ login: login({ read: "" }) }, [{ login: [] }], { paths }), none), []);
  });

  test("entries of x-wso2-endpoints, and endpoints that each operation replaces", async () => {
    const own = { "x-wso2-production-endpoints": "#/x-wso2-endpoints/b" };
    const value = definition({
      "x-wso2-endpoints": [{ a: { urls: ["https://a.example.com"] } }, { b: { urls: ["https://b.example.com"] } }],
      "x-wso2-sandbox-endpoints": { urls: ["https://s.example.com"] },
      paths: { "/pets": { get: operation(own) } },
    });
    assert.deepEqual(await lint(value, none), [
      'endpoint-unused: the endpoint "a" is never used',
      "endpoint-unused: x-wso2-production-endpoints of the API is never used: each operation has its own",
    ]);
  });
});
