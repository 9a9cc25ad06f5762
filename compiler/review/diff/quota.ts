import type { QuotaModel } from "../../model/gateway-model.ts";
import { duration } from "./order.ts";

/** As much of a quota as decides what it lets pass. */
export type Quota = Pick<QuotaModel, "count" | "unitMs" | "windowMs" | "burst" | "counted">;

/** Nothing passes. */
export const nothing: Quota = { count: 0, unitMs: 60_000, windowMs: 60_000 };

/**
 * Whether every run of requests that `strict` lets pass, `lax` lets pass as well. Exact for quotas of one kind; where two ways of
 * counting meet, or windows that do not lie in one another, no is also the answer where nobody could tell.
 *
 * Fixed windows (R-THR-07) begin at whole units, so that twice the count may come in a moment when two of them meet; sliding ones
 * let `burst` pass at once and then one each `windowMs / count`.
 */
export function isAsStrict(strict: Quota, lax: Quota): boolean {
  if (strict.count === 0) return true;
  if (lax.count === 0 || !countsAsMuch(strict, lax)) return false;
  const [window, windowOfLax] = [strict.windowMs, lax.windowMs];
  if (strict.burst !== undefined) {
    const slower = strict.count * windowOfLax <= lax.count * window;
    if (lax.burst !== undefined) return strict.burst <= lax.burst && slower;
    // In less than one window of the other: the burst, and what comes evenly.
    return strict.burst + Math.ceil((windowOfLax * strict.count) / window) - 1 <= lax.count;
  }
  if (lax.burst !== undefined) {
    // Two windows may meet in one moment; then as much comes each window.
    return 2 * strict.count <= lax.burst && strict.count * windowOfLax <= lax.count * window;
  }
  return strict.count * windowsTouched(strict, lax) <= lax.count;
}

/** How many windows of `inner` a window of `outer` can touch. */
function windowsTouched(inner: Quota, outer: Quota): number {
  if (inner.windowMs === outer.windowMs && inner.unitMs === outer.unitMs) return 1;
  const [innerAligned, outerAligned] = [inner.windowMs === inner.unitMs, outer.windowMs === outer.unitMs];
  // A window of one unit lies in a longer one that begins and ends at multiples of it.
  if (outerAligned && inner.windowMs % outer.windowMs === 0 && inner.unitMs % outer.windowMs === 0) return 1;
  if (innerAligned && outer.unitMs % inner.windowMs === 0 && outer.windowMs % inner.windowMs === 0) {
    return outer.windowMs / inner.windowMs;
  }
  return Math.floor(outer.windowMs / inner.windowMs) + 2;
}

type Counted = "all" | "admitted" | "success" | "bytes";

/** Refused requests counted too is stricter than admitted ones, and those stricter than answers without a fault; bytes are another unit. */
const countedOrder = { all: 0, admitted: 1, success: 2 } as const;

function countsAsMuch(strict: Quota, lax: Quota): boolean {
  const a: Counted = strict.counted ?? "admitted";
  const b: Counted = lax.counted ?? "admitted";
  if (a === "bytes" || b === "bytes") return a === b;
  return countedOrder[a] <= countedOrder[b];
}

/** `10 requests a minute`, `5,000 bytes each 2 hours`, `10 requests a second, evenly, 20 at once`. */
export function describeQuota(quota: Quota): string {
  const { count, windowMs, unitMs, burst } = quota;
  const counted: Counted = quota.counted ?? "admitted";
  if (count === 0) return "nothing";
  const number = `${count.toLocaleString("en-US")} ${counted === "bytes" ? "byte" : "request"}${count === 1 ? "" : "s"}`;
  const evenly = burst === undefined ? "" : `, evenly, ${burst.toLocaleString("en-US")} at once`;
  const kind = { admitted: "", bytes: "", all: ", refused ones too", success: ", successful ones only" }[counted];
  return `${number} ${each(windowMs)}${burst === undefined ? begins(unitMs, windowMs) : evenly}${kind}`;
}

function each(windowMs: number): string {
  const time = duration(windowMs);
  if (!time.startsWith("1 ")) return `each ${time}`;
  return `${time === "1 hour" ? "an" : "a"} ${time.slice(2)}`;
}

/** Windows of several units begin at any of them. */
function begins(unitMs: number, windowMs: number): string {
  return unitMs === windowMs ? "" : ` from any full ${duration(unitMs).replace(/^1 /, "")} on`;
}
