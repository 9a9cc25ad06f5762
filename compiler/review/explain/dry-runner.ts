import { configureApis } from "../../../runtime-lib/api.ts";
import { apiKeyModule } from "../../../runtime-lib/auth-api-key.ts";
import { basicModule } from "../../../runtime-lib/auth-basic.ts";
import { dpopModule } from "../../../runtime-lib/auth-dpop.ts";
import { jwtModule } from "../../../runtime-lib/auth-jwt.ts";
import { mutualTlsModule } from "../../../runtime-lib/auth-mutual-tls.ts";
import type { BackendPool } from "../../../runtime-lib/backend.ts";
import { TrustedProxies } from "../../../runtime-lib/client-address.ts";
import type { EngineOptions } from "../../../runtime-lib/engine-options.ts";
import { extensions } from "../../../runtime-lib/extension.ts";
import { faultsOf } from "../../../runtime-lib/faults.ts";
import type { Handler } from "../../../runtime-lib/gateway.ts";
import { headerOverridesOf } from "../../../runtime-lib/header-overrides.ts";
import { withBuiltins } from "../../../runtime-lib/health.ts";
import { skewOf } from "../../../runtime-lib/jwt.ts";
import { log } from "../../../runtime-lib/log.ts";
import type { RuntimeModule } from "../../../runtime-lib/module.ts";
import { relayHeadFor } from "../../../runtime-lib/relay-head.ts";
import { pathRules } from "../../../runtime-lib/request-path.ts";
import { noService, withServices } from "../../../runtime-lib/services.ts";
import type { Settings } from "../../../runtime-lib/settings.ts";
import { subscriptionModule } from "../../../runtime-lib/subscriptions.ts";
import { DeclaredUpstream, upstreamModule } from "../../../runtime-lib/upstream.ts";
import { sendField } from "../../../runtime-lib/upstream-field.ts";
import { HttpParser } from "../../../runtime-lib/wire/llhttp.ts";
import { planGateway } from "../../4-plan/plan-gateway.ts";
import type { UpstreamModel } from "../../model/gateway-model.ts";
import type { GatewayPlan, RuntimeModuleName, UpstreamPlan } from "../../model/gateway-plan.ts";
import type { FeatureName } from "../../model/names.ts";
import type { Side } from "../side.ts";
import { recordCounters } from "./counted-keys.ts";
import { DryExchange } from "./dry-exchange.ts";
import { DryGateway, newTrace, type Trace } from "./dry-gateway.ts";
import { isOn, servicesOf } from "./features.ts";
import type { ReviewedRequest } from "./request.ts";
import {
  calledAs,
  remoteIssuers,
  type SettingsInput,
  settingsOf,
  unheard,
  withoutRemoteIssuers,
} from "./run-time-settings.ts";

/** What became of a request in a gateway that was only read. */
export interface DryRun {
  /** Undefined: what came is no request, and nothing but `refused` is known. */
  readonly x: DryExchange | undefined;
  /** An answer where there is no exchange yet. */
  readonly refused: NoRequest | undefined;
  readonly trace: Trace;
  /** The gateway's own service that took the request. */
  readonly service: string | undefined;
}

/** A declared upstream with the URLs that the settings give it. */
export interface BoundUpstream {
  readonly model: UpstreamModel;
  readonly bound: DeclaredUpstream;
}

/** Knows a gateway and its settings, and tells what becomes of requests. */
export interface DryRunner {
  readonly plan: GatewayPlan;
  readonly settings: Settings;
  readonly faults: EngineOptions["faults"];
  /** The settings were given. */
  readonly known: boolean;
  readonly upstreams: ReadonlyMap<UpstreamPlan, BoundUpstream>;
  readonly isOn: (feature: FeatureName) => boolean;
  /** It serves something of its own on the listener of tokens. */
  readonly hasTokenListener: boolean;
  run(request: ReviewedRequest): Promise<DryRun>;
}

/**
 * Reads a gateway's plan and its settings. Nothing is connected, fetched or written. The runtime's checks keep what they know
 * once in a process, so of several runners only the one that was opened last may be used. A list: what is wrong with the
 * settings, as the bundle would say it.
 */
export async function openDryRunner(
  { model }: Pick<Side, "model">,
  input: SettingsInput | undefined,
): Promise<DryRunner | readonly string[]> {
  const plan = planGateway(model);
  const { settings, report, checkOverrides } = settingsOf(model, input);
  const known = input !== undefined;
  configureApis(settings);
  const proxies = new TrustedProxies(settings.strings("castgate.trustedProxies") ?? []);
  for (const entry of proxies.malformed)
    report.error("castgate.trustedProxies", `"${entry}" is neither an address nor a network in CIDR notation`);
  const remote = remoteIssuers(settings);
  const isFeatureOn = (feature: FeatureName) => plan.features.includes(feature) && isOn(feature, settings);
  const upstreams = declareUpstreams(plan);
  const facts = {
    compatibility: model.compatibility,
    known,
    remoteIssuers: remote,
    introspects: known && isFeatureOn("introspection"),
    skewMs: skewOf(settings),
  };
  const jwtHeader = isFeatureOn("backend-jwt") ? (settings.string("jwtConfig.header") ?? "X-JWT-Assertion") : undefined;
  const dry = new DryGateway(plan, facts, (x, upstream) => relay(x as DryExchange, upstreams.get(upstream), jwtHeader));
  const headerOverrides = headerOverridesOf(settings, report);
  const local = withoutRemoteIssuers(settings);
  await ownCode(plan, dry).configure(local, unheard, openNothing);
  for (const name of plan.runtimeModules) {
    const module = checkedModules[name];
    if (module === undefined) continue;
    if (name === "auth-jwt" && remote.length > 0 && local.tables("jwtTokenConfig").length === 0) continue;
    await module.configure(local, known ? report : unheard, openNothing);
  }
  if (isFeatureOn("event-hub") && settings.boolean("apim.eventHub.enable") !== true)
    await subscriptionModule.configure(settings, unheard, openNothing);
  recordCounters();
  let service: string | undefined;
  const services = await servicesOf(plan, settings, known ? report : unheard, (segment) => {
    service = `/${segment}`;
  });
  if (known) checkOverrides();
  if (report.hasErrors) return report.lines();

  const builtins = withBuiltins(dry.gateway, () => undefined);
  const handlers = {
    api: withServices(builtins, "api", services, dry.gateway.builtinCors, plan.replacedServices),
    token: withServices(noService, "token", services, dry.gateway.builtinCors),
  };
  const faults = faultsOf(model.compatibility);
  let running: void | Promise<void>;
  const optionsFor = (handler: Handler): EngineOptions => ({
    handle: (x) => {
      running = handler(x);
      return running;
    },
    faults,
    pathRules: pathRules(model.compatibility, dry.gateway.encodedSlash === true),
    proxies,
    limits: {
      maxUriLength: settings.number("listenerConfig.maxUriLength") ?? 4096,
      maxHeaderSize: settings.number("listenerConfig.maxHeaderSize") ?? 8192,
      maxBodySize: settings.number("listenerConfig.maxEntityBodySize") ?? -1,
      maxPipelined: 10,
      headerTimeoutMs: 0,
      requestTimeoutMs: 0,
      idleTimeoutMs: 0,
      upgradeIdleMs: 0,
    },
    upgrades: plan.upgrades === true,
    via: settings.boolean("castgate.via") ?? model.compatibility === "standard",
    forwarded: settings.boolean("castgate.forwarded") === true,
    keepAlive: "auto",
    headerOverrides,
    serverName: settings.string("server.header") || undefined,
    log: log(),
    accessLog: false,
  });
  const options = { api: optionsFor(handlers.api), token: optionsFor(handlers.token) };

  return {
    plan,
    settings,
    faults,
    known,
    upstreams,
    isOn: isFeatureOn,
    hasTokenListener: services.some(({ listener }) => listener === "token"),
    async run(request) {
      const trace = newTrace();
      dry.trace = trace;
      service = undefined;
      running = undefined;
      if (!known && plan.runtimeModules.includes("auth-dpop"))
        await dpopModule.configure(calledAs(settings, originOf(request)), unheard, openNothing);
      const head = headOf(request, options.api);
      if (!(head instanceof HttpParser)) return { x: undefined, refused: head, trace, service };
      const peer = {
        address: request.from,
        trusted: proxies.trusts(request.from),
        certificate: () => request.certificate,
      };
      const x = new DryExchange(options[request.listener], peer, request.scheme, head);
      head.reset();
      if (x.begin()) {
        x.handle();
        await running;
      }
      return { x, refused: undefined, trace, service };
    },
  };
}

/** Those that decide something about a request without asking anybody. */
const checkedModules: Readonly<Partial<Record<RuntimeModuleName, RuntimeModule>>> = {
  "auth-api-key": apiKeyModule,
  "auth-basic": basicModule,
  "auth-dpop": dpopModule,
  "auth-jwt": jwtModule,
  "auth-mutual-tls": mutualTlsModule,
  upstream: upstreamModule,
};

function declareUpstreams({ apis }: GatewayPlan): ReadonlyMap<UpstreamPlan, BoundUpstream> {
  const plans = apis.flatMap((api) => [
    ...api.upstreams,
    ...api.groups.flatMap(({ handlers }) => handlers.flatMap(({ upstreams }) => upstreams)),
  ]);
  return new Map(
    plans.map((plan) => {
      const { overrideKey, timeoutMs, basicUsername, appendPath, pins, urls } = plan.upstream;
      const options = {
        key: overrideKey,
        timeoutMs,
        ...(basicUsername !== undefined && { basicUsername }),
        ...(appendPath === false && { appendPath }),
        ...(pins && { pins }),
      };
      return [plan, { model: plan.upstream, bound: new DeclaredUpstream(options, urls) }];
    }),
  );
}

/** The project's code that settings may name is not run: tokens stay as they are. */
function ownCode({ extensions: written }: GatewayPlan, dry: DryGateway): RuntimeModule {
  const standIn = (name: string) => (claims: Readonly<Record<string, unknown>>) => {
    dry.trace.assumptions.add(`extensions/${name}.ts, which is not run, leaves the token's claims as they are`);
    const { scope } = claims;
    return { ...claims, ...(Array.isArray(scope) && { scope: scope.join(" ") }) };
  };
  return extensions(Object.fromEntries(written.map(({ name }) => [name, { claimTransformer: standIn(name) }])));
}

/** As the client names it. */
function originOf({ scheme, headers }: ReviewedRequest): string {
  const host = headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? "";
  return `${scheme}://${host}`;
}

/** Makes the request that the first of the backend's URLs would get. */
function relay(x: DryExchange, upstream: BoundUpstream | undefined, jwtHeader: string | undefined): void {
  const [member] = upstream?.bound.members ?? [];
  if (upstream === undefined || member === undefined) throw new Error("an upstream has no URL");
  const { credentials } = upstream.model;
  const send = (name: string) => {
    sendField(x, { name, value: "" });
    x.hidden.add(name.toLowerCase());
  };
  if (jwtHeader !== undefined && hasToken(x)) send(jwtHeader);
  if (credentials?.type === "header") send(credentials.name);
  if (credentials?.type === "oauth2") send("Authorization");
  if (member.authorization !== undefined) x.hidden.add("authorization");
  void x.relay({ origin: member.target.origin, pool: x.pool }, relayHeadFor(x, member));
}

function hasToken({ caller }: DryExchange): boolean {
  return caller?.scheme === "jwt" || caller?.scheme === "opaque";
}

const nothing: BackendPool = {
  lendsBytes: false,
  send() {
    throw new Error("nothing is sent");
  },
  retire: async () => undefined,
  close: async () => undefined,
};

async function openNothing(): Promise<BackendPool> {
  return nothing;
}

interface NoRequest {
  readonly status: number;
  readonly description: string;
}

/** The request as the engine's parser reads it from its bytes, or what the engine says to bytes that are none. */
function headOf(request: ReviewedRequest, { limits }: EngineOptions): HttpParser | NoRequest {
  const fields = request.headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const text = `${request.method} ${request.target} HTTP/1.1\r\n${fields}\r\n`;
  const bytes = Buffer.from(text, "latin1");
  const parser = new HttpParser("request");
  parser.execute(bytes, 0, bytes.length);
  if (parser.failed !== undefined || !parser.headDone)
    return parser.failed === undefined && parser.headBytes > maxHead(limits)
      ? tooLong(parser, limits)
      : { status: 400, description: "The request is not HTTP/1.1" };
  if (parser.headBytes > maxHead(limits)) return tooLong(parser, limits);
  if (parser.method === "CONNECT") return { status: 400, description: "No tunnels" };
  return parser;
}

function maxHead({ maxUriLength, maxHeaderSize }: EngineOptions["limits"]): number {
  return maxUriLength + maxHeaderSize + 1024;
}

function tooLong(parser: HttpParser, { maxUriLength }: EngineOptions["limits"]): NoRequest {
  return parser.targetBytes > maxUriLength
    ? { status: 414, description: "The request target is too long" }
    : { status: 431, description: "The header fields are too long" };
}
