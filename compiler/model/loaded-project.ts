import type { Compatibility, FeatureName } from "./names.ts";
import type { Cursor, SourceDocument, SourceRef } from "./source.ts";

/** What 1-load hands on: parsed files with their places. No meaning yet. */
export interface LoadedProject {
  /** `name` in castgate.yaml, else the folder's name. Never inside generated code or bundle. */
  readonly name: string;
  readonly settings: ProjectSettings;
  /** Every file that was read, referenced ones too, by project-relative name. */
  readonly documents: ReadonlyMap<string, SourceDocument>;
  /** By file name. */
  readonly definitions: readonly Definition[];
  /** By file name, then by name of the service. */
  readonly services: readonly ServiceDefinition[];
  /** policies.yaml; undefined when the project has none. */
  readonly policies: Cursor | undefined;
  /** `policies/*.xml`, by name. */
  readonly tierFiles: readonly Cursor[];
  readonly toolkit: ToolkitConfig;
  /** The project's own TypeScript, by name. */
  readonly extensions: readonly ExtensionFile[];
  /** Every file of it that becomes part of a bundle, by project-relative name. */
  readonly code: ReadonlyMap<string, CodeFile>;
  /** Files that ask for features of their own: edited `.bal`, `interceptors/`, `[[filters]]`. */
  readonly extras: ProjectExtras;
}

/** castgate.yaml. Every key optional; unknown keys are errors. */
export interface ProjectSettings {
  readonly compatibility: Compatibility;
  /** What the run-time settings can switch on, as the project lists it. Sorted. */
  readonly features: readonly FeatureName[];
  /** Warning codes that are not shown. */
  readonly ignore: readonly string[];
  /** Well-formed ones, as they are written. */
  readonly accepted: readonly AcceptedEntry[];
  readonly denyWarnings: boolean;
}

/** A change that is made on purpose, as `castgate diff` names it. */
export interface AcceptedEntry {
  /** Code of the change. */
  readonly change: string;
  /** Where it is made, in the words of `diff`. */
  readonly on: string;
  /** `d1-...`: this change with these values at these operations, and no other. */
  readonly fingerprint: string;
  readonly reason: string;
  /** The last day on which it counts, in UTC: `2027-01-31`. */
  readonly expires: string;
  readonly ref: SourceRef;
}

export interface Definition {
  readonly file: string;
  readonly version: "2.0" | "3.0" | "3.1";
  readonly root: Cursor;
  /** What the specification's own parser and schema say of it; graded by 2-check, never thrown. */
  readonly findings: readonly SpecFinding[];
}

/** A service of a `.proto` file: an API of its own (T-GRPC-06). `root` holds `name`, `options` and `methods`. */
export interface ServiceDefinition {
  readonly file: string;
  readonly root: Cursor;
  /** Those of the whole file. */
  readonly fileOptions: Cursor | undefined;
}

export interface SpecFinding {
  readonly ref: SourceRef;
  readonly message: string;
  /** The value when absent; `missing`: a key that the object lacks. */
  readonly target?: "key" | "missing";
}

/** `conf/toolkit-config.toml`, shipped values where absent (T-CFG). */
export interface ToolkitConfig {
  /** T-CFG-11: JSON 404 and 405 inside an API. */
  readonly apiFaultResponses: boolean;
  /** T-CFG-12: JSON 404 for unknown base paths. */
  readonly globalFaultResponses: boolean;
  /** T-CFG-09: CORS for the built-in services only. */
  readonly builtinCors: CorsFacts | undefined;
}

/** Also what `x-wso2-cors` says (T-EXT-22). Empty lists mean "any". */
export interface CorsFacts {
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  /** How long browsers may keep the answer to a preflight; -1: not at all. Absent: what the compatibility says. */
  readonly maxAgeSeconds?: number;
}

/** What a file of `extensions/` can export, as `runtime-lib/extension.ts` has it. */
export const extensionExports = ["claimTransformer"] as const satisfies readonly string[];
export type ExtensionExport = (typeof extensionExports)[number];

/** A file directly in `extensions/`. */
export interface ExtensionFile {
  /** Its name without `.ts`, by which settings refer to it; a slug. */
  readonly name: string;
  readonly file: string;
  readonly exported: ExtensionExport;
}

export interface CodeFile {
  readonly file: string;
  readonly text: string;
  /** What it imports, by the words of the import: project-relative names. Types are not listed. */
  readonly imports: ReadonlyMap<string, string>;
}

export interface ProjectExtras {
  /** Custom filters of deployment-config.toml, by name (T-GEN-19). */
  readonly filters: readonly { readonly name: string; readonly ref: SourceRef }[];
  /** Enabled tables of deployment-config.toml that are not built yet: `docker`, `kubernetes`. */
  readonly deployments: readonly { readonly name: string; readonly ref: SourceRef }[];
  /** `.bal` and `.jar` files that the user wrote; the untouched ones of the original's `init` are not listed. */
  readonly codeFiles: readonly string[];
}
