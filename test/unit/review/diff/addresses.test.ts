import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AddressLimit, Condition, GatewayModel } from "../../../../compiler/model/gateway-model.ts";
import { diffAddressLimits } from "../../../../compiler/review/diff/address-limits.ts";
import { addressSet, cutAt, everyAddress, union, without } from "../../../../compiler/review/diff/address-set.ts";
import { diffDeny } from "../../../../compiler/review/diff/deny.ts";
import { ChangeLog } from "../../../../compiler/review/diff/findings.ts";

let seed = 3;
function random(below: number): number {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((seed / 2_147_483_648) * below);
}

const last = 15;

/** A range of 192.0.2.0 to 192.0.2.15, or sometimes all of them. */
function randomRange(): readonly [from: number, to: number] {
  const from = random(last + 1);
  return [from, from + random(last + 1 - from)];
}

const text = ([from, to]: readonly [number, number]) => `192.0.2.${from}-192.0.2.${to}`;

function verdictsOf(fill: (log: ChangeLog) => void): ReadonlySet<string> {
  const log = new ChangeLog();
  fill(log);
  return new Set(log.sorted().map(({ verdict }) => verdict));
}

describe("addresses", () => {
  test("networks, ranges and addresses of both kinds", () => {
    const set = addressSet(["192.0.2.0/24", "192.0.2.255-192.0.3.1", "2001:db8::/127"]);
    assert.equal(set.length, 2);
    assert.deepEqual(without(set, addressSet(["192.0.0.0/16", "2001:db8::", "2001:db8::1"])), []);
    assert.deepEqual(without(everyAddress, everyAddress), []);
    assert.deepEqual(union([...set, ...without(everyAddress, set)]), everyAddress);
    assert.deepEqual(union(cutAt([set])), everyAddress);
  });

  test("limits: an address may call more often if the entry that holds for it says so", () => {
    for (let round = 0; round < 500; round++) {
      const side = () => {
        const entries = Array.from({ length: random(4) }, () => ({ range: randomRange(), count: random(4) }));
        const limits = entries.map(
          ({ range, count }): AddressLimit => ({
            addresses: [text(range)],
            quota: count === 0 ? undefined : { name: "q", count, unitMs: 1000, windowMs: 1000 },
          }),
        );
        const countOf = (address: number) => {
          const count = entries.find(({ range: [from, to] }) => from <= address && address <= to)?.count ?? 0;
          return count === 0 ? Number.POSITIVE_INFINITY : count;
        };
        return { countOf, model: { addressLimits: limits } as unknown as GatewayModel };
      };
      const [base, head] = [side(), side()];
      const found = verdictsOf((log) => diffAddressLimits(base.model, head.model, log.about(undefined)));
      const all = Array.from(
        { length: last + 1 },
        (_, address) => [base.countOf(address), head.countOf(address)] as const,
      );
      const shown = JSON.stringify([base.model, head.model], undefined, 1);
      assert.equal(
        found.has("weaker"),
        all.some(([before, after]) => after > before),
        shown,
      );
      assert.equal(
        found.has("stronger"),
        all.some(([before, after]) => after < before),
        shown,
      );
    }
  });

  test("deny conditions, some the other way round", () => {
    for (let round = 0; round < 500; round++) {
      const side = () => {
        const entries = Array.from({ length: random(3) }, () => ({ range: randomRange(), invert: random(5) === 0 }));
        const deny = entries.map(
          ({ range, invert }): Condition => ({ kind: "address", addresses: [text(range)], invert }),
        );
        const denies = (address: number) =>
          entries.some(({ range: [from, to], invert }) => (from <= address && address <= to) !== invert);
        return { denies, model: { deny } as unknown as GatewayModel };
      };
      const [base, head] = [side(), side()];
      const found = verdictsOf((log) => diffDeny(base.model, head.model, log.about(undefined)));
      // 200 stands for all others.
      const all = [...Array(last + 1).keys(), 200].map(
        (address) => [base.denies(address), head.denies(address)] as const,
      );
      const shown = JSON.stringify([base.model, head.model], undefined, 1);
      assert.equal(
        found.has("weaker"),
        all.some(([before, after]) => before && !after),
        shown,
      );
      assert.equal(
        found.has("stronger"),
        all.some(([before, after]) => !before && after),
        shown,
      );
    }
  });
});
