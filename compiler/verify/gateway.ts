import type { Expression, FunctionDeclaration, Statement } from "acorn";
import type { ApiModel, GatewayModel } from "../model/gateway-model.ts";
import type { FeatureName } from "../model/names.ts";
import { expectedCors } from "./expect/operation.ts";
import { call, type Expected, list, literal, member, method, record, runtime, texts, x } from "./expect/value.ts";
import type { GeneratedCode, Locals } from "./generated-code.ts";
import { type ApiProof, checkApi } from "./routes.ts";
import type { RuntimeName } from "./runtime-names.ts";

/** Requires that requests are told apart by base path and transport as claimed, and follows each API. */
export function checkRouting(
  code: GeneratedCode,
  gateway: GatewayModel,
  route: FunctionDeclaration,
  gatewayValue: Expected,
): ApiProof {
  const refuse = (offset: number, message: string) => code.report("route-wrong", `base paths: ${message}`, offset);
  const proof = { operations: 0, ways: 0 };
  const [parameter] = route.params;
  if (route.async || route.generator || route.params.length !== 1 || parameter?.type !== "Identifier") {
    refuse(route.start, "the router does not take one request");
    return proof;
  }
  const locals: Locals = new Map([[parameter.name, "x"]]);
  const left = new Set(gateway.apis);
  const tried: ApiModel[] = [];
  const statements = [...route.body.body];
  const last = statements.pop();
  for (const statement of statements) {
    const api = [...left].find((one) => leadsTo(code, one, statement, locals));
    if (api === undefined) {
      refuse(statement.start, "this is not where the manifest says that an API is");
      continue;
    }
    left.delete(api);
    for (const earlier of tried) {
      if (isBelow(api, earlier)) refuse(statement.start, `${earlier.basePath} takes what belongs to ${api.basePath}`);
    }
    tried.push(api);
    const router = routerOf(code, api, statement);
    if (router === undefined) continue;
    const found = checkApi(code, gateway, api, router);
    proof.operations += found.operations;
    proof.ways += found.ways;
  }
  for (const { basePath } of left) refuse(route.start, `no request gets to ${basePath}`);
  const cors = gateway.builtinCors === undefined ? [] : [member(gatewayValue, "builtinCors")];
  const answer = call("respond/unknownApi", x, literal(gateway.faults.global), ...cors);
  if (last?.type !== "ReturnStatement" || last.argument == null || !code.is(last.argument, answer, locals)) {
    refuse(route.end, "other paths are not refused");
  }
  return proof;
}

/** `if (x.scheme === "https" && x.under("/base")) return router(x);` */
function leadsTo(code: GeneratedCode, api: ApiModel, node: Statement, locals: Locals): boolean {
  if (node.type !== "IfStatement" || node.alternate != null || returned(node.consequent) === undefined) return false;
  const { basePath, allowEncodedSlash, transports } = api;
  const options = allowEncodedSlash ? [record({ encodedSlash: literal(true) })] : [];
  const under = method(x, "under", literal(basePath), ...options);
  const [only] = transports;
  if (transports.length > 1 || only === undefined) return code.is(node.test, under, locals);
  if (node.test.type !== "LogicalExpression" || node.test.operator !== "&&") return false;
  const { left, right } = node.test;
  return (
    left.type === "BinaryExpression" &&
    left.operator === "===" &&
    left.left.type !== "PrivateIdentifier" &&
    code.is(left.left, member(x, "scheme"), locals) &&
    code.is(left.right, literal(only), locals) &&
    code.is(right, under, locals)
  );
}

function routerOf(code: GeneratedCode, api: ApiModel, node: Statement): FunctionDeclaration | undefined {
  const action = node.type === "IfStatement" ? returned(node.consequent) : undefined;
  const key = `router of ${api.slug}`;
  if (action?.type === "CallExpression" && action.callee.type === "Identifier") {
    const router = code.functionFor(action.callee.name, key);
    const [argument] = action.arguments;
    const parameter = argument?.type === "Identifier" && action.arguments.length === 1 && !action.optional;
    if (router !== undefined && parameter) return router;
  }
  code.report("route-wrong", `${key}: this is not the router of this API alone`, node.start);
  return undefined;
}

function returned(node: Statement): Expression | undefined {
  const only = node.type === "BlockStatement" && node.body.length === 1 ? node.body[0] : node;
  return only?.type === "ReturnStatement" ? (only.argument ?? undefined) : undefined;
}

/** Whether some request is below both base paths, on a transport of both. */
function isBelow(api: ApiModel, other: ApiModel): boolean {
  const base = other.basePath === "/" ? "" : other.basePath.replace(/\/$/, "");
  const meets = api.basePath === other.basePath || api.basePath.startsWith(`${base}/`);
  return meets && api.transports.some((transport) => other.transports.includes(transport));
}

const features: Readonly<Record<FeatureName, RuntimeName>> = {
  "api-key-issuer": "feature-api-key-issuer/apiKeyIssuer",
  "backend-jwt": "feature-backend-jwt/backendJwt",
  "event-hub": "feature-event-hub/eventHub",
  introspection: "feature-introspection/introspection",
  "key-manager-proxies": "feature-key-manager-proxies/keyManagerProxies",
  revocation: "feature-revocation/revocation",
  "traffic-manager": "feature-traffic-manager/trafficManager",
};

/** A module with a life cycle, by what shows that it is needed. In the order of the list. */
const modules: readonly (readonly [name: RuntimeName, neededBy: readonly RuntimeName[]])[] = [
  ["auth-api-key/apiKeyModule", ["auth-api-key/apiKey"]],
  ["auth-basic/basicModule", ["auth-basic/basic"]],
  ["auth-dpop/dpopModule", ["auth-dpop/dpop"]],
  ["auth-jwt/jwtModule", ["auth-jwt/bearerJwt"]],
  ["auth-mutual-tls/mutualTlsModule", ["auth-mutual-tls/mutualTls"]],
  ["throttle/throttleModule", ["throttle/throttle", "throttle-managed/managed"]],
  ["upstream/upstreamModule", ["forward/forward"]],
  ["upstream-etcd/etcdModule", ["upstream-etcd/etcd"]],
  ["upstream-header/headerModule", ["upstream-header/sendHeader"]],
  ["upstream-oauth2/oauth2Module", ["upstream-oauth2/clientCredentials"]],
];

/** The gateway as it is handed to the runtime. To be asked for once everything else was looked at: it needs what that uses. */
export function expectedGateway(gateway: GatewayModel, route: Expected, used: ReadonlySet<RuntimeName>): Expected {
  const takesTokens = used.has("auth-jwt/bearerJwt");
  const needed = modules.filter(([, neededBy]) => neededBy.some((name) => used.has(name)));
  const extensions = gateway.extensions.map(
    ({ name, file, exported }) => [name, record({ [exported]: { is: "project", file, name: exported } })] as const,
  );
  const { counters } = gateway;
  const countersModule =
    counters && used.has("throttle/throttle")
      ? [call("redis-counters/redisCounters", record({ onUnavailable: literal(counters.onUnavailable) }))]
      : [];
  const switched = gateway.features.filter((name) => name !== "introspection" || takesTokens);
  return record({
    compatibility: literal(gateway.compatibility),
    modules: list([
      ...(takesTokens && extensions.length > 0
        ? [call("extension/extensions", { is: "record", members: extensions })]
        : []),
      ...countersModule,
      ...needed.map(([name]) => runtime(name)),
    ]),
    features: switched.length === 0 ? undefined : list(switched.map((name) => runtime(features[name]))),
    builtinPaths: texts(gateway.builtinPaths),
    replacedServices: gateway.replacedServices.length === 0 ? undefined : texts(gateway.replacedServices),
    builtinCors: gateway.builtinCors && expectedCors(gateway.builtinCors),
    encodedSlash: gateway.apis.some((api) => api.allowEncodedSlash) ? literal(true) : undefined,
    upgrades: used.has("upgrade/mayUpgrade") ? literal(true) : undefined,
    route,
  });
}
