import type { ThrottleTier, UpstreamModel } from "../../model/gateway-model.ts";
import type { UpstreamPlan } from "../../model/gateway-plan.ts";
import type { CorsFacts } from "../../model/loaded-project.ts";
import type { ImportList } from "../import-list.ts";
import { bindingViews, credentialsView } from "./binding-views.ts";
import { resilienceViews } from "./resilience-views.ts";
import type { CorsView, EndpointUrlView, EndpointView, TierView } from "./template-views.ts";

export function corsView(cors: CorsFacts, imports: ImportList): CorsView {
  imports.runtime("cors", "cors");
  const { maxAgeSeconds } = cors;
  return { ...cors, hasMaxAge: maxAgeSeconds !== undefined, maxAgeSeconds: maxAgeSeconds ?? 0 };
}

/** A tier with a quota that stops. */
export function tierView({ name, count, unitMs, windowMs }: ThrottleTier): TierView {
  return { tier: name, count, windowMs, hasUnit: unitMs !== windowMs, unitMs, soft: false };
}

/** A tier that callers name: only there may requests go on beyond the quota (R-THR-17). */
export function callerTierView(tier: ThrottleTier): TierView {
  return { ...tierView(tier), soft: !tier.stopOnQuota };
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
