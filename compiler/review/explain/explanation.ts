import type { Compatibility, HttpMethod } from "../../model/names.ts";
import type { SidePlace } from "../side.ts";

/**
 * What becomes of one request, as `castgate explain --format=json` prints it: nothing was sent anywhere to find out. Its schema
 * is `explanation.schema.json`.
 */
export interface Explanation {
  /** Of this format. */
  readonly version: 1;
  readonly gateway: {
    readonly name: string;
    readonly kind: "project" | "revision" | "bundle";
    readonly compatibility: Compatibility;
    /** The run-time settings that hold, as they were named; absent: the defaults, and credentials are assumed to be right. */
    readonly settings?: string;
  };
  readonly request: ExplainedRequest;
  /** The path in its one form; absent when the request has none that is accepted. */
  readonly path?: {
    /** As it is forwarded: percent-encoded unreserved characters decoded, hex digits upper case. */
    readonly normalised: string;
    /** With its `?`; empty when there is none. */
    readonly query: string;
    /** As they are matched. */
    readonly segments: readonly string[];
  };
  readonly api?: {
    readonly title: string;
    readonly version: string;
    readonly basePath: string;
    readonly slug: string;
    readonly source: SidePlace;
  };
  readonly operation?: {
    /** As logs and generated code call it. */
    readonly id: string;
    readonly method: HttpMethod;
    /** Below the base path, as written. */
    readonly template: string;
    readonly source: SidePlace;
    readonly generated?: CodePlace;
  };
  /** In the order in which they are made; those behind a refusal stand there too. */
  readonly checks: readonly ExplainedCheck[];
  readonly outcome: Outcome;
  /** Who calls, as far as that was established. */
  readonly caller?: {
    readonly name: string;
    readonly scheme: string;
    readonly keyType: "PRODUCTION" | "SANDBOX";
    readonly application: string;
  };
  /** What is counted if the request is let through; empty when nothing is. */
  readonly charges: readonly Charge[];
  /** What had to be taken for granted, because only a running gateway or another system knows it. */
  readonly assumptions: readonly string[];
}

export interface ExplainedRequest {
  readonly method: string;
  readonly target: string;
  readonly scheme: "http" | "https";
  readonly listener: "api" | "token";
  /** The socket's peer. */
  readonly from: string;
  /** Whose requests are counted together: the peer, or whom trusted proxies name. Absent when no request came to be. */
  readonly client?: string;
  /** Names of the header fields, in their order: values may be credentials. */
  readonly headers: readonly string[];
  readonly certificate: boolean;
}

/** A line of generated code; of a bundle, a line of the bundle. */
export interface CodePlace {
  readonly file: string;
  readonly line: number;
}

/** What refuses, answers or passes. Those from `public` on are steps of the operation, as generated code names them. */
export const checkKinds = [
  /** The form of the request, its size, its host. */
  "request",
  /** Its target is a path that all parties read alike. */
  "path",
  "service",
  "route",
  /** The API is not served over this scheme. */
  "transport",
  "method",
  "public",
  "authenticate",
  "require-caller",
  "require-scopes",
  "require-domain",
  "upgrade",
  "blocked",
  "deny",
  "throttle",
  "policy-missing",
  "require-key-type",
  "no-endpoint",
  "not-built",
  "forward",
] as const;
export type CheckKind = (typeof checkKinds)[number];

export interface ExplainedCheck {
  readonly check: CheckKind;
  /** `assumed`: it passes if what was taken for granted is so. */
  readonly result: "passed" | "assumed" | "refused" | "answered" | "not reached";
  readonly text: string;
  readonly source?: SidePlace;
  readonly generated?: CodePlace;
}

export type Outcome =
  /** A backend answers. */
  | {
      readonly kind: "forwarded";
      readonly environment: "production" | "sandbox";
      /** Where the request may go; several: as `choice` says. */
      readonly urls: readonly BackendUrl[];
      readonly choice?: "round-robin" | "least-requests" | "failover";
      readonly headers: {
        /** What the backend gets beside the client's own fields; without a value: a credential, or known only at run time. */
        readonly added: readonly { readonly name: string; readonly value?: string }[];
        /** Fields of the client that it does not get. */
        readonly removed: readonly string[];
      };
      /** The connection may change to this protocol. */
      readonly upgrade?: string;
    }
  /** The gateway answers by itself: a fault. */
  | ({ readonly kind: "refused"; readonly check: CheckKind; readonly reason: string } & GatewayAnswer)
  /** The gateway answers by itself: a preflight, a built-in path. */
  | ({ readonly kind: "answered"; readonly check: CheckKind } & GatewayAnswer)
  /** A service of the gateway itself takes the request; what it says depends on more than the request. */
  | { readonly kind: "served"; readonly service: string };

export interface BackendUrl {
  readonly url: string;
  /** Where the definition has another one: the setting that replaces it. */
  readonly setting: string;
  /** It holds until etcd has another one, under this key. */
  readonly etcdKey?: string;
}

export interface GatewayAnswer {
  readonly status: number;
  /** Without those that differ from one moment to the next: ids, what is left of quotas. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly fault?: { readonly code: number; readonly message: string; readonly description: string };
}

export interface Charge {
  readonly level: "address" | "api" | "resource" | "subscription" | "application" | "unauthenticated";
  readonly tier: string;
  /** The counter's key, as the runtime names it. */
  readonly key: string;
  /** Its name in Redis, where policies.yaml has requests counted there. */
  readonly storedAs?: string;
  readonly count: number;
  readonly windowMs: number;
  readonly counted: "requests" | "successes" | "all requests" | "bytes";
  /** Beyond the quota requests are refused. */
  readonly stops: boolean;
}
