import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ts } from "@ts-morph/common";
import fc from "fast-check";
import { format } from "prettier";
import { auditGateway } from "../../../compiler/5-emit/audit.ts";
import { emitGateway } from "../../../compiler/5-emit/emit-gateway.ts";
import type { GatewayPlan } from "../../../compiler/model/gateway-plan.ts";
import { apiPlan, authenticate, cors, forward, gatewayPlan, id, open, tier, upstream } from "./sample-plan.ts";

/** A plan with `text` wherever text of the user can stand. Only names were made safe before. */
function planWith(text: string): GatewayPlan {
  const limits = { api: true, fromCaller: true, unauthenticated: undefined };
  const own = upstream(text, [text, `b${text}`], { basicUsername: text });
  const api = apiPlan(
    [
      {
        template: `/${text}`,
        symbol: "first",
        group: "group",
        chain: [
          authenticate([
            { allOf: [id("jwt")], scopes: { need: "any", names: [text, `b${text}`] } },
            { allOf: [id("keyScheme")], scopes: undefined },
          ]),
          { kind: "require-scopes", scopes: { need: "all", names: [text] }, origin: { file: text, pointer: text } },
          { kind: "throttle", symbol: id("firstLimits"), limits: { ...limits, resource: tier(text, 10) } },
          { kind: "require-key-type", keyType: "SANDBOX" },
          { kind: "forward", upstream: id("firstProduction") },
        ],
        upstreams: [{ symbol: id("firstProduction"), upstream: own }],
      },
      {
        template: "/second",
        symbol: "second",
        group: "group",
        chain: [{ ...open, why: text } as typeof open, forward],
      },
      {
        template: "/third",
        symbol: "third",
        group: "group",
        chain: [authenticate(), { kind: "policy-missing", tier: text, origin: { file: text, pointer: text } }],
      },
      { template: "/fourth", symbol: "fourth", group: "group", chain: [{ kind: "not-built", features: [text] }] },
    ],
    {
      title: text,
      version: text,
      basePath: `/${text}`,
      authHeader: text,
      cors: { ...cors, allowOrigins: [text], allowHeaders: [text], allowMethods: [text], exposeHeaders: [text] },
      apiLimit: tier(text, 15),
      usesCallerTiers: true,
      schemes: [
        { kind: "api-key", symbol: id("keyScheme"), locations: [{ in: "header", name: text }] },
        { kind: "oauth2", symbol: id("jwt") },
      ],
      upstreams: [{ symbol: id("production"), upstream: upstream(text, [text]) }],
      origin: { file: text, pointer: text },
    },
  );
  // Routes hold the text in each of their parts, whatever a template parser would make of it.
  const leaf = (symbol: string) => ({
    template: `/${text}`,
    segments: [],
    byMethod: [{ method: "GET", group: "group", symbol: id(symbol) }] as const,
  });
  const node = { literals: [], affixed: [], parameter: undefined, wildcard: undefined, functionName: undefined };
  const routes = {
    ...node,
    leaf: undefined,
    literals: [{ text: `a${text}`, node: { ...node, leaf: leaf("first") } }],
    affixed: [
      { prefix: `a${text}`, between: [], suffix: `a${text}`, node: { ...node, leaf: leaf("second") } },
      { prefix: text, between: [text], suffix: text, node: { ...node, leaf: leaf("third") } },
    ],
    parameter: { ...node, leaf: leaf("fourth"), functionName: id("cutRoutes") },
  } as unknown as (typeof api)["routes"];
  const handlers = api.groups.map((group) => ({
    ...group,
    handlers: group.handlers.map((handler) => ({
      ...handler,
      template: `/${text}`,
      origin: { file: text, pointer: text },
      summary: { access: text, tiers: text, upstream: text },
    })),
  }));
  return gatewayPlan([{ ...api, routes, groups: handlers }], {
    callerTiers: { application: [tier(text, 1)], subscription: [tier(text, 1, { stopOnQuota: false })] },
    builtinPaths: [text],
    replacedServices: [text],
    builtinCors: { ...cors, allowOrigins: [text] },
  });
}

/** The syntax tree without the values of strings; and the strings. */
function shapeOf(file: string, text: string): { readonly shape: string; readonly strings: readonly string[] } {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const { parseDiagnostics } = source as unknown as { readonly parseDiagnostics: readonly ts.Diagnostic[] };
  assert.deepEqual(
    parseDiagnostics.map(({ messageText }) => messageText),
    [],
    text,
  );
  const strings: string[] = [];
  const visit = (node: ts.Node): string => {
    if (ts.isStringLiteral(node)) {
      strings.push(node.text);
      return "string";
    }
    // How much longer a segment has to be depends on the text.
    if (ts.isNumericLiteral(node)) return "number";
    if (ts.isIdentifier(node)) return node.text;
    const children: string[] = [];
    ts.forEachChild(node, (child) => {
      children.push(visit(child));
    });
    return `${node.kind}(${children.join()})`;
  };
  return { shape: visit(source), strings };
}

async function shapesOf(text: string): Promise<Map<string, ReturnType<typeof shapeOf>>> {
  const files = await emitGateway(planWith(text));
  const code = files.filter(({ file }) => file.endsWith(".ts"));
  return new Map(code.map(({ file, text }) => [file, shapeOf(file, text)]));
}

const hostile = [
  "*/ process.exit() /*",
  "// */ process.exit()",
  '"; process.exit(); "',
  "'; process.exit(); '",
  "`; process.exit(); `",
  ["$", "{process.exit()}"].join(""),
  "\\",
  '\\"; process.exit(); //',
  "\n process.exit()",
  "\r\n process.exit()",
  "\u2028 process.exit()",
  "\u2029 process.exit()",
  "</script><script>alert(1)</script>",
  "<!-- --> ",
  "{{str this}}",
  "{{{this}}}",
  "{{#each this}}",
  "__proto__",
  "constructor",
  "\0",
  "\u202e\u2066 evil",
  "\ud800",
  "}, {",
  "], [",
  "a, b], [c, d",
  " && ",
  "x".repeat(200),
  '"'.repeat(70) + "'".repeat(70),
  "(".repeat(130),
  "字".repeat(70),
];

const plain = await shapesOf("plain");

async function assertHarmless(text: string): Promise<void> {
  const shapes = await shapesOf(text);
  assert.deepEqual([...shapes.keys()], [...plain.keys()]);
  for (const [file, { shape, strings }] of shapes) {
    const expected = plain.get(file);
    assert.equal(shape, expected?.shape, file);
    assert.deepEqual(
      strings,
      expected?.strings.map((value) => value.replaceAll("plain", () => text)),
      file,
    );
  }
}

describe("hostile text never changes the shape of the code", () => {
  for (const text of hostile) test(JSON.stringify(text.slice(0, 40)), () => assertHarmless(text));

  test("nor does any other", async () => {
    const pieces = fc.constantFrom(...hostile, "*", "/", "\\", '"', "'", "$", "{", "}", "\n", "\u2028", "é", "a");
    const text = fc.array(fc.oneof(pieces, fc.string({ unit: "binary" })), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(text, (parts) => assertHarmless(parts.join(""))),
      { numRuns: 40, seed: 3 },
    );
  });

  test("routes.txt keeps one line an operation", async () => {
    for (const text of hostile) {
      const files = await emitGateway(planWith(text));
      const lines = files.find(({ file }) => file.endsWith("routes.txt"))?.text.split(/[\n\r\u2028\u2029]/u) ?? [];
      assert.equal(lines.length, 5, JSON.stringify(text));
    }
  });

  test("nor does it leave the formatter anything to do", async () => {
    for (const text of hostile) {
      for (const { file, text: code } of await emitGateway(planWith(text))) {
        if (file.endsWith(".ts")) assert.equal(code, await format(code, { parser: "typescript", printWidth: 120 }));
      }
    }
  });

  test("nor the audit anything to find, the paths aside that no parser would let through", async () => {
    for (const text of hostile) {
      const plan = planWith(text);
      const found = auditGateway(plan, await emitGateway(plan)).filter(
        ({ file }) => !/router\.ts|routes\.txt/.test(file),
      );
      assert.deepEqual(found, [], JSON.stringify(text));
    }
  });
});
