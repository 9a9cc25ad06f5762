import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addCallerCheck } from "../../../runtime-lib/caller-checks.ts";
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

test("the client that a token was issued to (S-JWT-12)", () => {
  const claims = { sub: "alice", aud: ["first", "second"], azp: "client", client_id: "rfc9068", own: "mine" };
  const keyOf = (claimName: string | undefined, compatibility: "standard" | "wso2-3.2", from: object = claims) =>
    callerOfClaims(from as typeof claims, "jwt", compatibility, "", claimName)?.consumerKey;
  assert.equal(keyOf(undefined, "wso2-3.2"), "first");
  assert.equal(keyOf(undefined, "standard"), "rfc9068");
  assert.equal(keyOf("azp", "wso2-3.2"), "client");
  assert.equal(keyOf("own", "standard"), "mine");
  assert.equal(keyOf("absent", "wso2-3.2"), "first");
  assert.equal(keyOf("absent", "standard", { aud: "only" }), "only");
  assert.equal(keyOf(undefined, "standard", {}), "");
});

test("by what a token can be revoked, where anything looks at it (S-REV-03)", () => {
  const idsOf = (claims: object) =>
    callerOfClaims(claims as Record<string, unknown>, "jwt", "standard", "Bearer h.p.s1")?.revocationIds;
  assert.deepEqual(idsOf({ jti: "id" }), []);
  addCallerCheck("revocation", (_x, _api, caller) => ({ ok: true, caller }));
  assert.deepEqual(idsOf({ jti: "id" }), ["id", "s1"]);
  assert.deepEqual(idsOf({}), ["s1"]);
});
