import assert from "node:assert/strict";
import { test } from "node:test";
import { growth, type Sample } from "../../soak/soak.ts";

const calm: Sample = { requests: 1, heap: 20, external: 4, resident: 90, sockets: 1, timers: 2, files: 20 };
const rounds = (change: (round: number) => Partial<Sample>) =>
  Array.from({ length: 12 }, (_, round) => ({ ...calm, ...change(round) }));

test("what wavers does not grow", () => {
  assert.deepEqual(growth(rounds((round) => ({ resident: 90 + (round % 3), sockets: 1 + (round % 2) }))), []);
});

test("what is warm at first is not looked at", () => {
  assert.deepEqual(growth(rounds((round) => (round < 2 ? { heap: 8 } : {}))), []);
});

test("a leak of memory is found, and one of sockets, timers and files", () => {
  assert.deepEqual(growth(rounds((round) => ({ heap: 20 + round }))), ["heap: 23.0 to 30.0 MiB"]);
  assert.deepEqual(growth(rounds((round) => ({ sockets: 1 + round }))), ["sockets: 5 to 10"]);
  assert.deepEqual(growth(rounds((round) => ({ timers: round > 8 ? 3 : 2 }))), ["timers: 2 to 3"]);
  assert.deepEqual(growth(rounds((round) => ({ files: 20 + round }))), ["files: 24 to 29"]);
});
