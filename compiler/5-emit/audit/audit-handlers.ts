import type { Statement } from "acorn";
import type { AuthScheme } from "../../model/gateway-model.ts";
import type { ApiPlan, GroupPlan, HandlerPlan, PolicyChain, RouteSummary } from "../../model/gateway-plan.ts";
import { expectedChecks, expectedConstants, expectedSignature } from "./expected-code.ts";
import type { Report } from "./finding.ts";
import type { ParsedFile, ParsedStatement } from "./parsed-file.ts";
import type { TokenReader } from "./tokens.ts";

/** Each handler of the group stands in the file, with its constants, and makes exactly its checks, in order. */
export function auditHandlers(
  api: ApiPlan,
  group: GroupPlan,
  parsed: ParsedFile,
  tokens: TokenReader,
  report: Report,
): void {
  const constants = group.handlers.flatMap((handler) => expectedConstants(api, handler));
  const expected = new Map(constants);
  const handlers = new Map<string, HandlerPlan>(group.handlers.map((handler) => [handler.symbol, handler]));
  const declared = auditDeclared(parsed, [...expected.keys(), ...handlers.keys()], report);
  for (const [name, text] of expected) {
    const statement = declared.get(name);
    if (statement !== undefined) auditText(statement, text, parsed.text, tokens, report);
  }
  for (const [name, handler] of handlers) {
    const statement = declared.get(name);
    if (statement !== undefined) auditHandler(api, handler, statement, parsed.text, tokens, report);
  }
}

/** Declarations that are exactly these, by name, in this order. */
export function auditDeclarations(
  expected: readonly (readonly [name: string, text: string])[],
  parsed: ParsedFile,
  tokens: TokenReader,
  report: Report,
): void {
  const names = expected.map(([name]) => name);
  const declared = auditDeclared(parsed, names, report);
  for (const [name, text] of expected) {
    const statement = declared.get(name);
    if (statement !== undefined) auditText(statement, text, parsed.text, tokens, report);
  }
}

/** Reports names that are missing, not planned or there twice. */
export function auditDeclared(
  parsed: ParsedFile,
  planned: readonly string[],
  report: Report,
): ReadonlyMap<string, ParsedStatement> {
  const declared = new Map<string, ParsedStatement>();
  const wanted = new Set(planned);
  if (wanted.size !== planned.length) report("", "the plan declares a name twice");
  for (const statement of parsed.statements) {
    if (!wanted.has(statement.name)) report(statement.name, "is a statement that is not planned");
    else if (declared.has(statement.name)) report(statement.name, "is declared twice");
    else declared.set(statement.name, statement);
  }
  for (const name of wanted) if (!declared.has(name)) report(name, "is planned and not there");
  return declared;
}

function auditText(
  { name, node }: ParsedStatement,
  expected: string,
  text: string,
  tokens: TokenReader,
  report: Report,
): void {
  const found = tokens.normalForm(text, node.start, node.end);
  const planned = tokens.normalForm(expected);
  if (found !== planned) report(name, `is not as planned: ${planned}; found: ${found}`);
}

function auditHandler(
  api: ApiPlan,
  handler: HandlerPlan,
  { node: whole, declaration: node }: ParsedStatement,
  text: string,
  tokens: TokenReader,
  report: Report,
): void {
  const { symbol } = handler;
  auditPlan(api, handler, report);
  if (node.type !== "FunctionDeclaration") {
    report(symbol, "is not a function");
    return;
  }
  const signature = tokens.normalForm(text, whole.start, node.body.start);
  if (signature !== tokens.normalForm(expectedSignature(handler)))
    report(symbol, `has another signature: ${signature}`);

  const marked = /^ *\/\/ public: /m.test(text.slice(node.body.start, node.body.end));
  if (marked !== (handler.chain[0].kind === "public"))
    report(symbol, "is marked as public, or is public and not marked");

  const found = node.body.body.map((statement: Statement) => tokens.normalForm(text, statement.start, statement.end));
  const checks = expectedChecks(api, handler).map(({ name, statements }) => ({
    name,
    statements: statements.map((statement) => tokens.planned(statement)),
  }));
  const planned = checks.flatMap(({ statements }) => statements);
  if (found.length === planned.length && found.every((statement, index) => statement === planned[index])) return;
  explain(symbol, checks, found, report);
}

/** Says which check is missing, out of order or not planned. */
function explain(
  symbol: string,
  checks: readonly { readonly name: string; readonly statements: readonly string[] }[],
  found: readonly string[],
  report: Report,
): void {
  const rest = [...found];
  let last = -1;
  for (const { name, statements } of checks) {
    for (const statement of statements) {
      const index = found.indexOf(statement);
      if (index < 0) report(symbol, `lacks a statement of its check "${name}": ${statement}`);
      else if (index < last) report(symbol, `makes its check "${name}" out of order`);
      last = Math.max(last, index);
      const taken = rest.indexOf(statement);
      if (taken >= 0) rest.splice(taken, 1);
    }
  }
  for (const statement of rest) report(symbol, `has a statement that is not planned: ${statement}`);
}

/** The chain does what the operation's access asks for. A mistake here is one of planning. */
function auditPlan(api: ApiPlan, { symbol, access, chain, summary }: HandlerPlan, report: Report): void {
  const [first] = chain;
  const last = chain[chain.length - 1];
  if (last?.kind === "not-built") {
    if (chain.length !== 1) report(symbol, "is not built and has other steps");
    return;
  }
  auditSummary(symbol, chain, summary, report);
  const authenticate = chain.filter((step) => step.kind === "authenticate");
  if (access.kind === "public") {
    if (first.kind !== "public" || authenticate.length > 0) report(symbol, "is public, and its plan is not");
    return;
  }
  const [only] = authenticate;
  if (only === undefined || first !== only || authenticate.length > 1) {
    report(symbol, "needs a caller, and its plan does not begin with authentication");
    return;
  }
  const required = chain.find((step) => step.kind === "require-scopes");
  const agrees =
    only.anyOf.length === access.anyOf.length &&
    access.anyOf.every(({ allOf, scopes }, index) => {
      const planned = only.anyOf[index];
      return (
        planned?.allOf.length === allOf.length &&
        allOf.every((scheme, place) => isSame(scheme, planned.allOf[place], api)) &&
        sameRule(scopes, planned.scopes ?? required?.scopes)
      );
    });
  if (!agrees) report(symbol, "has other schemes or scopes in its plan than it asks for");
}

/** Checks that its line in `routes.txt` promises, which is made from the operation and not from the chain, and no others. */
function auditSummary(symbol: string, chain: PolicyChain, { tiers, more = [] }: RouteSummary, report: Report): void {
  const promised = new Map<PolicyChain[number]["kind"], boolean>([
    ["require-caller", more.some(({ name }) => name === "caller")],
    ["require-domain", more.some(({ name }) => name === "domain")],
    ["upgrade", more.some(({ name }) => name === "upgrade")],
    ["deny", /^deny(?:,|$)/.test(tiers)],
    ["blocked", tiers === "denied"],
  ]);
  for (const [kind, isPromised] of promised) {
    if (chain.some((step) => step.kind === kind) !== isPromised)
      report(symbol, isPromised ? `lacks "${kind}" in its plan` : `has "${kind}" in its plan and does not say so`);
  }
}

/** Whether the constant of this name is made to be the scheme. */
function isSame(asked: AuthScheme, symbol: string | undefined, { schemes }: ApiPlan): boolean {
  const found = schemes.find((scheme) => scheme.symbol === symbol);
  return found !== undefined && partsOf(found) === partsOf(asked);
}

function partsOf(scheme: AuthScheme): string {
  const { kind } = scheme;
  if (kind === "oauth2") return JSON.stringify([kind, scheme.dpop ?? "none"]);
  if (kind === "mutual-tls") return JSON.stringify([kind, scheme.presence]);
  return kind === "basic" ? kind : JSON.stringify([kind, scheme.locations.map((place) => [place.in, place.name])]);
}

function sameRule(
  a: { readonly need: string; readonly names: readonly string[] } | undefined,
  b: { readonly need: string; readonly names: readonly string[] } | undefined,
): boolean {
  return a?.need === b?.need && JSON.stringify(a?.names) === JSON.stringify(b?.names);
}
