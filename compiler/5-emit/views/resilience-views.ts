import type { BreakerModel, EjectionModel, RetryModel, UpstreamModel } from "../../model/gateway-model.ts";
import type { ImportList } from "../import-list.ts";
import type { SettingView } from "./template-views.ts";

type Setting = SettingView extends infer S ? (S extends unknown ? Omit<S, "first"> : never) : never;

/** What an upstream does with its failures and its load, in order. */
export function resilienceViews(upstream: UpstreamModel, imports: ImportList): readonly SettingView[] {
  const { timeouts, choice, maxInFlight, resendMethods, retry, circuitBreaker } = upstream;
  const settings: Setting[] = [];
  for (const name of ["connectMs", "headersMs", "idleMs", "totalMs"] as const) {
    const value = timeouts?.[name];
    if (value !== undefined) settings.push({ kind: "number", name, value });
  }
  if (choice?.kind === "failover") {
    settings.push({ kind: "numbers", name: "statusCodes", values: choice.statusCodes });
    settings.push({ kind: "text", name: "order", text: choice.order });
    if (choice.suspend !== undefined) settings.push(ejectionSetting("suspend", choice.suspend, imports));
  }
  if (choice?.kind === "balance") {
    if (choice.algorithm !== "round-robin") settings.push({ kind: "text", name: "algorithm", text: choice.algorithm });
    if (choice.ejection !== undefined) settings.push(ejectionSetting("ejection", choice.ejection, imports));
  }
  if (maxInFlight !== undefined) settings.push({ kind: "number", name: "maxInFlight", value: maxInFlight });
  if (resendMethods !== undefined) settings.push({ kind: "texts", name: "resendMethods", texts: resendMethods });
  if (retry !== undefined) settings.push(retrySetting(retry, imports));
  if (circuitBreaker !== undefined) settings.push(breakerSetting(circuitBreaker, imports));
  return listed(settings);
}

function ejectionSetting(name: string, ejection: EjectionModel, imports: ImportList): Setting {
  const { failures, initialMs, factor, maxMs, share, statusCodes } = ejection;
  return {
    kind: "policy",
    name,
    factory: imports.runtime("outlier-ejection", "outlierEjection"),
    members: listed([
      { kind: "number", name: "failures", value: failures },
      { kind: "number", name: "initialMs", value: initialMs },
      { kind: "fraction", name: "factor", value: factor },
      { kind: "number", name: "maxMs", value: maxMs },
      { kind: "fraction", name: "share", value: share },
      { kind: "numbers", name: "statusCodes", values: statusCodes },
    ]),
  };
}

function retrySetting(retry: RetryModel, imports: ImportList): Setting {
  const { count, intervalMs, factor, maxMs, statusCodes, budget } = retry;
  return {
    kind: "policy",
    name: "retry",
    factory: imports.runtime("retry", "retries"),
    members: listed([
      { kind: "number", name: "count", value: count },
      { kind: "number", name: "intervalMs", value: intervalMs },
      { kind: "fraction", name: "factor", value: factor },
      { kind: "number", name: "maxMs", value: maxMs },
      { kind: "numbers", name: "statusCodes", values: statusCodes },
      {
        kind: "group",
        name: "budget",
        members: listed([
          { kind: "fraction", name: "ratio", value: budget.ratio },
          { kind: "number", name: "perSecond", value: budget.perSecond },
        ]),
      },
    ]),
  };
}

function breakerSetting(breaker: BreakerModel, imports: ImportList): Setting {
  const { requestVolume, failureThreshold, windowMs, bucketMs, resetMs, statusCodes } = breaker;
  return {
    kind: "policy",
    name: "circuitBreaker",
    factory: imports.runtime("circuit-breaker", "circuitBreaker"),
    members: listed([
      { kind: "number", name: "requestVolume", value: requestVolume },
      { kind: "fraction", name: "failureThreshold", value: failureThreshold },
      { kind: "number", name: "windowMs", value: windowMs },
      { kind: "number", name: "bucketMs", value: bucketMs },
      { kind: "number", name: "resetMs", value: resetMs },
      { kind: "numbers", name: "statusCodes", values: statusCodes },
    ]),
  };
}

function listed(settings: readonly Setting[]): readonly SettingView[] {
  return settings.map((setting, index) => ({ ...setting, first: index === 0 }));
}
