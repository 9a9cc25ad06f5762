import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDocument } from "../../../compiler/1-load/parse-document.ts";
import { specFindings } from "../../../compiler/1-load/spec-findings.ts";
import { DiagnosticLog } from "../../../compiler/diagnostics/log.ts";

function findings(version: "2.0" | "3.0" | "3.1", lines: readonly string[]): readonly string[] {
  const document = parseDocument("a.yaml", "yaml", lines.join("\n"), new DiagnosticLog());
  assert.ok(document);
  const before = JSON.stringify(document.value);
  const found = specFindings(document, version, new Map([["a.yaml", document]]));
  assert.equal(JSON.stringify(document.value), before);
  return found.map(
    ({ ref, message, target }) => `${ref.pointer}${target === undefined ? "" : ` (${target})`}: ${message}`,
  );
}

const body = [
  "info: {title: A, version: 1.0}",
  "paths:",
  "  pets: {}",
  "  /pets:",
  "    get:",
  "      summary: [1]",
  "      parameters:",
  "        - {name: y, in: qery, schema: {type: string}}",
  "        - {name: z, in: path, schema: {type: string}}",
  "        - 5",
  "      responses: {}",
  "      unknown: 1",
  '    post: {responses: {"200": {}, "999": {description: x}}}',
  "components:",
  "  securitySchemes:",
  "    b: {type: apiKey, name: x}",
  "    c: {type: http}",
  "    d: {type: nothing}",
  '  schemas: {"bad name!": {type: string}}',
  "tags: x",
];

test("a path item may be referred to in each OpenAPI", () => {
  for (const [version, first] of [
    ["2.0", 'swagger: "2.0"'],
    ["3.0", "openapi: 3.0.3"],
    ["3.1", "openapi: 3.1.0"],
  ] as const) {
    const lines = [first, "info: {title: A, version: '1'}", 'paths: {/a: {$ref: "#/x-items/a"}}', "x-items: {a: {}}"];
    assert.deepEqual(findings(version, lines), [], version);
  }
});

test("one finding a place, in the words of a reader: OpenAPI 3.1", () => {
  assert.deepEqual(
    findings("3.1", ["openapi: 3.1.0", ...body]),
    [
      '/components/schemas/bad name! (key): "bad name!" is no name that may stand here',
      '/components/securitySchemes/b (missing): "in" is missing',
      '/components/securitySchemes/c (missing): "scheme" is missing',
      '/components/securitySchemes/d/type: must be "apiKey" or "http" or "mutualTLS" or "oauth2" or "openIdConnect"',
      "/info/version: must be a text",
      '/paths/pets (key): "pets" is not allowed here',
      '/paths/~1pets/get/unknown (key): "unknown" is not allowed here',
      '/paths/~1pets/get/parameters/0/in: must be "query" or "header" or "path" or "cookie"',
      '/paths/~1pets/get/parameters/1 (missing): "required" is missing',
      "/paths/~1pets/get/parameters/2: must be an object",
      "/paths/~1pets/get/summary: must be a text",
      '/paths/~1pets/post/responses/200 (missing): "description" is missing',
      '/paths/~1pets/post/responses/999 (key): "999" is not allowed here',
      "/tags: must be a list",
    ].sort(),
  );
});

test("the same mistakes in OpenAPI 3.0", () => {
  const found = findings("3.0", ["openapi: 3.0.1", ...body]);
  for (const expected of [
    '/components/securitySchemes/b (missing): "in" is missing',
    '/components/securitySchemes/c (missing): "scheme" is missing',
    '/paths/~1pets/get/parameters/0/in: must be "path" or "query" or "header" or "cookie"',
    '/paths/~1pets/get/parameters/1 (missing): "required" is missing',
    '/paths/~1pets/get/unknown (key): "unknown" is not allowed here',
    "/tags: must be a list",
  ]) {
    assert.ok(found.includes(expected), `${expected}\nis not among\n${found.join("\n")}`);
  }
});

test("the rules of Swagger 2.0 beyond its schema, for every operation", () => {
  assert.deepEqual(
    findings("2.0", [
      'swagger: "2.0"',
      'info: {title: A, version: "1"}',
      "paths:",
      "  /pets/{id}:",
      "    parameters: [{$ref: '#/parameters/p'}]",
      "    get:",
      "      parameters: [{in: body, name: b, schema: {}}, {in: body, name: c, schema: {}}]",
      '      responses: {"200": {description: x}}',
      '    put: {responses: {"200": {description: x}}}',
      "    x-constructor: 1",
      "  /x/{y}:",
      "    get: {responses: {default: {description: d}}}",
      "parameters: {p: {name: id, in: path, required: true, type: string}}",
    ]),
    [
      "/paths/~1pets~1{id}/get (key): the operation has 2 body parameters. Only one is allowed.",
      "/paths/~1x~1{y}/get (key): the operation is missing path parameter(s) for {y}",
    ],
  );
});

test("a sound definition has no findings, whatever its keys are called", () => {
  const paths = "paths: {/__proto__/constructor: {get: {responses: {'200': {description: d}}}}}";
  const schemas = "{__proto__: {type: object, properties: {constructor: {type: string}, __proto__: {type: string}}}}";
  const info = 'info: {title: A, version: "1"}';
  assert.deepEqual(findings("3.0", ["openapi: 3.0.1", info, paths, `components: {schemas: ${schemas}}`]), []);
  assert.deepEqual(findings("3.1", ["openapi: 3.1.0", info, paths, `components: {schemas: ${schemas}}`]), []);
  assert.deepEqual(findings("2.0", ['swagger: "2.0"', info, paths, `definitions: ${schemas}`]), []);
});

for (const value of ["null", "[]", "{}", "5", "{paths: [1]}", "{paths: {/a: 1, /b: {get: null, parameters: 7}}}"]) {
  test(`copes with ${value}`, () => {
    for (const version of ["2.0", "3.0", "3.1"] as const) findings(version, [value]);
  });
}

test("large definitions are validated in parts: the same findings, up to a limit", () => {
  const paths = (count: number) =>
    Array.from({ length: count }, (_, at) => `  /p${at}: {get: {responses: {"200": {}}}}`).join("\n");
  const head = ["openapi: 3.0.1", 'info: {title: A, version: "1"}', "tags: x", "paths:"];
  const schemas = Array.from({ length: 150 }, (_, at) => `S${at}: {type: object, minLength: -1}`).join(", ");
  const found = findings("3.0", [...head, paths(150), `components: {schemas: {${schemas}}}`]);
  assert.equal(found.length, 301);
  assert.ok(found.includes('/paths/~1p149/get/responses/200 (missing): "description" is missing'));
  assert.ok(found.includes("/components/schemas/S149/minLength: must be >= 0"));
  assert.ok(found.includes("/tags: must be a list"));
  const many = findings("3.0", [...head, paths(1500)]);
  assert.equal(many.length, 1001);
  assert.equal(many[0], ": there are more than 1000 findings; the rest was not looked at");
});
