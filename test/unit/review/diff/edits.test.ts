import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { verdicts } from "./project.ts";

const definition = `openapi: 3.1.0
info: {title: Shop, version: 1.0.0}
x-wso2-basePath: /shop
x-wso2-production-endpoints: {urls: ["https://shop.test/v1"]}
x-wso2-cors:
  access-control-allow-origins: ["https://ui.test"]
  access-control-allow-methods: [GET]
  access-control-allow-headers: [X-Trace]
  access-control-expose-headers: [X-Count]
  access-control-allow-credentials: true
security: [{oa: [read]}]
components:
  securitySchemes:
    oa: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://k.test/t", scopes: {read: r, write: w, admin: a}}}}
    ba: {type: http, scheme: basic}
    key: {type: apiKey, in: header, name: X-Key}
    cert: {type: mutualTLS}
paths:
  /items:
    get:
      operationId: listItems
      responses: {"200": {description: ok}}
    post:
      operationId: addItem
      security: [{oa: [read, write]}]
      x-wso2-throttling-tier: Ten
      responses: {"200": {description: ok}}
  /items/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get:
      operationId: getItem
      security: [{oa: [read], cert: []}, {key: []}]
      x-wso2-throttling-tier: Twenty
      responses: {"200": {description: ok}}
  /status:
    get:
      operationId: status
      security: []
      responses: {"200": {description: ok}}
`;
const policies = `resourcePolicies:
  - Ten: {count: 10, unitTime: 1, timeUnit: min}
  - Twenty: {count: 20, unitTime: 1, timeUnit: min}
  - Hourly: {count: 100, unitTime: 1, timeUnit: hour}
  - Slow: {count: 10, unitTime: 1, timeUnit: hour}
subscriptionPolicies:
  - Gold: {count: 100, unitTime: 1, timeUnit: min, stopOnQuota: true}
  - Silver: {count: 10, unitTime: 1, timeUnit: min, stopOnQuota: false}
applicationPolicies:
  - Big: {count: 100, unitTime: 1, timeUnit: min}
`;
const settings = "compatibility: standard\n";

type Edit = readonly [file: "definition" | "policies" | "settings", from: string, to: string];

function edited(edits: readonly Edit[]): Readonly<Record<string, string>> {
  const texts = { definition, policies, settings };
  for (const [file, from, to] of edits) {
    assert.ok(texts[file].includes(from), `${file} has no ${from}`);
    texts[file] = texts[file].replace(from, to);
  }
  return {
    "api_definitions/shop.yaml": texts.definition,
    "policies.yaml": texts.policies,
    "castgate.yaml": texts.settings,
  };
}

/** The definition, policies and settings with these edits, against the same without. */
const cases: readonly (readonly [
  what: string,
  edits: readonly Edit[],
  expected: readonly string[],
  back?: readonly string[],
])[] = [
  ["nothing", [], [], []],
  [
    "an operation becomes public",
    [["definition", "operationId: listItems", "operationId: listItems\n      security: []"]],
    ["weaker operation-became-public GET /shop/items"],
    ["stronger operation-no-longer-public GET /shop/items"],
  ],
  [
    "a scope is dropped",
    [["definition", "[{oa: [read, write]}]", "[{oa: [read]}]"]],
    ["weaker scope-no-longer-needed POST /shop/items"],
    ["stronger scope-now-needed POST /shop/items"],
  ],
  [
    "another scope",
    [["definition", "[{oa: [read, write]}]", "[{oa: [read, admin]}]"]],
    ["stronger scope-no-longer-suffices POST /shop/items", "weaker scope-now-suffices POST /shop/items"],
    ["stronger scope-no-longer-suffices POST /shop/items", "weaker scope-now-suffices POST /shop/items"],
  ],
  [
    "callers with a password",
    [["definition", "[{oa: [read, write]}]", "[{oa: [read, write]}, {ba: []}]"]],
    ["weaker way-in-added POST /shop/items"],
    ["stronger way-in-removed POST /shop/items"],
  ],
  [
    "no certificate beside a token",
    [["definition", "{oa: [read], cert: []}", "{oa: [read]}"]],
    ["weaker proof-no-longer-needed GET /shop/items/{id}"],
    ["stronger proof-now-needed GET /shop/items/{id}"],
  ],
  [
    "an alternative that another one holds",
    [["definition", "[{oa: [read, write]}]", "[{oa: [read, write]}, {oa: [read, write, admin]}]"]],
    ["neutral access-reworded POST /shop/items"],
    ["neutral access-reworded POST /shop/items"],
  ],
  [
    "proof of possession",
    [["definition", "security: [{oa: [read]}]\n", "security: [{oa: [read]}]\nx-castgate-dpop: required\n"]],
    [
      "stronger proof-now-needed GET /shop/items",
      "stronger proof-now-needed GET /shop/items/{id}",
      "stronger proof-now-needed POST /shop/items",
    ],
    [
      "weaker proof-no-longer-needed GET /shop/items",
      "weaker proof-no-longer-needed GET /shop/items/{id}",
      "weaker proof-no-longer-needed POST /shop/items",
    ],
  ],
  [
    "applications only",
    [["definition", "operationId: listItems", "operationId: listItems\n      x-castgate-caller: app"]],
    ["stronger caller-kind-required GET /shop/items"],
    ["weaker caller-kind-dropped GET /shop/items"],
  ],
  [
    "domains",
    [
      [
        "definition",
        "operationId: listItems",
        'operationId: listItems\n      x-castgate-allowed-domains: {header: Origin, values: ["*.shop.test"]}',
      ],
    ],
    ["stronger domains-required GET /shop/items"],
    ["weaker domains-dropped GET /shop/items"],
  ],
  [
    "a tier is raised",
    [["policies", "count: 20,", "count: 30,"]],
    ["weaker limit-raised GET /shop/items/{id}"],
    ["stronger limit-lowered GET /shop/items/{id}"],
  ],
  [
    "as many in a longer time",
    [["definition", "x-wso2-throttling-tier: Ten", "x-wso2-throttling-tier: Slow"]],
    ["stronger limit-lowered POST /shop/items"],
    ["weaker limit-raised POST /shop/items"],
  ],
  [
    "more at once, fewer in all",
    [["definition", "x-wso2-throttling-tier: Ten", "x-wso2-throttling-tier: Hourly"]],
    ["stronger limit-lowered POST /shop/items", "weaker limit-raised POST /shop/items"],
    ["stronger limit-lowered POST /shop/items", "weaker limit-raised POST /shop/items"],
  ],
  [
    "no tier",
    [["definition", "      x-wso2-throttling-tier: Ten\n", ""]],
    ["weaker limit-removed POST /shop/items"],
    ["stronger limit-added POST /shop/items"],
  ],
  [
    "one count for the API beside an operation's: what was as strict says nothing",
    [
      ["definition", "x-wso2-basePath", "x-wso2-throttling-tier: Ten\nx-wso2-basePath"],
      ["definition", "      x-wso2-throttling-tier: Ten\n", ""],
    ],
    [
      "neutral limit-reworded POST /shop/items",
      "stronger limit-added GET /shop/items",
      "stronger limit-added GET /shop/items/{id}",
      "stronger limit-added GET /shop/status",
      "stronger limit-added POST /shop/items",
    ],
  ],
  [
    "callers' tiers",
    [
      ["policies", "Gold: {count: 100", "Gold: {count: 200"],
      [
        "policies",
        "Silver: {count: 10, unitTime: 1, timeUnit: min, stopOnQuota: false}",
        "Silver: {count: 10, unitTime: 1, timeUnit: min, stopOnQuota: true}\n  - Bronze: {count: 1, unitTime: 1, timeUnit: min, stopOnQuota: true}",
      ],
    ],
    ["stronger caller-tier-lowered", "weaker caller-tier-added", "weaker caller-tier-raised"],
    ["stronger caller-tier-lowered", "stronger caller-tier-removed", "weaker caller-tier-raised"],
  ],
  [
    "a deny list",
    [["policies", "resourcePolicies:", "denyConditions:\n  - ip: [192.0.2.0/24]\nresourcePolicies:"]],
    ["stronger deny-added"],
    ["weaker deny-removed"],
  ],
  [
    "limits by address",
    [
      [
        "policies",
        "resourcePolicies:",
        "ipLimits:\n  - {ip: 192.0.2.0/24, count: 10, unitTime: 1, timeUnit: min}\nresourcePolicies:",
      ],
    ],
    ["stronger address-limit-lowered"],
    ["weaker address-limit-raised"],
  ],
  [
    "pages of any origin, without credentials",
    [
      ["definition", '["https://ui.test"]', '["*"]'],
      ["definition", "allow-credentials: true", "allow-credentials: false"],
    ],
    ["stronger cors-credentials-refused /shop", "weaker cors-origin-allowed /shop"],
    ["stronger cors-origin-refused /shop", "weaker cors-credentials-allowed /shop"],
  ],
  [
    "methods, fields",
    [
      ["definition", "allow-methods: [GET]", "allow-methods: [GET, POST]"],
      ["definition", "expose-headers: [X-Count]", "expose-headers: []"],
      ["definition", "allow-headers: [X-Trace]", "allow-headers: [x-trace]"],
    ],
    ["stronger cors-header-hidden /shop", "weaker cors-method-allowed POST /shop/items"],
    ["stronger cors-method-refused POST /shop/items", "weaker cors-header-exposed /shop"],
  ],
  [
    "only https",
    [["definition", "x-wso2-basePath", "x-wso2-transports: [https]\nx-wso2-basePath"]],
    ["stronger http-refused /shop"],
    ["weaker http-allowed /shop"],
  ],
  [
    "a backend in clear",
    [["definition", "https://shop.test/v1", "http://shop.test/v1"]],
    ["GET /shop/items", "GET /shop/items/{id}", "GET /shop/status", "POST /shop/items"].map(
      (on) => `weaker backend-in-clear ${on}`,
    ),
    ["GET /shop/items", "GET /shop/items/{id}", "GET /shop/status", "POST /shop/items"].map(
      (on) => `stronger backend-encrypted ${on}`,
    ),
  ],
  [
    "another backend",
    [["definition", "https://shop.test/v1", "https://shop.test/v2/"]],
    ["GET /shop/items", "GET /shop/items/{id}", "GET /shop/status", "POST /shop/items"].map(
      (on) => `unknown backend-url-changed ${on}`,
    ),
  ],
  [
    "a slash more at the end of its URL",
    [["definition", "https://shop.test/v1", "https://SHOP.test:443/v1/"]],
    ["GET /shop/items", "GET /shop/items/{id}", "GET /shop/status", "POST /shop/items"].map(
      (on) => `neutral backend-reworded ${on}`,
    ),
  ],
  [
    "a sandbox",
    [["definition", "x-wso2-cors:", 'x-wso2-sandbox-endpoints: {urls: ["https://sand.test"]}\nx-wso2-cors:']],
    [
      "neutral backend-not-used GET /shop/status",
      "weaker key-type-allowed GET /shop/items",
      "weaker key-type-allowed GET /shop/items/{id}",
      "weaker key-type-allowed POST /shop/items",
    ],
  ],
  [
    "the field of credentials",
    [["definition", "x-wso2-basePath", "x-wso2-auth-header: X-Auth\nx-wso2-basePath"]],
    [
      "neutral credentials-field-changed /shop",
      "stronger credentials-field-withheld /shop",
      "weaker credentials-field-forwarded /shop",
    ],
  ],
  [
    "names that clients never see",
    [
      ["definition", "operationId: listItems", "operationId: allItems"],
      ["definition", "/items/{id}:\n    parameters: [{name: id,", "/items/{item}:\n    parameters: [{name: item,"],
    ],
    [],
    [],
  ],
  [
    "another base path",
    [["definition", "x-wso2-basePath: /shop", "x-wso2-basePath: /store"]],
    ["stronger base-path-removed /shop", "weaker base-path-added /store"],
    ["stronger base-path-removed /store", "weaker base-path-added /shop"],
  ],
  [
    "a new operation that takes requests of a wider one",
    [
      [
        "definition",
        "  /status:",
        "  /items/mine:\n    get: {security: [{oa: [read]}], responses: {'200': {description: ok}}}\n  /status:",
      ],
    ],
    [
      "neutral requests-rerouted GET /shop/items/mine",
      "stronger way-in-removed GET /shop/items/mine",
      "weaker limit-removed GET /shop/items/mine",
      "weaker proof-no-longer-needed GET /shop/items/mine",
    ],
    [
      "neutral requests-rerouted GET /shop/items/mine",
      "stronger limit-added GET /shop/items/mine",
      "stronger proof-now-needed GET /shop/items/mine",
      "weaker way-in-added GET /shop/items/mine",
    ],
  ],
  [
    "new operations",
    [
      [
        "definition",
        "  /status:",
        "  /new:\n    get: {responses: {'200': {description: ok}}}\n    put: {security: [], responses: {'200': {description: ok}}}\n  /status:",
      ],
    ],
    ["weaker operation-added GET /shop/new", "weaker public-operation-added PUT /shop/new"],
    ["stronger operation-removed GET /shop/new", "stronger operation-removed PUT /shop/new"],
  ],
];

describe("one edit of a definition, its policies or its settings", () => {
  for (const [what, edits, expected, back] of cases) {
    test(what, async () => {
      const [base, head] = [edited([]), edited(edits)];
      assert.deepEqual(await verdicts(base, head), expected);
      if (back !== undefined) assert.deepEqual(await verdicts(head, base), back, "the other way round");
    });
  }
});
