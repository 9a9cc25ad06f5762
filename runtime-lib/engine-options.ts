import type { TrustedProxies } from "./client-address.ts";
import type { Faults } from "./faults.ts";
import type { Handler } from "./gateway.ts";
import type { HeaderOverride } from "./header-overrides.ts";
import type { Log } from "./log.ts";
import type { PathRules } from "./request-path.ts";

/** What an HTTP engine needs to know. */
export interface EngineOptions {
  readonly handle: Handler;
  readonly faults: Faults;
  readonly pathRules: PathRules;
  readonly proxies: TrustedProxies;
  readonly limits: EngineLimits;
  readonly keepAlive: "auto" | "never";
  /** `Server` of the gateway's own answers; undefined: none is sent. A backend's passes (R-HDR-06). */
  readonly serverName: string | undefined;
  /** Fields whose values are replaced in requests and answers. */
  readonly headerOverrides: readonly HeaderOverride[];
  readonly log: Log;
  readonly accessLog: boolean;
  /** The gateway says in `Via` that messages came through it, and refuses those that go round. */
  readonly via?: boolean;
  /** Requests say in `Forwarded` whom they are from. */
  readonly forwarded?: boolean;
  /** Some request may change its connection to another protocol. */
  readonly upgrades?: boolean;
}

export interface EngineLimits {
  /** Characters of the request target (414). */
  readonly maxUriLength: number;
  /** Bytes of all header fields (431). */
  readonly maxHeaderSize: number;
  /** Bytes of a request body (413); -1: any. */
  readonly maxBodySize: number;
  /** Requests on one connection that wait for their answers; the next one gets 503 and ends the connection. */
  readonly maxPipelined: number;
  /** Milliseconds until the head of a request must be there (408). */
  readonly headerTimeoutMs: number;
  /** Milliseconds until the whole request must be there (408). */
  readonly requestTimeoutMs: number;
  /** Milliseconds without a byte: between requests, within a request body (408), while the client takes nothing. */
  readonly idleTimeoutMs: number;
  /** Milliseconds without a byte, either way, on a connection that has changed to another protocol. */
  readonly upgradeIdleMs: number;
}
