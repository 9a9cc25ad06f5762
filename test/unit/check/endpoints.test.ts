import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check, definition, factsOf, operation } from "./check.ts";

const production = (value: unknown, more: Record<string, unknown> = {}) =>
  definition({ "x-wso2-production-endpoints": value, ...more });
const foundIn = async (value: unknown, more: Record<string, unknown> = {}) =>
  (await check(production(value, more))).found;
const at = "/x-wso2-production-endpoints";

describe("endpoint objects", () => {
  test("all that is known is read (T-END-01..09)", async () => {
    const { endpoints } = await factsOf(
      production({
        urls: ["https://a.example.com/api", "etcd ( orders , https://b.example.com )"],
        type: "failover",
        name: "orders",
        securityConfig: { type: "basic", username: "svc" },
        advanceEndpointConfig: {
          timeoutInMillis: 4000,
          retryConfig: {
            count: 2,
            intervalInMillis: 200,
            backOffFactor: 1.5,
            maxWaitIntervalInMillis: 2000,
            statusCodes: [502],
          },
          circuitBreaker: {
            rollingWindow: { requestVolumeThreshold: 20, timeWindowInMillis: 30_000, bucketSizeInMillis: 3000 },
            failureThreshold: 0.4,
            resetTimeInMillis: 8000,
            statusCodes: [500],
          },
          poolConfig: { maxActiveConnections: 200 },
        },
        "x-castgate-pipelining": 4,
        "x-castgate-max-in-flight": 100,
        "x-castgate-resend-methods": ["POST"],
        "x-castgate-retry-budget": { ratio: 0.1 },
        "x-castgate-timeouts": { totalInMillis: 9000 },
        "x-castgate-failover": { order: "priority", statusCodes: [503, 500, 503], suspend: { initialInMillis: -1 } },
      }),
    );
    const { ref: _, urls, binding, resilience, ...rest } = endpoints.production ?? assert.fail("no endpoint");
    assert.deepEqual(rest, { name: "orders", type: "failover", basicUsername: "svc", timeoutMs: 4000, pipelining: 4 });
    assert.deepEqual(
      urls.map(({ value, etcdKey }) => [value, etcdKey]),
      [
        ["https://a.example.com/api", undefined],
        ["https://b.example.com", "orders"],
      ],
    );
    assert.deepEqual(binding, {
      pool: { maxActiveConnections: 200, maxIdleConnections: 100, waitTimeInMillis: 30_000 },
      appendPath: undefined,
      credentials: undefined,
      pins: [],
    });
    assert.deepEqual(resilience, {
      retry: { count: 2, intervalMs: 200, factor: 1.5, maxMs: 2000, statusCodes: [502] },
      circuitBreaker: {
        failureThreshold: 0.4,
        resetMs: 8000,
        requestVolume: 20,
        windowMs: 30_000,
        bucketMs: 3000,
        statusCodes: [500],
      },
      retryBudget: { ratio: 0.1, perSecond: undefined },
      resendMethods: ["POST"],
      maxInFlight: 100,
      timeouts: { connectMs: undefined, headersMs: undefined, idleMs: undefined, totalMs: 9000 },
      failover: { order: "priority", statusCodes: [500, 503], suspend: false },
      loadBalance: undefined,
    });
  });

  test("what a circuit breaker does not say is as the original has it (T-END-08)", async () => {
    const api = await factsOf(
      production({ urls: ["https://a.example.com"], advanceEndpointConfig: { circuitBreaker: {} } }),
    );
    assert.deepEqual(api.endpoints.production?.resilience?.circuitBreaker, {
      failureThreshold: 0,
      resetMs: 0,
      requestVolume: 10,
      windowMs: 60_000,
      bucketMs: 10_000,
      statusCodes: [],
    });
  });

  test("credentials, pins and fixed addresses", async () => {
    const pin = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    const bindingOf = async (more: object) =>
      (await factsOf(production({ urls: ["https://a.example.com"], ...more }))).endpoints.production?.binding;
    const tokens = { type: "oauth2", tokenUrl: "https://idp.example.com/token", scopes: ["a:b", "c"] };
    assert.deepEqual((await bindingOf({ "x-castgate-credentials": tokens }))?.credentials, tokens);
    const field = { type: "header", name: "X-Key" };
    assert.deepEqual((await bindingOf({ "x-castgate-credentials": field }))?.credentials, field);
    assert.deepEqual((await bindingOf({ "x-castgate-pins": [pin] }))?.pins, [pin]);
    assert.equal((await bindingOf({ "x-castgate-append-path": false }))?.appendPath, false);
  });

  test("each wrong value of credentials, pins and connections is found", async () => {
    const url = "https://a.example.com";
    const credentials = "x-castgate-credentials";
    const bad: readonly (readonly [key: string, value: unknown, code: string, place: string])[] = [
      [credentials, "basic", "value-type", ""],
      [credentials, {}, "value-invalid", ""],
      [credentials, { type: "Header" }, "value-invalid", "/type"],
      [credentials, { type: "header" }, "value-invalid", ""],
      [credentials, { type: "header", name: "X Key" }, "value-invalid", "/name"],
      [credentials, { type: "header", name: "Host" }, "value-invalid", "/name"],
      [credentials, { type: "header", name: "Proxy-Authorization" }, "value-invalid", "/name"],
      [credentials, { type: "header", name: "X-Key", value: "secret" }, "key-unknown", "/value"],
      [credentials, { type: "oauth2" }, "value-invalid", ""],
      [credentials, { type: "oauth2", tokenUrl: "idp" }, "endpoint-url-invalid", "/tokenUrl"],
      [credentials, { type: "oauth2", tokenUrl: url, scopes: ["a b"] }, "value-invalid", "/scopes/0"],
      [credentials, { type: "oauth2", tokenUrl: url, scopes: "a" }, "value-type", "/scopes"],
      ["x-castgate-pins", ["sha256/abc"], "value-invalid", "/0"],
      ["x-castgate-append-path", "no", "value-type", ""],
      [
        "advanceEndpointConfig",
        { poolConfig: { maxActiveConnections: -2 } },
        "value-invalid",
        "/poolConfig/maxActiveConnections",
      ],
      ["advanceEndpointConfig", { poolConfig: { minIdle: 1 } }, "key-unknown", "/poolConfig/minIdle"],
    ];
    for (const [key, value, code, place] of bad) {
      const found = await foundIn({ urls: [url], [key]: value });
      assert.deepEqual(found, [`error ${code} ${at}/${key}${place}`], `${key}: ${JSON.stringify(value)}`);
    }
    const both = { urls: [url], securityConfig: { type: "basic" }, [credentials]: { type: "header", name: "X-Key" } };
    assert.deepEqual(await foundIn(both), [`error value-invalid ${at}/${credentials}`]);
    const pins = ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="];
    assert.deepEqual(await foundIn({ urls: [url, "http://b.example.com"], "x-castgate-pins": pins }), [
      `error endpoint-url-invalid ${at}/urls/1`,
    ]);
  });

  test("each wrong value of failover, balance, limits and time-outs is found", async () => {
    const url = "https://a.example.com";
    const bad: readonly (readonly [key: string, value: unknown, code: string, place: string])[] = [
      ["x-castgate-max-in-flight", 0, "value-invalid", ""],
      ["x-castgate-max-in-flight", "many", "value-type", ""],
      ["x-castgate-resend-methods", ["GET"], "value-invalid", "/0"],
      ["x-castgate-resend-methods", "POST", "value-type", ""],
      ["x-castgate-retry-budget", { ratio: 2 }, "value-invalid", "/ratio"],
      ["x-castgate-retry-budget", { perSecond: -1 }, "value-invalid", "/perSecond"],
      ["x-castgate-retry-budget", { percent: 1 }, "key-unknown", "/percent"],
      ["x-castgate-timeouts", { totalInMillis: 0 }, "value-invalid", "/totalInMillis"],
      ["x-castgate-timeouts", { connectInMillis: 1e12 }, "value-invalid", "/connectInMillis"],
      ["x-castgate-timeouts", { readInMillis: 1 }, "key-unknown", "/readInMillis"],
      ["x-castgate-failover", { order: "Priority" }, "value-invalid", "/order"],
      ["x-castgate-failover", { statusCodes: [99] }, "value-invalid", "/statusCodes/0"],
      ["x-castgate-failover", { statusCodes: [600] }, "value-invalid", "/statusCodes/0"],
      ["x-castgate-failover", { suspend: true }, "value-type", "/suspend"],
      ["x-castgate-failover", { suspend: { initialInMillis: 9, maxInMillis: 8 } }, "value-invalid", "/suspend"],
      ["x-castgate-failover", { suspend: { factor: 0.5 } }, "value-invalid", "/suspend/factor"],
      ["x-castgate-load-balance", { algorithm: "random" }, "value-invalid", "/algorithm"],
      ["x-castgate-load-balance", { ejection: { maxShare: 1.5 } }, "value-invalid", "/ejection/maxShare"],
      ["x-castgate-load-balance", { ejection: { afterFailures: 0 } }, "value-invalid", "/ejection/afterFailures"],
      ["x-castgate-load-balance", { ejection: { initialInMillis: 0 } }, "value-invalid", "/ejection/initialInMillis"],
    ];
    for (const [key, value, code, place] of bad) {
      const type = key === "x-castgate-failover" ? { type: "failover" } : {};
      const retries = { advanceEndpointConfig: { retryConfig: { count: 1 } } };
      const found = await foundIn({ urls: [url, "https://b.example.com"], ...type, ...retries, [key]: value });
      assert.deepEqual(found, [`error ${code} ${at}/${key}${place}`], `${key}: ${JSON.stringify(value)}`);
    }
  });

  test("settings of what an endpoint does not do are pointed at", async () => {
    const unused = async (endpoint: object) =>
      (await foundIn(endpoint)).filter((text) => text.includes("endpoint-setting-unused"));
    const one = { urls: ["https://a.example.com"] };
    const two = { urls: ["https://a.example.com", "https://b.example.com"] };
    assert.deepEqual(await unused({ ...one, "x-castgate-failover": {} }), [
      `warning endpoint-setting-unused ${at}/x-castgate-failover`,
    ]);
    assert.deepEqual(await unused({ ...two, "x-castgate-failover": {} }), [
      `warning endpoint-setting-unused ${at}/x-castgate-failover`,
    ]);
    assert.deepEqual(await unused({ ...two, type: "failover", "x-castgate-load-balance": {} }), [
      `warning endpoint-setting-unused ${at}/x-castgate-load-balance`,
    ]);
    assert.deepEqual(await unused({ ...one, "x-castgate-retry-budget": {}, "x-castgate-resend-methods": ["POST"] }), [
      `warning endpoint-setting-unused ${at}/x-castgate-retry-budget`,
      `warning endpoint-setting-unused ${at}/x-castgate-resend-methods`,
    ]);
    assert.deepEqual(
      await unused({ ...two, "x-castgate-load-balance": {}, "x-castgate-resend-methods": ["POST"] }),
      [],
    );
  });

  const wrong: readonly (readonly [string, unknown, readonly string[]])[] = [
    ["no urls", {}, [`error endpoint-urls-missing ${at}`]],
    ["empty urls", { urls: [] }, [`error endpoint-urls-missing ${at}/urls`]],
    ["urls as text", { urls: "https://a.example.com" }, [`error value-type ${at}/urls`]],
    ["a number for a URL", { urls: [8080] }, [`error value-type ${at}/urls/0`]],
    ["a list for an endpoint", [], [`error value-type ${at}`]],
    ["a text that is no reference", "https://a.example.com", [`error value-type ${at}`]],
    [
      "an unknown key (T-END-10)",
      { urls: ["https://a.example.com"], security: {} },
      [`error key-unknown ${at}/security`],
    ],
    ["an unknown type", { urls: ["https://a.example.com"], type: "HTTP" }, [`error value-invalid ${at}/type`]],
    [
      "a timeout of nothing",
      { urls: ["https://a.example.com"], advanceEndpointConfig: { timeoutInMillis: 0 } },
      [`error value-invalid ${at}/advanceEndpointConfig/timeoutInMillis`],
    ],
    ...["fast", true, 0, 17, -1, 2.5, [4]].map((value) => {
      const code = typeof value === "number" ? "value-invalid" : "value-type";
      return [
        `pipelining of ${JSON.stringify(value)}`,
        { urls: ["https://a.example.com"], "x-castgate-pipelining": value },
        [`error ${code} ${at}/x-castgate-pipelining`],
      ] as const;
    }),
    [
      "pipelining without a value",
      { urls: ["https://a.example.com"], "x-castgate-pipelining": null },
      [`warning value-empty ${at}/x-castgate-pipelining`],
    ],
    [
      "another key of our own",
      { urls: ["https://a.example.com"], "x-castgate-pipeline": 4 },
      [`error key-unknown ${at}/x-castgate-pipeline`],
    ],
    [
      "a threshold above 1 (T-END-08)",
      { urls: ["https://a.example.com"], advanceEndpointConfig: { circuitBreaker: { failureThreshold: 20 } } },
      [`error value-invalid ${at}/advanceEndpointConfig/circuitBreaker/failureThreshold`],
    ],
    [
      "a status code that is none",
      { urls: ["https://a.example.com"], advanceEndpointConfig: { retryConfig: { count: 1, statusCodes: [5000] } } },
      [`error value-invalid ${at}/advanceEndpointConfig/retryConfig/statusCodes/0`],
    ],
    [
      "digest",
      { urls: ["https://a.example.com"], securityConfig: { type: "digest" } },
      [`warning endpoint-digest-ignored ${at}/securityConfig/type`],
    ],
  ];
  for (const [name, value, expected] of wrong) {
    test(name, async () => assert.deepEqual(await foundIn(value), expected));
  }

  const badUrls = [
    "a.example.com",
    "/api",
    "//a.example.com",
    "ftp://a.example.com",
    "https://",
    "https://a b.example.com",
    "https://a.example.com/#x",
    "https://{host}/",
    "etcd(a)",
    "etcd(a,b,c)",
    "etcd(a, /x)",
  ];
  for (const url of badUrls) {
    test(`${url} is no backend`, async () => {
      const [found, ...others] = await foundIn({ urls: [url] });
      assert.match(found ?? "", /^error endpoint-(url-invalid|etcd-malformed) /);
      assert.deepEqual(others, []);
    });
  }

  test("credentials are refused and never repeated", async () => {
    const { diagnostics } = await check(
      production({
        urls: ["https://svc:hunter2@a.example.com/"],
        securityConfig: { type: "basic", username: "svc", password: "hunter3" },
      }),
    );
    assert.deepEqual(
      diagnostics.map(({ code }) => code),
      ["endpoint-url-invalid", "endpoint-password-ignored"],
    );
    assert.ok(!JSON.stringify(diagnostics).includes("hunter"));
  });

  test("a misspelt key of securityConfig is ignored, as it was (T-END-05)", async () => {
    const { diagnostics } = await check(
      production({ urls: ["https://a.example.com"], securityConfig: { Username: "svc" } }),
    );
    assert.deepEqual(
      diagnostics.map(({ severity, code, hint }) => [severity, code, hint]),
      [["warning", "key-ignored", 'did you mean "username"?']],
    );
  });
});

describe("references", () => {
  const table = [
    { pets: { urls: ["https://pets.example.com"], name: "other" } },
    { spare: { urls: ["etcd(a, https://s.example.com)"] } },
  ];

  test("the reference's name is the endpoint's (T-END-11)", async () => {
    const api = await factsOf(production("#/x-wso2-endpoints/pets", { "x-wso2-endpoints": table }));
    assert.equal(api.endpoints.production?.name, "pets");
  });

  test("an unknown name is an error with a suggestion", async () => {
    const { diagnostics } = await check(production("#/x-wso2-endpoints/pet", { "x-wso2-endpoints": table }));
    assert.deepEqual(
      diagnostics.map(({ code, hint }) => [code, hint]),
      [["endpoint-reference-unknown", 'did you mean "pets"?']],
    );
  });

  test("each definition has its own table (T-END-12)", async () => {
    const one = production("#/x-wso2-endpoints/pets", { "x-wso2-endpoints": table });
    const other = production("#/x-wso2-endpoints/pets", {
      "x-wso2-basePath": "/b",
      info: { title: "B", version: "1" },
    });
    assert.deepEqual((await check([one, other])).found, [`error endpoint-reference-unknown ${at}`]);
  });

  test("an entry that nobody uses asks for nothing", async () => {
    const { found } = await check(production("#/x-wso2-endpoints/pets", { "x-wso2-endpoints": table }), {
      compatibility: "standard",
    });
    assert.deepEqual(found, []);
  });

  test("a table that is no list of maps", async () => {
    assert.deepEqual(await foundIn({ urls: ["https://a.example.com"] }, { "x-wso2-endpoints": { pets: {} } }), [
      "error value-type /x-wso2-endpoints",
    ]);
    assert.deepEqual(await foundIn({ urls: ["https://a.example.com"] }, { "x-wso2-endpoints": ["pets"] }), [
      "error value-type /x-wso2-endpoints/0",
    ]);
  });

  test("names of built-in members are names", async () => {
    const found = await foundIn("#/x-wso2-endpoints/__proto__");
    assert.deepEqual(found, [`error endpoint-reference-unknown ${at}`]);
  });
});

describe("servers as backends (T-OAS-21..26)", () => {
  const without = (more: Record<string, unknown>) => {
    const { "x-wso2-production-endpoints": _, ...rest } = definition(more);
    return rest;
  };

  test("variables take their defaults", async () => {
    const api = await factsOf(
      without({
        servers: [
          { url: "https://{host}/v{n}", variables: { host: { default: "a.example.com" }, n: { default: "3" } } },
        ],
      }),
    );
    assert.deepEqual(
      api.servers.map(({ value }) => value),
      ["https://a.example.com/v3"],
    );
  });

  test("several servers are several backends; / alone is none", async () => {
    const api = await factsOf(
      without({ servers: [{ url: "https://a.example.com" }, { url: "http://b.example.com" }] }),
    );
    assert.equal(api.servers.length, 2);
    const { found } = await check(without({ servers: [{ url: "/" }] }));
    assert.deepEqual(found, ["error backend-missing /paths/~1pets/get"]);
  });

  test("endpoints without a value are no backend", async () => {
    const { found } = await check(definition({ "x-wso2-production-endpoints": null }));
    assert.deepEqual(found, [
      "warning value-empty /x-wso2-production-endpoints",
      "error backend-missing /paths/~1pets/get",
    ]);
  });

  test("an empty URL is no server", async () => {
    const { found } = await check(definition({ servers: [{ url: "" }] }));
    assert.deepEqual(found, ["warning value-empty /servers/0/url"]);
  });

  test("relative servers are refused only where they are needed", async () => {
    assert.deepEqual((await check(without({ servers: [{ url: "/v3" }] }))).found, [
      "error server-url-invalid /servers/0/url",
    ]);
    assert.deepEqual((await check(definition({ servers: [{ url: "/v3" }] }))).found, []);
    const own = { "/pets": { get: operation({ "x-wso2-production-endpoints": { urls: ["https://a.example.com"] } }) } };
    assert.deepEqual((await check(without({ servers: [{ url: "/v3" }], paths: own }))).found, []);
  });

  test("/ alone means none at a path item and at an operation, too (T-OAS-22)", async () => {
    const item = { servers: [{ url: "/" }], get: operation({ servers: [{ url: "/" }] }) };
    const { found } = await check(definition({ paths: { "/pets": item } }));
    assert.deepEqual(found, []);
  });

  test("operation before path item before API (T-OAS-25)", async () => {
    const item = {
      servers: [{ url: "https://path.example.com" }],
      get: operation(),
      put: operation({ servers: [{ url: "https://own.example.com" }] }),
    };
    const api = await factsOf(without({ paths: { "/pets": item } }));
    assert.deepEqual(
      api.operations.map(({ method, servers }) => [method, servers[0]?.value]),
      [
        ["GET", "https://path.example.com"],
        ["PUT", "https://own.example.com"],
      ],
    );
  });

  const swagger = (more: Record<string, unknown>) => ({
    swagger: "2.0",
    info: { title: "Pets", version: "1" },
    paths: { "/pets": { get: operation() } },
    ...more,
  });
  test("Swagger 2: one server for each scheme (T-VEC-06)", async () => {
    const api = await factsOf(swagger({ host: "h.example.com", basePath: "/v1", schemes: ["https", "http"] }));
    assert.equal(api.basePath.value, "/v1");
    assert.deepEqual(
      api.servers.map(({ value }) => value),
      ["https://h.example.com/v1", "http://h.example.com/v1"],
    );
  });
  test("Swagger 2 without schemes: a base path, but no backend (T-VEC-06)", async () => {
    assert.deepEqual((await check(swagger({ host: "h.example.com", basePath: "/v1" }))).found, [
      "error server-url-invalid /host",
    ]);
    assert.deepEqual((await check(swagger({ basePath: "/v1" }))).found, ["error server-url-invalid /basePath"]);
  });
  test("Swagger 2 with nothing: / and no backend (T-VEC-06)", async () => {
    assert.deepEqual((await check(swagger({}))).found, [
      "warning base-path-defaulted ",
      "error backend-missing /paths/~1pets/get",
    ]);
  });
});
