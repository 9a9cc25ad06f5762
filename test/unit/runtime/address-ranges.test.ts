import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { describe, test } from "node:test";
import fc from "fast-check";
import { addressRanges } from "../../../runtime-lib/address-ranges.ts";

describe("addresses of a condition", () => {
  test("both ends of a range belong to it, and all of a network (K-11, R-DTH-07 done right)", () => {
    const ranges = addressRanges(["10.1.1.1-10.1.1.30", "192.0.2.32/27", "198.51.100.7", "2001:db8:1::/48"]);
    for (const inside of ["10.1.1.1", "10.1.1.30", "192.0.2.32", "192.0.2.63", "198.51.100.7", "2001:db8:1::"]) {
      assert.equal(ranges.holds(inside), true, inside);
    }
    for (const inside of ["2001:DB8:1:ffff::1", "::ffff:10.1.1.2", "2001:db8:1:0:0:0:1.2.3.4"]) {
      assert.equal(ranges.holds(inside), true, inside);
    }
    for (const outside of ["10.1.1.0", "10.1.1.31", "192.0.2.31", "192.0.2.64", "2001:db8:2::", "", "host", "1.2.3"]) {
      assert.equal(ranges.holds(outside), false, outside);
    }
  });

  test("ranges that overlap are one", () => {
    const ranges = addressRanges(["10.0.0.5-10.0.0.9", "10.0.0.0/29", "0.0.0.0/32", "::/0"]);
    assert.deepEqual(
      ["10.0.0.0", "10.0.0.9", "10.0.0.10", "0.0.0.0", "0.0.0.1", "::1", "ffff::"].map((one) => ranges.holds(one)),
      [true, true, false, true, false, true, true],
    );
    assert.equal(addressRanges(["0.0.0.0/0"]).holds("255.255.255.255"), true);
    assert.equal(addressRanges([]).holds("10.0.0.1"), false);
  });

  test("what is no range throws", () => {
    for (const wrong of ["", "10.0.0.2-10.0.0.1", "10.0.0.1-::1", "host", "10.0.0.1-"]) {
      assert.throws(() => addressRanges([wrong]), wrong);
    }
  });

  test("agrees with node's own list", () => {
    // Few different addresses, so that they meet.
    const v4 = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.nat(255)).map(([a, b]) => `10.0.${a}.${b}`);
    const v6 = fc.tuple(fc.nat(3), fc.nat(0xffff)).map(([a, b]) => `2001:db8:${a}::${b.toString(16)}`);
    const network = fc.oneof(
      fc.tuple(v4, fc.integer({ min: 16, max: 32 })),
      fc.tuple(v6, fc.integer({ min: 32, max: 128 })),
    );
    fc.assert(
      fc.property(fc.array(network, { maxLength: 8 }), fc.array(fc.oneof(v4, v6)), (networks, asked) => {
        const list = new BlockList();
        for (const [address, prefix] of networks) {
          list.addSubnet(address, prefix, address.includes(":") ? "ipv6" : "ipv4");
        }
        const ranges = addressRanges(networks.map(([address, prefix]) => `${address}/${prefix}`));
        for (const address of [...asked, ...networks.map(([one]) => one)]) {
          assert.equal(ranges.holds(address), list.check(address, address.includes(":") ? "ipv6" : "ipv4"), address);
        }
      }),
    );
  });
});
