import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  application,
  type Condition,
  claim,
  denied,
  fromAddress,
  header,
  not,
  queryParameter,
  user,
} from "../../../runtime-lib/conditions.ts";
import { RecordedExchange, type RecordedRequest } from "../../support/recorded-exchange.ts";
import { verifiedCaller } from "../../support/verified-caller.ts";

const meets = (condition: Condition, request: RecordedRequest) => condition(new RecordedExchange(request), undefined);
const withQuery = (query: string): RecordedRequest => ({
  path: { raw: "/", query, segments: [], ends: [], plain: true, encodedSlash: false },
});

describe("conditions on a request", () => {
  test("a header field: some value, as a whole, the name in any case", () => {
    const tenant = header("x-tenant", "acme|globex");
    assert.equal(meets(tenant, { headers: ["X-Tenant", "acme"] }), true);
    assert.equal(meets(tenant, { headers: ["x-tenant", "other", "X-TENANT", "globex"] }), true);
    assert.equal(meets(tenant, { headers: ["X-Tenant", "acme2", "X-Tenants", "acme"] }), false);
    assert.equal(meets(tenant, {}), false);
    assert.equal(meets(not(tenant), {}), true);
    assert.equal(meets(header("x-a", ""), { headers: ["x-a", ""] }), true);
  });

  test("a value that is too long to be looked at meets nothing", () => {
    assert.equal(meets(header("x-a", "a*"), { headers: ["x-a", "a".repeat(1024)] }), true);
    assert.equal(meets(header("x-a", "a*"), { headers: ["x-a", "a".repeat(1025)] }), false);
  });

  test("a query parameter, compared decoded", () => {
    const version = queryParameter("ver sion", "v[0-9]+");
    assert.equal(meets(version, withQuery("?a=1&ver%20sion=v%31")), true);
    assert.equal(meets(version, withQuery("?ver+sion=v1")), true);
    assert.equal(meets(version, withQuery("?ver+sion=x&ver+sion=v2")), true);
    assert.equal(meets(version, withQuery("?version=v1")), false);
    assert.equal(meets(version, withQuery("?ver+sion=v")), false);
    assert.equal(meets(queryParameter("flag", ""), withQuery("?flag")), true);
    assert.equal(meets(version, withQuery("")), false);
  });

  test("a claim: text, number, truth, or an element of a list; never what the language adds", () => {
    const x = new RecordedExchange();
    const holds = (name: string, pattern: string, claims: Record<string, unknown>) =>
      claim(name, pattern)(x, verifiedCaller({ claims }));
    assert.equal(holds("level", "3", { level: 3 }), true);
    assert.equal(holds("staff", "true", { staff: true }), true);
    assert.equal(holds("groups", "sales", { groups: ["it", "sales"] }), true);
    assert.equal(holds("groups", ".*object.*", { groups: {} }), false);
    assert.equal(holds("missing", ".*", {}), false);
    assert.equal(holds("toString", ".*", {}), false);
    assert.equal(claim("a", ".*")(x, undefined), false);
    assert.equal(claim("a", ".*")(x, verifiedCaller({ claims: undefined })), false);
  });

  test("users and applications", () => {
    const x = new RecordedExchange();
    const caller = verifiedCaller({
      name: "alice",
      application: { id: "42", tier: "Unlimited", subscriptions: [] },
      claims: { application: { id: 42, owner: "bob", name: "Spider" } },
    });
    assert.equal(user(["alice"])(x, caller), true);
    assert.equal(user(["alice"])(x, { ...caller, scheme: "anonymous" }), false);
    assert.equal(user(["alice"])(x, undefined), false);
    for (const name of ["42", "bob:Spider"]) assert.equal(application([name])(x, caller), true);
    for (const name of ["Spider", "bob", "43"]) assert.equal(application([name])(x, caller), false);
    assert.equal(application(["42"])(x, undefined), false);
  });

  test("one is enough to be denied", () => {
    const isDenied = denied([fromAddress(["192.0.2.0/24"]), not(header("x-a", "b"))]);
    assert.equal(meets(isDenied, { clientAddress: "192.0.2.9", headers: ["x-a", "b"] }), true);
    assert.equal(meets(isDenied, { clientAddress: "198.51.100.1" }), true);
    assert.equal(meets(isDenied, { clientAddress: "198.51.100.1", headers: ["x-a", "b"] }), false);
  });
});
