import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ResponseComparison } from "../support/response-fuzz.ts";

/** The same bytes every time, unless CASTGATE_SEED says otherwise. `npm run fuzz -- --what=responses` does it at length. */
const seed = Number(process.env.CASTGATE_SEED ?? 1);
const cases = 3_000;

describe("answers of backends, to our pool and to undici's", { timeout: 300_000 }, () => {
  let comparison: ResponseComparison;

  before(async () => {
    comparison = await ResponseComparison.start();
  });
  after(() => comparison?.stop());

  test("random and mutated ones, whole and in pieces: the same answer or a refusal", async (t) => {
    const report = await comparison.run(cases, seed);
    for (const [name, count] of Object.entries(report.explained)) t.diagnostic(`${count}: ${name}`);
    t.diagnostic(`${report.answered} of ${cases} were answers`);
    assert.equal(report.mismatchCount, 0, report.mismatches.join("\n\n"));
    assert.ok(report.answered > cases / 5, `only ${report.answered} were answers`);
  });

  for (const [name, bytes, ours, theirs] of [
    [
      "white space after a value",
      "HTTP/1.1 204 N\r\nX: y \t\r\n\r\n",
      '204 ["N","X","y",""]',
      '204 ["N","X","y \\t",""]',
    ],
    [
      "white space after a value, at the limit of a head",
      `HTTP/1.1 204 N\r\nX: ${"y".repeat(2_046)} \r\n\r\n`,
      `204 ["N","X","${"y".repeat(2_046)}",""]`,
      "refused",
    ],
    ["an interim 100 that nobody asked for", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 204 N\r\n\r\n", '204 ["N",""]', "refused"],
    ["version 2.0", "HTTP/2.0 204 N\r\n\r\n", "refused", '204 ["N",""]'],
    ["version 0.9", "HTTP/0.9 204 N\r\n\r\n", "refused", '204 ["N",""]'],
    ["a coding", "HTTP/1.1 200 N\r\nTransfer-Encoding: gzip\r\n\r\nx", "refused", '200 ["N","x"]'],
    [
      "an interim answer with a body",
      "HTTP/1.1 103 E\r\nContent-Length: 1\r\n\r\nHTTP/1.1 204 N\r\n\r\n",
      "refused",
      '103 [] 204 ["N",""]',
    ],
    [
      "304 with a length",
      "HTTP/1.1 304 N\r\nContent-Length: 1\r\n\r\n",
      '304 ["N","Content-Length","1",""]',
      "refused",
    ],
  ] as const) {
    test(`they differ on purpose: ${name}`, async () => {
      assert.equal((await comparison.outcomeOf("wire", "GET", [bytes])).answer, ours);
      assert.equal((await comparison.outcomeOf("undici", "GET", [bytes])).answer, theirs);
    });
  }
});
