import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { describe, test } from "node:test";
import { checkClaims, keysOfJwks, parseJwt, skewOf, verifySignature } from "../../../runtime-lib/jwt.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = {
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  ES384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
  ES512: generateKeyPairSync("ec", { namedCurve: "P-521" }),
};
const ed = generateKeyPairSync("ed25519");

function encode(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
}

function signed(alg: string, key: KeyObject, header: object = {}, claims: unknown = { sub: "a" }): string {
  const input = `${encode({ alg, ...header })}.${encode(claims)}`;
  const hash = alg === "EdDSA" ? undefined : `sha${alg.slice(2)}`;
  const options = alg.startsWith("PS")
    ? { key, padding: 6, saltLength: -1 }
    : alg.startsWith("ES")
      ? { key, dsaEncoding: "ieee-p1363" as const }
      : key;
  return `${input}.${sign(hash, Buffer.from(input), options).toString("base64url")}`;
}

function keyOf(publicKey: KeyObject, more: object = {}) {
  const keys = keysOfJwks(JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), ...more }] }));
  assert.ok(typeof keys !== "string");
  return keys[0];
}

function verifies(token: string, key: ReturnType<typeof keyOf>): boolean {
  const jwt = parseJwt(token);
  return typeof jwt !== "string" && key !== undefined && verifySignature(jwt, key);
}

describe("signatures", () => {
  for (const alg of ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]) {
    test(alg, () => {
      const token = signed(alg, rsa.privateKey);
      assert.equal(verifies(token, keyOf(rsa.publicKey)), true);
      assert.equal(verifies(token, keyOf(rsa.publicKey, { alg })), true);
      assert.equal(verifies(token, keyOf(rsa.publicKey, { alg: alg === "RS256" ? "RS384" : "RS256" })), false);
      assert.equal(verifies(token, keyOf(ec.ES256.publicKey)), false);
    });
  }
  for (const alg of ["ES256", "ES384", "ES512"] as const) {
    test(`${alg}, on its curve only`, () => {
      assert.equal(verifies(signed(alg, ec[alg].privateKey), keyOf(ec[alg].publicKey)), true);
      const other = alg === "ES256" ? "ES384" : "ES256";
      assert.equal(verifies(signed(alg, ec[other].privateKey), keyOf(ec[other].publicKey)), false);
    });
  }
  test("EdDSA", () => {
    assert.equal(verifies(signed("EdDSA", ed.privateKey), keyOf(ed.publicKey)), true);
    assert.equal(verifies(signed("EdDSA", ed.privateKey), keyOf(rsa.publicKey)), false);
  });
  test("tokens that are read before another is verified do not mix", () => {
    const tokens = ["alice", "bob", "a much longer name than the others"].map((sub) =>
      parseJwt(signed("RS256", rsa.privateKey, { kid: sub }, { sub })),
    );
    const key = keyOf(rsa.publicKey);
    assert.ok(key !== undefined);
    for (const jwt of [...tokens, ...tokens.reverse()]) {
      assert.ok(typeof jwt !== "string");
      assert.equal(jwt.payload.sub, jwt.kid);
      assert.equal(verifySignature(jwt, key), true);
    }
  });
  test("a changed byte anywhere", () => {
    const token = signed("RS256", rsa.privateKey);
    const key = keyOf(rsa.publicKey);
    for (const at of [3, token.indexOf(".") + 3, token.length - 20]) {
      const changed = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
      assert.equal(verifies(changed, key), false, `at ${at}`);
    }
  });
});

describe("keys that are not taken from a set", () => {
  const jwk = rsa.publicKey.export({ format: "jwk" });
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
  const refused: [string, object][] = [
    ["symmetric", { kty: "oct", k: "AAAA" }],
    ["for encryption", { ...jwk, use: "enc" }],
    ["whose operations are others", { ...jwk, key_ops: ["sign"] }],
    ["private", rsa.privateKey.export({ format: "jwk" })],
    ["of 1024 bits", weak],
    ["with exponent 1", { ...jwk, e: "AQ" }],
    ["for another algorithm", { ...jwk, alg: "HS256" }],
    ["whose algorithm is of another kind", { ...jwk, alg: "ES256" }],
    ["with an even exponent", { ...jwk, e: "AQAA" }],
    ["on no curve", { ...ec.ES256.publicKey.export({ format: "jwk" }), crv: "P-384" }],
    ["malformed", { kty: "RSA", n: 1, e: 2 }],
  ];
  for (const [what, key] of refused) {
    test(what, () => assert.deepEqual(keysOfJwks(JSON.stringify({ keys: [key, null, "x"] })), []));
  }
  test("what is wrong with them is told, but not of keys for other uses", () => {
    const told: string[] = [];
    const keys = [
      { ...weak, kid: "weak" },
      { ...rsa.privateKey.export({ format: "jwk" }), kid: "private" },
      { ...jwk, kid: "fits", alg: "RS256" },
      { ...jwk, kid: "fits", alg: "RS256" },
      { ...jwk, kid: "kind", alg: "ES256" },
      { ...jwk, kid: "enc", use: "enc" },
      { kty: "oct", kid: "oct", k: "AAAA" },
    ];
    keysOfJwks(JSON.stringify({ keys }), (kid, reason) => told.push(`${kid}: ${reason}`));
    assert.deepEqual(told, [
      "weak: its RSA key has 1024 bits; 2048 are needed",
      "private: it is a private key",
      "kind: its alg does not fit it",
      "fits: its kid stands twice",
      "fits: its kid stands twice",
    ]);
  });
  test("two of one kid", () => {
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" });
    const keys = keysOfJwks(
      JSON.stringify({
        keys: [
          { ...jwk, kid: "a" },
          { ...other, kid: "a" },
          { ...other, kid: "b" },
        ],
      }),
    );
    assert.deepEqual(typeof keys === "string" ? keys : keys.map((key) => key.kid), ["b"]);
  });
  test("no set at all", () => {
    assert.equal(keysOfJwks("<html>"), "not JSON");
    assert.equal(keysOfJwks("[]"), "not a JWK set");
  });
});

describe("form", () => {
  const token = signed("RS256", rsa.privateKey);
  const [header = "", claims = "", signature = ""] = token.split(".");
  const wrong: [string, string, string][] = [
    ["no dots", "opaque", "opaque tokens are not supported"],
    ["two parts", `${header}.${claims}`, "not three parts"],
    ["five parts (JWE)", `${token}.a.b`, "not three parts"],
    ["no signature", `${header}.${claims}.`, "malformed signature"],
    ["padding", `${header}.${claims}.${signature}==`, "malformed signature"],
    ["standard alphabet", `${header}.${claims}.+${signature.slice(1)}`, "malformed signature"],
    ["trailing bits", `${header}.${claims}.${signature.slice(0, -1)}B`, "malformed signature"],
    ["blank inside", `${header}.${claims.slice(0, 4)} ${claims.slice(4)}.${signature}`, "malformed claims"],
    ["none", `${encode({ alg: "none" })}.${claims}.${signature}`, "algorithm"],
    ["nOnE", `${encode({ alg: "nOnE" })}.${claims}.${signature}`, "algorithm"],
    ["HS256", `${encode({ alg: "HS256" })}.${claims}.${signature}`, "algorithm"],
    ["no algorithm", `${encode({})}.${claims}.${signature}`, "algorithm"],
    [
      "critical extension",
      `${encode({ alg: "RS256", crit: ["exp"] })}.${claims}.${signature}`,
      "critical header parameter",
    ],
    ["kid of another type", `${encode({ alg: "RS256", kid: 1 })}.${claims}.${signature}`, "malformed header"],
    ["header is no object", `${encode("[]")}.${claims}.${signature}`, "malformed header"],
    ["claims are no object", `${header}.${encode("[]")}.${signature}`, "malformed claims"],
    [
      "claims are not UTF-8",
      `${header}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString("base64url")}.${signature}`,
      "malformed claims",
    ],
    ["too long", `${header}.${"A".repeat(20_000)}.${signature}`, "too long"],
  ];
  for (const [what, text, reason] of wrong) {
    test(what, () => assert.equal(parseJwt(text), reason));
  }
});

describe("claims", () => {
  const now = 1_700_000_000_000;
  const s = now / 1000;
  const rules = { issuer: "https://idp.test", audience: ["api", "other"], skewMs: 5000 };
  const good = { iss: "https://idp.test", aud: "api", exp: s + 60 };
  const cases: [string, object, number | string][] = [
    ["good", good, now + 65_000],
    ["audience in an array", { ...good, aud: ["x", "other"] }, now + 65_000],
    ["issued in milliseconds", { ...good, iat: now }, now + 65_000],
    ["expired within the skew", { ...good, exp: s - 4 }, now + 1000],
    ["expired", { ...good, exp: s - 5 }, "expired"],
    ["no expiry (S-SEC-02)", { iss: good.iss, aud: "api" }, "no expiry"],
    ["expiry as text", { ...good, exp: String(s + 60) }, "malformed time"],
    ["not before, within the skew", { ...good, nbf: s + 5 }, now + 65_000],
    ["not before (S-JWT-06 done right)", { ...good, nbf: s + 6 }, "not valid yet"],
    ["issued in the future", { ...good, iat: s + 6 }, "issued in the future"],
    ["issued in the future, in milliseconds", { ...good, iat: now + 6000 }, "issued in the future"],
    ["another issuer", { ...good, iss: "https://idp.test/" }, "issuer"],
    ["no issuer", { aud: "api", exp: s + 60 }, "issuer"],
    ["another audience", { ...good, aud: ["x"] }, "audience"],
    ["no audience", { iss: good.iss, exp: s + 60 }, "audience"],
    ["audience of another type", { ...good, aud: { api: true } }, "audience"],
  ];
  for (const [what, claims, outcome] of cases) {
    test(what, () => assert.equal(checkClaims(claims as Record<string, unknown>, rules, now), outcome));
  }
  test("without a configured audience none is asked for", () => {
    assert.equal(checkClaims({ ...good, aud: 1 }, { ...rules, audience: undefined }, now), now + 65_000);
  });
});

test("skew: the server's, else the key manager's, whole seconds (S-JWT-07)", () => {
  const skew = (server: number, manager: number) =>
    skewOf({ number: (key) => (key === "server.timestampSkew" ? server : manager) });
  assert.equal(skew(-1, 5000), 5000);
  assert.equal(skew(1999, 5000), 1000);
  assert.equal(skew(0, 5000), 0);
});

test("a key outside its certificate's dates verifies nothing (S-JWT-03)", () => {
  const jwt = parseJwt(signed("RS256", rsa.privateKey));
  const key = keyOf(createPublicKey(rsa.privateKey));
  assert.ok(typeof jwt !== "string" && key !== undefined);
  assert.equal(verifySignature(jwt, { ...key, notAfter: Date.now() - 1 }), false);
  assert.equal(verifySignature(jwt, { ...key, notBefore: Date.now() + 10_000 }), false);
});
