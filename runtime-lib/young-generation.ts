/** One of its two halves. */
const enoughBytes = 2 * 1024 * 1024;

/** V8's own. */
const ownFactor = 2;

/**
 * Keeps the halves of the heap's young generation at 2 MiB. V8 lets them grow to 16 MiB (Node 20) or 32 MiB (Node 26), which makes a
 * gateway no faster. The limit itself is read before a script runs, and a bundle has no command line of its own; the
 * factor by which it grows is read at each growth. Resident after a million requests with Node 26: 96 MiB, 108 with halves of 4 MiB, 152
 * without a bound, at the same speed (24.3 us of processor time a request). Costs one call after a collection.
 */
export function boundYoungGeneration(): void {
  let factor = ownFactor;
  const { PerformanceObserver } = process.getBuiltinModule("node:perf_hooks");
  const observer = new PerformanceObserver(() => {
    // It shrinks when there is little to do, and must be able to grow again.
    const wanted = capacity() >= enoughBytes ? 1 : ownFactor;
    if (wanted === factor) return;
    factor = wanted;
    v8().setFlagsFromString(`--semi-space-growth-factor=${factor}`);
  });
  observer.observe({ entryTypes: ["gc"] });
}

/** The flag as V8 has it: what V8 compiles, it takes again only with the same flags. */
export function restoreGrowth(): void {
  v8().setFlagsFromString(`--semi-space-growth-factor=${ownFactor}`);
}

/** What one half may hold before it is collected. */
function capacity(): number {
  for (const space of v8().getHeapSpaceStatistics()) {
    if (space.space_name === "new_space") return space.space_used_size + space.space_available_size;
  }
  return 0;
}

/** Loaded at the first collection: the start need not wait for it. */
function v8(): typeof import("node:v8") {
  return process.getBuiltinModule("node:v8");
}
