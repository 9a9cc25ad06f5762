import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { VerifiedCache, type VerifiedCredential } from "../../../runtime-lib/verified-cache.ts";

function verified(name: string, until = Number.POSITIVE_INFINITY): VerifiedCredential {
  return { ok: true, caller: { name } as Caller, until };
}

/** With the same last characters: only the comparison tells them apart. */
const alike = ["Bearer aaaa.bbbb.the-same-end", "Bearer aaab.bbbb.the-same-end"] as const;

describe("verified credentials", () => {
  test("the whole text must be the same", () => {
    const cache = new VerifiedCache(10, 60_000);
    const credential = "Bearer header.payload.signature";
    cache.add(credential, verified("alice"));
    assert.equal(cache.get(["Bearer header", "payload", "signature"].join("."))?.caller.name, "alice");
    const others = [credential.slice(1), `${credential} `, ` ${credential}`, credential.toUpperCase(), "signature", ""];
    for (const text of others) assert.equal(cache.get(text), undefined, text);
    for (let i = 0; i < credential.length; i++) {
      assert.equal(cache.get(`${credential.slice(0, i)}\u0001${credential.slice(i + 1)}`), undefined, `${i}`);
    }
  });

  test("of two with the same end, each gets its own or nothing", () => {
    const cache = new VerifiedCache(10, 60_000);
    cache.add(alike[0], verified("alice"));
    assert.equal(cache.get(alike[1]), undefined);
    cache.add(alike[1], verified("bob"));
    assert.equal(cache.get(alike[1])?.caller.name, "bob");
    assert.equal(cache.get(alike[0]), undefined);
  });

  test("short texts, and characters that are not ASCII", () => {
    const cache = new VerifiedCache(10, 60_000);
    for (const text of ["", "a", "ab", "é€", "12345678", "123456789"]) {
      cache.add(text, verified(text));
      assert.equal(cache.get(text)?.caller.name, text);
    }
  });

  test("expiry is looked at on every hit", (context) => {
    context.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
    const cache = new VerifiedCache(10, 60_000);
    assert.equal(cache.latest(Date.now()), 1_060_000);
    cache.add("Bearer a.b.c", verified("alice", 1_010_000));
    context.mock.timers.setTime(1_009_999);
    assert.ok(cache.get("Bearer a.b.c"));
    context.mock.timers.setTime(1_010_000);
    assert.equal(cache.get("Bearer a.b.c"), undefined);
    assert.equal(cache.size, 0);
  });

  test("it holds no more than its capacity, and what is used stays", () => {
    const cache = new VerifiedCache(100, 60_000);
    for (let i = 0; i < 1000; i++) {
      cache.add(`Bearer token.${i}`, verified(`${i}`));
      assert.ok(cache.size <= 100);
      assert.equal(cache.get("Bearer token.0")?.caller.name, "0");
    }
    assert.equal(cache.get("Bearer token.1"), undefined);
    assert.equal(cache.get("Bearer token.999")?.caller.name, "999");
    cache.clear();
    assert.equal(cache.size, 0);
    assert.equal(cache.get("Bearer token.999"), undefined);
  });

  test("what is older than an entry may be goes with the second one that is added after it", (context) => {
    context.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
    const cache = new VerifiedCache(100, 60_000);
    for (let i = 0; i < 20; i++) cache.add(`Bearer old.${i}`, verified("old", 1_060_000));
    context.mock.timers.setTime(1_061_000);
    cache.add("Bearer new.1", verified("new"));
    assert.equal(cache.size, 21);
    context.mock.timers.setTime(1_122_001);
    cache.add("Bearer new.2", verified("new"));
    assert.equal(cache.size, 2);
  });
});
