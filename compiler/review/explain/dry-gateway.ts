import { type Api, api } from "../../../runtime-lib/api.ts";
import { type Alternative, authenticate, withholdCredentials } from "../../../runtime-lib/authenticate.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { isApplication, isUser } from "../../../runtime-lib/caller-kind.ts";
import { type Cors, cors } from "../../../runtime-lib/cors.ts";
import { fromClaimedDomain, fromDomain } from "../../../runtime-lib/domains.ts";
import type { Exchange } from "../../../runtime-lib/exchange.ts";
import type { Gateway } from "../../../runtime-lib/gateway.ts";
import { depthBelow } from "../../../runtime-lib/request-path.ts";
import * as answers from "../../../runtime-lib/respond.ts";
import { allScopes, anyScope, hasAllScopes, hasAnyScope } from "../../../runtime-lib/scopes.ts";
import { type Limit, type LimitChoice, limit, throttle } from "../../../runtime-lib/throttle.ts";
import { type Admission, managed, unknownTier } from "../../../runtime-lib/throttle-managed.ts";
import { mayUpgrade } from "../../../runtime-lib/upgrade.ts";
import type {
  ApiPlan,
  FinalStep,
  GatewayPlan,
  HandlerPlan,
  LimitsPlan,
  Mount,
  PolicyStep,
  RouteLeaf,
  UpstreamPlan,
} from "../../model/gateway-plan.ts";
import type { Identifier } from "../../model/names.ts";
import type { CheckKind } from "./explanation.ts";
import { matchRoute } from "./match-route.ts";
import { RuntimeTiers, tierOf } from "./runtime-tiers.ts";
import { type CredentialFacts, schemeOf } from "./schemes.ts";

/** What a request came to, step by step. */
export interface Trace {
  readonly passed: { readonly check: CheckKind; readonly assumed: boolean }[];
  /** An API lies there, but not for this scheme. */
  otherTransport: Mount | undefined;
  api: ApiPlan | undefined;
  leaf: RouteLeaf | undefined;
  handler: HandlerPlan | undefined;
  /** The check that has answered, or at which the gateway would fail; undefined: a backend answers. */
  stoppedBy: CheckKind | undefined;
  /** To which backend it goes. */
  upstream: UpstreamPlan | undefined;
  caller: Caller | undefined;
  readonly assumptions: Set<string>;
}

export function newTrace(): Trace {
  return {
    passed: [],
    otherTransport: undefined,
    api: undefined,
    leaf: undefined,
    handler: undefined,
    stoppedBy: undefined,
    upstream: undefined,
    caller: undefined,
    assumptions: new Set(),
  };
}

/** Does with a request what forwarding it would do, short of sending it. */
export type Send = (x: Exchange, upstream: UpstreamPlan) => void;

/**
 * A gateway that is not compiled but read off its plan, request by request: the same routes, the same checks of the runtime, in
 * the same order as generated code makes them. It notes what it does, and forwards nothing.
 */
export class DryGateway {
  readonly gateway: Gateway;
  /** The one of the request at hand: one at a time. */
  trace: Trace = newTrace();
  readonly #plan: GatewayPlan;
  readonly #tiers: RuntimeTiers;
  readonly #apis: ReadonlyMap<string, DryApi>;
  readonly #send: Send;

  constructor(plan: GatewayPlan, facts: Omit<CredentialFacts, "assume">, send: Send) {
    this.#plan = plan;
    this.#send = send;
    this.#tiers = new RuntimeTiers(plan);
    const assume = (text: string) => void this.trace.assumptions.add(text);
    this.#apis = new Map(plan.apis.map((one) => [one.slug, new DryApi(one, this.#tiers, { ...facts, assume })]));
    this.gateway = {
      compatibility: plan.compatibility,
      modules: [],
      builtinPaths: plan.builtinPaths,
      replacedServices: plan.replacedServices,
      ...(plan.builtinCors && { builtinCors: cors(plan.builtinCors) }),
      encodedSlash: plan.mounts.some((mount) => mount.allowEncodedSlash),
      upgrades: plan.upgrades === true,
      route: (x) => this.#route(x),
    };
  }

  /** As generated `gateway.ts`. */
  #route(x: Exchange): void | Promise<void> {
    const { trace } = this;
    for (const mount of this.#plan.mounts) {
      if (mount.transports.length === 1 && x.scheme !== mount.transports[0]) {
        if (depthBelow(x.path, mount.basePath) >= 0) trace.otherTransport ??= mount;
        continue;
      }
      if (!x.under(mount.basePath, mount.allowEncodedSlash ? { encodedSlash: true } : undefined)) {
        // A path that this API does not take is answered, and lies below nothing.
        if (x.status !== 0) {
          trace.stoppedBy = "path";
          return;
        }
        continue;
      }
      return this.#routeIn(x, this.#apis.get(mount.api) as DryApi);
    }
    trace.stoppedBy = trace.otherTransport === undefined ? "route" : "transport";
    answers.unknownApi(x, this.#plan.faults.global, this.gateway.builtinCors);
  }

  /** As a generated `router.ts`. */
  #routeIn(x: Exchange, at: DryApi): void | Promise<void> {
    const { trace } = this;
    const { plan, crossOrigin } = at;
    trace.api = plan;
    crossOrigin?.decorate(x);
    const leaf = matchRoute(plan.routes, x.segments);
    if (leaf === undefined) {
      trace.stoppedBy = "route";
      return answers.unknownResource(x, this.#plan.faults.api);
    }
    trace.leaf = leaf;
    const target = leaf.byMethod.find(({ method }) => method === x.method);
    if (target !== undefined) {
      const handler = at.handlers.get(target.symbol) as DryHandler;
      trace.handler = handler.plan;
      return this.#handle(x, at, handler);
    }
    trace.stoppedBy = "method";
    const methods = leaf.byMethod.map(({ method }) => method);
    if (x.method === "OPTIONS" && crossOrigin !== undefined) return crossOrigin.preflight(x, methods);
    if (x.method === "OPTIONS" && this.#plan.compatibility === "wso2-3.2") return answers.allow(x, methods);
    return answers.methodNotAllowed(x, methods, this.#plan.faults.api);
  }

  /** As a generated handler. */
  async #handle(x: Exchange, at: DryApi, handler: DryHandler): Promise<void> {
    const { trace } = this;
    x.operation = handler.plan.symbol;
    let caller: Caller | undefined;
    for (const step of handler.plan.chain) {
      const assumedBefore = trace.assumptions.size;
      trace.stoppedBy = checkOf(step);
      let passes: boolean;
      if (step.kind === "authenticate") {
        caller = await authenticate(x, at.api, handler.anyOf);
        trace.caller = caller;
        passes = caller !== undefined;
        if (!passes) answers.refuse(x);
      } else if (step.kind === "throttle") {
        const verdict = await (handler.limits as Admission).admit(x, caller);
        passes = verdict.allowed;
        if (!verdict.allowed) answers.tooManyRequests(x, verdict);
      } else passes = this.#pass(step, x, at, caller);
      if (!passes) return;
      trace.passed.push({ check: checkOf(step), assumed: trace.assumptions.size > assumedBefore });
    }
    trace.stoppedBy = undefined;
  }

  /** Makes one check that decides at once; what it refuses is answered. */
  #pass(
    step: Exclude<PolicyStep | FinalStep, { kind: "authenticate" | "throttle" }>,
    x: Exchange,
    at: DryApi,
    caller: Caller | undefined,
  ): boolean {
    switch (step.kind) {
      case "public":
        withholdCredentials(x, at.api);
        return true;
      case "require-scopes": {
        const { need, names } = step.scopes;
        const held = need === "any" ? hasAnyScope(known(caller), names) : hasAllScopes(known(caller), names);
        if (!held) answers.forbidden(x, known(caller), names);
        return held;
      }
      case "require-caller": {
        const right = step.caller === "app" ? isApplication(known(caller)) : isUser(known(caller));
        if (!right) answers.wrongCaller(x, step.caller === "app" ? "an application" : "a user");
        return right;
      }
      case "require-domain": {
        const { rule } = step;
        const right =
          "claim" in rule
            ? fromClaimedDomain(x, known(caller), rule.header, rule.claim)
            : fromDomain(x, rule.header, rule.values);
        if (!right) answers.domainRefused(x);
        return right;
      }
      case "upgrade": {
        const may = mayUpgrade(x, step.protocols, step.crossOrigin ? at.crossOrigin : undefined);
        if (!may) answers.originRefused(x);
        return may;
      }
      case "deny": {
        const denied = this.#tiers.isDenied(x, caller);
        if (denied) answers.blocked(x);
        return !denied;
      }
      case "blocked":
        answers.blocked(x);
        return false;
      case "require-key-type": {
        const right = known(caller).keyType === step.keyType;
        if (!right) answers.noEndpoint(x, known(caller).keyType);
        return right;
      }
      case "no-endpoint":
        answers.noEndpoint(x, step.keyType);
        return false;
      case "policy-missing":
        answers.policyMissing(x);
        return false;
      case "not-built":
        answers.notBuilt(x, step.features);
        return false;
      case "forward":
        return this.#forward(x, at, step.upstream);
      case "forward-by-key-type":
        return this.#forward(x, at, known(caller).keyType === "PRODUCTION" ? step.production : step.sandbox);
    }
  }

  #forward(x: Exchange, at: DryApi, symbol: Identifier): boolean {
    const { trace } = this;
    const upstream = [...(trace.handler?.upstreams ?? []), ...at.plan.upstreams].find((one) => one.symbol === symbol);
    if (upstream === undefined) throw new Error(`there is no upstream ${symbol}`);
    trace.upstream = upstream;
    this.#send(x, upstream);
    return true;
  }
}

/** What a step of a chain is called: which of two backends it is is no check of its own. */
export function checkOf({ kind }: PolicyStep | FinalStep): CheckKind {
  return kind === "forward-by-key-type" ? "forward" : kind;
}

function known(caller: Caller | undefined): Caller {
  if (caller === undefined) throw new Error("a check needs a caller, and nobody was authenticated");
  return caller;
}

/** What generated `shared.ts` declares, and the handlers. */
class DryApi {
  readonly plan: ApiPlan;
  readonly api: Api;
  readonly crossOrigin: Cors | undefined;
  readonly handlers: ReadonlyMap<Identifier, DryHandler>;

  constructor(plan: ApiPlan, tiers: RuntimeTiers, facts: CredentialFacts) {
    const { title, version, basePath, authHeader, challenges } = plan;
    this.plan = plan;
    this.api = api({ name: title, version, basePath, ...(authHeader !== undefined && { authHeader }), challenges });
    this.crossOrigin = plan.cors && cors(plan.cors);
    const schemes = new Map(plan.schemes.map((scheme) => [scheme.symbol, schemeOf(scheme, this.api, facts)]));
    const apiLimit = plan.apiLimit && (limit(this.api, tiers.of(plan.apiLimit) as never) as Limit | LimitChoice);
    const handlers = plan.groups.flatMap((group) => group.handlers);
    this.handlers = new Map(
      handlers.map((handler) => [
        handler.symbol,
        {
          plan: handler,
          anyOf: alternativesOf(handler, schemes),
          limits: limitsOf(handler, this.api, apiLimit, tiers),
        },
      ]),
    );
  }
}

interface DryHandler {
  readonly plan: HandlerPlan;
  readonly anyOf: readonly Alternative[];
  readonly limits: Admission | undefined;
}

function alternativesOf(
  { chain }: HandlerPlan,
  schemes: ReadonlyMap<Identifier, ReturnType<typeof schemeOf>>,
): readonly Alternative[] {
  const step = chain.find(({ kind }) => kind === "authenticate");
  if (step?.kind !== "authenticate") return [];
  return step.anyOf.map(({ allOf, scopes }) => ({
    allOf: allOf.map((symbol) => schemes.get(symbol) as ReturnType<typeof schemeOf>),
    ...(scopes && { scopes: (scopes.need === "any" ? anyScope : allScopes)(...scopes.names) }),
  }));
}

function limitsOf(
  handler: HandlerPlan,
  at: Api,
  apiLimit: Limit | LimitChoice | undefined,
  tiers: RuntimeTiers,
): Admission | undefined {
  const step = handler.chain.find(({ kind }) => kind === "throttle");
  if (step?.kind !== "throttle") return undefined;
  const { limits } = step;
  const own = isLimited(limits)
    ? throttle(at, handler.symbol, {
        ...(limits.address && tiers.addresses && { address: tiers.addresses }),
        ...(limits.api && apiLimit && { api: apiLimit }),
        ...(limits.resource && { resource: tiers.of(limits.resource) }),
        ...(limits.fromCaller && { caller: tiers.callers }),
        ...(limits.unauthenticated && { unauthenticated: tierOf(limits.unauthenticated) }),
      })
    : undefined;
  if (limits.managed === undefined) return own;
  return managed(at, limits.managed, own ?? (limits.missing === undefined ? undefined : unknownTier(limits.missing)));
}

function isLimited({ address, api: ofApi, resource, fromCaller, unauthenticated }: LimitsPlan): boolean {
  return address === true || ofApi || resource !== undefined || fromCaller || unauthenticated !== undefined;
}
