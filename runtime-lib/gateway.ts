import type { Cors } from "./cors.ts";
import type { Exchange } from "./exchange.ts";
import type { Feature } from "./feature.ts";
import type { RuntimeModule } from "./module.ts";

/** What generated/gateway.ts exports: the whole gateway as a value. */
export interface Gateway {
  readonly compatibility: "wso2-3.2" | "standard";
  readonly modules: readonly RuntimeModule[];
  /** What the settings can switch on; none unless given. */
  readonly features?: readonly Feature[];
  /** Served before any API route: `/health`, `/livez`, `/readyz`. */
  readonly builtinPaths: readonly string[];
  /** Services of features, `/apikey` and the like, in whose place an API stands on its listener; none unless given. */
  readonly replacedServices?: readonly string[];
  /** CORS of the built-in paths (T-CFG-09). */
  readonly builtinCors?: Cors;
  /** Some API may be called with `%2F` in a parameter; its `under` says so too. Otherwise such paths get 400 at once. */
  readonly encodedSlash?: boolean;
  /** Some operation passes changes of protocol on; otherwise nobody looks for them. */
  readonly upgrades?: boolean;
  /** Answers every request that is not for a built-in path. */
  readonly route: Handler;
}

/** A router or an operation's handler. What it returns settles when the exchange is answered. */
export type Handler = (x: Exchange) => void | Promise<void>;
