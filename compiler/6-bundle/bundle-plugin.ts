import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, join, posix, sep } from "node:path";
import type { OnLoadResult, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from "esbuild";
import type { GeneratedFile } from "../model/generated-file.ts";
import type { CodeFile } from "../model/loaded-project.ts";
import { isShared, lateLibraryOf, lateSource } from "./late-library.ts";

/**
 * Names of modules in the bundle. Each lives in a namespace of its own, so that no path of the machine that compiled can
 * reach the output, and the output does not depend on where this package is installed.
 */
export const namespaces = {
  entry: "castgate-entry",
  generated: "generated",
  project: "project",
  runtime: "castgate/runtime",
  library: "npm",
  late: "late",
} as const;

export interface BundleSources {
  readonly entry: string;
  readonly generated: readonly GeneratedFile[];
  /** The project's own code, by project-relative name; its imports are resolved already. */
  readonly code: ReadonlyMap<string, CodeFile>;
  /** Folder with the TypeScript sources of `castgate/runtime/*`. */
  readonly runtimeFolder: string;
  /** Where the libraries that the runtime imports are looked up from. */
  readonly libraryFolder: string;
  /** Filled while bundling: the folder of each library by `name@version`. */
  readonly libraries: Map<string, string>;
  /**
   * Filled while bundling: the late libraries that are imported, with the names by which they are. Absent for the text of
   * such a library itself.
   */
  readonly late?: Map<string, Set<string>>;
}

/** Modules that replace parts of a library which must not be in a bundle. */
const replacements: Readonly<Record<string, string>> = {
  // Backends speak HTTP/1.1: without this, node:http2 is loaded at every start (6 of 75 ms of CPU, Node 20).
  "undici/lib/dispatcher/client-h2.js": `
    module.exports = function () { throw new Error("a bundle speaks HTTP/1.1 to backends"); };
  `,
  // For bodies that are forms, which the runtime never sends: it would bring all of fetch along, 130 KB.
  "undici/lib/web/fetch/body.js": `
    exports.extractBody = function () { throw new Error("a bundle sends no forms to backends"); };
  `,
  // Of node-forge the runtime opens PKCS#12 stores. Keys and certificates in them are read by OpenSSL (`pkcs12.ts`), and nothing is
  // made: without RSA, X.509, PEM and random numbers, half of it is left.
  "node-forge/lib/index.js": `
    module.exports = require("./forge.js");
    require("./md.all.js");
    require("./pbkdf2.js");
    require("./pkcs12.js");
  `,
  "node-forge/lib/pem.js": "",
  "node-forge/lib/random.js": "",
  // pbe.js takes its numbers from here when it is loaded.
  "node-forge/lib/rsa.js": `require("./forge.js").jsbn = {};`,
  "node-forge/lib/x509.js": "",
};

/** Gives esbuild the modules of a bundle: virtual ones from memory, libraries by name and version. */
export function bundlePlugin(sources: BundleSources): Plugin {
  const generated = new Map(sources.generated.map(({ file, text }) => [file, text]));
  const versions = new Map<string, string>();
  return {
    name: "castgate",
    setup(build) {
      build.onResolve({ filter: /.*/ }, async (args) => {
        if (args.pluginData === plainLookUp) return undefined;
        if (args.kind === "entry-point") return { namespace: namespaces.entry, path: args.path };
        if (args.namespace === namespaces.project) return imported(args, sources.code);
        if (isBuiltin(args.path)) return { external: true, path: args.path, sideEffects: false };
        const runtimeModule = /^castgate\/runtime\/([a-z0-9-]+)\.js$/.exec(args.path)?.[1];
        if (runtimeModule !== undefined) return runtime(`${runtimeModule}.ts`);
        if (args.path.startsWith(".") && args.namespace !== namespaces.library) return relative(args);
        if (sources.late !== undefined) {
          return lateModule(args, sources.late) ?? library(build, args, sources, versions);
        }
        const found = await library(build, args, sources, versions);
        const name = found.path?.replace(/@[^/]+/, "") ?? "";
        return isShared(name) ? { external: true, path: name } : found;
      });
      build.onLoad({ filter: /.*/, namespace: namespaces.entry }, () => ({ contents: sources.entry, loader: "js" }));
      build.onLoad({ filter: /.*/, namespace: namespaces.generated }, ({ path }) => {
        const contents = generated.get(path);
        return contents === undefined
          ? { errors: [{ text: `no generated file ${path}` }] }
          : { contents, loader: "ts" as const };
      });
      build.onLoad({ filter: /.*/, namespace: namespaces.project }, ({ path }) => ({
        contents: sources.code.get(path)?.text ?? "",
        loader: "ts",
      }));
      build.onLoad({ filter: /.*/, namespace: namespaces.runtime }, async ({ path }) => ({
        contents: await readFile(join(sources.runtimeFolder, path), "utf8"),
        loader: "ts",
      }));
      build.onLoad({ filter: /.*/, namespace: namespaces.library }, loadLibrary);
      build.onLoad({ filter: /.*/, namespace: namespaces.late }, ({ path }) => ({ contents: lateSource(path) }));
    },
  };
}

/** Marks the look-ups that this plugin makes itself, and which esbuild must answer from the disk. */
const plainLookUp = Symbol("plain look-up");

function runtime(path: string): OnResolveResult {
  return { namespace: namespaces.runtime, path, sideEffects: false };
}

/** What loading the project has found: nothing else gets in. */
function imported(args: OnResolveArgs, code: ReadonlyMap<string, CodeFile>): OnResolveResult {
  const path = code.get(args.importer)?.imports.get(args.path);
  return path === undefined
    ? { errors: [{ text: `${args.path} is not code of the project` }] }
    : { namespace: namespaces.project, path };
}

function relative(args: OnResolveArgs): OnResolveResult {
  if (args.namespace === namespaces.entry) return { namespace: namespaces.generated, path: posix.join(args.path) };
  const path = posix.join(posix.dirname(args.importer), args.path);
  if (args.namespace === namespaces.runtime) return runtime(path);
  if (path.startsWith("../")) return { namespace: namespaces.project, path: path.slice(3).replace(/\.js$/, ".ts") };
  return { namespace: namespaces.generated, path: path.replace(/\.js$/, ".ts"), sideEffects: false };
}

async function library(
  build: PluginBuild,
  args: OnResolveArgs,
  { libraryFolder, libraries }: BundleSources,
  versions: Map<string, string>,
): Promise<OnResolveResult> {
  const found = await build.resolve(args.path, {
    kind: args.kind,
    resolveDir: args.namespace === namespaces.library ? args.resolveDir : libraryFolder,
    pluginData: plainLookUp,
  });
  if (found.errors.length > 0 || found.external) return { ...found };
  const installed = `${sep}node_modules${sep}`;
  const folder = found.path.slice(0, found.path.lastIndexOf(installed) + installed.length);
  const parts = found.path.slice(folder.length).split(sep);
  const name = parts.splice(0, parts[0]?.startsWith("@") ? 2 : 1).join("/");
  const file = parts.join("/");
  // With its version: two versions of one library can be installed side by side.
  const id = `${name}@${versionOf(join(folder, name), versions)}`;
  libraries.set(id, join(folder, name));
  const replacement = replacements[`${name}/${file}`];
  return { namespace: namespaces.library, path: `${id}/${file}`, pluginData: { file: found.path, replacement } };
}

/** llhttp for processors that are hardly found any more: required where the other one fails. */
const withoutSimd = "undici/lib/llhttp/llhttp-wasm.js";

/** What the runtime imports from a late library, and the module that makes it code. */
function lateModule(args: OnResolveArgs, found: Map<string, Set<string>>): OnResolveResult | undefined {
  const name = args.path;
  if (args.namespace === namespaces.late) {
    if (isShared(name)) return undefined;
  } else {
    const now = args.kind !== "dynamic-import" && name !== withoutSimd;
    const late = now || args.namespace !== namespaces.runtime ? undefined : lateLibraryOf(name);
    if (late === undefined) return undefined;
    found.set(late, (found.get(late) ?? new Set()).add(name));
  }
  return { namespace: namespaces.late, path: name };
}

function versionOf(folder: string, versions: Map<string, string>): string {
  let version = versions.get(folder);
  if (version === undefined) {
    version = (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string }).version;
    versions.set(folder, version);
  }
  return version;
}

async function loadLibrary(args: {
  readonly pluginData: { readonly file: string; readonly replacement: string | undefined };
}): Promise<OnLoadResult> {
  const { file, replacement } = args.pluginData;
  return {
    contents: replacement ?? (await readFile(file, "utf8")),
    loader: file.endsWith(".json") ? "json" : "js",
    resolveDir: dirname(file),
  };
}
