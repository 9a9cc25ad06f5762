/**
 * "Did you mean": the candidate nearest to `wanted`, ignoring case and separators, when it is near enough to be a slip of
 * the hand. The first in plain order among equals, so the answer never varies.
 */
export function suggest(wanted: string, candidates: Iterable<string>): string | undefined {
  const plain = normalized(wanted);
  if (plain === "") return undefined;
  const limit = Math.max(1, Math.floor(plain.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of [...candidates].sort()) {
    if (candidate === wanted) continue;
    const distance = editDistance(plain, normalized(candidate), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function normalized(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[-_\s]/g, "")
    .slice(0, 100);
}

/** Optimal string alignment: insert, delete, replace, swap neighbours; gives up at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, (beforePrevious[j - 2] ?? 0) + 1);
      }
      current.push(distance);
    }
    if (Math.min(...current) >= limit) return limit;
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? limit;
}
