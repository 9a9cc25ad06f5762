import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { referenceForward, referenceMatcher } from "../../support/reference-matcher.ts";

describe("reference matcher", () => {
  const templates = [
    "/users/me",
    "/users/{id}",
    "/users/{id}/posts",
    "/files/{name}.json",
    "/files/{name}",
    "/a/*",
    "/compare/{base}...{head}",
    "/compare/{range}",
  ];
  const match = referenceMatcher(templates, { compatibility: "wso2-3.2" });
  const route = (template: string) => ({ kind: "route", template });

  for (const [target, expected] of [
    ["/users/me", route("/users/me")],
    ["/users/%6De", route("/users/me")],
    ["/users/mexico", route("/users/{id}")],
    ["/users/me/posts?x=/../", route("/users/{id}/posts")],
    ["/users/me/", route("/users/me")],
    ["/users/me;v=1", route("/users/me")],
    ["/files/x.json", route("/files/{name}.json")],
    ["/files/.json", route("/files/{name}")],
    ["/compare/v1...v2", route("/compare/{base}...{head}")],
    ["/compare/v1.........", route("/compare/{base}...{head}")],
    ["/compare/v1...", route("/compare/{range}")],
    ["/compare/.....", route("/compare/{base}...{head}")],
    ["/a", route("/a/*")],
    ["/a/b/c", route("/a/*")],
    ["/users", { kind: "unknown" }],
    ["/Users/me", { kind: "unknown" }],
    ["/users/me/posts/1", { kind: "unknown" }],
    ["/users//me", { kind: "bad-request" }],
    ["/users/../me", { kind: "bad-request" }],
    ["/users/..;x=1/me", { kind: "bad-request" }],
    ["/users/%2E%2e/me", { kind: "bad-request" }],
    ["/users/a%2fb", { kind: "bad-request" }],
    ["/users/a%5Cb", { kind: "bad-request" }],
    ["/users/%00", { kind: "bad-request" }],
    ["/users/%C3", { kind: "bad-request" }],
    ["/users/%zz", { kind: "bad-request" }],
    ["/users/ä", { kind: "bad-request" }],
    ["/users/a#b", { kind: "bad-request" }],
  ] as const) {
    test(target, () => assert.deepEqual(match(target), expected));
  }

  test("an exact trailing slash in standard", () => {
    const exact = referenceMatcher(["/pets", "/pets/{id}", "/shops/"], { compatibility: "standard" });
    assert.deepEqual(exact("/pets"), route("/pets"));
    assert.deepEqual(exact("/shops/"), route("/shops/"));
    assert.deepEqual(exact("/shops"), { kind: "unknown" });
    assert.deepEqual(exact("/pets/"), { kind: "unknown" });
  });

  test("what a backend sees", () => {
    assert.equal(referenceForward("/a/%7e%c3%a4;x=%2C?q=%7e#"), "/a/~%C3%A4;x=%2C?q=%7e#");
  });
});
