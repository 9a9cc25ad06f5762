import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { callerOfClaims } from "../../../runtime-lib/jwt-caller.ts";

describe("whom a quota is for when the token names no application", () => {
  const idOf = (claims: Record<string, unknown>, compatibility: "wso2-3.2" | "standard") =>
    callerOfClaims({ sub: "alice", ...claims }, "jwt", compatibility)?.application.id;

  test("standard: the client, else the subject, never one quota for everybody", () => {
    assert.equal(idOf({ client_id: "shop", azp: "other" }, "standard"), "shop");
    assert.equal(idOf({ azp: "shop" }, "standard"), "shop");
    assert.equal(idOf({}, "standard"), "alice");
    assert.equal(idOf({ sub: undefined }, "standard"), "__unknown__");
  });

  test("wso2-3.2: all such tokens share one (R-THR-05)", () => {
    assert.equal(idOf({ client_id: "shop" }, "wso2-3.2"), "__unknown__");
  });

  test("an application's id wins in both", () => {
    assert.equal(idOf({ client_id: "shop", application: { id: 7 } }, "standard"), "7");
    assert.equal(idOf({ client_id: "shop", application: { id: 7 } }, "wso2-3.2"), "7");
  });
});

test("keytype without an application counts in standard only (S-JWT-11)", () => {
  const claims = { sub: "alice", keytype: "SANDBOX" };
  assert.equal(callerOfClaims(claims, "jwt", "standard")?.keyType, "SANDBOX");
  assert.equal(callerOfClaims(claims, "jwt", "wso2-3.2")?.keyType, "PRODUCTION");
});
