import { createHash } from "node:crypto";
import type { Access, GatewayModel, OperationModel } from "../model/gateway-model.ts";
import type { GeneratedFile } from "../model/generated-file.ts";
import type { LoadedProject } from "../model/loaded-project.ts";
import type { AccessEntry, EndpointEntry, FileDigest, Manifest, OperationEntry } from "../model/manifest.ts";
import { featureNames } from "../model/names.ts";
import type { SourceDocument } from "../model/source.ts";
import { packModel } from "../review/packed-model.ts";
import { canonicalJson } from "./canonical-json.ts";
import { environmentNames, forwarding, hostSettings, hostsOf } from "./manifest-surroundings.ts";
import { toolVersions } from "./package-root.ts";

/** What turns out to be in a bundle: sorted. */
export type BundleContents = Pick<Manifest, "libraries" | "modules">;
/** All but the digest of the bundle that it stands in. */
export type Description = Omit<Manifest, "self">;

/** Describes the bundle of a project, once it is known what is in it. */
export function describeGateway(
  version: string,
  project: LoadedProject,
  model: GatewayModel,
  generated: readonly GeneratedFile[],
): (contents: BundleContents) => Description {
  const operations = model.apis.flatMap((api) =>
    api.operations.map((operation) => describeOperation(api.slug, api.basePath, operation)),
  );
  return ({ libraries, modules }) => {
    const features = featureNames.filter((name) => modules.includes(`feature-${name}`));
    return {
      manifest: 2,
      name: "castgate",
      version,
      tools: toolVersions(),
      compatibility: model.compatibility,
      inputs: [...digests(project, (document) => canonicalJson(document.value)), ...codeDigests(project)].sort(byFile),
      generated: generated.map(({ file, text }) => ({ file, sha256: sha256(text) })).sort(byFile),
      operations,
      publicOperations: operations
        .filter(({ access }) => access === "public")
        .map(({ method, path }) => `${method} ${path}`),
      endpoints: describeEndpoints(model),
      hosts: hostsOf(model),
      hostSettings: hostSettings(model, features),
      environment: environmentNames(model, features),
      features,
      modules,
      libraries,
      model: packModel(model),
    };
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
  for (const { overrideKey, environment, urls, fromEtcd } of forwarding(model)) {
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
