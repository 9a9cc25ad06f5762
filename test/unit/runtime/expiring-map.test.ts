import assert from "node:assert/strict";
import { test } from "node:test";
import { ExpiringMap } from "../../../runtime-lib/expiring-map.ts";

test("a value counts until its time", () => {
  const map = new ExpiringMap<string>(10);
  map.set("a", "1", 1_000);
  assert.equal(map.get("a", 999), "1");
  assert.equal(map.get("a", 1_000), undefined);
  assert.equal(map.size, 0);
  map.set("a", "1", 1_000);
  map.set("a", "2", 2_000);
  assert.equal(map.get("a", 1_500), "2");
  map.delete("a");
  assert.equal(map.get("a", 0), undefined);
});

test("a full map forgets what was not asked for the longest", () => {
  const map = new ExpiringMap<number>(3);
  for (const [key, value] of [
    ["a", 1],
    ["b", 2],
    ["c", 3],
  ] as const)
    map.set(key, value, 1_000);
  map.get("a", 0);
  map.set("d", 4, 1_000);
  assert.deepEqual(
    ["a", "b", "c", "d"].map((key) => map.get(key, 0)),
    [1, undefined, 3, 4],
  );
  for (let i = 0; i < 100; i++) map.set(`x${i}`, i, 1_000);
  assert.equal(map.size, 3);
});
