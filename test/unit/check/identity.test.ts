import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check, definition, factsOf } from "./check.ts";

describe("base paths", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["/shop", "/shop"],
    ["shop", "/shop"],
    ["/shop/", "/shop"],
    ["/", "/"],
    ["/*", "/"],
    ["/shop/{version}", "/shop/1.0.0"],
    ["/CA.PSD2.API/v1", "/CA.PSD2.API/v1"],
    ["/%7euser/%c3%a9/%40me", "/~user/%C3%A9/@me"],
  ];
  for (const [written, basePath] of cases) {
    test(`${written} is ${basePath} (T-OAS-07, T-OAS-11)`, async () => {
      assert.equal((await factsOf(definition({ "x-wso2-basePath": written }))).basePath.value, basePath);
    });
  }

  for (const written of ["/a//b", "/a/../b", "/{tenant}", "/a?b", "/a b", "/a*", "/a%2fb", "/a;b", "/a%zz"]) {
    test(`${written} is refused`, async () => {
      const { found } = await check(definition({ "x-wso2-basePath": written }));
      assert.deepEqual(found, ["error base-path-invalid /x-wso2-basePath"]);
    });
  }

  test("the first server's path, else / with a warning", async () => {
    const { "x-wso2-basePath": _, ...rest } = definition();
    assert.equal((await factsOf({ ...rest, servers: [{ url: "https://a.example.com/v3" }] })).basePath.value, "/v3");
    const { found } = await check(rest);
    assert.deepEqual(found, ["warning base-path-defaulted "]);
  });

  test("resolved values are compared: versions may share a pattern (T-OAS-11)", async () => {
    const one = definition({ "x-wso2-basePath": "/pets/{version}" });
    const two = definition({ "x-wso2-basePath": "/pets/{version}", info: { title: "Pets", version: "2.0.0" } });
    const three = definition({ "x-wso2-basePath": "/pets/2.0.0", info: { title: "Other", version: "1" } });
    assert.deepEqual((await check([one, two])).found, []);
    const { diagnostics } = await check([one, two, three]);
    assert.deepEqual(
      diagnostics.map(({ code, place, related }) => [code, place.ref.file, related[0]?.place.ref.file]),
      [["base-path-duplicate", "api_definitions/2.json", "api_definitions/1.json"]],
    );
  });

  test("two implicit / clash too (T-OAS-10)", async () => {
    const { "x-wso2-basePath": _, ...rest } = definition();
    const { found } = await check([rest, { ...rest, info: { title: "Other", version: "1" } }]);
    assert.ok(found.includes("error base-path-duplicate "));
  });

  test("paths of the gateway's own (T-OAS-12)", async () => {
    const of = async (compatibility: "wso2-3.2" | "standard", basePath: string) =>
      (await check(definition({ "x-wso2-basePath": basePath }), { compatibility })).found;
    const lost = "warning route-unreachable /paths/~1pets";
    assert.deepEqual(await of("wso2-3.2", "/health"), ["warning base-path-reserved /x-wso2-basePath", lost]);
    assert.deepEqual(await of("standard", "/health"), ["error base-path-reserved /x-wso2-basePath", lost]);
    assert.deepEqual(await of("standard", "/health/v1"), ["error base-path-reserved /x-wso2-basePath", lost]);
    assert.deepEqual(await of("wso2-3.2", "/token"), ["warning base-path-reserved /x-wso2-basePath"]);
    assert.deepEqual(await of("wso2-3.2", "/apikey/v1"), ["warning base-path-reserved /x-wso2-basePath"]);
    assert.deepEqual(await of("wso2-3.2", "/tokens"), []);
    assert.deepEqual(await of("standard", "/token"), []);
  });
});

describe("services of features in standard (T-OAS-12)", () => {
  const files = { "castgate.yaml": "compatibility: standard\nfeatures: [api-key-issuer, introspection]\n" };
  const of = async (more: Record<string, unknown>) =>
    (await check(definition(more), { compatibility: "standard", files })).found;

  test("an API at the path of one that the bundle holds is an error, at another's it is not", async () => {
    for (const base of ["/apikey", "/apikey/v1"])
      assert.deepEqual(await of({ "x-wso2-basePath": base }), ["error base-path-reserved /x-wso2-basePath"]);
    for (const base of ["/token", "/apikeys"]) assert.deepEqual(await of({ "x-wso2-basePath": base }), []);
  });

  test("so is a route, however it goes on, but not a parameter that could be it", async () => {
    const at = (path: string) => {
      const { get } = (definition() as { paths: Record<string, { get: object }> }).paths["/pets"] ?? {};
      return of({ "x-wso2-basePath": "/", paths: { [path]: { get } } });
    };
    assert.deepEqual(await at("/apikey"), ["error route-builtin /paths/~1apikey"]);
    assert.deepEqual(await at("/apikey/a/b"), ["error route-builtin /paths/~1apikey~1a~1b"]);
    for (const path of ["/token", "/{name}", "/keys/apikey"])
      assert.deepEqual(
        (await at(path)).filter((one) => one.includes("builtin")),
        [],
        path,
      );
  });
});

describe("title and version (T-OAS-02, T-OAS-05)", () => {
  test("a number keeps its spelling", async () => {
    const text = "openapi: 3.0.3\ninfo: {title: Pets, version: 1.10}\nx-wso2-basePath: /a/{version}\npaths: {}\n";
    const { checked, diagnostics } = await check([], { files: { "api_definitions/pets.yaml": text } });
    assert.equal(checked?.apis[0]?.version.value, "1.10");
    assert.equal(checked?.apis[0]?.basePath.value, "/a/1.10");
    assert.deepEqual(
      diagnostics.map(({ code }) => code),
      ["info-number"],
    );
  });

  test("duplicates name both files", async () => {
    const { diagnostics } = await check([definition(), definition({ "x-wso2-basePath": "/other" })]);
    assert.deepEqual(
      diagnostics.map(({ code, message }) => [code, message]),
      [["api-duplicate", '"Pets" version 1.0.0 is already defined in api_definitions/0.json']],
    );
  });

  test("an empty title, which OpenAPI allows, is doubtful", async () => {
    const untitled = definition({ info: { title: "", version: "1.0.0" } });
    const { checked, found } = await check(untitled);
    assert.deepEqual(found, ["warning value-empty /info/title"]);
    assert.equal(checked?.apis[0]?.title.value, "");
    assert.deepEqual((await check(untitled, { compatibility: "standard" })).found, ["error value-empty /info/title"]);
  });

  test("missing ones are errors", async () => {
    assert.deepEqual((await check(definition({ info: { title: "Pets" } }))).found, ["error info-missing /info"]);
    const { found } = await check(definition({ info: undefined }));
    assert.equal(found.filter((line) => line.startsWith("error info-missing")).length, 2);
  });
});
