import { createHash } from "node:crypto";
import type { Access, GatewayModel, OperationModel, UpstreamModel } from "../model/gateway-model.ts";
import type { GeneratedFile } from "../model/generated-file.ts";
import type { LoadedProject } from "../model/loaded-project.ts";
import type { Compatibility, HttpMethod } from "../model/names.ts";
import type { SourceDocument } from "../model/source.ts";
import { canonicalJson } from "./canonical-json.ts";

/**
 * What a bundle says of itself. Lists only, no keys out of definitions: it is printed as a JavaScript literal, where a
 * key `__proto__` would be more than a name.
 */
export interface Manifest {
  /** Of this format. */
  readonly manifest: 1;
  /** The compiler and its version. */
  readonly name: "castgate";
  readonly version: string;
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
  /** `castgate/runtime/*` in this bundle. */
  readonly modules: readonly string[];
  /** `name@version` of each library of which something is in this bundle. */
  readonly libraries: readonly string[];
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

/** The part of the manifest that is known before bundling. */
export function describeGateway(
  version: string,
  project: LoadedProject,
  model: GatewayModel,
  generated: readonly GeneratedFile[],
): Omit<Manifest, "modules" | "libraries"> {
  const operations = model.apis.flatMap((api) =>
    api.operations.map((operation) => describeOperation(api.slug, api.basePath, operation)),
  );
  return {
    manifest: 1,
    name: "castgate",
    version,
    compatibility: model.compatibility,
    inputs: [...digests(project, (document) => canonicalJson(document.value)), ...codeDigests(project)].sort(byFile),
    generated: generated.map(({ file, text }) => ({ file, sha256: sha256(text) })).sort(byFile),
    operations,
    publicOperations: operations
      .filter(({ access }) => access === "public")
      .map(({ method, path }) => `${method} ${path}`),
    endpoints: describeEndpoints(model),
  };
}

/** Raw digests of the input files: they change with every space, so they stand only beside the bundle. */
export function rawDigests(project: LoadedProject): FileDigest[] {
  return [...digests(project, (document) => document.text), ...codeDigests(project)].sort(byFile);
}

/** Code has no other form than its text. */
function codeDigests(project: LoadedProject): FileDigest[] {
  return [...project.code.values()].map(({ file, text }) => ({ file, sha256: sha256(text) }));
}

/** SHA-256 in hexadecimal digits. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function digests(project: LoadedProject, form: (document: SourceDocument) => string): FileDigest[] {
  return [...project.documents.values()]
    .map((document) => ({ file: document.file, sha256: sha256(form(document)) }))
    .sort(byFile);
}

function byFile(a: FileDigest, b: FileDigest): number {
  return a.file < b.file ? -1 : 1;
}

/** The path of an operation as a client sees it. */
export function fullPath(basePath: string, template: string): string {
  return (basePath === "/" ? "" : basePath) + template;
}

function describeOperation(api: string, basePath: string, operation: OperationModel): OperationEntry {
  return {
    api,
    operation: operation.id,
    method: operation.method,
    path: fullPath(basePath, operation.template),
    access: describeAccess(operation.access),
  };
}

function describeAccess(access: Access): AccessEntry {
  if (access.kind === "public") return "public";
  return access.anyOf.map(({ allOf, scopes }) => ({
    schemes: allOf.map(({ kind }) => kind),
    ...(scopes === undefined ? {} : { scopes }),
  }));
}

function describeEndpoints(model: GatewayModel): EndpointEntry[] {
  const found = new Map<string, EndpointEntry>();
  for (const { overrideKey, environment, urls, fromEtcd } of upstreams(model)) {
    // One name may stand for several endpoints: a setting of that name replaces them all (T-OVR-03).
    found.set(JSON.stringify([overrideKey, urls, fromEtcd]), {
      key: overrideKey,
      environment,
      urls,
      ...(fromEtcd && { fromEtcd }),
    });
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}

function upstreams(model: GatewayModel): UpstreamModel[] {
  const found: UpstreamModel[] = [];
  for (const { backend, denied } of model.apis.flatMap(({ operations }) => operations)) {
    if (backend.kind !== "forward" || denied) continue;
    if (backend.production !== undefined) found.push(backend.production);
    if (backend.sandbox !== undefined) found.push(backend.sandbox);
  }
  return found;
}
