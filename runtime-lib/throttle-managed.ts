import type { Api } from "./api.ts";
import type { Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";
import type { Verdict } from "./throttle.ts";

/** What decides whether a request may go on. */
export interface Admission {
  admit(x: Exchange, caller: Caller | undefined): Verdict | Promise<Verdict>;
}

/** What generated code says of an operation whose limits a traffic manager may take over. */
export interface ManagedOptions {
  readonly method: string;
  /** Below the base path: `/pet/{petId}`. */
  readonly template: string;
  /** The tier that the API names, whether or not policies.yaml has it (R-DTH-12). */
  readonly apiTier?: string;
  readonly resourceTier?: string;
}

/** An operation under the names that traffic managers know it by (section 3.2). */
export class ManagedOperation {
  readonly api: Api;
  readonly apiTier: string;
  readonly resourceTier: string;
  readonly apiKey: string;
  readonly resourceKey: string;
  /** The end of the keys of subscriptions and of clients without a token. */
  readonly apiSuffix: string;
  readonly tenant: string;

  constructor(api: Api, { method, template, apiTier = "", resourceTier = "Unlimited" }: ManagedOptions) {
    const { basePath, version } = api;
    const context = basePath === "/" ? "" : basePath;
    this.api = api;
    this.apiTier = apiTier;
    this.resourceTier = resourceTier;
    this.apiKey = `${context.endsWith(`/${version}`) ? context : `${context}/${version}`}:${version}`;
    this.resourceKey = `${context}/${version}${template}:${method}`;
    this.apiSuffix = `${basePath}:${version}`;
    this.tenant = /^\/t\/([^/]+)\//.exec(basePath)?.[1] ?? "carbon.super";
  }

  /** With a tier of its API, an operation has none of its own (R-THR-04). */
  get hasApiTier(): boolean {
    return this.apiTier !== "" && this.apiTier !== "Unlimited";
  }
}

/** Decides in place of the limits that are compiled in. */
export interface ThrottleManager {
  admit(x: Exchange, caller: Caller | undefined, operation: ManagedOperation): Verdict;
}

/** One process serves one gateway. */
let manager: ThrottleManager | undefined;

/** From now on `by` decides everywhere; undefined: the compiled limits do. */
export function manageThrottling(by: ThrottleManager | undefined): void {
  manager = by;
}

/** The limits of one operation: `local`, if there are any, unless the settings have a traffic manager decide. */
export function managed(api: Api, options: ManagedOptions, local?: Admission): Admission {
  const operation = new ManagedOperation(api, options);
  return {
    admit(x, caller) {
      if (manager !== undefined) return manager.admit(x, caller, operation);
      return local === undefined ? allowed : local.admit(x, caller);
    },
  };
}

const allowed: Verdict = { allowed: true, overQuota: false };

/** The limits of an operation whose tier nobody has defined: 500/900809 (S-ERR-22), unless a traffic manager decides. */
export function unknownTier(tier: string): Admission {
  const verdict: Verdict = {
    allowed: false,
    level: "resource",
    code: 900809,
    tier: { tier, count: 0, windowMs: 0 },
    retryAfterSeconds: 0,
  };
  return { admit: () => verdict };
}
