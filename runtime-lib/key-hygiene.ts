import type { KeyObject, X509Certificate } from "node:crypto";

/**
 * Why a public key must not be relied upon; undefined: nothing is known against it. RSA below 2048 bits (NIST SP 800-131A),
 * an exponent that makes signing no secret (1, or even), and keys of the faulty smart cards of CVE-2017-15361 (ROCA), whose
 * private halves can be computed. Curves are left to whoever lists the ones that it takes.
 */
export function flawOfKey(key: KeyObject): string | undefined {
  if (key.asymmetricKeyType !== "rsa" && key.asymmetricKeyType !== "rsa-pss") return undefined;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < 2048) return `its RSA key has ${modulusLength} bits; 2048 are needed`;
  if (publicExponent < 3n || publicExponent % 2n === 0n) return `its RSA exponent ${publicExponent} is no exponent`;
  if (isRoca(key))
    return "its RSA key was made by a faulty device, so others can compute the private key (CVE-2017-15361)";
  return undefined;
}

/** What is to be said about a key that is still taken: small RSA exponents forgive no mistake in padding. */
export function doubtOfKey(key: KeyObject): string | undefined {
  const exponent = key.asymmetricKeyDetails?.publicExponent;
  return exponent !== undefined && exponent < 65_537n ? `its RSA exponent is ${exponent}; 65537 is better` : undefined;
}

/** Whether a certificate is outside its dates, and how. */
export function flawOfDates(certificate: X509Certificate, now = Date.now()): string | undefined {
  if (!(Date.parse(certificate.validTo) >= now)) return `its certificate expired on ${certificate.validTo}`;
  if (!(Date.parse(certificate.validFrom) <= now)) return `its certificate is valid only from ${certificate.validFrom}`;
  return undefined;
}

/** The odd primes of the smallest of the products that the faulty devices used; larger keys used multiples of it. */
const rocaPrimes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/**
 * The faulty devices made primes of the form `k * M + (65537^a mod M)`, so that the modulus is a power of 65537 modulo each
 * prime factor of M. Of sound moduli, fewer than one in a hundred million look so (Nemec and others, CCS 2017, section 3).
 */
function isRoca(key: KeyObject): boolean {
  const { n = "" } = key.export({ format: "jwk" });
  const modulus = BigInt(`0x${Buffer.from(n, "base64url").toString("hex")}`);
  return rocaPrimes.every((prime) => isPowerOf65537(Number(modulus % BigInt(prime)), prime));
}

function isPowerOf65537(remainder: number, prime: number): boolean {
  let power = 1;
  do {
    if (power === remainder) return true;
    power = (power * 65_537) % prime;
  } while (power !== 1);
  return false;
}
