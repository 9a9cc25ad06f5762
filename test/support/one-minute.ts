import assert from "node:assert/strict";

const minute = () => Math.floor(Date.now() / 60_000);

/**
 * What `steps` come to in one minute of the clock, for counts that begin anew with each. Runs them again, with new counts,
 * when the minute ended meanwhile. Rejects as they do.
 */
export async function withinOneMinute<T>(steps: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < 4; tries++) {
    const begun = minute();
    const outcome = await steps().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    const ended = minute();
    if (ended === begun) {
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    }
    // Some of it was counted in the minute that has begun.
    await new Promise((resolve) => setTimeout(resolve, (ended + 1) * 60_000 - Date.now()));
  }
  return assert.fail("each time the minute ended meanwhile");
}
