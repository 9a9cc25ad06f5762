import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { verdicts } from "./project.ts";

/** An API with one line an operation: `GET /items/{id} token`. */
function definition(basePath: string, operations: readonly string[], more = ""): string {
  const paths = new Map<string, string[]>();
  for (const line of operations) {
    const [method = "", path = "", access = "token"] = line.split(" ");
    const security = { token: "[{oa: []}]", key: "[{key: []}]", public: "[]" }[access];
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(
      ([, name]) => `{name: ${name}, in: path, required: true, schema: {type: string}}`,
    );
    const operation = `    ${method.toLowerCase()}: {security: ${security}, parameters: [${names.join(", ")}], responses: {"200": {description: ok}}}`;
    paths.set(path, [...(paths.get(path) ?? []), operation]);
  }
  return `openapi: 3.1.0
info: {title: ${basePath}, version: 1.0.0}
x-wso2-basePath: ${basePath}
x-wso2-production-endpoints: {urls: ["https://shop.test"]}
${more}
components:
  securitySchemes:
    oa: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://k.test/t", scopes: {}}}}
    key: {type: apiKey, in: header, name: X-Key}
paths:
${[...paths].map(([path, lines]) => `  ${path}:\n${lines.join("\n")}`).join("\n")}
`;
}

type Project = Readonly<Record<string, string>>;

function project(...apis: readonly string[]): Project {
  return Object.fromEntries([
    ["castgate.yaml", "compatibility: standard\n"],
    ...apis.map((text, index) => [`api_definitions/${index}.yaml`, text]),
  ]);
}

function shop(...operations: readonly string[]): Project {
  return project(definition("/shop", operations));
}

const cases: readonly (readonly [
  what: string,
  base: Project,
  head: Project,
  there: readonly string[],
  back: readonly string[],
])[] = [
  [
    "a removed operation whose requests go to a wider one that asks for less",
    shop("GET /items/{id} public", "GET /items/mine token"),
    shop("GET /items/{id} public"),
    ["neutral requests-rerouted GET /shop/items/mine", "weaker operation-became-public GET /shop/items/mine"],
    ["neutral requests-rerouted GET /shop/items/mine", "stronger operation-no-longer-public GET /shop/items/mine"],
  ],
  [
    "a new method at a path: it takes nobody's requests",
    shop("GET /items/{id}", "GET /items/mine", "PUT /items/{id} public"),
    shop("GET /items/{id}", "GET /items/mine", "PUT /items/{id} public", "PUT /items/mine"),
    ["weaker operation-added PUT /shop/items/mine"],
    ["stronger operation-removed PUT /shop/items/mine"],
  ],
  [
    "a path that takes requests and refuses some of them: path before method",
    shop("GET /items/{id}", "PUT /items/{id}"),
    shop("GET /items/{id}", "PUT /items/{id}", "GET /items/mine"),
    ["neutral requests-rerouted GET /shop/items/mine", "stronger requests-no-longer-taken PUT /shop/items/{id}"],
    ["neutral requests-rerouted GET /shop/items/mine", "weaker requests-now-taken PUT /shop/items/{id}"],
  ],
  [
    "two routes that share some requests",
    shop("GET /{shop}/items key"),
    shop("GET /{shop}/items key", "GET /own/{what} public"),
    [
      "neutral requests-rerouted GET /shop/own/{what}",
      "weaker operation-became-public GET /shop/own/{what}",
      "weaker public-operation-added GET /shop/own/{what}",
    ],
    [
      "neutral requests-rerouted GET /shop/own/{what}",
      "stronger operation-no-longer-public GET /shop/own/{what}",
      "stronger operation-removed GET /shop/own/{what}",
    ],
  ],
  [
    "a wildcard below which routes stand",
    shop("GET /files/{name} key"),
    shop("GET /files/{name} key", "GET /files/* public"),
    ["weaker public-operation-added GET /shop/files/*"],
    ["stronger operation-removed GET /shop/files/*"],
  ],
  [
    "texts around a parameter",
    shop("GET /reports/{name} key"),
    shop("GET /reports/{name} key", "GET /reports/{name}.pdf public"),
    [
      "neutral requests-rerouted GET /shop/reports/{name}.pdf",
      "weaker operation-became-public GET /shop/reports/{name}.pdf",
    ],
    [
      "neutral requests-rerouted GET /shop/reports/{name}.pdf",
      "stronger operation-no-longer-public GET /shop/reports/{name}.pdf",
    ],
  ],
  [
    "an API that takes paths of one with a shorter base path",
    project(definition("/shop", ["GET /{what}/items key"])),
    project(definition("/shop", ["GET /{what}/items key"]), definition("/shop/new", ["GET /items public"])),
    [
      "neutral backend-override-renamed GET /shop/new/items",
      "neutral requests-rerouted GET /shop/new/items",
      "unknown backend-url-changed GET /shop/new/items",
      "weaker operation-became-public GET /shop/new/items",
    ],
    [
      "neutral backend-override-renamed GET /shop/new/items",
      "neutral requests-rerouted GET /shop/new/items",
      "stronger operation-no-longer-public GET /shop/new/items",
      "unknown backend-url-changed GET /shop/new/items",
    ],
  ],
  [
    "an API that takes nothing but its own paths, and all the others away",
    project(definition("/shop", ["GET /{what}/items key"])),
    project(definition("/shop", ["GET /{what}/items key"]), definition("/shop/new", ["GET /other key"])),
    ["stronger requests-no-longer-taken GET /shop/{what}/items", "weaker operation-added GET /shop/new/other"],
    ["stronger operation-removed GET /shop/new/other", "weaker requests-now-taken GET /shop/{what}/items"],
  ],
  [
    "an API that leaves http to one with a shorter base path",
    project(definition("/shop", ["GET /{what}/items public"]), definition("/shop/new", ["GET /items key"])),
    project(
      definition("/shop", ["GET /{what}/items public"]),
      definition("/shop/new", ["GET /items key"], "x-wso2-transports: [https]"),
    ),
    [
      "neutral backend-override-renamed GET /shop/{what}/items",
      "neutral requests-rerouted GET /shop/{what}/items",
      "stronger http-refused /shop/new",
      "unknown backend-url-changed GET /shop/{what}/items",
      "weaker operation-became-public GET /shop/{what}/items",
    ],
    [
      "neutral backend-override-renamed GET /shop/new/items",
      "neutral requests-rerouted GET /shop/new/items",
      "stronger operation-no-longer-public GET /shop/new/items",
      "unknown backend-url-changed GET /shop/new/items",
      "weaker http-allowed /shop/new",
    ],
  ],
];

describe("operations are compared with those that take their requests on the other side", () => {
  for (const [what, base, head, there, back] of cases) {
    test(what, async () => {
      assert.deepEqual(await verdicts(base, head), there);
      assert.deepEqual(await verdicts(head, base), back, "the other way round");
    });
  }
});
