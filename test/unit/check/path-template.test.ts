import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parsePathTemplate } from "../../../compiler/2-check/read/path-template.ts";

const original = { ignoreTrailingSlash: true, encodedSlash: false };
const standard = { ignoreTrailingSlash: false, encodedSlash: false };

const literal = (text: string) => ({ kind: "literal", text });
const parameter = (name: string, prefix = "", suffix = "") => ({ kind: "parameter", name, prefix, suffix });

describe("path templates (T-OAS-16, T-OAS-17)", () => {
  const cases: readonly (readonly [string, readonly object[]])[] = [
    ["/", []],
    ["/pets", [literal("pets")]],
    ["/pets/", [literal("pets")]],
    ["/pets/{id}", [literal("pets"), parameter("id")]],
    ["/pet/{petId}.api", [literal("pet"), parameter("petId", "", ".api")]],
    ["/pet/test.{petId}", [literal("pet"), parameter("petId", "test.")]],
    ["/a/{payment-product}", [literal("a"), parameter("payment-product")]],
    ["/*", [{ kind: "wildcard" }]],
    ["/files/*", [literal("files"), { kind: "wildcard" }]],
    ["/caf\u00e9/a b", [literal("caf%C3%A9"), literal("a%20b")]],
    ["/%7Euser/%c3%a9", [literal("~user"), literal("%C3%A9")]],
    ["/@me/a%40b", [literal("@me"), literal("a@b")]],
    ["/__proto__/constructor", [literal("__proto__"), literal("constructor")]],
  ];
  for (const [path, segments] of cases) {
    test(path, () => {
      assert.deepEqual(parsePathTemplate(path, original), { kind: "segments", segments, slashAdded: false });
    });
  }

  test("several parameters in one segment, with text between them", () => {
    const template = parsePathTemplate("/compare/{base}...{head}", original);
    const segment = { ...parameter("base"), more: [{ text: "...", name: "head" }] };
    assert.deepEqual(template, { kind: "segments", segments: [literal("compare"), segment], slashAdded: false });
    const call = parsePathTemplate("/range(from={from},to={to})", original);
    const range = { ...parameter("from", "range(from=", ")"), more: [{ text: ",to=", name: "to" }] };
    assert.deepEqual(call, { kind: "segments", segments: [range], slashAdded: false });
  });

  test("standard keeps a slash at the end", () => {
    const template = parsePathTemplate("/pets/", standard);
    assert.deepEqual(template, { kind: "segments", segments: [literal("pets"), literal("")], slashAdded: false });
  });

  test("a missing slash is added", () => {
    const template = parsePathTemplate("pets", original);
    assert.deepEqual(template, { kind: "segments", segments: [literal("pets")], slashAdded: true });
  });

  for (const path of ["/{a}{b}", "/{a", "/a}", "/{}", "/{a{b}}", "/*/a", "/{a/b}"]) {
    test(`${path} is malformed`, () => assert.equal(parsePathTemplate(path, original).kind, "malformed"));
  }

  const impossible = [
    "/a?b=c",
    "/#Action=X",
    "/{a}?b",
    "/a//b",
    "/a//",
    "/a/../b",
    "/.",
    "/%2e%2e/a",
    "/a%2Fb",
    "/a%5cb",
    "/a\\b",
  ];
  for (const path of [...impossible, "/a;b=1", "/{a};v={b}", "/%00"]) {
    test(`${path} can match no request`, () => assert.equal(parsePathTemplate(path, original).kind, "unmatchable"));
  }

  test("an encoded slash may stand where the API allows it", () => {
    const template = parsePathTemplate("/a%2fb", { ...original, encodedSlash: true });
    assert.deepEqual(template, { kind: "segments", segments: [literal("a%2Fb")], slashAdded: false });
  });

  test("a matrix parameter is no part of a path, in either compatibility", () => {
    for (const options of [original, standard]) assert.equal(parsePathTemplate("/a;b", options).kind, "unmatchable");
  });
});
