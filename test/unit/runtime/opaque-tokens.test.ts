import assert from "node:assert/strict";
import { test } from "node:test";
import { api } from "../../../runtime-lib/api.ts";
import { bearerJwt } from "../../../runtime-lib/auth-jwt.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
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
