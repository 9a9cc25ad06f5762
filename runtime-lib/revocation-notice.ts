/** Longest life of a revocation whose end nobody said. */
const unknownLifeMs = 30 * 86_400_000;
/** Credentials live on for the allowed difference of clocks (600 s at most); so do their revocations. */
const marginMs = 600_000;

/**
 * The ids by which a request can be recognised that uses what `text` names: a `jti`, an opaque token, or a whole JWT, of which
 * the signature part is compared (S-REV-03). `Bearer` in front of it is dropped.
 */
export function revocationIdOf(text: string): string {
  const plain = text.trim().replace(/^bearer\s+/i, "");
  const parts = plain.split(".");
  const [head = "", , signature = ""] = parts;
  return parts.length === 3 && signature !== "" && isHeader(head) ? signature : plain;
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
 * thousand million on in milliseconds. What is no such number means 30 days: rather too long than too short.
 */
export function revocationEnd(value: unknown, now: number): number {
  const number = typeof value === "string" && /^\s*\d+\s*$/.test(value) ? Number(value) : value;
  if (typeof number === "bigint") return revocationEnd(Number(number), now);
  if (typeof number !== "number" || !Number.isFinite(number) || number < 0) return now + unknownLifeMs + marginMs;
  if (number > 1e11) return number + marginMs;
  if (number > 1e9) return number * 1000 + marginMs;
  return now + number * 1000 + marginMs;
}
