import type { GatewayModel } from "../model/gateway-model.ts";
import type { GeneratedFile } from "../model/generated-file.ts";
import type { LoadedProject } from "../model/loaded-project.ts";
import type { SourceRef } from "../model/source.ts";
import type { Bundle } from "./bundle-gateway.ts";
import { listedJson } from "./listed-json.ts";
import { fullPath, rawDigests, sha256 } from "./manifest.ts";
import { softwareBill } from "./sbom.ts";

export interface OutputFile {
  /** Project-relative. */
  readonly file: string;
  readonly text: string;
  readonly executable?: boolean;
}

/** For review, committed by the user. */
export function generatedFiles(generated: readonly GeneratedFile[]): OutputFile[] {
  return generated.map(({ file, text }) => ({ file: `generated/${file}`, text }));
}

/** The executable, what it says of itself with digests of the raw files, what others made of it, and the lines of the input. */
export function targetFiles(
  bundle: Bundle,
  project: LoadedProject,
  model: GatewayModel,
  placeOf: PlaceOf,
): OutputFile[] {
  const path = `target/${project.name}`;
  const digest = sha256(bundle.text);
  const manifest = { ...bundle.manifest, files: rawDigests(project), bundle: { sha256: digest } };
  const bill = { project: project.name, sha256: digest, tools: manifest.tools, libraries: bundle.libraries };
  return [
    { file: `${path}.cjs`, text: bundle.text, executable: true },
    { file: `${path}.manifest.json`, text: listedJson(manifest) },
    { file: `${path}.sbom.json`, text: `${JSON.stringify(softwareBill(bill), undefined, 2)}\n` },
    { file: `${path}.sources.json`, text: listedJson(sourcePlaces(model, placeOf)) },
  ];
}

/** Where something was written, from 1; undefined when that is not known. */
export type PlaceOf = (ref: SourceRef) => { readonly line: number; readonly column: number } | undefined;

/** Lines stand apart from the generated code and the bundle, because one inserted line would change them all. */
function sourcePlaces(model: GatewayModel, placeOf: PlaceOf) {
  const operations = model.apis.flatMap((api) =>
    api.operations.map(({ id, method, template, origin }) => ({
      api: api.slug,
      operation: id,
      method,
      path: fullPath(api.basePath, template),
      file: origin.file,
      pointer: origin.pointer,
      line: placeOf(origin)?.line,
    })),
  );
  const others = new Map<string, SourceRef>();
  collectPlaces(model, others);
  for (const { file, pointer } of operations) others.delete(JSON.stringify([file, pointer]));
  const places = [...others].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, ref]) => ({ ...ref, ...placeOf(ref) }));
  return { operations, places };
}

function collectPlaces(value: unknown, found: Map<string, SourceRef>): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (name === "origin") found.set(JSON.stringify([member.file, member.pointer]), member);
    else collectPlaces(member, found);
  }
}
