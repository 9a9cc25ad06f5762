import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { FileDigest } from "../model/manifest.ts";
import type { BundleFile } from "../review/bundle-file.ts";
import { differencesOf, layoutDifferences } from "../review/compare-build.ts";
import { readManifest } from "../verify/embedded-manifest.ts";
import { buildProject } from "./build-project.ts";
import type { Terminal } from "./command.ts";

/** What a comparison of a bundle with its project came to. */
export interface SourceReport {
  /** Of the bundle, and of the manifest beside it. */
  readonly differences: readonly string[];
  /** Files of the project that are laid out differently, and mean the same. */
  readonly layout: readonly string[];
  /** How many bytes are the same, when all are. */
  readonly bytes: number;
}

/**
 * Compiles a project in memory and compares. Undefined when the project has errors, which are then printed. `path`: of the bundle.
 */
export async function verifySource(
  path: string,
  bundle: BundleFile,
  project: string,
  terminal: Terminal,
): Promise<SourceReport | undefined> {
  const said: string[] = [];
  const quiet: Terminal = { ...terminal, err: (words) => void said.push(words), interactive: false };
  const result = await buildProject({ folder: project, format: "pretty" }, quiet);
  if (result.failed) {
    terminal.err(said.join(""));
    return undefined;
  }
  const text = (ending: string) => result.build?.target.find(({ file }) => file.endsWith(ending))?.text ?? "";
  const rebuilt = readManifest(text(".cjs"));
  if ("problem" in rebuilt) throw new Error(`what was compiled is no bundle: ${rebuilt.problem}`);
  const differences = [
    ...differencesOf(
      { text: bundle.text, manifest: bundle.manifest.manifest },
      { text: text(".cjs"), manifest: rebuilt.manifest },
    ),
  ];
  const beside = manifestBeside(path);
  const written = await readFile(beside, "utf8").catch(() => undefined);
  if (written === undefined) return { differences, layout: [], bytes: Buffer.byteLength(bundle.text) };
  const [then, now] = [written, text(".manifest.json")].map(parts);
  if (then?.rest !== now?.rest)
    differences.push(`${basename(beside)} says something else than what the project compiles to`);
  return { differences, layout: layoutDifferences(then?.files, now?.files), bytes: Buffer.byteLength(bundle.text) };
}

function manifestBeside(path: string): string {
  return path.replace(/\.cjs$/, "").concat(".manifest.json");
}

/** What is wrong with the manifest beside a bundle; undefined when it says what the one in it says, or is not there. */
export async function besideProblem(path: string, { text, manifest }: BundleFile): Promise<string | undefined> {
  const beside = manifestBeside(path);
  const written = await readFile(beside, "utf8").catch(() => undefined);
  if (written === undefined) return undefined;
  const embedded = { ...manifest.manifest, bundle: { sha256: createHash("sha256").update(text).digest("hex") } };
  const isSame = parts(written)?.rest === JSON.stringify(embedded);
  return isSame ? undefined : `${basename(beside)} says something else than the manifest in the bundle`;
}

/** A manifest beside a bundle, without and with what depends on the layout of files. */
function parts(text: string): { readonly rest: string; readonly files: readonly FileDigest[] } | undefined {
  try {
    const { files, ...rest } = JSON.parse(text);
    return { rest: JSON.stringify(rest), files: Array.isArray(files) ? files : [] };
  } catch {
    return undefined;
  }
}
