import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fuzzTargets } from "../support/target-fuzz.ts";

/** A sample of what `npm run fuzz` does at length. The same targets every time, unless CASTGATE_SEED says otherwise. */
const seed = Number(process.env.CASTGATE_SEED ?? 1);

describe("random request targets against a real bundle", () => {
  for (const compatibility of ["wso2-3.2", "standard"] as const) {
    test(`${compatibility}: the path that was checked is the path that the backend saw`, async () => {
      const report = await fuzzTargets({ compatibility, count: 10_000, seed });
      assert.deepEqual(report.mismatches, []);
      assert.equal(report.strayCalls, 0);
      for (const outcome of ["forwarded", "unauthorized", "unknown", "bad-request"]) {
        assert.ok((report.outcomes[outcome] ?? 0) > 100, `too few targets end as ${outcome}`);
      }
    });
  }
});
