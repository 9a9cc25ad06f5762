import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { canonicalJson } from "../../../compiler/6-bundle/canonical-json.ts";

describe("canonical JSON (RFC 8785)", () => {
  test("sorts members by UTF-16 code units, at any depth", () => {
    const members = {
      "\u20ac": 1,
      "\r": 2,
      "\ufb33": 3,
      "1": 4,
      "\ud83d\ude00": 5,
      "\u0080": 6,
      "\u00f6": { b: 1, a: 2 },
    };
    assert.equal(
      canonicalJson(members),
      '{"\\r":2,"1":4,"\u0080":6,"\u00f6":{"a":2,"b":1},"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    );
  });

  test("prints numbers as ECMAScript does", () => {
    assert.equal(
      canonicalJson([Number("333333333.33333329"), 1e30, 4.5, 2e-3, 1e-27, -0]),
      "[333333333.3333333,1e+30,4.5,0.002,1e-27,0]",
    );
  });

  test("keeps the order of lists and escapes only what must be escaped", () => {
    assert.equal(canonicalJson(["b", "a", '\u000f\n"\\/\u2028']), '["b","a","\\u000f\\n\\"\\\\/\u2028"]');
  });

  test("gives a form to what YAML and TOML can say and JSON cannot", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    const values = { a: Number.POSITIVE_INFINITY, b: new Date(0), c: 10n ** 20n, d: loop, e: undefined };
    assert.equal(
      canonicalJson(values),
      '{"a":"Infinity","b":"1970-01-01T00:00:00.000Z","c":"100000000000000000000","d":["(holds itself)"]}',
    );
  });

  test("takes keys as names, whatever they mean to JavaScript", () => {
    assert.equal(
      canonicalJson(JSON.parse('{"constructor":1,"__proto__":{"x":2}}')),
      '{"__proto__":{"x":2},"constructor":1}',
    );
  });
});
