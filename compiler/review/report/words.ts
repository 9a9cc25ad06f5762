import type { ApiModel, GatewayModel, OperationModel, QuotaModel, TierUse } from "../../model/gateway-model.ts";
import type { ApiPlan, FinalStep, PolicyStep } from "../../model/gateway-plan.ts";
import { textOfCheck } from "../explain/texts.ts";

/** `1,223`: the same everywhere, whatever the locale. */
export function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** `1 operation`, `1,223 operations`. */
export function counted(n: number, noun: string): string {
  return `${grouped(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** Who may call, in one line: the checks of the caller taken together. */
export function accessText(
  operation: OperationModel,
  chain: readonly (PolicyStep | FinalStep)[],
  api: ApiPlan,
): string {
  const isBuilt = operation.backend.kind !== "not-built";
  if (operation.access.kind === "public") return isBuilt ? "anyone" : "anyone; it is answered with 501";
  if (!isBuilt) return "nobody: it is answered with 501";
  const found = { who: "", more: [] as string[] };
  for (const step of chain) {
    if (step.kind === "authenticate") found.who = textOfCheck.step(step, api);
    if (step.kind === "require-caller") found.more.push(`of ${step.caller === "app" ? "an application" : "a user"}`);
    if (step.kind === "require-scopes") found.more.push(`with ${textOfCheck.step(step, api)}`);
  }
  // What all ways in have in common stands apart from several of them.
  return [found.who, ...found.more].join(found.who.includes(", or ") ? "; " : " ");
}

/** What limits calls, a line for each level; empty: nothing does. */
export function limitTexts(
  gateway: GatewayModel,
  api: ApiModel,
  { throttle, denied }: OperationModel,
): readonly string[] {
  if (denied === true) return ["refused: a deny condition names this API"];
  return [
    ...(gateway.addressLimits === undefined ? [] : ["by client address"]),
    ...useTexts("the whole API", api.apiLimit),
    ...useTexts("this operation", throttle.resource),
    ...(throttle.fromCaller ? ["the caller's own subscription and application"] : []),
    ...useTexts("each client address", throttle.unauthenticated),
  ];
}

function useTexts(what: string, use: TierUse | undefined): readonly string[] {
  if (use === undefined) return [];
  if (use.kind === "undefined") return [`${what}: ${use.name} is not defined, so calls are answered with 500`];
  const { tier } = use;
  const more = [
    ...(tier.groups === undefined ? [] : ["other quotas by condition"]),
    ...(tier.stopOnQuota ? [] : ["counted, but nobody is stopped"]),
  ];
  return [`${what}: ${[`${tier.name}, ${quotaText(tier)}`, ...more].join("; ")}`];
}

/** `10 requests a minute`, `5 MB an hour`, `100 requests in 5 minutes, at most 10 at once`. */
export function quotaText({ count, windowMs, burst, counted: what }: QuotaModel): string {
  const amount = what === "bytes" ? bytesText(count) : counted(count, nounOf(what));
  return `${amount} ${windowText(windowMs)}${burst === undefined ? "" : `, at most ${grouped(burst)} at once`}`;
}

function nounOf(what: QuotaModel["counted"]): string {
  if (what === "success") return "successful request";
  return what === "all" ? "request, refused ones too" : "request";
}

function bytesText(count: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let [value, unit] = [count, 0];
  while (value >= 1024 && value % 1024 === 0 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${grouped(value)} ${units[unit]}`;
}

const windows: readonly (readonly [milliseconds: number, one: string, noun: string])[] = [
  [86_400_000, "a day", "day"],
  [3_600_000, "an hour", "hour"],
  [60_000, "a minute", "minute"],
  [1000, "a second", "second"],
];

function windowText(milliseconds: number): string {
  for (const [unit, one, noun] of windows) {
    if (milliseconds % unit === 0) return milliseconds === unit ? one : `in ${counted(milliseconds / unit, noun)}`;
  }
  return `in ${grouped(milliseconds)} ms`;
}
