import type { Expression, Statement } from "acorn";
import type { GatewayModel } from "../model/gateway-model.ts";
import { compareKnown, type KnownPart } from "./compare-known.ts";
import { constant, type Expected, runtime } from "./expect/value.ts";
import type { Flaw } from "./finding.ts";
import { checkRouting, expectedGateway } from "./gateway.ts";
import { type Declaration, GeneratedCode } from "./generated-code.ts";
import { knownCode } from "./known-code.ts";
import { lateHolders } from "./known-script.ts";
import { lateDigests } from "./late-digests.ts";
import { checkProjectCode } from "./project-code.ts";
import { nameOf } from "./routes.ts";
import { lineOf, NotJavaScript, sha256 } from "./syntax.ts";

/** A flaw with the line of the bundle that it stands in, from 1. */
export interface Finding extends Flaw {
  readonly line: number;
}

/** What was shown of a bundle. */
export interface Proof {
  /** Empty: everything that is claimed is proven. In the order of the text. */
  readonly findings: readonly Finding[];
  /** Operations that are reached exactly as claimed and make all of their checks. */
  readonly proven: number;
  readonly operations: number;
  /** `GET /base/path` of those that anybody may call. */
  readonly publicOperations: readonly string[];
  /** Ways through handlers, from the first statement to an answer. */
  readonly ways: number;
  /** Comparisons of a value in the code with what is claimed. */
  readonly comparisons: number;
  /** Statements of the runtime and of libraries that are those of this version. */
  readonly knownStatements: number;
}

/**
 * Shows that a bundle does what is claimed of its operations: each is reached by its paths and its method alone, and every way
 * from there to a backend goes through all of its checks. Knows nothing of how bundles are made: it reads the text as Node would.
 */
export async function verifyBundle(text: string, gateway: GatewayModel): Promise<Proof> {
  const known = await knownCode();
  const operations = gateway.apis.flatMap((api) => api.operations.map((operation) => ({ api, operation })));
  const claims = {
    operations: operations.length,
    publicOperations: operations
      .filter(({ operation }) => operation.access.kind === "public")
      .map(({ api, operation }) => nameOf(api, operation)),
  };
  let part: KnownPart;
  try {
    part = compareKnown(text, known);
  } catch (error) {
    if (!(error instanceof NotJavaScript)) throw error;
    const flaw: Flaw = { code: "bundle-unreadable", message: `no JavaScript: ${error.message}`, offset: error.offset };
    const none = { proven: 0, ways: 0, comparisons: 0, knownStatements: 0 };
    return { ...claims, ...none, findings: withLines(text, [flaw]) };
  }
  const { flaws, code, entries } = readRest(text, part, gateway);
  const proof = checkEntry(code, entries, gateway);
  const [start = 0] = entries.map((entry) => entry.start);
  const late = [
    ...[...part.valueFrom].filter(([, from]) => from > start),
    ...code.constantsAfter(start).map(({ name, init }) => [name, init.start] as const),
  ];
  for (const [name, offset] of late) {
    flaws.push({ code: "code-unknown", message: `${name} has its value only after the gateway has started`, offset });
  }
  for (const declaration of code.unclaimed()) {
    const { name } = declaration;
    const offset = declaration.kind === "constant" ? declaration.init.start : declaration.node.start;
    flaws.push({ code: "constant-unclaimed", message: `nothing that the manifest claims needs ${name}`, offset });
  }
  return {
    ...claims,
    findings: withLines(text, [...part.flaws, ...flaws, ...code.flaws]),
    proven: proof.operations,
    ways: proof.ways,
    comparisons: code.compared,
    knownStatements: part.count,
  };
}

/** Lets what every proof needs be made while something else goes on. */
export function prepareProof(): void {
  // What goes wrong there is thrown by the proof.
  knownCode().catch(() => undefined);
}

/** The bundle is not what the model asks for. */
export class NotProven extends Error {
  override name = "NotProven";
}

/** Throws `NotProven` with the first flaws unless everything that the model claims is proven of the bundle. */
export async function requireProven(text: string, gateway: GatewayModel): Promise<void> {
  const { findings } = await verifyBundle(text, gateway);
  if (findings.length === 0) return;
  const lines = findings
    .slice(0, 20)
    .map(
      ({ line, code, operation, message }) => `line ${line}: ${code}: ${operation ? `${operation}: ` : ""}${message}`,
    );
  throw new NotProven(`the bundle is not proven\n${lines.join("\n")}`);
}

/** What of a bundle is neither runtime nor library: generated code, the project's own, and comments that hold libraries. */
function readRest(
  text: string,
  part: KnownPart,
  gateway: GatewayModel,
): { readonly flaws: Flaw[]; readonly code: GeneratedCode; readonly entries: readonly Expression[] } {
  const flaws = repeatedNames(part);
  const declarations: Declaration[] = [];
  const entries: Expression[] = [];
  const ofProject = part.rest.filter(({ label }) => label.startsWith("project:"));
  const project = checkProjectCode(text, ofProject, part, gateway, flaws);
  for (const statement of part.rest) {
    const { node, label } = statement;
    if (label.startsWith("project:")) continue;
    const declared = declarationOf(node);
    if (node.type === "ExpressionStatement") entries.push(node.expression);
    else if (node.type === "FunctionDeclaration" && lateHolders.has(node.id.name)) checkHolder(text, statement, flaws);
    else if (declared !== undefined) declarations.push(declared);
    else flaws.push(notUnderstood(node));
  }
  return { flaws, code: new GeneratedCode(declarations, part, project), entries };
}

function declarationOf(node: Statement): Declaration | undefined {
  if (node.type === "FunctionDeclaration") return { kind: "function", name: node.id.name, node };
  const [declarator] = node.type === "VariableDeclaration" ? node.declarations : [];
  if (node.type !== "VariableDeclaration" || node.declarations.length !== 1 || declarator === undefined)
    return undefined;
  const { id, init } = declarator;
  return id.type === "Identifier" && init != null ? { kind: "constant", name: id.name, init } : undefined;
}

function notUnderstood(node: Statement): Flaw {
  return {
    code: "code-not-understood",
    message: "generated code declares constants and functions only",
    offset: node.start,
  };
}

/** A library as a comment: its text is that of this version. */
function checkHolder(text: string, { node }: { readonly node: Statement }, flaws: Flaw[]): void {
  if (node.type !== "FunctionDeclaration") return;
  const library = lateHolders.get(node.id.name) ?? "";
  if (sha256(text.slice(node.start, node.end)) === lateDigests[library]) return;
  flaws.push({ code: "code-unknown", message: `this is not ${library} as castgate bundles it`, offset: node.start });
}

/** Each name is declared once. */
function repeatedNames(part: KnownPart): Flaw[] {
  const flaws: Flaw[] = [];
  const seen = new Set(part.declared);
  for (const { node, declared } of part.rest) {
    for (const name of declared) {
      if (seen.has(name)) {
        flaws.push({ code: "name-repeated", message: `${name} is declared before`, offset: node.start });
      }
      seen.add(name);
    }
  }
  return flaws;
}

/** `main(gateway, () => JSON.parse(...))`, once, and what it leads to. */
function checkEntry(code: GeneratedCode, entries: readonly Expression[], gateway: GatewayModel) {
  const none = { operations: 0, ways: 0 };
  const [entry, ...others] = entries;
  for (const { start } of others) code.report("code-not-understood", "generated code does nothing but this", start);
  if (entry === undefined) {
    code.report("gateway-wrong", "the bundle does not start a gateway", 0);
    return none;
  }
  const refuse = (message: string, offset = entry.start) => {
    code.report("gateway-wrong", message, offset);
    return none;
  };
  if (entry.type !== "CallExpression" || entry.callee.type === "Super" || entry.arguments.length !== 2) {
    return refuse("this does not start a gateway");
  }
  const [first, second] = entry.arguments;
  if (!code.is(entry.callee, runtime("main/main")) || first?.type !== "Identifier" || !isManifest(second)) {
    return refuse("this does not start a gateway");
  }
  const found = code.constantNamed(first.name);
  const route = found?.type === "ObjectExpression" ? routeIn(found) : undefined;
  const routing = route === undefined ? undefined : code.functionFor(route, "route");
  if (routing === undefined) return refuse("the gateway has no router");
  const expected: Expected = constant("gateway", () =>
    expectedGateway(gateway, { is: "function", key: "route" }, code.usedRuntime),
  );
  const proof = checkRouting(code, gateway, routing, expected);
  if (!code.is(first, expected, undefined, entry.start)) refuse("this is not the gateway");
  return proof;
}

function routeIn(node: Extract<Expression, { type: "ObjectExpression" }>): string | undefined {
  for (const property of node.properties) {
    if (property.type !== "Property" || property.key.type !== "Identifier" || property.key.name !== "route") continue;
    return property.value.type === "Identifier" ? property.value.name : undefined;
  }
  return undefined;
}

/** A function that reads one text: it can do nothing else. */
function isManifest(node: unknown): boolean {
  const { type, params, async, body } = node as Extract<Expression, { type: "ArrowFunctionExpression" }>;
  if (type !== "ArrowFunctionExpression" || params.length > 0 || async || body.type !== "CallExpression") return false;
  const [text] = body.arguments;
  const { callee } = body;
  return (
    callee.type === "MemberExpression" &&
    !callee.computed &&
    callee.object.type === "Identifier" &&
    callee.object.name === "JSON" &&
    callee.property.type === "Identifier" &&
    callee.property.name === "parse" &&
    body.arguments.length === 1 &&
    text?.type === "TemplateLiteral" &&
    text.expressions.length === 0
  );
}

function withLines(text: string, flaws: readonly Flaw[]): Finding[] {
  return [...flaws].sort((a, b) => a.offset - b.offset).map((flaw) => ({ ...flaw, line: lineOf(text, flaw.offset) }));
}
