import assert from "node:assert/strict";
import { test } from "node:test";
import { suggest } from "../../../compiler/diagnostics/suggest.ts";

for (const [wanted, candidates, expected] of [
  ["10PerMinn", ["10PerMin", "10kPerMin", "20PerMin"], "10PerMin"],
  ["compatiblity", ["accepted", "compatibility"], "compatibility"],
  ["nmae", ["name", "ignore"], "name"],
  ["denyWarnings", ["deny-warnings", "name"], "deny-warnings"],
  ["gold", ["Gold", "Bold"], "Gold"],
  ["ac", ["ab", "aa"], "aa"],
  ["completely-else", ["name", "ignore"], undefined],
  ["name", ["name"], undefined],
  ["", ["a"], undefined],
  ["x".repeat(100_000), ["name"], undefined],
] as const) {
  test(`${wanted.slice(0, 20)}: ${expected}`, () => {
    assert.equal(suggest(wanted, candidates), expected);
    assert.equal(suggest(wanted, [...candidates].reverse()), expected);
  });
}
