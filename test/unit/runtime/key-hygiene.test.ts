import assert from "node:assert/strict";
import { checkPrimeSync, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { doubtOfKey, flawOfKey } from "../../../runtime-lib/key-hygiene.ts";

const rsa = (modulusLength: number, publicExponent = 65_537) =>
  generateKeyPairSync("rsa", { modulusLength, publicExponent }).publicKey;

function publicKey(n: bigint, e = 65_537n): KeyObject {
  const encoded = (value: bigint) => {
    const hex = value.toString(16);
    return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex").toString("base64url");
  };
  return createPublicKey({ key: { kty: "RSA", n: encoded(n), e: encoded(e) }, format: "jwk" });
}

const modulusOf = (key: KeyObject) =>
  BigInt(`0x${Buffer.from(key.export({ format: "jwk" }).n ?? "", "base64url").toString("hex")}`);

describe("what is wrong with a key", () => {
  test("nothing, of common ones", () => {
    for (const key of [
      rsa(2048),
      rsa(3072),
      rsa(4096),
      generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey,
      generateKeyPairSync("ed25519").publicKey,
    ]) {
      assert.equal(flawOfKey(key), undefined);
      assert.equal(doubtOfKey(key), undefined);
    }
  });

  test("too short", () => {
    assert.equal(flawOfKey(rsa(1024)), "its RSA key has 1024 bits; 2048 are needed");
    assert.equal(flawOfKey(publicKey(modulusOf(rsa(2048)) >> 1n)), "its RSA key has 2047 bits; 2048 are needed");
  });

  test("exponents that hide nothing", () => {
    const n = modulusOf(rsa(2048));
    for (const e of [1n, 2n, 4n, 65_536n])
      assert.equal(flawOfKey(publicKey(n, e)), `its RSA exponent ${e} is no exponent`);
  });

  test("small exponents are only doubtful", () => {
    assert.equal(flawOfKey(rsa(2048, 3)), undefined);
    assert.equal(doubtOfKey(rsa(2048, 3)), "its RSA exponent is 3; 65537 is better");
  });

  test("made by a faulty device (CVE-2017-15361), for each size that such devices make", () => {
    for (const [bits, factors] of [
      [2048, 126],
      [3072, 126],
      [2048, 39],
    ] as const) {
      const key = publicKey(faultyPrime(bits / 2, factors) * faultyPrime(bits / 2, factors));
      assert.match(flawOfKey(key) ?? "", /CVE-2017-15361/, `${bits} bits`);
    }
  });
});

/** `k * M + (65537^a mod M)`, M being the product of the first primes: what the devices took for random. */
function faultyPrime(bits: number, factors: number): bigint {
  let product = 1n;
  for (let candidate = 2n, found = 0; found < factors; candidate++) {
    if (!checkPrimeSync(candidate)) continue;
    product *= candidate;
    found++;
  }
  // The two topmost bits are set, so that the product of two has all its bits.
  const quarter = (1n << BigInt(bits - 2)) / product;
  for (;;) {
    const k = 3n * quarter + (BigInt(`0x${randomBytes(bits / 8).toString("hex")}`) % quarter) + 1n;
    const prime = k * product + power(65_537n, BigInt(`0x${randomBytes(8).toString("hex")}`), product);
    if (prime >> BigInt(bits - 2) === 3n && checkPrimeSync(prime)) return prime;
  }
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest % 2n === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
