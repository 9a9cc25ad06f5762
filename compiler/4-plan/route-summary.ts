import type {
  Access,
  Alternative,
  ApiModel,
  GatewayModel,
  OperationModel,
  ScopeRule,
  TierUse,
  UpstreamModel,
} from "../model/gateway-model.ts";
import type { RouteSummary } from "../model/gateway-plan.ts";

/** One operation in one line of `routes.txt`: what a reviewer of a diff must see of it. */
export function summarize(gateway: GatewayModel, api: ApiModel, operation: OperationModel): RouteSummary {
  const denied = operation.denied === true;
  const more = moreText(api, operation);
  return {
    access: accessText(operation.access),
    tiers: denied ? "denied" : tierText(gateway, api, operation),
    upstream: denied ? "403 (deny condition)" : upstreamText(operation),
    ...(more.length > 0 && { more }),
  };
}

function moreText(api: ApiModel, { caller, domains, upgrades }: OperationModel): NonNullable<RouteSummary["more"]> {
  const more: { name: string; text: string }[] = [];
  if (caller !== undefined) more.push({ name: "caller", text: caller.kind });
  if (domains !== undefined) {
    const { rule } = domains;
    const names = "claim" in rule ? `claim ${rule.claim}` : rule.values.join(",");
    more.push({ name: "domain", text: `${rule.header} in ${names}` });
  }
  if (upgrades !== undefined) {
    const origins = api.cors === undefined ? "any origin" : "origins of cors";
    more.push({ name: "upgrade", text: `${upgrades.protocols.join(",")} (${origins})` });
  }
  return more;
}

function accessText(access: Access): string {
  if (access.kind === "public") return `public (${openedBy(access)})`;
  return access.anyOf.map(alternativeText).join(" | ");
}

/** What makes an operation public, and the reason that its definition gives. */
export function openedBy({ why, reason }: { readonly why: string; readonly reason?: string }): string {
  return reason === undefined ? why : `${why}; ${reason}`;
}

function alternativeText({ allOf, scopes }: Alternative): string {
  const schemes = allOf.map((scheme) => {
    if (scheme.kind === "oauth2") return scheme.dpop === undefined ? "jwt" : `jwt(dpop ${scheme.dpop})`;
    if (scheme.kind === "basic") return "basic";
    if (scheme.kind === "mutual-tls") return scheme.presence === "mandatory" ? "certificate" : "certificate(optional)";
    return `api-key(${scheme.locations.map((location) => `${location.in}:${location.name}`).join(",")})`;
  });
  return schemes.join("+") + (scopes === undefined ? "" : `[${scopeText(scopes)}]`);
}

function scopeText({ need, names }: ScopeRule): string {
  return names.length === 1 ? names[0] : `${need} of ${names.join(" ")}`;
}

function tierText({ deny, addressLimits }: GatewayModel, api: ApiModel, { throttle }: OperationModel): string {
  const tiers = [
    ...(deny === undefined ? [] : ["deny"]),
    ...(addressLimits === undefined ? [] : ["address"]),
    ...useText("api", api.apiLimit),
    ...useText("resource", throttle.resource),
    ...(throttle.fromCaller ? ["caller"] : []),
    ...useText("unauthenticated", throttle.unauthenticated),
  ];
  return tiers.length === 0 ? "-" : tiers.join(",");
}

function useText(level: string, use: TierUse | undefined): string[] {
  if (use === undefined) return [];
  if (use.kind === "undefined") return [`${level}:${use.name}(undefined)`];
  return [`${level}:${use.tier.name}${use.tier.groups === undefined ? "" : "(by condition)"}`];
}

function upstreamText({ backend }: OperationModel): string {
  if (backend.kind === "not-built") return `501 (${backend.features.join(", ")})`;
  return [memberText("production", backend.production), memberText("sandbox", backend.sandbox)]
    .filter((text) => text !== "")
    .join(" ");
}

function memberText(environment: string, upstream: UpstreamModel | undefined): string {
  if (upstream === undefined) return "";
  const keys = new Map(upstream.fromEtcd?.map(({ index, key }) => [index, key]));
  const urls = upstream.urls.map((url, index) => (keys.has(index) ? `etcd(${keys.get(index)},${url})` : url));
  return `${environment}=${upstream.overrideKey}:${urls.join(",")}`;
}
