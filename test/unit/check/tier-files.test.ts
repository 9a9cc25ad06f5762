import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check, definition } from "./check.ts";

const policy = (id: string, rule: string, type = "IP") =>
  `<wsp:Policy><throttle:ID throttle:type="${type}">${id}</throttle:ID><wsp:Policy>${rule}</wsp:Policy></wsp:Policy>`;
const control = (count: string, time: string, more = "") =>
  `<throttle:Control><wsp:Policy><throttle:MaximumCount>${count}</throttle:MaximumCount><throttle:UnitTime>${time}</throttle:UnitTime>${more}</wsp:Policy></throttle:Control>`;
const file = (...entries: readonly string[]) => `<?xml version="1.0"?>
<wsp:Policy xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy" xmlns:throttle="http://www.wso2.org/products/wso2commons/throttle">
  <throttle:MediatorThrottleAssertion>${entries.join("\n")}</throttle:MediatorThrottleAssertion>
</wsp:Policy>`;

async function read(text: string, policies = "{}\n") {
  const files = { "policies/tiers.xml": text, "policies.yaml": policies };
  const { checked, diagnostics } = await check(definition(), { compatibility: "standard", files });
  return { policies: checked?.policies, found: diagnostics.map(({ code }) => code) };
}

describe("tiers.xml of API Manager (K-10)", () => {
  test("limits by address, in milliseconds; single addresses first, all others last", async () => {
    const text = file(
      policy("other", control("2", "60000")),
      policy("10.1.1.1 - 10.1.1.30", control("3", "1500")),
      policy("10.1.1.7", "<throttle:Allow/>"),
      policy("10.1.1.8", control(" 1 ", "60000", "<throttle:ProhibitTimePeriod>0</throttle:ProhibitTimePeriod>")),
    );
    const { policies, found } = await read(text);
    assert.deepEqual(found, []);
    assert.deepEqual(policies?.addressLimits, [
      { name: "ip 10.1.1.7", addresses: ["10.1.1.7"], quota: undefined },
      { name: "ip 10.1.1.8", addresses: ["10.1.1.8"], quota: { count: 1, unitMs: 60_000, windowMs: 60_000 } },
      {
        name: "ip 10.1.1.1-10.1.1.30",
        addresses: ["10.1.1.1-10.1.1.30"],
        quota: { count: 3, unitMs: 1500, windowMs: 1500 },
      },
      { name: "ip other", addresses: undefined, quota: { count: 2, unitMs: 60_000, windowMs: 60_000 } },
    ]);
  });

  test("Deny is a deny condition; of all others, for whoever is not named", async () => {
    const text = file(policy("10.1.1.7", control("3", "1000")), policy("other", "<throttle:Deny/>"));
    assert.deepEqual((await read(text)).policies?.deny, [{ kind: "address", addresses: ["10.1.1.7"], invert: true }]);
    const one = file(policy("10.1.1.7", "<throttle:Deny/>"));
    assert.deepEqual((await read(one)).policies?.deny, [{ kind: "address", addresses: ["10.1.1.7"], invert: false }]);
    assert.deepEqual((await read(file(policy("other", "<throttle:Deny/>")))).found, ["tier-file-invalid"]);
  });

  test("policies.yaml comes first, and what it covers is told", async () => {
    const own = "ipLimits: [{other: true, count: 1, unitTime: 1, timeUnit: min}]\n";
    assert.deepEqual((await read(file(policy("10.1.1.7", control("3", "1000"))), own)).found, [
      "condition-unreachable",
    ]);
  });

  const wrong: readonly (readonly [string, string, readonly string[]])[] = [
    ["another document", "<tiers/>", ["tier-file-invalid"]],
    ["no ID", file("<wsp:Policy/>"), ["tier-file-invalid"]],
    ["no rule", file(policy("10.1.1.7", "")), ["tier-file-invalid"]],
    ["no address", file(policy("10.1.1", control("3", "1000"))), ["address-invalid"]],
    ["no number", file(policy("other", control("three", "0"))), ["tier-file-invalid", "tier-file-invalid"]],
    ["a tier by role", file(policy("Gold", control("3", "1000"), "ROLE")), ["tier-file-ignored"]],
    ["another limit", file(policy("other", control("3", "1000", "<throttle:Burst/>"))), ["tier-file-ignored"]],
    [
      "concurrency",
      file("<throttle:MaximumConcurrentAccess>1</throttle:MaximumConcurrentAccess>"),
      ["tier-file-ignored"],
    ],
    ["not well-formed", "<a><b></a>", ["xml-syntax"]],
    ["no element", "<!-- -->", ["xml-syntax"]],
    ["an entity of its own", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', ["xml-syntax"]],
    ["deep", `${"<a>".repeat(5000)}${"</a>".repeat(5000)}`, ["nesting-too-deep"]],
  ];
  for (const [what, text, expected] of wrong) {
    test(what, async () => assert.deepEqual((await read(text)).found, expected));
  }
});
