import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fuzzRequests } from "../support/request-fuzz.ts";
import { testedEngines } from "../support/tested-engines.ts";

/** The same bytes every time, unless CASTGATE_SEED says otherwise. `npm run fuzz -- --what=requests` does it at length. */
const seed = Number(process.env.CASTGATE_SEED ?? 1);

describe("random bytes to the gateway's server and to node:http", { skip: process.platform !== "linux" }, () => {
  for (const engine of testedEngines) {
    test(`${engine}: the same requests, or a refusal that has a reason`, async (t) => {
      const report = await fuzzRequests({ engine, count: 20_000, seed, longest: 15_000 });
      t.diagnostic(`${report.cases} connections`);
      assert.deepEqual(report.mismatches, []);
      assert.equal(report.mismatchCount, 0);
      assert.ok((report.outcomes["read late"] ?? 0) <= report.cases / 100, "pieces are not read one by one");
      for (const outcome of ["taken", "refused", "broken off", "whole", "in pieces", "byte by byte"]) {
        assert.ok((report.outcomes[outcome] ?? 0) > 0, `no case is ${outcome}`);
      }
    });
  }
});
