import type { Tier } from "./throttle.ts";

/**
 * `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10, for one policy: its quota `q` in a window of
 * `w` seconds, of which `r` are left for the next `t` seconds. `qu`: the quota is not one of requests.
 */
export function addRateLimit(fields: string[], tier: Tier, remaining: number, seconds: number): void {
  const name = structuredString(tier.tier);
  const unit = tier.counted?.unit === undefined ? "" : `;qu="${tier.counted.unit}"`;
  fields.push("RateLimit-Policy", `${name};q=${tier.count};w=${Math.ceil(tier.windowMs / 1000)}${unit}`);
  fields.push("RateLimit", `${name};r=${Math.floor(remaining)};t=${seconds}`);
}

/** RFC 9651 section 4.1.6; other characters than printable ASCII become `?`. */
function structuredString(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}
