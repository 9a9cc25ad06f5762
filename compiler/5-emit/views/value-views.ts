import type { ThrottleTier, UpstreamModel } from "../../model/gateway-model.ts";
import type { UpstreamPlan } from "../../model/gateway-plan.ts";
import type { CorsFacts } from "../../model/loaded-project.ts";
import type { ImportList } from "../import-list.ts";
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
  const kind = urls.length === 1 ? "single" : "balanced";
  if (kind === "single") imports.runtime("upstream-single", "upstream");
  else imports.runtime("upstream-balanced", "balanced");
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
  };
}

function urlViews({ urls, fromEtcd }: UpstreamModel): readonly EndpointUrlView[] {
  const keys = new Map(fromEtcd?.map(({ index, key }) => [index, key]));
  return urls.map((url, index) => {
    const key = keys.get(index);
    return { first: index === 0, isFromEtcd: key !== undefined, etcdKey: key ?? "", url };
  });
}
