import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { afterEach, describe, test } from "node:test";
import { api } from "../../../runtime-lib/api.ts";
import { bearerJwt } from "../../../runtime-lib/auth-jwt.ts";
import { authenticate } from "../../../runtime-lib/authenticate.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { digestOfCertificate } from "../../../runtime-lib/client-certificate.ts";
import { acceptOpaqueTokens } from "../../../runtime-lib/opaque-tokens.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { identity } from "../../support/self-signed.ts";

const shop = api({ name: "Shop", version: "1", basePath: "/shop", challenges: ["oauth2"] });
const own = new X509Certificate(identity("own").cert).raw;
const other = new X509Certificate(identity("other").cert).raw;

/** What the key manager says of an opaque token; `later`: not at once. */
function introspected(claims: Record<string, unknown>, later: boolean): void {
  const caller: Caller = {
    name: "alice",
    scheme: "opaque",
    scopes: new Set(),
    scopesApply: true,
    keyType: "PRODUCTION",
    application: { id: "1", tier: "Unlimited", subscriptions: [] },
    claims,
    consumerKey: "",
    revocationIds: [],
  };
  acceptOpaqueTokens({
    verify: () => (later ? Promise.resolve({ ok: true, caller } as const) : { ok: true, caller }),
  });
}

async function enter(certificate: Uint8Array | undefined, provenKey?: string): Promise<string | undefined> {
  const headers = ["Authorization", "Bearer opaque"];
  const x = new RecordedExchange({ headers, ...(certificate && { certificate }) });
  x.provenKey = provenKey;
  const caller = await authenticate(x, shop, [[bearerJwt(shop)]]);
  return caller?.name ?? x.refusal?.reason;
}

describe("opaque tokens that are bound", () => {
  afterEach(() => acceptOpaqueTokens(undefined));

  for (const later of [false, true]) {
    test(`RFC 8705 section 3.2, RFC 9449 section 6.2${later ? ", and the key manager is slow" : ""}`, async () => {
      introspected({ cnf: { "x5t#S256": digestOfCertificate(own) } }, later);
      assert.equal(await enter(own), "alice");
      assert.equal(await enter(other), "token: bound to another certificate");
      assert.equal(await enter(undefined), "token: bound to another certificate");

      introspected({ cnf: { jkt: "thumbprint" } }, later);
      assert.equal(await enter(undefined, "thumbprint"), "alice");
      assert.equal(await enter(undefined, "another"), "token: bound to a key that was not proved");
      assert.equal(await enter(undefined), "token: bound to a key that was not proved");

      introspected({ cnf: { jkt: "thumbprint", "x5t#S256": digestOfCertificate(own) } }, later);
      assert.equal(await enter(own, "thumbprint"), "alice");
      assert.equal(await enter(other, "thumbprint"), "token: bound to another certificate");

      for (const cnf of [null, [], "x", {}, { kid: "1" }, { jwk: {} }]) {
        introspected({ cnf }, later);
        assert.equal(await enter(own, "thumbprint"), "token: bound to what is not known here");
      }
      for (const cnf of [{ jkt: "" }, { jkt: null }, { jkt: 1 }]) {
        introspected({ cnf }, later);
        assert.equal(await enter(own, ""), "token: bound to a key that was not proved");
      }
      introspected({}, later);
      assert.equal(await enter(undefined), "alice");
    });
  }
});
