import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of this package, whether it runs from its sources or from `dist/`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

/** This package's own version. */
export function packageVersion(): string {
  return packageJson(packageRoot()).version;
}

/** What a package says of itself. */
export interface PackageJson {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

export function packageJson(folder: string): PackageJson {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/** `name@version` of each library that this package needs, as they are installed. Sorted. */
export function toolVersions(): string[] {
  const root = packageRoot();
  const names = Object.keys(packageJson(root).dependencies ?? {}).sort();
  return names.map((name) => `${name}@${packageJson(installedFolder(root, name)).version}`);
}

/** Where Node finds a package. Not every package lets its package.json be required. */
function installedFolder(from: string, name: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return found;
    if (folder === dirname(folder)) throw new Error(`${name} is not installed`);
  }
}
