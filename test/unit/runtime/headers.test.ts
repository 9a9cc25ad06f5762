import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { copyRequestHeaders, isRequestId, isTraceparent } from "../../../runtime-lib/headers.ts";

function copied(raw: readonly string[], withheld: readonly string[] = [], trusted = false): string[] {
  const out: string[] = [];
  copyRequestHeaders(raw, withheld, trusted, out);
  return out;
}

describe("fields of a request that reach the backend", () => {
  test("RFC 9110 section 7.6.1: not those of the connection, nor those that Connection names, in any case", () => {
    assert.deepEqual(
      copied([
        ...["A", "1", "connection", "X-One, keep-alive", "Connection", "x-TWO ,, close", "X-One", "1", "x-two", "2"],
        ...["TE", "trailers", "Trailer", "x", "Transfer-Encoding", "chunked", "Keep-Alive", "1", "Upgrade", "h2c"],
        ...["Proxy-Connection", "close", "Proxy-Authorization", "x", "HTTP2-Settings", "x", "Cookie", "a=b"],
      ]),
      ["A", "1", "Cookie", "a=b"],
    );
  });

  test("Connection cannot take away the address or the length, which are the gateway's anyway", () => {
    assert.deepEqual(copied(["Connection", "host, content-length, accept", "Accept", "*/*", "Host", "h"]), []);
  });

  test("R-HDR-08: a client's backend JWT, and everything that speaks for a proxy, is dropped", () => {
    const raw = ["X-JWT-Assertion", "x", "Forwarded", "x", "X-Forwarded-For", "x", "X-Forwarded-Prefix", "/x"];
    raw.push("X-Real-IP", "x", "Via", "x", "Expect", "x", "X-Request-ID", "x", "X-Forwarded", "kept");
    assert.deepEqual(copied(raw), ["X-Forwarded", "kept"]);
    assert.deepEqual(copied(raw, [], true), ["X-Forwarded-Prefix", "/x", "X-Forwarded", "kept"]);
  });

  test("underscores for hyphens do not let through what some backends would take for it", () => {
    const raw = ["X_JWT_Assertion", "x", "x-forwarded_FOR", "x", "X_Forwarded_Prefix", "x", "Transfer_Encoding", "x"];
    raw.push("X_Key", "x", "My_Field", "kept");
    assert.deepEqual(copied(raw, ["x-key"]), ["My_Field", "kept"]);
    assert.deepEqual(copied(raw, ["x-key"], true), ["My_Field", "kept"]);
  });

  test("S-HDR-01: withheld fields, every one of them", () => {
    assert.deepEqual(copied(["AUTHORIZATION", "a", "b", "1", "Authorization", "c"], ["authorization"]), ["b", "1"]);
  });
});

test("request ids", () => {
  for (const id of ["a", "0af7651916cd43dd", "a/b+c=:~", "x".repeat(128)]) assert.equal(isRequestId(id), true, id);
  for (const id of ["", "a b", 'a"', "a,b", "a\\", "é", "x".repeat(129)]) assert.equal(isRequestId(id), false, id);
});

test("traceparent", () => {
  const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  for (const value of [good, `cc${good.slice(2)}`, `cc${good.slice(2)}-more`]) assert.equal(isTraceparent(value), true);
  for (const value of [
    "",
    `${good}-more`,
    `${good}x`,
    `ff${good.slice(2)}`,
    good.toUpperCase(),
    good.replace("0af7651916cd43dd8448eb211c80319c", "0".repeat(32)),
    good.replace("b7ad6b7169203331", "0".repeat(16)),
    good.replaceAll("-", "_"),
    `cc${good.slice(2)}more`,
  ]) {
    assert.equal(isTraceparent(value), false, value);
  }
});
