import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { plainAddress, quotaAddress, TrustedProxies } from "../../../runtime-lib/client-address.ts";

describe("the client behind trusted proxies", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1"]);
  const cases: readonly [peer: string, forwardedFor: readonly string[], client: string][] = [
    ["203.0.113.9", ["1.2.3.4"], "203.0.113.9"],
    ["10.1.1.1", [], "10.1.1.1"],
    ["10.1.1.1", ["1.2.3.4"], "1.2.3.4"],
    ["10.1.1.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"],
    ["10.1.1.1", ["6.6.6.6, 1.2.3.4, 10.2.2.2 , 192.0.2.1"], "1.2.3.4"],
    ["10.1.1.1", ["6.6.6.6", "1.2.3.4", "10.2.2.2"], "1.2.3.4"],
    ["10.1.1.1", ["10.9.9.9, 10.2.2.2"], "10.9.9.9"],
    ["10.1.1.1", ["6.6.6.6, nonsense, 10.2.2.2"], "10.2.2.2"],
    ["10.1.1.1", ["unknown"], "10.1.1.1"],
    ["10.1.1.1", [""], "10.1.1.1"],
    ["10.1.1.1", ["1.2.3.4:5678"], "1.2.3.4"],
    ["10.1.1.1", ["[2001:db9::1]:443"], "2001:db9::1"],
    ["2001:db8::5", ["::ffff:1.2.3.4"], "1.2.3.4"],
    ["::1", ["2001:db9::1, 2001:db8::7"], "2001:db9::1"],
  ];
  for (const [peer, forwardedFor, client] of cases) {
    test(`${peer} says ${JSON.stringify(forwardedFor)}: ${client}`, () => {
      assert.equal(proxies.clientOf(peer, forwardedFor), client);
    });
  }
});

test("nobody is trusted unless somebody is named", () => {
  const none = new TrustedProxies([]);
  assert.equal(none.any, false);
  assert.equal(none.clientOf("127.0.0.1", ["1.2.3.4"]), "127.0.0.1");
});

test("what is no network is reported, not guessed", () => {
  const odd = ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/a", "10.0.0", "host", "::/129", "", "10.0.0.0/8/9"];
  assert.deepEqual(new TrustedProxies(odd).malformed, odd);
});

test("an IPv4 address in IPv6 form is the IPv4 address", () => {
  assert.equal(plainAddress("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(plainAddress("::FFFF:192.0.2.1"), "192.0.2.1");
  assert.equal(plainAddress("::1"), "::1");
  assert.equal(new TrustedProxies(["::ffff:192.0.2.1"]).trusts("192.0.2.1"), true);
});

test("for quotas an IPv6 address stands for its /64, however it is spelt", () => {
  for (const [address, quota] of [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:0DB8:0:0:1:2:3:4", "2001:db8:0:0::/64"],
    ["2001:db8:0:1::", "2001:db8:0:1::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4::/64"],
    ["1::2:3:4:5:6:7", "1:0:2:3::/64"],
  ] as const) {
    assert.equal(quotaAddress(address), quota);
  }
});
