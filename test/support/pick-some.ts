/** Some of a list, the same every time; others with `CASTGATE_SEED=7`. */
export function pickSome<T>(list: readonly T[], count: number, seed = Number(process.env.CASTGATE_SEED ?? 1)): T[] {
  const left = [...list];
  const picked: T[] = [];
  let state = seed >>> 0;
  while (picked.length < count && left.length > 0) {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    const at = ((mixed ^ (mixed >>> 14)) >>> 0) % left.length;
    picked.push(...left.splice(at, 1));
  }
  return picked;
}
