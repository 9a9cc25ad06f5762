import type { RuntimeModule } from "./module.ts";
import type { Settings } from "./settings.ts";

/**
 * What the settings can switch on, under the names that `features` in castgate.yaml has. In a bundle of `wso2-3.2` each of
 * them is there, since the original switched them on the same way; in one of `standard` those that the project lists.
 */
export type FeatureName =
  | "api-key-issuer"
  | "backend-jwt"
  | "event-hub"
  | "introspection"
  | "key-manager-proxies"
  | "revocation";

/** A part of the runtime that is loaded only when the settings switch it on. */
export interface Feature {
  readonly name: FeatureName;
  /** Whether these settings switch it on. Reads settings, and nothing else. */
  enabled(settings: Settings): boolean;
  /** Loads it. Called once, at start, when it is switched on. */
  load(): Promise<RuntimeModule>;
}
