import { decoded } from "../../../runtime-lib/query.ts";
import { relayHeadFor } from "../../../runtime-lib/relay-head.ts";
import { at } from "../../diagnostics/place.ts";
import type { ApiModel } from "../../model/gateway-model.ts";
import type { ApiPlan, FinalStep, HandlerPlan, PolicyStep } from "../../model/gateway-plan.ts";
import type { SourceRef } from "../../model/source.ts";
import { type CodeLine, GeneratedLines } from "../generated-line.ts";
import type { Side, SidePlace } from "../side.ts";
import { type CounterUse, chargesOf, takeCounterUse } from "./counted-keys.ts";
import type { DryExchange } from "./dry-exchange.ts";
import { checkOf } from "./dry-gateway.ts";
import { type BoundUpstream, type DryRun, type DryRunner, openDryRunner } from "./dry-runner.ts";
import type {
  BackendUrl,
  CheckKind,
  CodePlace,
  ExplainedCheck,
  Explanation,
  GatewayAnswer,
  Outcome,
} from "./explanation.ts";
import type { ReviewedRequest } from "./request.ts";
import type { SettingsInput } from "./run-time-settings.ts";
import { textOfCheck } from "./texts.ts";

/** Tells what becomes of requests at one gateway. One at a time. */
export interface Explainer {
  explain(request: ReviewedRequest): Promise<Explanation>;
}

/**
 * Prepares to explain requests. `input` undefined: no run-time settings; credentials that are well-formed are assumed to be
 * right then. A list: what is wrong with the settings. Only the explainer that was opened last in a process may be used.
 */
export async function openExplainer(
  side: Side,
  input: SettingsInput | undefined,
): Promise<Explainer | readonly string[]> {
  const runner = await openDryRunner(side, input);
  if (!("run" in runner)) return runner;
  let lines: GeneratedLines | undefined;
  return {
    async explain(asked) {
      const request = withHost(asked, runner);
      takeCounterUse();
      const run = await runner.run(request);
      const counters = takeCounterUse();
      // A project's code is generated only where something of it is shown.
      if (run.trace.api !== undefined) lines ??= new GeneratedLines(await side.code());
      return new Explaining(side, lines, runner, request, run, counters, input).whole();
    },
  };
}

/** Clients name the host that they call: it is made up when nobody says it. */
function withHost(request: ReviewedRequest, { settings }: DryRunner): ReviewedRequest {
  if (request.headers.some(([name]) => name.toLowerCase() === "host")) return request;
  const port = settings.number(`listenerConfig.${request.scheme}Port`) ?? 0;
  return { ...request, headers: [["Host", `localhost:${port}`], ...request.headers] };
}

class Explaining {
  readonly #side: Side;
  readonly #lines: GeneratedLines | undefined;
  readonly #runner: DryRunner;
  readonly #request: ReviewedRequest;
  readonly #run: DryRun;
  readonly #use: CounterUse;
  readonly #input: SettingsInput | undefined;
  readonly #api: ApiModel | undefined;

  constructor(
    side: Side,
    lines: GeneratedLines | undefined,
    runner: DryRunner,
    request: ReviewedRequest,
    run: DryRun,
    use: CounterUse,
    input: SettingsInput | undefined,
  ) {
    this.#side = side;
    this.#lines = lines;
    this.#runner = runner;
    this.#request = request;
    this.#run = run;
    this.#use = use;
    this.#input = input;
    this.#api = side.model.apis.find(({ slug }) => slug === run.trace.api?.slug);
  }

  whole(): Explanation {
    const { x, trace } = this.#run;
    const { name, kind, model } = this.#side;
    const operation = trace.handler;
    const checks = this.#checks();
    const outcome = this.#outcome();
    const hasPath = x !== undefined && x.path.raw !== "-";
    return {
      version: 1,
      gateway: {
        name,
        kind,
        compatibility: model.compatibility,
        ...(this.#input?.file && { settings: this.#input.file.name }),
      },
      request: this.#explainedRequest(),
      ...(hasPath && {
        path: { normalised: x.path.raw, query: this.#withoutKeys(x.path.query), segments: x.path.segments },
      }),
      ...(this.#api && trace.api && { api: this.#explainedApi(this.#api) }),
      ...(operation && { operation: this.#operation(operation) }),
      checks,
      outcome,
      ...(trace.caller && {
        caller: {
          name: trace.caller.name,
          scheme: trace.caller.scheme,
          keyType: trace.caller.keyType,
          application: trace.caller.application.id,
        },
      }),
      charges: this.#charges(outcome.kind === "forwarded"),
      assumptions: this.#assumptions(outcome),
    };
  }

  #explainedRequest(): Explanation["request"] {
    const { method, target, scheme, listener, from, headers, certificate } = this.#request;
    const { x } = this.#run;
    return {
      method,
      target: this.#withoutKeys(target),
      scheme,
      listener,
      from,
      ...(x && { client: x.clientAddress }),
      headers: headers.map(([name]) => name),
      certificate: certificate !== undefined,
    };
  }

  /** API keys in a query are credentials. */
  #withoutKeys(target: string): string {
    const places = this.#runner.plan.apis.flatMap(({ schemes }) =>
      schemes.flatMap((scheme) => (scheme.kind === "api-key" ? scheme.locations : [])),
    );
    const names = new Set(places.filter((place) => place.in === "query").map(({ name }) => name));
    const start = target.indexOf("?") + 1;
    if (names.size === 0 || start === 0) return target;
    const parts = target.slice(start).split("&");
    return (
      target.slice(0, start) +
      parts.map((part) => (names.has(nameOf(part)) ? `${part.split("=")[0]}=***` : part)).join("&")
    );
  }

  #explainedApi({ title, version, basePath, slug, origin }: ApiModel): NonNullable<Explanation["api"]> {
    return { title, version, basePath, slug, source: this.#locate(origin) };
  }

  #operation({ symbol, method, template, origin }: HandlerPlan): NonNullable<Explanation["operation"]> {
    return { id: symbol, method, template, source: this.#locate(origin, "key"), ...this.#generated(undefined) };
  }

  /** The line of a check in the code of the operation; without a step, of its handler. */
  #generated(step: PolicyStep | FinalStep | undefined): { generated: CodePlace } | undefined {
    const { api, handler } = this.#run.trace;
    if (api === undefined || handler === undefined) return undefined;
    const found = this.#lines?.check(api.slug, handler.symbol, step?.kind);
    return found && { generated: this.#codePlace(found) };
  }

  /** Where the code that calls a handler, or that mounts an API, stands. */
  #generatedAt(file: string, pattern: RegExp): { generated: CodePlace } | undefined {
    const found = this.#lines?.line(file, pattern);
    return found && { generated: this.#codePlace(found) };
  }

  #codePlace({ file, line }: CodeLine): CodePlace {
    return { file: this.#side.kind === "bundle" ? this.#side.name : `generated/${file}`, line };
  }

  #locate(ref: SourceRef, target?: "key" | "value"): SidePlace {
    return this.#side.locate(at(ref, target));
  }

  #checks(): readonly ExplainedCheck[] {
    const { x, trace, service } = this.#run;
    const stopped = this.#stoppedBy();
    const result = stopped && this.#isRefusal ? "refused" : "answered";
    const checks: ExplainedCheck[] = [];
    for (const check of ["request", "path"] as const) {
      if (stopped === check) return [...checks, { check, result: "refused", text: this.#reason() }];
      checks.push({ check, result: "passed", text: textOfCheck[check] });
    }
    if (stopped === "service" || service !== undefined) {
      const text = `${service ?? x?.operation ?? "the path"} is served by the gateway itself, before any API`;
      return [...checks, { check: "service", result: "answered", text }];
    }
    const { api, leaf, handler, otherTransport } = trace;
    if (stopped === "transport" && otherTransport !== undefined) {
      const text = `the API at ${otherTransport.basePath} is served over ${otherTransport.transports.join()} only`;
      return [...checks, { check: "transport", result, text, ...this.#sourceOfApi(otherTransport.api) }];
    }
    if (api === undefined) return [...checks, { check: "route", result, text: "no API lies at this path" }];
    if (leaf === undefined) {
      const text = `${api.title} ${api.version} at ${api.basePath} has no such path`;
      return [...checks, { check: "route", result, text, ...this.#sourceOfApi(api.slug) }];
    }
    const methods = leaf.byMethod.map(({ method }) => method).join(", ");
    const route = `${leaf.template} of ${api.title} ${api.version}`;
    if (handler === undefined) {
      checks.push({ check: "route", result: "passed", text: route, ...this.#sourceOfApi(api.slug) });
      const text =
        result === "answered" ? `OPTIONS is not declared: the gateway answers it` : `only ${methods} is declared`;
      return [...checks, { check: "method", result, text }];
    }
    const source = { source: this.#locate(handler.origin, "key") };
    const generated = this.#generatedAt(
      `${api.slug}/router.ts`,
      new RegExp(`\\b${escaped(handler.symbol)}\\d*\\(x\\)`),
    );
    checks.push({ check: "route", result: "passed", text: route, ...source, ...generated });
    return [...checks, ...this.#steps(api, handler, stopped)];
  }

  #sourceOfApi(slug: string): { source: SidePlace } | undefined {
    const api = this.#side.model.apis.find((one) => one.slug === slug);
    return api && { source: this.#locate(api.origin) };
  }

  #steps(api: ApiPlan, handler: HandlerPlan, stopped: CheckKind | undefined): ExplainedCheck[] {
    const { passed } = this.#run.trace;
    return handler.chain.map((step, index) => {
      const done = passed[index];
      const origin = this.#originOf(step, api, handler);
      return {
        check: checkOf(step),
        result:
          done !== undefined
            ? done.assumed
              ? "assumed"
              : "passed"
            : index === passed.length && stopped !== undefined
              ? "refused"
              : "not reached",
        text: textOfCheck.step(step, api),
        ...(origin && { source: this.#locate(origin) }),
        ...this.#generated(step),
      };
    });
  }

  #originOf(step: PolicyStep | FinalStep, api: ApiPlan, handler: HandlerPlan): SourceRef | undefined {
    if ("origin" in step) return step.origin;
    const originOf = (symbol: string) =>
      [...handler.upstreams, ...api.upstreams].find((one) => one.symbol === symbol)?.upstream.origin;
    switch (step.kind) {
      case "forward":
        return originOf(step.upstream);
      case "forward-by-key-type":
        return this.#run.trace.upstream?.upstream.origin ?? originOf(step.production);
      case "throttle":
      case "require-key-type":
      case "no-endpoint":
      case "not-built":
        return handler.origin;
      case "deny":
      case "blocked":
        return undefined;
    }
  }

  /** What the request was answered by; undefined: it goes to a backend. */
  #stoppedBy(): CheckKind | undefined {
    const { x, trace, service } = this.#run;
    if (x === undefined) return "request";
    if (service !== undefined) return "service";
    if (trace.stoppedBy !== undefined) return trace.stoppedBy;
    if (x.answer === undefined) return undefined;
    if (x.operation !== undefined && trace.handler === undefined) return "service";
    return x.answer.refusal?.reason.startsWith("The request target is refused") ? "path" : "request";
  }

  get #isRefusal(): boolean {
    const { x } = this.#run;
    return x === undefined || x.answer?.refusal !== undefined;
  }

  #reason(): string {
    const { x, refused } = this.#run;
    return refused?.description ?? x?.answer?.refusal?.reason ?? "";
  }

  #outcome(): Outcome {
    const { x, refused, trace, service } = this.#run;
    if (service !== undefined) return { kind: "served", service };
    const check = this.#stoppedBy();
    if (x === undefined || refused !== undefined) {
      const { status, description } = refused ?? { status: 400, description: "" };
      const { body } = this.#runner.faults.byStatus(status, description);
      const headers = ["Content-Type", "application/json", "Connection", "close"];
      return { kind: "refused", check: "request", reason: description, ...answerOf(status, headers, body) };
    }
    if (x.answer !== undefined && check !== undefined) {
      const { status, fields, body, refusal } = x.answer;
      const answer = answerOf(status, fields, body);
      if (refusal === undefined) return { kind: "answered", check, ...answer };
      return { kind: "refused", check, reason: refusal.reason, ...answer };
    }
    const upstream = trace.upstream && this.#runner.upstreams.get(trace.upstream);
    if (upstream === undefined) throw new Error("a request was neither answered nor forwarded");
    return forwarded(x, upstream);
  }

  #charges(isForwarded: boolean): Explanation["charges"] {
    const { plan, settings, isOn } = this.#runner;
    if (isOn("traffic-manager")) return [];
    const prefix = plan.counters === undefined ? undefined : (settings.string("castgate.redis.keyPrefix") ?? "");
    return chargesOf(this.#use, isForwarded, prefix);
  }

  #assumptions(outcome: Outcome): readonly string[] {
    const { trace, x } = this.#run;
    const { known, isOn } = this.#runner;
    const found = [...trace.assumptions];
    if (trace.passed.some(({ check }) => check === "throttle")) {
      found.push(
        isOn("traffic-manager")
          ? "the traffic manager has nothing against the request: it decides in place of the limits"
          : this.#use.asked.length > 0
            ? "none of the quotas is used up"
            : "",
      );
    }
    if (outcome.kind === "forwarded" && isOn("backend-jwt") && trace.caller?.claims !== undefined)
      found.push("the token about the caller can be made for the backend");
    if (trace.caller !== undefined && known) {
      if (isOn("revocation")) found.push("the credential was not revoked");
      if (isOn("event-hub") && this.#runner.settings.boolean("apim.eventHub.enable") === true)
        found.push("the event hub knows a subscription, with the tiers that the token names");
    }
    if (outcome.kind === "forwarded" && outcome.urls.some(({ etcdKey }) => etcdKey !== undefined))
      found.push("etcd has no other URL for the backend");
    if (trace.stoppedBy === "authenticate" || trace.caller !== undefined)
      found.push("the client has not failed to log in too often within this minute");
    if (x?.operation === "/readyz") found.push("the gateway is ready");
    found.push(...missingListener(this.#runner, this.#request));
    return found.filter((text) => text !== "");
  }
}

/** What must be there for the request to reach the gateway at all. */
function missingListener({ settings, known, hasTokenListener }: DryRunner, request: ReviewedRequest): string[] {
  const { scheme, listener, certificate } = request;
  if (scheme === "http") return [];
  const found: string[] = [];
  if (known && settings.path("listenerConfig.keyStorePath") === undefined)
    found.push("there is a TLS listener: the settings have no key store for it");
  if (listener === "token" && !hasTokenListener)
    found.push("the listener of tokens is open: nothing is switched on that it would serve");
  if (settings.string("mutualSSLConfig.sslVerifyClient")?.toLowerCase() === "require" && certificate === undefined)
    found.push("the client gets through the TLS handshake: it has to show a certificate there");
  return found;
}

/** `$` may stand in a symbol. */
function escaped(symbol: string): string {
  return symbol.replaceAll("$", "\\$");
}

function answerOf(status: number, fields: readonly string[], body: Uint8Array): GatewayAnswer {
  const headers: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (!ofTheMoment.has(name.toLowerCase())) headers.push([name, fields[i + 1] as string]);
  }
  const text = Buffer.from(body).toString("utf8");
  const fault = faultIn(text);
  return { status, headers, body: text, ...(fault && { fault }) };
}

/** The name of a query parameter, decoded. */
function nameOf(part: string): string {
  return decoded(part.split("=")[0] ?? "");
}

/** Made for each request, or by what is left of quotas at the moment. */
const ofTheMoment: ReadonlySet<string> = new Set(["dpop-nonce", "ratelimit", "ratelimit-policy", "x-request-id"]);

function faultIn(body: string): GatewayAnswer["fault"] {
  if (!body.startsWith("{")) return undefined;
  const value = JSON.parse(body) as Record<string, unknown>;
  const found = (value.fault ?? value) as Record<string, unknown>;
  const code = Number(found.code ?? found.ERROR_CODE);
  if (Number.isNaN(code)) return undefined;
  const description = String(found.description ?? "");
  return { code, message: String(found.message ?? found.ERROR_MESSAGE ?? ""), description };
}

function forwarded(x: DryExchange, { model, bound }: BoundUpstream): Outcome {
  const { environment, overrideKey, fromEtcd, choice } = model;
  const { members } = bound;
  const urls = members.map((member, index): BackendUrl => {
    const etcdKey = fromEtcd?.find((one) => one.index === index)?.key;
    return {
      url: member.target.origin + relayHeadFor(x, member).path,
      setting: `${overrideKey}_endpoint_${index}`,
      ...(etcdKey !== undefined && { etcdKey }),
    };
  });
  const sent = x.sent?.headers ?? [];
  return {
    kind: "forwarded",
    environment,
    urls,
    ...(urls.length > 1 && {
      choice: choice?.kind === "failover" ? "failover" : (choice?.algorithm ?? "round-robin"),
    }),
    headers: { added: added(x, sent), removed: removed(x, sent) },
    ...(x.upgrade !== undefined && { upgrade: x.upgrade }),
  };
}

/** Made anew for each request. */
const madeUp = "x-request-id";

function added(x: DryExchange, sent: readonly string[]): readonly { readonly name: string; readonly value?: string }[] {
  const own = new Map<string, number>();
  for (let i = 0; i < x.rawHeaders.length; i += 2) {
    const field = `${x.rawHeaders[i]}\n${x.rawHeaders[i + 1]}`;
    own.set(field, (own.get(field) ?? 0) + 1);
  }
  const found: { name: string; value?: string }[] = [];
  for (let i = 0; i < sent.length; i += 2) {
    const [name, value] = [sent[i] as string, sent[i + 1] as string];
    const left = own.get(`${name}\n${value}`) ?? 0;
    if (left > 0) {
      own.set(`${name}\n${value}`, left - 1);
      continue;
    }
    const hidden = x.hidden.has(name.toLowerCase()) || name.toLowerCase() === madeUp;
    found.push(hidden ? { name } : { name, value });
  }
  return found;
}

/** Written anew for the connection to the backend. */
const framing: readonly string[] = ["connection", "content-length", "host", "transfer-encoding"];

/** Fields of the client whose names the backend does not see. */
function removed(x: DryExchange, sent: readonly string[]): readonly string[] {
  const agreed = x.upgrade === undefined ? [] : ["upgrade"];
  const left = new Set([
    ...framing,
    ...agreed,
    ...sent.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()),
  ]);
  const names = x.rawHeaders.filter((_, i) => i % 2 === 0);
  return [...new Set(names.filter((name) => !left.has(name.toLowerCase())))];
}
