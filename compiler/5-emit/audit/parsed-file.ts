import { type ImportDeclaration, type ModuleDeclaration, type Program, parse, type Statement } from "acorn";
import type { ExtensionPlan } from "../../model/gateway-plan.ts";
import type { GeneratedFile } from "../../model/generated-file.ts";
import type { Report } from "./finding.ts";
import type { TokenReader } from "./tokens.ts";

/** A generated file as the language reads it: imports, then declarations. */
export interface ParsedFile {
  readonly text: string;
  /** By local name: where it comes from. */
  readonly imports: ReadonlyMap<string, string>;
  /** Everything that is no import, in order. */
  readonly statements: readonly ParsedStatement[];
  readonly exports: ReadonlySet<string>;
}

export interface ParsedStatement {
  /** What it declares; `""` when it declares no single name. */
  readonly name: string;
  /** All of it. */
  readonly node: Statement | ModuleDeclaration;
  /** Without the `export` before it. */
  readonly declaration: Statement | ModuleDeclaration;
}

/**
 * Parses a file and reports what no generated file may hold. undefined: it does not parse. `own`: the project's code that it
 * may import, which it then must.
 */
export function parseFile(
  { text }: GeneratedFile,
  report: Report,
  own: readonly ExtensionPlan[] = [],
): ParsedFile | undefined {
  const program = parsed(text, report);
  if (program === undefined) return undefined;
  const imports = new Map<string, string>();
  const statements: ParsedStatement[] = [];
  const exports = new Set<string>();
  for (const node of program.body) {
    if (node.type === "ImportDeclaration") {
      if (statements.length > 0) report("", "an import stands below a declaration");
      readImport(node, imports, own, report);
      continue;
    }
    const declaration = node.type === "ExportNamedDeclaration" ? (node.declaration ?? node) : node;
    const name = declaredName(declaration);
    statements.push({ name, node, declaration });
    if (name !== "" && declaration !== node) exports.add(name);
  }
  for (const { symbol, source } of own) if (imports.get(symbol) !== source) report(symbol, `is not of "${source}"`);
  return { text, imports, statements, exports };
}

/**
 * The types that generated code names: all else is JavaScript. They are blanked for the parser alone; what is compared with the
 * plan is the text as it is, types and all.
 */
const types =
  /^import type(?=\s*\{)|\bgateway: Gateway(?= =)|\bx: Exchange(?=[,)])|\): (?:void \| )?Promise<void>(?: \| false)?(?=\s*\{)/gm;

/** Of one of those, what is no type. */
const beforeType = /^(?:import |[^:]*)/;

function parsed(text: string, report: Report): Program | undefined {
  const script = text.replace(types, (found) => (beforeType.exec(found)?.[0] ?? "").padEnd(found.length));
  try {
    return parse(script, { ecmaVersion: 2024, sourceType: "module", preserveParens: true });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    report("", `does not parse: ${error.message}`);
    return undefined;
  }
}

/** Only `import { a, b } from "..."` and `import type { A } from "..."`: no name of ours may stand for another. */
function readImport(
  { specifiers, source: { value } }: ImportDeclaration,
  imports: Map<string, string>,
  own: readonly ExtensionPlan[],
  report: Report,
): void {
  const source = String(value);
  if (specifiers.length === 0) report("", `imports nothing from "${source}"`);
  for (const specifier of specifiers) {
    if (specifier.type !== "ImportSpecifier" || specifier.imported.type !== "Identifier") {
      report("", `imports something other than names from "${source}"`);
      continue;
    }
    const { name } = specifier.local;
    const extension = own.find(({ symbol }) => symbol === name);
    const planned = extension?.exported ?? (Object.hasOwn(aliases, name) ? aliases[name] : undefined);
    if (specifier.imported.name !== (planned ?? name)) report(name, `is another name for something of "${source}"`);
    if (imports.has(name)) report(name, "is imported twice");
    imports.set(name, source);
  }
}

function declaredName(node: Statement | ModuleDeclaration): string {
  if (node.type === "FunctionDeclaration") return node.id.name;
  const [declarator] = node.type === "VariableDeclaration" ? node.declarations : [];
  if (node.type !== "VariableDeclaration" || node.declarations.length !== 1) return "";
  return declarator?.id.type === "Identifier" ? declarator.id.name : "";
}

/** The only name of the runtime that stands for another: `basic` is what the constant made by it is called. */
const aliases: Readonly<Record<string, string>> = { basicAuth: "basic" };

/** Where the runtime keeps what generated code uses: nothing else may be imported from it. */
const runtimeHomes: Readonly<Record<string, string>> = {
  Exchange: "exchange",
  Gateway: "gateway",
  addressLimits: "throttle-address",
  allScopes: "scopes",
  allow: "respond",
  anyScope: "scopes",
  api: "api",
  apiKey: "auth-api-key",
  apiKeyIssuer: "feature-api-key-issuer",
  apiKeyModule: "auth-api-key",
  application: "conditions",
  authenticate: "authenticate",
  backendJwt: "feature-backend-jwt",
  balanced: "upstream-balanced",
  basicAuth: "auth-basic",
  basicModule: "auth-basic",
  bearerJwt: "auth-jwt",
  blocked: "respond",
  bodyBytes: "throttle-counted",
  callerTiers: "throttle",
  circuitBreaker: "circuit-breaker",
  claim: "conditions",
  clientCredentials: "upstream-oauth2",
  conditionalTier: "throttle-conditions",
  cors: "cors",
  denied: "conditions",
  domainRefused: "respond",
  dpop: "auth-dpop",
  dpopModule: "auth-dpop",
  etcd: "upstream-etcd",
  etcdModule: "upstream-etcd",
  eventHub: "feature-event-hub",
  everyRequest: "throttle-counted",
  extensions: "extension",
  failover: "upstream-failover",
  forbidden: "respond",
  forward: "forward",
  fromAddress: "conditions",
  fromClaimedDomain: "domains",
  fromDomain: "domains",
  guarded: "upstream-guarded",
  hasAllScopes: "scopes",
  hasAnyScope: "scopes",
  header: "conditions",
  headerModule: "upstream-header",
  holdsTexts: "segment",
  introspection: "feature-introspection",
  isApplication: "caller-kind",
  isUser: "caller-kind",
  jwtModule: "auth-jwt",
  keyManagerProxies: "feature-key-manager-proxies",
  limit: "throttle",
  managed: "throttle-managed",
  mayUpgrade: "upgrade",
  methodNotAllowed: "respond",
  mutualTls: "auth-mutual-tls",
  mutualTlsModule: "auth-mutual-tls",
  noEndpoint: "respond",
  not: "conditions",
  notBuilt: "respond",
  oauth2Module: "upstream-oauth2",
  originRefused: "respond",
  outlierEjection: "outlier-ejection",
  policyMissing: "respond",
  queryParameter: "conditions",
  redisCounters: "redis-counters",
  refuse: "respond",
  retries: "retry",
  revocation: "feature-revocation",
  sendHeader: "upstream-header",
  sliding: "throttle-sliding",
  successes: "throttle-counted",
  throttle: "throttle",
  throttleModule: "throttle",
  tooManyRequests: "respond",
  unknownApi: "respond",
  trafficManager: "feature-traffic-manager",
  unknownResource: "respond",
  unknownTier: "throttle-managed",
  upstream: "upstream-single",
  upstreamModule: "upstream",
  user: "conditions",
  withholdCredentials: "authenticate",
  wrongCaller: "respond",
};

/**
 * Every import is used, those of the runtime come from the one module that has it, and every name that the code uses is
 * imported or its own. What a file declares for itself alone it uses.
 */
export function auditNames(
  parsed: ParsedFile,
  tokens: TokenReader,
  isLocal: (name: string) => boolean,
  report: Report,
): void {
  const { imports, statements, exports, text } = parsed;
  const first = statements[0]?.node;
  const used = first === undefined ? new Map<string, number>() : tokens.names(text, first.start, text.length);
  const declared = new Set(statements.map(({ name }) => name));
  for (const [name, source] of imports) {
    if (!used.has(name)) report(name, "is imported and not used");
    if (declared.has(name)) report(name, "is imported and declared");
    if (source.startsWith(".")) continue;
    if (!Object.hasOwn(runtimeHomes, name) || source !== `castgate/runtime/${runtimeHomes[name]}.js`) {
      report(name, `is imported from "${source}"`);
    }
  }
  for (const { name } of statements) {
    if (!exports.has(name) && (used.get(name) ?? 0) < 2) report(name, "is declared and not used");
  }
  for (const name of used.keys()) {
    if (!imports.has(name) && !declared.has(name) && !isLocal(name))
      report(name, "is used and neither imported nor declared");
  }
}
