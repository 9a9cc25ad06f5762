import assert from "node:assert/strict";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { describe, test } from "node:test";
import { revocationEnd, revocationIdsOf } from "../../../runtime-lib/revocation-notice.ts";
import { RevokedIds } from "../../../runtime-lib/revoked-ids.ts";

const minute = 60_000;

describe("the map of revoked ids (S-SEC-08)", () => {
  test("an id goes after its end, and not before", () => {
    const ids = new RevokedIds(10);
    ids.add("a", 10 * minute);
    ids.add("b", 10 * minute + 1);
    ids.sweep(10 * minute - 1);
    assert.deepEqual([ids.has("a"), ids.has("b")], [true, true]);
    ids.sweep(10 * minute);
    assert.deepEqual([ids.has("a"), ids.has("b")], [false, true]);
    ids.sweep(11 * minute);
    assert.equal(ids.size, 0);
  });

  test("the later of two ends counts", () => {
    const ids = new RevokedIds(10);
    ids.add("a", 10 * minute);
    ids.add("a", 20 * minute);
    ids.add("a", 5 * minute);
    ids.sweep(15 * minute);
    assert.equal(ids.has("a"), true);
    ids.sweep(20 * minute);
    assert.equal(ids.has("a"), false);
  });

  test("what finds no room is remembered until its end", () => {
    const ids = new RevokedIds(1);
    assert.equal(ids.add("a", 10 * minute), true);
    assert.equal(ids.add("b", 20 * minute), false);
    assert.equal(ids.add("a", 11 * minute), true);
    assert.equal(ids.overflowUntil, 20 * minute);
    ids.sweep(12 * minute);
    assert.equal(ids.add("c", 30 * minute), true);
    assert.equal(ids.overflowUntil, 20 * minute);
    ids.sweep(20 * minute);
    assert.equal(ids.overflowUntil, 0);
  });
});

describe("what a revocation names (S-REV-03)", () => {
  const header = Buffer.from('{"alg":"RS256"}').toString("base64url");
  for (const [text, id] of [
    ["0d5a", "0d5a"],
    [` Bearer ${header}.e30.c2ln `, "c2ln"],
    [`${header}.e30.c2ln`, "c2ln"],
    ["a.b.c", "a.b.c"],
    [`${header}.e30.`, `${header}.e30.`],
  ] as const)
    test(text, () => assert.deepEqual(revocationIdsOf(text), [id]));
});

describe("of an ECDSA signature the other valid one is revoked too", () => {
  for (const [curve, hash, length] of [
    ["P-256", "sha256", 86],
    ["P-384", "sha384", 128],
    ["P-521", "sha512", 176],
  ] as const)
    test(curve, () => {
      const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: curve });
      const text = Buffer.from("e30.e30");
      const dsaEncoding = "ieee-p1363";
      const signature = sign(hash, text, { key: privateKey, dsaEncoding }).toString("base64url");
      const ids = revocationIdsOf(signature);
      assert.equal(ids[0], signature);
      assert.equal(ids.length, 2);
      for (const id of ids) {
        assert.equal(id.length, length);
        assert.ok(verify(hash, text, { key: publicKey, dsaEncoding }, Buffer.from(id, "base64url")));
      }
      assert.deepEqual(revocationIdsOf(ids[1] as string), [ids[1], ids[0]]);
    });
});

test("ends of revocations: seconds from now, and times in seconds or milliseconds, with ten minutes of grace", () => {
  const now = 1_800_000_000_000;
  const grace = 600_000;
  assert.equal(revocationEnd("3600", now), now + 3_600_000 + grace);
  assert.equal(revocationEnd(3600n, now), now + 3_600_000 + grace);
  assert.equal(revocationEnd(1_800_000_060, now), now + 60_000 + grace);
  assert.equal(revocationEnd(1_800_000_060_000, now), now + 60_000 + grace);
  const longest = now + 3_650 * 86_400_000 + grace;
  for (const garbage of ["soon", "", -1, null, undefined, Number.NaN])
    assert.equal(revocationEnd(garbage, now), longest);
});
