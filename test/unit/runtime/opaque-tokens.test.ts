import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { api } from "../../../runtime-lib/api.ts";
import { bearerJwt } from "../../../runtime-lib/auth-jwt.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { Introspection } from "../../../runtime-lib/introspection.ts";
import { acceptOpaqueTokens } from "../../../runtime-lib/opaque-tokens.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";

const scheme = bearerJwt(api({ name: "Shop", version: "1", basePath: "/shop", challenges: ["oauth2"] }));
const verify = (value: string) => scheme.verify(new RecordedExchange({ headers: ["Authorization", value] }));

test("a bearer token with fewer than three parts is asked about, where somebody can be asked (S-SEL-14)", async () => {
  assert.deepEqual(await verify("Bearer abc"), {
    ok: false,
    code: 900901,
    reason: "jwt: opaque tokens are not supported",
  });

  const asked: string[] = [];
  const caller = { name: "alice" } as Caller;
  acceptOpaqueTokens({
    verify(token) {
      asked.push(token);
      return { ok: true, caller };
    },
  });
  assert.deepEqual(await verify("Bearer abc"), { ok: true, caller });
  assert.deepEqual(await verify("bearer  a.b "), { ok: true, caller });
  for (const value of ["Bearer a.b.c", "Bearer a.b.c.d.e", "Bearer ..", "Bearer ", "Bearer"]) {
    assert.equal((await verify(value)).ok, false, value);
  }
  assert.deepEqual(asked, ["abc", "a.b"]);
});

test("a token is known while the key manager's word for it counts, and nobody is asked for that (S-SEC-05)", async () => {
  let asked = 0;
  const post = async (_path: string, { token }: Readonly<Record<string, string>>) => {
    asked++;
    return {
      status: 200,
      headers: {},
      body: Buffer.from(JSON.stringify({ active: token !== "bad", username: "alice" })),
    };
  };
  const rules = { issuer: undefined, audience: undefined, skewMs: 0, cacheMs: 60_000, capacity: 10 };
  acceptOpaqueTokens(new Introspection({ post }, { ...rules, compatibility: "standard" }));
  const known = (value: string) => scheme.known?.(new RecordedExchange({ headers: ["Authorization", value] }));
  assert.equal(known("Bearer good"), undefined);
  const verified = await verify("Bearer good");
  assert.equal(verified.ok, true);
  assert.equal((await verify("Bearer bad")).ok, false);
  assert.equal(known("Bearer good"), verified);
  for (const value of ["Bearer bad", "Bearer Good", "Basic good", "Bearer", ""]) assert.equal(known(value), undefined);
  assert.equal(asked, 2);
  mock.timers.enable({ apis: ["Date"], now: Date.now() + 60_001 });
  assert.equal(known("Bearer good"), undefined);
  mock.timers.reset();
});
