import type { UpstreamModel } from "./gateway-model.ts";
import type { Compatibility, FeatureName, HttpMethod } from "./names.ts";

/**
 * What a bundle says of itself: it stands in the bundle, and beside it. Lists only, no keys out of definitions: a key `__proto__`
 * would be more than a name.
 */
export interface Manifest {
  /** Of this format. */
  readonly manifest: 2;
  /** The compiler and its version. */
  readonly name: "castgate";
  readonly version: string;
  /** `name@version` of each library that the compiler itself was made of. Sorted. */
  readonly tools: readonly string[];
  readonly compatibility: Compatibility;
  /**
   * Every file that was read, by the SHA-256 of its content as canonical JSON (RFC 8785): layout and comments do not count.
   * The project's own code, by that of its text.
   */
  readonly inputs: readonly FileDigest[];
  /** Every generated file, by the SHA-256 of its text. */
  readonly generated: readonly FileDigest[];
  readonly operations: readonly OperationEntry[];
  /** `GET /base/path` of each operation that anybody may call. */
  readonly publicOperations: readonly string[];
  readonly endpoints: readonly EndpointEntry[];
  /** Where requests go, as far as that is compiled in. By origin. */
  readonly hosts: readonly HostEntry[];
  /** Settings that name further hosts. Sorted; `[]` and `*` as in `environment`. */
  readonly hostSettings: readonly string[];
  /**
   * The environment variables that a start reads. Sorted; `*` stands for a name that the user chooses. Besides, those that a
   * setting names as `@env:{NAME}`.
   */
  readonly environment: readonly string[];
  /** What the settings can switch on. Sorted. */
  readonly features: readonly FeatureName[];
  /** `castgate/runtime/*` in this bundle. */
  readonly modules: readonly string[];
  /** `name@version` of each library of which something is in this bundle. */
  readonly libraries: readonly string[];
  /** All that was decided when the bundle was made. */
  readonly model: PackedModel;
  /** SHA-256 of the bundle as it is with zeros for these 64 digits. */
  readonly self: { readonly sha256: string };
}

export interface FileDigest {
  readonly file: string;
  readonly sha256: string;
}

export interface OperationEntry {
  readonly api: string;
  readonly operation: string;
  readonly method: HttpMethod;
  /** With the base path. */
  readonly path: string;
  readonly access: AccessEntry;
}

/** `public`, or alternatives: any one of them, each with all of its schemes. */
export type AccessEntry = "public" | readonly AlternativeEntry[];

export interface AlternativeEntry {
  readonly schemes: readonly string[];
  readonly scopes?: { readonly need: "any" | "all"; readonly names: readonly string[] };
}

export interface EndpointEntry {
  /** `<key>_endpoint_<i>` is the setting that replaces the URL `i`. */
  readonly key: string;
  readonly environment: "production" | "sandbox";
  readonly urls: readonly string[];
  /** Those of them that hold only until etcd has another one. */
  readonly fromEtcd?: UpstreamModel["fromEtcd"];
}

export interface HostEntry {
  /** `https://pets.internal`; a URL that has none is as it was written. */
  readonly origin: string;
  /** A backend; or who issues the access tokens that a backend wants. */
  readonly use: "backend" | "token";
  /** The settings that put another URL in its place. Sorted. */
  readonly settings: readonly string[];
}

/**
 * A gateway's model with each thing that occurs twice in it only once.
 *
 * - `shapes`: the members of each kind of object, `kind origin why`; one that is there, but undefined, ends in `?`.
 * - `texts`: every text of the model, sorted. The first character says how much of the text before it begins this one, too:
 *   `0-9A-Za-z` for 0 to 61 characters.
 * - `others`: every number, `true`, `false` and `null`.
 * - `parts`: JSON of numbers. An array is an object, `[shape, ...members]`, or a list, `[-1, ...items]`. A number is one of the
 *   texts; beyond those one of the others; a negative one is a part that occurs more than once, -1 the first. The last part is
 *   the model.
 */
export interface PackedModel {
  readonly shapes: readonly string[];
  readonly texts: readonly string[];
  readonly others: readonly (number | boolean | null)[];
  readonly parts: string;
}
