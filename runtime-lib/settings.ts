/**
 * The run-time settings as one resolved tree: command line over environment over file (T-OVR-04). Keys are the dotted
 * names of `micro-gw.conf`, case-sensitive. Values were checked against the schema before anybody reads them.
 */
export interface Settings {
  readonly compatibility: "wso2-3.2" | "standard";
  /** `--allow-known-defaults`: tests and trials only. */
  readonly allowKnownDefaults: boolean;
  /** A value as the schema types it; undefined when nobody set it and the schema has no default. */
  string(key: string): string | undefined;
  number(key: string): number | undefined;
  boolean(key: string): boolean | undefined;
  strings(key: string): readonly string[] | undefined;
  /** `[[name]]`: each element as settings of its own, with keys relative to it. */
  tables(name: string): readonly Settings[];
  /** `[name.<anything>]`: the names that stand below `name`, sorted, with their settings. */
  named(name: string): readonly (readonly [name: string, settings: Settings])[];
  /** Full name of a key for messages: `jwtTokenConfig[0].issuer`. */
  nameOf(key: string): string;
  /** An endpoint override (`myEndpoint_prod_endpoint_0`), from anywhere; marks it as known. */
  override(name: string): string | undefined;
  /** Where relative paths of the file are resolved from, and `${mgw-runtime.home}` expanded. */
  path(key: string): string | undefined;
}

/** Collects what is wrong with the settings. Any error stops the start with exit code 78, all of them listed. */
export interface SettingsReport {
  /** The value itself is never printed when the key may hold a secret. */
  error(key: string, message: string): void;
  warn(key: string, message: string): void;
}
