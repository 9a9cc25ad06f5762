import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { keysOfJwks, parseJws, type VerificationKey, verifySignature } from "../../../runtime-lib/jwt.ts";

/** The vectors stand beside the repository, not in it. */
const folder = new URL("../../../../shared/vectors/wycheproof/", import.meta.url);

/** Vectors that say "valid" for what is refused here on purpose, and the one "invalid" that is not looked for. */
const different = new Map([
  ["rejectsKeyWithRocaVulnerability", "keys of faulty smart cards (CVE-2017-15361) are not recognised"],
  ["Figure20", "its key says PS256 and its signature PS384"],
  ["Figure27", 'its key names an algorithm "ES521", which does not exist'],
]);

interface Group {
  readonly public?: unknown;
  readonly private?: unknown;
  readonly tests: readonly {
    readonly tcId: number;
    readonly comment: string;
    readonly jws?: unknown;
    readonly result: string;
  }[];
}

for (const name of ["json_web_signature_test", "json_web_key_test", "json_web_crypto_test"]) {
  const file = new URL(`${name}.json`, folder);
  test(`Wycheproof ${name}`, { skip: existsSync(file) ? false : "../shared/vectors/wycheproof is not there" }, () => {
    const { testGroups } = JSON.parse(readFileSync(file, "utf8")) as { testGroups: readonly Group[] };
    let compared = 0;
    for (const group of testGroups) {
      const published = (group.public ?? group.private) as { keys?: unknown; kty?: unknown };
      const jwks = JSON.stringify(published.keys === undefined ? { keys: [published] } : published);
      const symmetric = jwks.includes('"oct"');
      const keys: readonly VerificationKey[] | string = keysOfJwks(jwks);
      assert.ok(typeof keys !== "string");
      for (const { tcId, comment, jws, result } of group.tests) {
        if (typeof jws !== "string" || different.has(comment)) continue;
        const parsed = parseJws(jws);
        const fitting: readonly VerificationKey[] =
          typeof parsed === "string"
            ? []
            : keys.filter((key) => key.algorithms.has(parsed.alg) && key.kid === parsed.kid);
        const [key] = fitting;
        const accepted: boolean =
          typeof parsed !== "string" && key !== undefined && fitting.length === 1 && verifySignature(parsed, key);
        // Symmetric algorithms are never accepted, whatever the vector says.
        assert.equal(accepted, result === "valid" && !symmetric, `${name} ${tcId}: ${comment}`);
        compared++;
      }
    }
    assert.ok(compared > 10, `${compared} vectors`);
  });
}
