/** Longest life of a revocation whose end nobody said. */
const unknownLifeMs = 3_650 * 86_400_000;
/** Credentials live on for the allowed difference of clocks (600 s at most); so do their revocations. */
const marginMs = 600_000;

/**
 * The ids by which a request can be recognised that uses what `text` names: a `jti`, an opaque token, or a whole JWT, of which
 * the signature part is compared (S-REV-03). `Bearer` in front of it is dropped. Of a signature of ES256, ES384 or ES512
 * anybody can make another one that is valid as well: that one is named too.
 */
export function revocationIdsOf(text: string): readonly string[] {
  const plain = text.trim().replace(/^bearer\s+/i, "");
  const parts = plain.split(".");
  const [head = "", , signature = ""] = parts;
  const id = parts.length === 3 && signature !== "" && isHeader(head) ? signature : plain;
  const twin = twinOf(id);
  return twin === undefined ? [id] : [id, twin];
}

/** Orders of the groups of P-256, P-384 and P-521, by the length of a signature in base64url. */
const orders: ReadonlyMap<number, bigint> = new Map([
  [86, 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n],
  [128, 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n],
  [
    176,
    0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  ],
]);

/** With (r, s) the pair (r, n - s) is a signature of the same text (FIPS 186-5 section 6.4). */
function twinOf(signature: string): string | undefined {
  const order = orders.get(signature.length);
  if (order === undefined || !/^[A-Za-z0-9_-]+$/.test(signature)) return undefined;
  const bytes = Buffer.from(signature, "base64url");
  const half = bytes.length / 2;
  const s = BigInt(`0x${bytes.toString("hex", half)}`);
  if (s === 0n || s >= order) return undefined;
  bytes.write((order - s).toString(16).padStart(half * 2, "0"), half, "hex");
  return bytes.toString("base64url");
}

/** A `jti` may have dots too: a JWT is what begins with a JSON object. */
function isHeader(text: string): boolean {
  try {
    const header: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    return typeof header === "object" && header !== null;
  } catch {
    return false;
  }
}

/**
 * When a revocation ends, in milliseconds since 1970, from what API Manager calls `ttl`, `expiry_time` or `expiryTime`: a
 * number up to a thousand million is seconds from now, a larger one is a time since 1970 in seconds, or from a hundred
 * thousand million on in milliseconds. What is no such number means ten years, the longest
 * life of an API key: rather too long than too short.
 */
export function revocationEnd(value: unknown, now: number): number {
  const number = typeof value === "string" && /^\s*\d+\s*$/.test(value) ? Number(value) : value;
  if (typeof number === "bigint") return revocationEnd(Number(number), now);
  if (typeof number !== "number" || !Number.isFinite(number) || number < 0) return now + unknownLifeMs + marginMs;
  if (number > 1e11) return number + marginMs;
  if (number > 1e9) return number * 1000 + marginMs;
  return now + number * 1000 + marginMs;
}
