import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CompilerBug } from "../phases.ts";
import { type PackageJson, packageJson, packageRoot } from "./package-root.ts";

/** A library of which something is in a bundle, as its own package and the lock file know it. */
export interface LibraryFacts {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, if the package has one. */
  readonly license: string | undefined;
  /** SHA-512 of the published package, in hexadecimal digits. */
  readonly sha512: string | undefined;
  /** Names of the libraries that it needs. */
  readonly needs: readonly string[];
}

/** What `target/<project>.sbom.json` is about. */
export interface Bill {
  readonly project: string;
  /** SHA-256 of the bundle. */
  readonly sha256: string;
  readonly tools: readonly string[];
  readonly libraries: readonly LibraryFacts[];
}

/** The facts of libraries by their folders, each by `name@version`. */
export function libraryFacts(libraries: readonly string[], folders: ReadonlyMap<string, string>): LibraryFacts[] {
  const hashes = publishedHashes();
  return libraries.map((id) => {
    const folder = folders.get(id);
    if (folder === undefined) throw new CompilerBug("bundle", new Error(`${id} is in no folder`));
    const { name, version, license, dependencies = {} } = packageJson(folder);
    return { name, version, license, sha512: hashes.get(id), needs: Object.keys(dependencies).sort() };
  });
}

/**
 * CycloneDX 1.6: the bundle, the runtime and the libraries in it, with licences and hashes. The same bundle gives the same text:
 * it has neither a serial number nor a time. What the compiler itself is made of is named as tools.
 */
export function softwareBill({ project, sha256, tools, libraries }: Bill): object {
  const own = packageJson(packageRoot());
  const runtime: LibraryFacts = {
    name: own.name,
    version: own.version,
    license: own.license,
    sha512: undefined,
    needs: libraries.map(({ name }) => name),
  };
  const gateway = `bundle:${sha256}`;
  const inside = [runtime, ...libraries];
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      lifecycles: [{ phase: "build" }],
      tools: {
        components: [`${own.name}@${own.version}`, ...tools].map((id) => {
          const at = id.lastIndexOf("@");
          return { type: "application", ...named(id.slice(0, at), id.slice(at + 1)) };
        }),
      },
      component: {
        type: "application",
        "bom-ref": gateway,
        name: project,
        hashes: [{ alg: "SHA-256", content: sha256 }],
      },
    },
    components: inside.map((each) => ({
      type: "library",
      "bom-ref": purl(each.name, each.version),
      ...named(each.name, each.version),
      ...(each === runtime && { description: "The runtime of the gateway: castgate/runtime" }),
      ...(each.sha512 !== undefined && { hashes: [{ alg: "SHA-512", content: each.sha512 }] }),
      licenses: licences(each.license),
      purl: purl(each.name, each.version),
      ...(each.name === "undici" && { components: [llhttp] }),
    })),
    dependencies: [
      { ref: gateway, dependsOn: [purl(runtime.name, runtime.version)] },
      ...inside.map(({ name, version, needs }) => ({
        ref: purl(name, version),
        dependsOn: libraries.filter((each) => needs.includes(each.name)).map((each) => purl(each.name, each.version)),
      })),
    ],
  };
}

/** The parser of HTTP comes with undici as WebAssembly; its version is not told. */
const llhttp = {
  type: "library",
  "bom-ref": "pkg:github/nodejs/llhttp",
  name: "llhttp",
  description: "Compiled to WebAssembly, in undici",
  licenses: licences("MIT"),
  purl: "pkg:github/nodejs/llhttp",
};

function named(
  name: string,
  version: string,
): { readonly group?: string; readonly name: string; readonly version: string } {
  const slash = name.indexOf("/");
  return slash < 0 ? { name, version } : { group: name.slice(0, slash), name: name.slice(slash + 1), version };
}

function purl(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function licences(expression: string | undefined): readonly object[] {
  if (expression === undefined) return [];
  if (/^[\w.+-]+$/.test(expression)) return [{ license: { id: expression } }];
  return [{ expression }];
}

/** SHA-512 of packages by `name@version`, out of the lock file that this package is installed with. */
function publishedHashes(): ReadonlyMap<string, string> {
  const file = ["npm-shrinkwrap.json", "package-lock.json"]
    .map((name) => join(packageRoot(), name))
    .find((name) => existsSync(name));
  const { packages = {} } = file === undefined ? {} : (JSON.parse(readFileSync(file, "utf8")) as LockFile);
  const found = new Map<string, string>();
  for (const [folder, { version, integrity = "" }] of Object.entries(packages)) {
    const name = folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
    const hash = /^sha512-(\S+)$/.exec(integrity)?.[1];
    if (version !== undefined && hash !== undefined)
      found.set(`${name}@${version}`, Buffer.from(hash, "base64").toString("hex"));
  }
  return found;
}

interface LockFile {
  readonly packages?: Readonly<Record<string, Partial<Pick<PackageJson, "version">> & { readonly integrity?: string }>>;
}
