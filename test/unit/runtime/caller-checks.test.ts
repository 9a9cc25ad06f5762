import assert from "node:assert/strict";
import { test } from "node:test";
import { api } from "../../../runtime-lib/api.ts";
import { authenticate } from "../../../runtime-lib/authenticate.ts";
import { addBackendFields } from "../../../runtime-lib/backend-fields.ts";
import { addCallerCheck } from "../../../runtime-lib/caller-checks.ts";
import { forward } from "../../../runtime-lib/forward.ts";
import { refuse } from "../../../runtime-lib/respond.ts";
import type { Scheme, Verified } from "../../../runtime-lib/scheme.ts";
import type { Upstream } from "../../../runtime-lib/upstream.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { verifiedCaller } from "../../support/verified-caller.ts";

const shop = api({ name: "Shop", version: "1", basePath: "/shop", challenges: ["oauth2"] });
const caller = verifiedCaller({ revocationIds: ["id-1"] });
const anyToken: Scheme = { kind: "jwt", present: () => true, verify: () => ({ ok: true, caller }) };
const request = (): RecordedExchange => new RecordedExchange({ headers: ["Authorization", "Bearer x"] });

test("checks are made of every caller in a fixed order, and each may complete the caller for the next", async () => {
  const x = request();
  assert.equal(await authenticate(x, shop, [[anyToken]]), caller);
  assert.equal(x.caller, caller);
  assert.equal(x.api, shop);

  const seen: string[] = [];
  addCallerCheck("subscription", async (_x, { name }, found): Promise<Verified> => {
    seen.push(`${name} subscription of ${found.name}`);
    return { ok: true, caller: { ...found, consumerKey: "app" } };
  });
  addCallerCheck("revocation", (_x, _api, found): Verified => {
    seen.push("revocation");
    const revoked = found.revocationIds.includes("id-2");
    return revoked ? { ok: false, code: 900901, reason: "revoked" } : { ok: true, caller: { ...found, name: "bob" } };
  });
  const completed = await authenticate(request(), shop, [[anyToken]]);
  assert.deepEqual(seen, ["revocation", "Shop subscription of bob"]);
  assert.deepEqual([completed?.name, completed?.consumerKey], ["bob", "app"]);
});

test("the first check that fails decides, and the next alternative gets its turn", async () => {
  const revoked: Scheme = {
    ...anyToken,
    verify: () => ({ ok: true, caller: { ...caller, revocationIds: ["id-2"] } }),
  };
  const x = request();
  assert.equal(await authenticate(x, shop, [[revoked]]), undefined);
  assert.deepEqual([x.refusal?.status, x.refusal?.code, x.refusal?.reason], [401, 900901, "revoked"]);
  assert.equal(x.caller, undefined);
  assert.equal((await authenticate(request(), shop, [[revoked], [anyToken]]))?.name, "bob");
});

test("of several credentials that are needed together none may be revoked (S-REV-08)", async () => {
  const keyOf = (...revocationIds: string[]): Scheme => ({
    ...anyToken,
    kind: "api-key",
    verify: () => ({ ok: true, caller: { ...caller, scheme: "api-key", revocationIds } }),
  });
  for (const allOf of [
    [anyToken, keyOf("id-2")],
    [keyOf("id-2"), anyToken],
    [keyOf("id-3"), keyOf("id-2")],
    [keyOf("id-3"), { ...keyOf(), verify: async () => keyOf("id-2").verify(request()) }],
  ]) {
    const x = request();
    assert.equal(await authenticate(x, shop, [allOf]), undefined);
    assert.equal(x.refusal?.reason, "revoked");
  }
  const found = await authenticate(request(), shop, [[keyOf("id-3"), anyToken]]);
  assert.deepEqual([found?.scheme, found?.revocationIds], ["jwt", ["id-1", "id-3"]]);
});

test("a source that is away is 503 with the code of the original, not 401 (S-SEC-12)", async () => {
  const away: Scheme = {
    ...anyToken,
    verify: async () => ({ ok: false, code: 900900, status: 503, reason: "key manager away" }),
  };
  const x = request();
  assert.equal(await authenticate(x, shop, [[away]]), undefined);
  refuse(x);
  assert.equal(x.answer?.status, 503);
  assert.match(x.answer?.body ?? "", /"code":900900/);
  assert.equal(x.answer?.headers.find(([name]) => name === "Retry-After")?.[1], "5");
});

test("fields for the backend are added for callers alone, and without them nothing is forwarded", async () => {
  const sent: (readonly string[] | undefined)[] = [];
  const upstream: Upstream = {
    key: "k",
    send: async (x) => {
      sent.push(x.backendFields);
    },
  };
  let fails = false;
  addBackendFields(async (_x, { name }, found) => (fails ? undefined : ["X-Caller", `${found.name} of ${name}`]));

  await forward(request(), upstream);
  const known = request();
  known.api = shop;
  known.caller = caller;
  await forward(known, upstream);
  assert.deepEqual(sent, [undefined, ["X-Caller", "alice of Shop"]]);

  fails = true;
  const failing = request();
  failing.api = shop;
  failing.caller = caller;
  await forward(failing, upstream);
  assert.equal(sent.length, 2);
  assert.equal(failing.answer?.status, 500);
  assert.match(failing.answer?.body ?? "", /"code":900900/);
});
