import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asOracleWrites, clashesOf, wrongRequests } from "../../support/found-clashes.ts";
import { routeOracle } from "../../support/route-oracle.ts";
import { check, definition, operation, paths } from "./check.ts";

async function messages(templates: Record<string, unknown>): Promise<readonly string[]> {
  const { diagnostics } = await check(definition({ paths: templates }));
  return diagnostics.map(({ severity, code, message }) => `${severity} ${code}: ${message}`);
}

describe("routes below another base path", () => {
  const outer = (change = {}) => definition({ "x-wso2-basePath": "/a", ...change });
  const inner = (change = {}) =>
    definition({ "x-wso2-basePath": "/a/b", info: { title: "Inner", version: "1.0.0" }, ...change });
  const found = async (...definitions: readonly unknown[]) =>
    (await check(definitions)).diagnostics.map(({ code, message }) => `${code}: ${message}`);

  test("a route that the other API takes whole is reported, with a request", async () => {
    const templates = paths("/b", "/b/{id}/x", "/b/*", "/bb/{id}", "/bb/x", "/*");
    assert.deepEqual(await found(outer({ paths: templates }), inner()), [
      'route-unreachable: "/b" is never reached: GET /a/b is below /a/b, the base path of api_definitions/1.json',
      'route-unreachable: "/b/*" is never reached: GET /a/b/1 is below /a/b, the base path of api_definitions/1.json',
      'route-unreachable: "/b/{id}/x" is never reached: GET /a/b/1/x is below /a/b, the base path of api_definitions/1.json',
    ]);
    const root = outer({ "x-wso2-basePath": "/", paths: paths("/a/b/c", "/a/c") });
    assert.equal((await found(root, inner())).length, 1);
  });

  test("where the other API is asked on one transport only, the rest of the requests are served", async () => {
    const templates = { paths: paths("/b/x") };
    const tls = { "x-wso2-transports": ["https"] };
    assert.deepEqual(await found(outer(templates), inner(tls)), [
      'route-taken: GET /a/b/x over https matches "/b/x", but is below /a/b, the base path of api_definitions/1.json, which has no such path',
    ]);
    assert.match((await found(outer({ ...templates, ...tls }), inner(tls))).join(), /^route-unreachable: [^,]+,[^,]+$/);
    assert.deepEqual(await found(outer({ ...templates, "x-wso2-transports": ["http"] }), inner(tls)), []);
  });

  test("two other APIs, one for each transport, take a route together", async () => {
    const third = definition({
      "x-wso2-basePath": "/a/b/c",
      info: { title: "Third", version: "1.0.0" },
      "x-wso2-transports": ["https"],
    });
    const plain = inner({ "x-wso2-transports": ["http"] });
    assert.deepEqual(await found(outer({ paths: paths("/b/c/x", "/b/x") }), plain, third), [
      'route-unreachable: "/b/c/x" is never reached: GET /a/b/c/x is below /a/b, the base path of api_definitions/1.json',
      'route-taken: GET /a/b/x over http matches "/b/x", but is below /a/b, the base path of api_definitions/1.json, which has no such path',
    ]);
  });

  test("a route that loses some requests only: those that the other API refuses are worth a word", async () => {
    const templates = paths("/{kind}/x", "/{kind}/pets", "/*");
    assert.deepEqual(await found(outer({ paths: templates }), inner({ paths: paths("/pets", "/{any}") })), [
      'route-taken: GET /a/b matches "/*", but is below /a/b, the base path of api_definitions/1.json, which has no such path',
    ]);
    const put = {
      "/{any}": { put: operation({ parameters: [{ name: "any", in: "path", required: true, schema: {} }] }) },
    };
    assert.deepEqual(await found(outer({ paths: paths("/{kind}/x") }), inner({ paths: put })), [
      'route-taken: GET /a/b/x matches "/{kind}/x", but is below /a/b, the base path of api_definitions/1.json, which lacks the method',
    ]);
  });

  test("of several longer base paths the longest counts", async () => {
    const third = definition({ "x-wso2-basePath": "/a/b/c", info: { title: "Third", version: "1.0.0" } });
    const [line] = await found(outer({ paths: paths("/b/c/x") }), inner(), third);
    assert.match(line ?? "", /GET \/a\/b\/c\/x is below \/a\/b\/c, the base path of api_definitions\/2\.json$/);
  });
});

describe("routes in the way of the gateway's own paths (T-OAS-12)", () => {
  const at = async (base: string, templates: readonly string[], change: object = {}, compatibility?: "standard") => {
    const value = definition({ "x-wso2-basePath": base, paths: paths(...templates), ...change });
    const { diagnostics } = await check(value, { ...(compatibility && { compatibility }) });
    return diagnostics
      .map(({ code, message }) => `${code}: ${message}`)
      .filter((line) => !line.startsWith("base-path"));
  };
  const http = { "x-wso2-transports": ["http"] };

  test("all below /health is the gateway's, unless an API has /health itself (S-LSN-11)", async () => {
    const lost = [
      'route-unreachable: "/health/{id}" is never reached: GET /health/1 is answered by the gateway itself',
    ];
    assert.deepEqual(await at("/", ["/health/{id}", "/livez/{id}"], http), lost);
    assert.deepEqual(await at("/health/v1", ["/pets"], http), [
      'route-unreachable: "/pets" is never reached: GET /health/v1/pets is answered by the gateway itself',
    ]);
    assert.deepEqual(await at("/", ["/health/{id}", "/health"], http), [
      "route-builtin: /health is answered by the gateway itself; this route replaces it",
    ]);
  });

  test("a parameter or a wildcard loses them", async () => {
    assert.deepEqual(await at("/", ["/{id}"], http), [
      'route-taken: GET /health matches "/{id}", but is answered by the gateway itself (others that take requests of it: 2)',
    ]);
    assert.deepEqual(await at("/", ["/{id}/more"], http), [
      'route-taken: GET /health/more matches "/{id}/more", but is answered by the gateway itself',
    ]);
    assert.deepEqual(await at("/shop", ["/{id}"], http), []);
  });

  test("services of features, over TLS and where they are in the bundle", async () => {
    const tls = { "x-wso2-transports": ["https"] };
    assert.deepEqual(await at("/", ["/{id}/x/y"], { ...tls, paths: paths("/{id}/x/y", "/health") }), [
      "route-builtin: /health is answered by the gateway itself; this route replaces it",
      'route-taken: GET /apikey/x/y over https matches "/{id}/x/y", but is answered by the gateway itself where the settings switch /apikey on (others that take requests of it: 4)',
    ]);
    assert.deepEqual(await at("/", ["/x{id}"], tls, "standard"), []);
  });
});

describe("requests that show a clash", () => {
  test("a third route that takes all of them: there is no clash", async () => {
    assert.deepEqual(await messages(paths("/{a}/b", "/a/{b}", "/a/b")), []);
  });

  test("a third route that takes some of them: another is shown", async () => {
    const found = await messages(paths("/{a}-{b}", "/{a}.{b}", "/{a}-{b}.{c}"));
    assert.match(
      found.join("\n"),
      /^warning route-ambiguous: "\/\{a\}\.\{b\}" and "\/\{a\}-\{b\}" both match GET \/shop\/1\.1-1:/m,
    );
  });

  test("a request for a duplicate does not fall into a literal route", async () => {
    const [message] = await messages(paths("/pets/{id}", "/pets/{name}", "/pets/1"));
    assert.match(message ?? "", /both match GET \/shop\/pets\/2$/);
    const [wild] = await messages(paths("/pets/*", "/pets/{rest*}"));
    assert.match(wild ?? "", /both match GET \/shop\/pets\/1$/);
  });

  test("a route that others take whole is unreachable", async () => {
    assert.deepEqual(await messages(paths("/{a}~{b}", "/{a}~~{b}")), [
      'warning route-unreachable: "/{a}~~{b}" is never reached: GET /shop/1~~1 goes to "/{a}~{b}"',
    ]);
    assert.deepEqual(await messages(paths("/a/*", "/a", "/a/{x}/*")), [
      'warning route-unreachable: "/a/*" is never reached: GET /shop/a/1 goes to "/a/{x}/*"',
    ]);
  });

  test("more parameters in a segment are more specific, so nothing is ambiguous", async () => {
    assert.deepEqual(await messages(paths("/{a}-{b}", "/{a}-{b}-{c}")), []);
  });

  test("a slash at the end is a path of its own in standard", async () => {
    const templates = { "/a/": { get: operation() }, "/a/*": { get: operation(), put: operation() } };
    const of = async (compatibility: "standard" | "wso2-3.2") => {
      const { diagnostics } = await check(definition({ paths: templates }), { compatibility });
      return diagnostics.map(({ message }) => message);
    };
    assert.match((await of("standard")).join(), /^PUT \/shop\/a\/ is answered with 405: "\/a\/" wins over "\/a\/\*"/);
    assert.match((await of("wso2-3.2")).join(), /^PUT \/shop\/a is answered with 405: "\/a\/" wins over "\/a\/\*"/);
  });

  test("an encoded slash where the API takes it", async () => {
    const value = definition({ "x-castgate-encoded-slash": "allow", paths: paths("/{a}/b", "/x%2fy/{b}") });
    const { diagnostics } = await check(value);
    assert.deepEqual(
      diagnostics.map(({ message }) => message),
      ['"/{a}/b" and "/x%2fy/{b}" both match GET /shop/x%2Fy/b: "/x%2fy/{b}" gets it'],
    );
  });
});

describe("routes that clash", () => {
  test("the same shape and method: both are named, with a request", async () => {
    assert.deepEqual(await messages(paths("/pets/{id}", "/pets/{name}")), [
      'error route-duplicate: GET "/pets/{name}" and GET "/pets/{id}" are the same route: both match GET /shop/pets/1',
    ]);
  });

  test("a slash at the end is no difference in wso2-3.2 (R-RTE-03)", async () => {
    assert.equal((await messages(paths("/pets", "/pets/"))).length, 1);
    const { found } = await check(definition({ paths: paths("/pets", "/pets/") }), { compatibility: "standard" });
    assert.deepEqual(found, []);
  });

  test("the same shape with other methods is one route", async () => {
    const one = paths("/pets/{id}");
    const parameters = [{ name: "name", in: "path", required: true, schema: { type: "string" } }];
    const other = { "/pets/{name}": { delete: operation({ parameters }) } };
    assert.deepEqual(await messages({ ...one, ...other }), []);
  });

  test("neither is more specific: the left-most difference decides", async () => {
    assert.deepEqual(await messages(paths("/{a}/b", "/a/{b}")), [
      'warning route-ambiguous: "/{a}/b" and "/a/{b}" both match GET /shop/a/b: "/a/{b}" gets it',
    ]);
    assert.deepEqual(await messages(paths("/{x}.json", "/report-{y}")), [
      'warning route-ambiguous: "/{x}.json" and "/report-{y}" both match GET /shop/report-1.json: "/report-{y}" gets it',
    ]);
  });

  test("a more specific path is no clash", async () => {
    assert.deepEqual(await messages(paths("/pets/{id}", "/pets/mine", "/pets/{id}.json", "/*", "/pets/*")), []);
  });

  test("a method that the more specific path lacks", async () => {
    const templates = paths("/pets/{id}") as Record<string, Record<string, unknown>>;
    Object.assign(templates["/pets/{id}"] as object, { delete: templates["/pets/{id}"]?.get });
    assert.deepEqual(await messages({ ...templates, ...paths("/pets/mine") }), [
      'note route-shadowed: DELETE /shop/pets/mine is answered with 405: "/pets/mine" wins over "/pets/{id}" and lacks the method',
    ]);
  });

  test("a witness does not fall into a literal route", async () => {
    const found = await messages(paths("/{a}/{b}/x", "/{a}/y/{c}", "/1/y/x"));
    assert.match(found.join(), /both match GET \/shop\/2\/y\/x/);
  });

  test("only the first of many are listed, and the rest is counted", async () => {
    const many = Array.from({ length: 30 }, (_, index) => `/{a}/${index}`);
    const found = await messages(paths(...many, "/x/{b}"));
    assert.equal(found.length, 10);
    assert.match(found.at(-1) ?? "", /such pairs besides: 20/);
  });

  test("22,000 operations are checked without comparing all pairs", async () => {
    const many = Array.from({ length: 22_000 }, (_, index) => `/area${index % 200}/{id}/item${index}/{sub}`);
    const { checked, found } = await check(definition({ paths: paths(...many) }));
    assert.deepEqual(found, []);
    assert.equal(checked?.apis[0]?.operations.length, 22_000);
  });
});

describe("clashes of random routes are those that trying requests finds", () => {
  const pieces = ["a", "b", "{x}", "{x}.json", "a{x}", "a{x}.json", "{x}-{y}", "a{x}-{y}"];
  const methods = ["GET", "PUT", "OPTIONS"];
  let seed = 20_261_122;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (seed >> 8) % below;
  };
  const template = (): string => {
    const parts = Array.from({ length: 1 + random(3) }, () => pieces[random(pieces.length)]);
    return `/${parts.join("/")}${random(5) === 0 ? "/*" : ""}`;
  };

  test("in both compatibilities", () => {
    for (let round = 0; round < 400; round++) {
      const operations = Array.from({ length: 2 + random(6) }, () => ({
        method: methods[random(methods.length)] as string,
        template: template(),
      }));
      for (const compatibility of ["wso2-3.2", "standard"] as const) {
        const clashes = clashesOf(operations, { compatibility });
        assert.deepEqual(
          asOracleWrites(clashes),
          routeOracle(operations, { compatibility }),
          JSON.stringify(operations),
        );
        assert.deepEqual(wrongRequests(operations, clashes, { compatibility }), []);
      }
    }
  });

  test("what it takes is bounded: hostile paths end early, and say so", () => {
    const operations = Array.from({ length: 3000 }, (_, index) => ({ method: "GET", template: `/{a}x${index}y{b}/z` }));
    assert.equal(clashesOf(operations, { compatibility: "standard" }).complete, false);
  });
});
