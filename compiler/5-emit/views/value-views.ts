import type { QuotaModel, ThrottleTier, UpstreamModel } from "../../model/gateway-model.ts";
import type { UpstreamPlan } from "../../model/gateway-plan.ts";
import type { CorsFacts } from "../../model/loaded-project.ts";
import type { ImportList } from "../import-list.ts";
import { bindingViews, credentialsView } from "./binding-views.ts";
import { resilienceViews } from "./resilience-views.ts";
import type { CorsView, EndpointUrlView, EndpointView, TierUseView, TierView } from "./template-views.ts";

export function corsView(cors: CorsFacts, imports: ImportList): CorsView {
  imports.runtime("cors", "cors");
  const { maxAgeSeconds } = cors;
  return { ...cors, hasMaxAge: maxAgeSeconds !== undefined, maxAgeSeconds: maxAgeSeconds ?? 0 };
}

const countedNames = { all: "everyRequest", success: "successes", bytes: "bodyBytes" } as const;

/** A tier with a quota that stops. */
export function tierView(tier: QuotaModel, imports: ImportList): TierView {
  const { name, count, unitMs, windowMs, burst, counted } = tier;
  if (burst !== undefined) imports.runtime("throttle-sliding", "sliding");
  return {
    tier: name,
    count,
    windowMs,
    hasUnit: unitMs !== windowMs,
    unitMs,
    isSliding: burst !== undefined,
    burst: burst ?? 0,
    hasCounted: counted !== undefined,
    counted: counted === undefined ? "" : imports.runtime("throttle-counted", countedNames[counted]),
    soft: false,
    isShared: false,
  };
}

/** A tier that callers name: only there may requests go on beyond the quota (R-THR-17), or users share a count (K-09). */
export function callerTierView(tier: ThrottleTier, imports: ImportList): TierView {
  return { ...tierView(tier, imports), soft: !tier.stopOnQuota, isShared: tier.key === "app" };
}

/** A tier, or the name of one that stands in `conditions.ts` because it depends on the request. */
export function tierUseView(tier: ThrottleTier, imports: ImportList): TierUseView {
  if (tier.symbol === undefined) return { isChosen: false, symbol: "", tier: tierView(tier, imports) };
  return { isChosen: true, symbol: imports.local("../conditions.js", tier.symbol), tier: undefined };
}

export function endpointView({ symbol, upstream }: UpstreamPlan, imports: ImportList): EndpointView {
  const { overrideKey: key, timeoutMs, pipelining, basicUsername } = upstream satisfies UpstreamModel;
  const urls = urlViews(upstream);
  if (upstream.fromEtcd !== undefined) imports.runtime("upstream-etcd", "etcd");
  const kind = kindOf(upstream);
  imports.runtime(`upstream-${kind}`, factories[kind]);
  return {
    kind,
    symbol,
    key,
    url: urls[0] as EndpointUrlView,
    urls,
    timeoutMs,
    hasPipelining: pipelining > 1,
    pipelining,
    hasUsername: basicUsername !== undefined,
    basicUsername: basicUsername ?? "",
    settings: [...bindingViews(upstream), ...resilienceViews(upstream, imports)],
    ...credentialsView(upstream, imports),
  };
}

const factories = { single: "upstream", guarded: "guarded", balanced: "balanced", failover: "failover" } as const;

/** A single backend without policies needs nothing but to be sent to. */
function kindOf({ urls, choice, retry, circuitBreaker, maxInFlight, timeouts }: UpstreamModel): EndpointView["kind"] {
  if (urls.length > 1) return choice?.kind === "failover" ? "failover" : "balanced";
  const isPlain = [retry, circuitBreaker, maxInFlight, timeouts?.totalMs].every((setting) => setting === undefined);
  return isPlain ? "single" : "guarded";
}

function urlViews({ urls, fromEtcd }: UpstreamModel): readonly EndpointUrlView[] {
  const keys = new Map(fromEtcd?.map(({ index, key }) => [index, key]));
  return urls.map((url, index) => {
    const key = keys.get(index);
    return { first: index === 0, isFromEtcd: key !== undefined, etcdKey: key ?? "", url };
  });
}
