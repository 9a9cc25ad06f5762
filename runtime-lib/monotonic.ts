/**
 * Milliseconds that only ever grow, from an arbitrary beginning. What `performance.now()` is, which a start would wait 0.7 ms
 * for: the first use of `performance` loads node:perf_hooks. No slower afterwards.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
