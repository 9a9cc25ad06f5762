import type { Condition, EjectionModel, QuotaModel, ThrottleTier, UpstreamModel } from "../../model/gateway-model.ts";
import type {
  ApiPlan,
  FinalStep,
  GatewayPlan,
  HandlerPlan,
  LimitsPlan,
  PolicyStep,
  SchemePlan,
  UpstreamPlan,
} from "../../model/gateway-plan.ts";
import type { CorsFacts } from "../../model/loaded-project.ts";
import { quoted } from "./tokens.ts";

/**
 * What the plan's checks look like in code, written a second time and apart from views and templates: a mistake there
 * does not repeat itself here. Layout does not matter, the tokens do.
 */

/** A check and the statements that make it, in order. */
export interface ExpectedCheck {
  readonly name: string;
  readonly statements: readonly string[];
}

export function expectedChecks(api: ApiPlan, handler: HandlerPlan): readonly ExpectedCheck[] {
  const authenticated = handler.chain.some((step) => step.kind === "authenticate");
  return [
    { name: "operation", statements: [`x.operation = ${quoted(handler.symbol)};`] },
    ...handler.chain.map((step) => ({
      name: step.kind,
      statements: statementsOf(step, api, handler, authenticated),
    })),
  ];
}

function statementsOf(
  step: PolicyStep | FinalStep,
  api: ApiPlan,
  handler: HandlerPlan,
  authenticated: boolean,
): readonly string[] {
  switch (step.kind) {
    case "public":
      return [`withholdCredentials(x, ${api.symbol}Api);`];
    case "authenticate":
      return [
        `const caller = await authenticate(x, ${api.symbol}Api, ${handler.symbol}Access);`,
        "if (!caller) return refuse(x);",
      ];
    case "require-scopes": {
      const names = list(step.scopes.names.map(quoted));
      const held = step.scopes.need === "all" ? "hasAllScopes" : "hasAnyScope";
      return [`if (!${held}(caller, ${names})) return forbidden(x, caller, ${names});`];
    }
    case "require-caller": {
      const [check, who] = step.caller === "user" ? ["isUser", "a user"] : ["isApplication", "an application"];
      return [`if (!${check}(caller)) return wrongCaller(x, ${quoted(who)});`];
    }
    case "require-domain": {
      const { rule } = step;
      const held =
        "claim" in rule
          ? `fromClaimedDomain(x, caller, ${quoted(rule.header)}, ${quoted(rule.claim)})`
          : `fromDomain(x, ${quoted(rule.header)}, ${list(rule.values.map(quoted))})`;
      return [`if (!${held}) return domainRefused(x);`];
    }
    case "upgrade": {
      const rules = step.crossOrigin ? ", crossOrigin" : "";
      return [`if (!mayUpgrade(x, ${list(step.protocols.map(quoted))}${rules})) return originRefused(x);`];
    }
    case "throttle":
      return [
        `const verdict = await ${step.symbol}.admit(x, ${authenticated ? "caller" : "undefined"});`,
        "if (!verdict.allowed) return tooManyRequests(x, verdict);",
      ];
    case "deny":
      return [`if (isDenied(x, ${authenticated ? "caller" : "undefined"})) return blocked(x);`];
    case "blocked":
      return ["return blocked(x);"];
    case "require-key-type":
      return [`if (caller.keyType !== ${quoted(step.keyType)}) return noEndpoint(x, caller.keyType);`];
    case "forward":
      return [`return forward(x, ${step.upstream});`];
    case "forward-by-key-type":
      return [`return forward(x, caller.keyType === "PRODUCTION" ? ${step.production} : ${step.sandbox});`];
    case "no-endpoint":
      return [`return noEndpoint(x, ${quoted(step.keyType)});`];
    case "policy-missing":
      return ["return policyMissing(x);"];
    case "not-built":
      return [`return notBuilt(x, ${list(step.features.map(quoted))});`];
  }
}

/** Up to the body. */
export function expectedSignature({ symbol, chain }: HandlerPlan): string {
  return chain.some((step) => step.kind === "authenticate" || step.kind === "throttle")
    ? `export async function ${symbol}(x: Exchange): Promise<void>`
    : `export function ${symbol}(x: Exchange): void | Promise<void>`;
}

/** Constants beside a handler, by name, in order. */
export function expectedConstants(api: ApiPlan, handler: HandlerPlan): readonly (readonly [string, string])[] {
  const constants = handler.upstreams.map((plan): [string, string] => [plan.symbol, upstreamText(plan)]);
  for (const step of handler.chain) {
    if (step.kind === "authenticate") {
      const name = `${handler.symbol}Access`;
      const bare = step.anyOf.every(({ scopes }) => scopes === undefined);
      const alternatives = step.anyOf.map(({ allOf, scopes }) => {
        if (bare) return list(allOf);
        if (scopes === undefined) return `{ allOf: ${list(allOf)} }`;
        return `{ allOf: ${list(allOf)}, scopes: ${scopes.need}${scopes.need === "any" ? "Scope" : "Scopes"}(${scopes.names.map(quoted).join(", ")}) }`;
      });
      constants.push([name, `const ${name} = ${list(alternatives)};`]);
    }
    if (step.kind === "throttle") {
      const { limits, symbol } = step;
      const levels = [
        limits.address ? "address: clientLimits" : "",
        limits.api ? "api: apiLimit" : "",
        limits.resource === undefined ? "" : `resource: ${tierUseText(limits.resource)}`,
        limits.fromCaller ? "caller: tiers" : "",
        limits.unauthenticated === undefined ? "" : `unauthenticated: ${tierText(limits.unauthenticated)}`,
      ].filter((text) => text !== "");
      constants.push([
        symbol,
        `const ${symbol} = ${managedText(api, limits, levels.length === 0 ? [] : [`throttle(${api.symbol}Api, ${quoted(handler.symbol)}, { ${levels.join(", ")} })`])};`,
      ]);
    }
  }
  return constants;
}

/** Limits that are compiled in, perhaps as what counts unless a traffic manager decides. */
function managedText({ symbol }: ApiPlan, { managed, missing }: LimitsPlan, compiled: readonly string[]): string {
  if (managed === undefined) return compiled.join();
  const { method, template, apiTier, resourceTier } = managed;
  const members = [
    `method: ${quoted(method)}`,
    `template: ${quoted(template)}`,
    ...(apiTier === undefined ? [] : [`apiTier: ${quoted(apiTier)}`]),
    ...(resourceTier === undefined ? [] : [`resourceTier: ${quoted(resourceTier)}`]),
  ];
  const otherwise = missing === undefined ? compiled : [`unknownTier(${quoted(missing)})`];
  return `managed(${[`${symbol}Api`, `{ ${members.join(", ")} }`, ...otherwise].join(", ")})`;
}

/** All of `<slug>/shared.ts` below the imports. */
export function expectedShared(api: ApiPlan): readonly (readonly [string, string])[] {
  const members = [
    `name: ${quoted(api.title)}`,
    `version: ${quoted(api.version)}`,
    `basePath: ${quoted(api.basePath)}`,
    ...(api.authHeader === undefined ? [] : [`authHeader: ${quoted(api.authHeader)}`]),
    `challenges: ${list(api.challenges.map(quoted))}`,
  ];
  const shared: [string, string][] = [
    [`${api.symbol}Api`, `export const ${api.symbol}Api = api({ ${members.join(", ")} });`],
    ...api.schemes.map((scheme): [string, string] => [
      scheme.symbol,
      `export const ${scheme.symbol} = ${schemeText(scheme, `${api.symbol}Api`)};`,
    ]),
  ];
  if (api.cors !== undefined) shared.push(["crossOrigin", `export const crossOrigin = ${corsText(api.cors)};`]);
  if (api.apiLimit !== undefined) {
    shared.push(["apiLimit", `export const apiLimit = limit(${api.symbol}Api, ${tierUseText(api.apiLimit)});`]);
  }
  for (const plan of api.upstreams) shared.push([plan.symbol, `export ${upstreamText(plan)}`]);
  return shared;
}

/** All of `tiers.ts` below the imports. */
export function expectedTiers({ callerTiers }: GatewayPlan): readonly (readonly [string, string])[] {
  const table = (tiers: readonly ThrottleTier[]) =>
    list(
      tiers.map((tier) => {
        const members = [...quota(tier)];
        if (!tier.stopOnQuota) members.push("stopOnQuota: false");
        if (tier.key === "app") members.push('key: "app"');
        return `[${quoted(tier.name)}, { ${members.join(", ")} }]`;
      }),
    );
  const { application, subscription, unlimited } = callerTiers;
  const ends = unlimited === false ? ", unlimited: false" : "";
  return [
    [
      "tiers",
      `export const tiers = callerTiers({ application: ${table(application)}, subscription: ${table(subscription)}${ends} });`,
    ],
  ];
}

const moduleNames = {
  "auth-api-key": "apiKeyModule",
  "auth-basic": "basicModule",
  "auth-dpop": "dpopModule",
  "auth-jwt": "jwtModule",
  "auth-mutual-tls": "mutualTlsModule",
  throttle: "throttleModule",
  upstream: "upstreamModule",
  "upstream-etcd": "etcdModule",
  "upstream-header": "headerModule",
  "upstream-oauth2": "oauth2Module",
} as const;

function camelCase(name: string): string {
  const [first = "", ...rest] = name.split("-");
  return first + rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

/** All of `gateway.ts` below the imports. */
export function expectedGateway(plan: GatewayPlan): readonly (readonly [string, string])[] {
  const members = [
    `compatibility: ${quoted(plan.compatibility)}`,
    `modules: ${list([...extensionsText(plan), ...countersText(plan), ...plan.runtimeModules.map((module) => moduleNames[module])])}`,
    ...(plan.features.length === 0 ? [] : [`features: ${list(plan.features.map(camelCase))}`]),
    `builtinPaths: ${list(plan.builtinPaths.map(quoted))}`,
    ...(plan.replacedServices.length === 0 ? [] : [`replacedServices: ${list(plan.replacedServices.map(quoted))}`]),
    ...(plan.builtinCors === undefined ? [] : [`builtinCors: ${corsText(plan.builtinCors)}`]),
    ...(plan.mounts.some((mount) => mount.allowEncodedSlash) ? ["encodedSlash: true"] : []),
    ...(plan.upgrades === true ? ["upgrades: true"] : []),
    "route",
  ];
  const mounts = plan.mounts.map(({ basePath, symbol, transports, allowEncodedSlash }) => {
    const options = allowEncodedSlash ? ", { encodedSlash: true }" : "";
    const under = `x.under(${quoted(basePath)}${options})`;
    const [only] = transports;
    const condition = transports.length > 1 || only === undefined ? under : `x.scheme === ${quoted(only)} && ${under}`;
    return `if (${condition}) return ${symbol}(x);`;
  });
  const cors = plan.builtinCors === undefined ? "" : ", gateway.builtinCors";
  mounts.push(`return unknownApi(x, ${quoted(plan.faults.global)}${cors});`);
  return [
    ["gateway", `export const gateway: Gateway = { ${members.join(", ")} };`],
    ["route", `function route(x: Exchange): void | Promise<void> { ${mounts.join(" ")} }`],
  ];
}

function countersText({ counters }: GatewayPlan): readonly string[] {
  return counters === undefined ? [] : [`redisCounters({ onUnavailable: ${quoted(counters.onUnavailable)} })`];
}

function extensionsText({ extensions }: GatewayPlan): readonly string[] {
  const members = extensions.map(({ name, exported, symbol }) => {
    const key = /^[a-z0-9]+$/.test(name) ? name : quoted(name);
    return `${key}: { ${exported === symbol ? symbol : `${exported}: ${symbol}`} }`;
  });
  return members.length === 0 ? [] : [`extensions({ ${members.join(", ")} })`];
}

function schemeText(scheme: SchemePlan, api: string): string {
  if (scheme.kind === "oauth2") {
    if (scheme.dpop !== undefined) return `dpop(${api}, bearerJwt(${api}), ${quoted(scheme.dpop)})`;
    return `bearerJwt(${api})`;
  }
  if (scheme.kind === "mutual-tls") return `mutualTls(${api}, ${quoted(scheme.presence)})`;
  if (scheme.kind === "basic") return `basicAuth(${api})`;
  const places = scheme.locations.map((place) => `{ in: ${quoted(place.in)}, name: ${quoted(place.name)} }`);
  return `apiKey(${api}, ${list(places)})`;
}

function upstreamText({ symbol, upstream }: UpstreamPlan): string {
  const { overrideKey, urls, timeoutMs, pipelining, basicUsername } = upstream;
  const places = urls.map((url, index) => {
    const found = upstream.fromEtcd?.find((one) => one.index === index);
    return found === undefined ? quoted(url) : `etcd(${quoted(found.key)}, ${quoted(url)})`;
  });
  const single = urls.length === 1;
  const members = [
    `key: ${quoted(overrideKey)}`,
    single ? `url: ${places[0]}` : `urls: ${list(places)}`,
    `timeoutMs: ${timeoutMs}`,
    ...(pipelining === 1 ? [] : [`pipelining: ${pipelining}`]),
    ...(basicUsername === undefined ? [] : [`basicUsername: ${quoted(basicUsername)}`]),
    ...bindingText(upstream),
    ...resilienceText(upstream),
  ];
  const sent = `${upstreamFunction(upstream)}({ ${members.join(", ")} })`;
  return `const ${symbol} = ${withCredentials(upstream, sent)};`;
}

function withCredentials({ credentials }: UpstreamModel, sent: string): string {
  if (credentials === undefined) return sent;
  if (credentials.type === "header") return `sendHeader(${sent}, ${quoted(credentials.name)})`;
  const { tokenUrl, scopes } = credentials;
  const asked = scopes.length === 0 ? "" : `, scopes: ${list(scopes.map(quoted))}`;
  return `clientCredentials(${sent}, { tokenUrl: ${quoted(tokenUrl)}${asked} })`;
}

function bindingText({ pool, appendPath, pins }: UpstreamModel): readonly string[] {
  const texts: string[] = [];
  if (pool !== undefined) {
    const { maxActiveConnections: most, maxIdleConnections: idle, waitTimeInMillis: waitMs } = pool;
    const limit = most > 0 ? `maxActiveConnections: ${most}, ` : "";
    texts.push(`pool: { ${limit}maxIdleConnections: ${idle}, waitTimeInMillis: ${waitMs} }`);
  }
  if (appendPath === false) texts.push("appendPath: false");
  if (pins !== undefined) texts.push(`pins: ${list(pins.map(quoted))}`);
  return texts;
}

function upstreamFunction({ urls, choice, retry, circuitBreaker, maxInFlight, timeouts }: UpstreamModel): string {
  if (urls.length > 1) return choice?.kind === "failover" ? "failover" : "balanced";
  const guards = [retry, circuitBreaker, maxInFlight, timeouts?.totalMs];
  return guards.some((setting) => setting !== undefined) ? "guarded" : "upstream";
}

function resilienceText(upstream: UpstreamModel): readonly string[] {
  const { timeouts = {}, choice, maxInFlight, resendMethods, retry, circuitBreaker } = upstream;
  const texts: string[] = [];
  for (const name of ["connectMs", "headersMs", "idleMs", "totalMs"] as const) {
    if (timeouts[name] !== undefined) texts.push(`${name}: ${timeouts[name]}`);
  }
  if (choice?.kind === "failover") {
    texts.push(`statusCodes: ${list(choice.statusCodes.map(String))}`, `order: ${quoted(choice.order)}`);
    if (choice.suspend !== undefined) texts.push(`suspend: ${ejectionText(choice.suspend)}`);
  }
  if (choice?.kind === "balance") {
    if (choice.algorithm === "least-requests") texts.push(`algorithm: "least-requests"`);
    if (choice.ejection !== undefined) texts.push(`ejection: ${ejectionText(choice.ejection)}`);
  }
  if (maxInFlight !== undefined) texts.push(`maxInFlight: ${maxInFlight}`);
  if (resendMethods !== undefined) texts.push(`resendMethods: ${list(resendMethods.map(quoted))}`);
  if (retry !== undefined) {
    const { count, intervalMs, factor, maxMs, statusCodes, budget } = retry;
    texts.push(
      `retry: retries({ count: ${count}, intervalMs: ${intervalMs}, factor: ${factor}, maxMs: ${maxMs},
        statusCodes: ${list(statusCodes.map(String))}, budget: { ratio: ${budget.ratio}, perSecond: ${budget.perSecond} } })`,
    );
  }
  if (circuitBreaker !== undefined) {
    const { requestVolume, failureThreshold, windowMs, bucketMs, resetMs, statusCodes } = circuitBreaker;
    texts.push(
      `circuitBreaker: circuitBreaker({ requestVolume: ${requestVolume}, failureThreshold: ${failureThreshold},
        windowMs: ${windowMs}, bucketMs: ${bucketMs}, resetMs: ${resetMs}, statusCodes: ${list(statusCodes.map(String))} })`,
    );
  }
  return texts;
}

function ejectionText({ failures, initialMs, factor, maxMs, share, statusCodes }: EjectionModel): string {
  return `outlierEjection({ failures: ${failures}, initialMs: ${initialMs}, factor: ${factor}, maxMs: ${maxMs},
    share: ${share}, statusCodes: ${list(statusCodes.map(String))} })`;
}

function corsText(cors: CorsFacts): string {
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAgeSeconds } = cors;
  return `cors({ allowOrigins: ${list(allowOrigins.map(quoted))}, allowMethods: ${list(allowMethods.map(quoted))},
    allowHeaders: ${list(allowHeaders.map(quoted))}, exposeHeaders: ${list(exposeHeaders.map(quoted))},
    allowCredentials: ${allowCredentials}${maxAgeSeconds === undefined ? "" : `, maxAgeSeconds: ${maxAgeSeconds}`} })`;
}

/** All of `conditions.ts` below the imports; nothing where there is no such file. */
export function expectedConditions({ conditions }: GatewayPlan): readonly (readonly [string, string])[] {
  if (conditions === undefined) return [];
  const found = conditions.tiers.map((tier): [string, string] => {
    const groups = (tier.groups ?? []).map((group) => {
      const members = [`tier: ${quoted(group.name)}`, ...quota(group), `when: ${list(group.when.map(conditionText))}`];
      return `{ ${members.join(", ")} }`;
    });
    const symbol = tier.symbol ?? "";
    return [symbol, `export const ${symbol} = conditionalTier(${list(groups)}, ${tierText(tier)});`];
  });
  if (conditions.addressLimits.length > 0) {
    const entries = conditions.addressLimits.map(({ addresses, quota: limits }) => {
      const members = addresses === undefined ? [] : [`addresses: ${list(addresses.map(quoted))}`];
      if (limits !== undefined) members.push(`tier: ${quoted(limits.name)}`, ...quota(limits));
      return `{ ${members.join(", ")} }`;
    });
    found.push(["clientLimits", `export const clientLimits = addressLimits(${list(entries)});`]);
  }
  if (conditions.deny.length > 0) {
    found.push(["isDenied", `export const isDenied = denied(${list(conditions.deny.map(conditionText))});`]);
  }
  return found;
}

function conditionText(condition: Condition): string {
  switch (condition.kind) {
    case "user":
    case "application":
      return `${condition.kind}(${list(condition.names.map(quoted))})`;
    case "address":
      return inverted(condition.invert, `fromAddress(${list(condition.addresses.map(quoted))})`);
    default: {
      const call = condition.kind === "query" ? "queryParameter" : condition.kind;
      return inverted(condition.invert, `${call}(${quoted(condition.name)}, ${quoted(condition.pattern)})`);
    }
  }
}

function inverted(invert: boolean, call: string): string {
  return invert ? `not(${call})` : call;
}

/** One that depends on the request stands in a file of its own. */
function tierUseText(tier: ThrottleTier): string {
  return tier.symbol ?? tierText(tier);
}

function tierText(tier: QuotaModel): string {
  return `{ ${[`tier: ${quoted(tier.name)}`, ...quota(tier)].join(", ")} }`;
}

function quota({ count, windowMs, unitMs, burst, counted }: QuotaModel): string[] {
  const members = [`count: ${count}`, `windowMs: ${windowMs}`];
  if (unitMs !== windowMs) members.push(`unitMs: ${unitMs}`);
  if (burst !== undefined) members.push(`algorithm: sliding({ burst: ${burst} })`);
  if (counted === "all") members.push("counted: everyRequest");
  if (counted === "success") members.push("counted: successes");
  if (counted === "bytes") members.push("counted: bodyBytes");
  return members;
}

function list(items: readonly string[]): string {
  return `[${items.join(", ")}]`;
}
