import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MapMessage } from "../../../runtime-lib/amqp-message.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { DenyConditions } from "../../../runtime-lib/deny-conditions.ts";
import { evaluatedConditions } from "../../../runtime-lib/evaluated-conditions.ts";
import { KeyTemplates } from "../../../runtime-lib/key-templates.ts";
import { parseRequestTarget, pathRules } from "../../../runtime-lib/request-path.ts";
import { ThrottleDecisions } from "../../../runtime-lib/throttle-decisions.ts";
import { RecordedExchange, type RecordedRequest } from "../../support/recorded-exchange.ts";
import { verifiedCaller } from "../../support/verified-caller.ts";

const now = 1_700_000_000_000;
const message = (fields: Readonly<Record<string, unknown>>): MapMessage => new Map(Object.entries(fields));
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function decided(decisions: ThrottleDecisions, fields: Readonly<Record<string, unknown>>, sentAt?: number): boolean {
  return decisions.receive(message({ isThrottled: true, expiryTimeStamp: now + 1_000, ...fields }), sentAt, now);
}

describe("decisions by key", () => {
  test("hold until their time, that included; without one, or taken back, they do not hold (R-DTH-05, 06)", () => {
    const decisions = new ThrottleDecisions();
    assert.equal(decided(decisions, { throttleKey: "7:alice" }), true);
    assert.equal(decisions.until("7:alice", now + 1_000), now + 1_000);
    assert.equal(decisions.until("7:alice", now + 1_001), 0);
    assert.equal(decisions.until("7:bob", now), 0);
    decided(decisions, { throttleKey: "7:bob", expiryTimeStamp: undefined });
    assert.equal(decisions.until("7:bob", now), 0);
    decided(decisions, { throttleKey: "7:alice", isThrottled: false });
    assert.equal(decisions.until("7:alice", now), 0);
  });

  test("values are what maps and JSON have: texts, numbers, longs", () => {
    for (const [isThrottled, expiryTimeStamp] of [
      ["true", String(now + 5)],
      [true, BigInt(now + 5)],
      ["TRUE", now + 5],
    ]) {
      const decisions = new ThrottleDecisions();
      decided(decisions, { throttleKey: "k", isThrottled, expiryTimeStamp });
      assert.equal(decisions.until("k", now), now + 5);
    }
  });

  test("an older message changes nothing, also after one that took a decision back", () => {
    const decisions = new ThrottleDecisions();
    decided(decisions, { throttleKey: "k", isThrottled: false }, now);
    decided(decisions, { throttleKey: "k" }, now - 1);
    assert.equal(decisions.until("k", now), 0);
    decided(decisions, { throttleKey: "k" }, now + 1);
    decided(decisions, { throttleKey: "k", isThrottled: false }, now);
    assert.equal(decisions.until("k", now), now + 1_000);
  });

  test("what has ended is forgotten, and makes room; the rest is not pushed out", () => {
    const decisions = new ThrottleDecisions(2);
    decided(decisions, { throttleKey: "short" });
    decided(decisions, { throttleKey: "long", expiryTimeStamp: now + 3_600_000 });
    decided(decisions, { throttleKey: "no room" });
    assert.equal(decisions.size, 2);
    assert.equal(decisions.until("no room", now), 0);
    decisions.sweep(now + 120_000);
    assert.equal(decisions.size, 1);
    assert.equal(decisions.until("long", now + 120_000), now + 3_600_000);
  });

  test("one that names no key, or whose conditions cannot be read, is refused", () => {
    const decisions = new ThrottleDecisions();
    const key = "/shop/1:1_condition_0";
    assert.equal(decided(decisions, {}), false);
    assert.equal(decided(decisions, { throttleKey: key }), false);
    assert.equal(decided(decisions, { throttleKey: key, evaluatedConditions: "bm90IEpTT04=" }), false);
    assert.equal(decided(decisions, { throttleKey: key, evaluatedConditions: encoded([{ moon: {} }]) }), false);
    assert.equal(decisions.untilFor("/shop/1:1", new RecordedExchange(), undefined, now), 0);
  });
});

describe("decisions with conditions (R-DTH-11)", () => {
  const big = { header: { values: { "X-Kind": "^big$" }, invert: false } };
  const kind = (value: string) => new RecordedExchange({ headers: ["x-kind", value] });

  test("a group refuses those that meet one of its conditions, the default one those that meet none of its own", () => {
    const decisions = new ThrottleDecisions();
    const until = (x: RecordedExchange) => decisions.untilFor("/shop/1/a:OPTIONS", x, undefined, now);
    decided(decisions, { throttleKey: "/shop/1/a:OPTIONS_condition_0", evaluatedConditions: encoded([big]) });
    assert.equal(until(kind("big")), now + 1_000);
    assert.equal(until(kind("small")), 0);
    assert.equal(until(new RecordedExchange()), 0);
    decided(decisions, {
      throttleKey: "/shop/1/a:OPTIONS_condition_0",
      isThrottled: false,
    });
    decided(decisions, { throttleKey: "/shop/1/a:OPTIONS_default", evaluatedConditions: encoded([big]) });
    assert.equal(until(kind("big")), 0);
    assert.equal(until(kind("small")), now + 1_000);
  });

  test("a decision without conditions refuses all (the original ignored it)", () => {
    for (const throttleKey of ["/shop/1:1", "/shop/1:1_default"]) {
      const decisions = new ThrottleDecisions();
      decided(decisions, { throttleKey });
      assert.equal(decisions.untilFor("/shop/1:1", new RecordedExchange(), undefined, now), now + 1_000);
    }
  });

  function meets(conditions: unknown, request: RecordedRequest, caller?: Caller): boolean {
    const x = new RecordedExchange(request);
    return evaluatedConditions(encoded(conditions))?.some((one) => one(x, caller)) ?? assert.fail("not readable");
  }

  test("of a query's values the last counts, decoded", () => {
    const path = parseRequestTarget("/a?kind=b%69g&kind=small", pathRules("standard", false));
    assert.ok(typeof path === "object" && "query" in path);
    const small = [{ queryparametertype: { values: { kind: "small" }, invert: false } }];
    const large = [{ queryparametertype: { values: { kind: "big" }, invert: false } }];
    assert.deepEqual([meets(small, { path }), meets(large, { path })], [true, false]);
  });

  test("addresses as numbers and as texts, ends of ranges included, inverted", () => {
    const at = (clientAddress: string) => ({ clientAddress });
    const one = [{ ipspecific: { specificIp: 0x0a640501, invert: false } }];
    assert.deepEqual([meets(one, at("10.100.5.1")), meets(one, at("10.100.5.2"))], [true, false]);
    const range = [{ iprange: { startingIp: "10.0.0.1", endingIp: "10.0.0.3", invert: false } }];
    assert.deepEqual(
      ["10.0.0.0", "10.0.0.1", "::ffff:10.0.0.3", "10.0.0.4", "::1"].map((each) => meets(range, at(each))),
      [false, true, true, false, false],
    );
    const others = [{ iprange: { startingIp: 0x0a000001, endingIp: 0x0a000003, invert: true } }];
    assert.deepEqual([meets(others, at("10.0.0.2")), meets(others, at("10.0.0.4"))], [false, true]);
  });

  test("numbers of IPv6 addresses are exact", () => {
    const json = '[{"ipspecific":{"specificIp":42540766411282592856903984951653826561,"invert":false}}]';
    const [condition] = evaluatedConditions(Buffer.from(json).toString("base64")) ?? [];
    assert.equal(condition?.(new RecordedExchange({ clientAddress: "2001:db8::1" }), undefined), true);
    assert.equal(condition?.(new RecordedExchange({ clientAddress: "2001:db8::2" }), undefined), false);
  });

  test("claims; in one object all must hold, of several objects one", () => {
    const alice = verifiedCaller({ claims: { team: ["red", "blue"], level: 12 } });
    const blue = { jwtclaims: { values: { team: "blue", level: "1" }, invert: false } };
    assert.equal(meets([blue], {}, alice), true);
    assert.equal(meets([blue], {}), false);
    assert.equal(meets([{ ...blue, ...big }], {}, alice), false);
    assert.equal(meets([{ ...blue, ...big }], { headers: ["x-kind", "big"] }, alice), true);
    assert.equal(meets([big, blue], {}, alice), true);
    assert.equal(meets([{ jwtclaims: { values: { team: "green" }, invert: true } }], {}, alice), true);
  });

  test("what is no pattern is looked for as it stands", () => {
    const odd = [{ header: { values: { "x-kind": "a(b" }, invert: false } }];
    assert.deepEqual(
      [meets(odd, { headers: ["x-kind", "xa(bx"] }), meets(odd, { headers: ["x-kind", "ab"] })],
      [true, false],
    );
  });
});

describe("deny conditions (R-DTH-07)", () => {
  const subject = {
    contexts: ["/shop", "/shop/1.0.0"],
    tenant: "carbon.super",
    address: "10.0.0.5",
    application: "admin:app",
    user: "alice",
  };
  const denies = (lists: unknown, more: Partial<typeof subject> = {}) =>
    DenyConditions.ofLists(lists)?.denies({ ...subject, ...more });

  test("lists of APIs, applications and users; each for what it is", () => {
    assert.equal(denies({}), false);
    assert.equal(denies({ api: ["/shop"] }), true);
    assert.equal(denies({ api: ["/shop/1.0.0"] }), true);
    assert.equal(denies({ api: ["/sho"] }), false);
    assert.equal(denies({ application: ["admin:app"] }), true);
    assert.equal(denies({ user: ["alice"] }), true);
    assert.equal(denies({ user: ["/shop"] }), false);
  });

  test("addresses and ranges with both ends, of the API's tenant, inverted", () => {
    const range = {
      id: 1,
      tenantDomain: "carbon.super",
      type: "IPRANGE",
      startingIp: "10.0.0.5",
      endingIp: "10.0.0.7",
    };
    assert.equal(denies({ ip: [{ id: 1, type: "IP", fixedIp: "10.0.0.5", invert: false }] }), true);
    assert.equal(denies({ iprange: [range] }), true);
    assert.equal(denies({ iprange: [range] }, { address: "10.0.0.7" }), true);
    assert.equal(denies({ iprange: [range] }, { address: "10.0.0.8" }), false);
    assert.equal(denies({ iprange: [{ ...range, invert: true }] }, { address: "10.0.0.8" }), true);
    assert.equal(denies({ iprange: [{ ...range, tenantDomain: "other.test" }] }), false);
    assert.equal(denies({ iprange: [range] }, { tenant: "other.test" }), false);
  });

  test("lists that cannot be read are no lists", () => {
    for (const lists of [[], "x", { api: "x" }, { ip: [{ fixedIp: "moon" }] }, { ip: [7] }])
      assert.equal(DenyConditions.ofLists(lists), undefined);
  });

  test("messages add and take away, by value or by id", () => {
    let conditions = DenyConditions.none;
    const told = (blockingCondition: string, conditionValue: string, state: unknown, more = {}): boolean => {
      conditions = conditions.after(message({ blockingCondition, conditionValue, state, ...more })) ?? assert.fail();
      return conditions.denies(subject);
    };
    assert.equal(told("USER", "alice", "true"), true);
    assert.equal(told("USER", "alice", "false"), false);
    const json = JSON.stringify({ fixedIp: "10.0.0.5", invert: false });
    for (const value of [json, Buffer.from(json).toString("base64"), "10.0.0.5", "10.0.0.1-10.0.0.9"]) {
      assert.equal(told("IP", value, true, { id: 9, tenantDomain: "carbon.super" }), true, value);
      assert.equal(told("IP", value, "false", { id: 9 }), false, value);
    }
    assert.equal(conditions.after(message({ blockingCondition: "IP", conditionValue: "moon" })), undefined);
    assert.equal(conditions.after(message({ state: true })), undefined);
  });
});

describe("templates of custom policies (R-DTH-09)", () => {
  const values = {
    resourceKey: "/shop/1/a:GET",
    userId: "$appId",
    apiContext: "/shop",
    apiVersion: "1",
    appTenant: "carbon.super",
    apiTenant: "carbon.super",
    appId: "7",
    clientIp: "10.0.0.5",
  };
  const found = (templates: KeyTemplates, key: string) => templates.until(values, (one) => (one === key ? 1 : 0)) === 1;

  test("names are replaced once; unknown ones stay", () => {
    const templates = new KeyTemplates();
    templates.replace(["$userId:$apiContext", "$appIdentity", "$customProperty.x:$clientIp"]);
    assert.equal(found(templates, "$appId:/shop"), true);
    assert.equal(found(templates, "$appIdentity"), true);
    assert.equal(found(templates, "$customProperty.x:10.0.0.5"), true);
    assert.equal(found(templates, "7:/shop"), false);
  });

  test("late messages change nothing", () => {
    const templates = new KeyTemplates();
    templates.change("$appId", true, 5);
    templates.change("$appId", false, 4);
    assert.equal(found(templates, "7"), true);
    templates.change("$appId", false, 6);
    templates.change("$appId", true, 5);
    assert.equal(found(templates, "7"), false);
    templates.change("$appId", true, 7);
    assert.equal(found(templates, "7"), true);
  });
});
