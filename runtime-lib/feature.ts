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
  | "revocation"
  | "traffic-manager";

/**
 * A part of the runtime that does nothing unless the settings switch it on. Its code is read with the bundle: `import()` of it
 * would have esbuild wrap every module that it shares with others, which costs a start more than reading some functions.
 */
export interface Feature {
  readonly name: FeatureName;
  /** Whether these settings switch it on. Reads settings, and nothing else. */
  enabled(settings: Settings): boolean;
  /** What is then configured and closed with the other modules. */
  readonly module: RuntimeModule;
}
