/**
 * How long to wait before attempt number `failures` + 1: any time up to a bound that doubles with each failure (exponential
 * back-off with full jitter), so that gateways which lost the same system do not come back to it together. In milliseconds.
 */
export function backOff(failures: number, firstMs: number, longestMs: number): number {
  return Math.random() * Math.min(longestMs, firstMs * 2 ** Math.min(failures, 30));
}
