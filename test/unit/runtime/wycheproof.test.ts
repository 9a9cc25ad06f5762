import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { keysOfJwks, parseJws, type VerificationKey, verifySignature } from "../../../runtime-lib/jwt.ts";

/** The vectors stand beside the repository, not in it. */
const folder = new URL("../../../../shared/vectors/wycheproof/", import.meta.url);

interface Group {
  readonly public?: unknown;
  readonly private?: unknown;
  readonly tests: readonly {
    readonly tcId: number;
    readonly comment: string;
    readonly jws?: unknown;
    readonly jwe?: unknown;
    readonly result: string;
  }[];
}

/** What is valid and refused all the same: by file, how many and why. Everything else that is valid is accepted. */
const leftOut: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  json_web_signature_test: {
    "symmetric: whoever verifies could also sign": 10,
    "PS384 with a key that is for PS256 only": 2,
    "ES521, which is no algorithm (RFC 7518 has ES512)": 2,
  },
  json_web_key_test: { "symmetric: whoever verifies could also sign": 4 },
  json_web_crypto_test: {
    "symmetric: whoever verifies could also sign": 2,
    "encrypted (A256KW): tokens are not decrypted": 1,
    "encrypted (ECDH-ES+A128KW): tokens are not decrypted": 1,
  },
};

for (const [name, expected] of Object.entries(leftOut)) {
  const file = new URL(`${name}.json`, folder);
  test(`Wycheproof ${name}`, { skip: existsSync(file) ? false : "../shared/vectors/wycheproof is not there" }, () => {
    const { testGroups } = JSON.parse(readFileSync(file, "utf8")) as { testGroups: readonly Group[] };
    const refused: Record<string, number> = {};
    let accepted = 0;
    for (const group of testGroups) {
      const published = (group.public ?? group.private) as { keys?: unknown[]; kty?: unknown; alg?: unknown };
      const keys = keysOfJwks(JSON.stringify(published.keys === undefined ? { keys: [published] } : published));
      assert.ok(typeof keys !== "string");
      for (const { tcId, comment, jws, jwe, result } of group.tests) {
        // The JSON forms of JWS and JWE are objects: nothing that a header field could hold as such.
        const token = jws ?? jwe;
        const passes = accepts(keys, typeof token === "string" ? token : JSON.stringify(token));
        if (result === "valid" && !passes) {
          const why = whyLeftOut(published, jws);
          assert.ok(why !== undefined, `${name} ${tcId} is valid, but refused: ${comment}`);
          refused[why] = (refused[why] ?? 0) + 1;
        } else {
          assert.equal(passes, result === "valid", `${name} ${tcId}: ${comment}`);
          if (passes) accepted++;
        }
      }
    }
    assert.deepEqual(refused, expected);
    const valid = testGroups.flatMap(({ tests }) => tests).filter(({ result }) => result === "valid").length;
    assert.equal(accepted, valid - Object.values(expected).reduce((sum, count) => sum + count, 0));
  });
}

/** As a key source does it: the one key that fits the algorithm and the `kid`. */
function accepts(keys: readonly VerificationKey[], token: string): boolean {
  const parsed = parseJws(token);
  if (typeof parsed === "string") return false;
  const fitting = keys.filter((key) => key.algorithms.has(parsed.alg) && key.kid === parsed.kid);
  const [key] = fitting;
  return key !== undefined && fitting.length === 1 && verifySignature(parsed, key);
}

function whyLeftOut(published: { alg?: unknown; keys?: unknown[] }, jws: unknown): string | undefined {
  if (typeof jws !== "string") return `encrypted (${published.alg}): tokens are not decrypted`;
  const { alg } = JSON.parse(Buffer.from(jws.split(".")[0] ?? "", "base64url").toString()) as { alg: string };
  if (alg.startsWith("HS")) return "symmetric: whoever verifies could also sign";
  if (published.alg === "ES521") return "ES521, which is no algorithm (RFC 7518 has ES512)";
  if (typeof published.alg === "string" && alg !== published.alg)
    return `${alg} with a key that is for ${published.alg} only`;
  return undefined;
}
