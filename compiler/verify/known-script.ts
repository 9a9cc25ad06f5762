import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, join, posix, sep } from "node:path";
import { build, type OnResolveResult, type Plugin } from "esbuild";
import { packageFolder } from "./package-folder.ts";

/**
 * All of the runtime of this version in one script, with the libraries that are code from the start: what a bundle may consist
 * of beside what was generated. Nothing is left out, so each bundle has a part of it. `exported`: by module the names that are
 * to be found again; the script lists them in `exports` as `module/name`.
 */
export async function knownScript(exported: Readonly<Record<string, readonly string[]>>): Promise<string> {
  const root = packageFolder();
  const runtime = join(root, "runtime-lib");
  const files = readdirSync(runtime, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(sep).join("/"))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))
    .sort();
  const entry = [
    ...files.map((file) => `import ${JSON.stringify(`castgate/runtime/${file}`)};`),
    ...Object.entries(exported).map(([module, names]) => {
      const list = names.map((name) => `${name} as ${JSON.stringify(`${module}/${name}`)}`).join(", ");
      return `export { ${list} } from ${JSON.stringify(`castgate/runtime/${module}.ts`)};`;
    }),
  ].join("\n");
  const { outputFiles } = await build({
    stdin: { contents: entry, sourcefile: "known:exports", loader: "js" },
    plugins: [knownModules(root, runtime)],
    absWorkingDir: root,
    tsconfigRaw: { compilerOptions: { target: "ES2022", verbatimModuleSyntax: true } },
    nodePaths: [],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
    charset: "utf8",
    treeShaking: false,
    logLevel: "silent",
    legalComments: "none",
  });
  return outputFiles[0]?.text ?? "";
}

/** Libraries that stand in a bundle as comments until they are used. */
const lateLibraries = ["amqplib", "node-forge", "undici"];
/** Of undici, and code from the start: it is the parser of HTTP. */
const parser = "undici/lib/llhttp/llhttp_simd-wasm.js";

function knownModules(root: string, runtime: string): Plugin {
  const versions = new Map<string, string>();
  const own = (path: string): OnResolveResult => ({ namespace: "castgate/runtime", path });
  const late = (path: string): OnResolveResult => ({ namespace: "late", path });
  return {
    name: "known",
    setup(script) {
      script.onResolve({ filter: /.*/ }, async (args) => {
        const { path, importer, namespace, resolveDir, pluginData } = args;
        if (pluginData === asInstalled) return undefined;
        if (isBuiltin(path)) return { external: true, path, sideEffects: false };
        if (path.startsWith("castgate/runtime/")) return own(path.slice("castgate/runtime/".length));
        if (namespace === "castgate/runtime" && path.startsWith("."))
          return own(posix.join(posix.dirname(importer), path));
        if (namespace === "late" && path.startsWith("library:")) return late(path);
        const isLate = lateLibraries.some((name) => path === name || path.startsWith(`${name}/`)) && path !== parser;
        if (isLate && namespace !== "npm") return late(path);
        const found = await script.resolve(path, {
          kind: args.kind,
          resolveDir: namespace === "npm" ? resolveDir : root,
          pluginData: asInstalled,
        });
        const [, name = "", file = ""] =
          /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)[\\/](.*)$/.exec(found.path) ?? [];
        const folder = found.path.slice(0, found.path.length - file.length);
        if (!versions.has(folder)) versions.set(folder, versionIn(folder));
        const id = `${name.split(sep).join("/")}@${versions.get(folder)}/${file.split(sep).join("/")}`;
        return { namespace: "npm", path: id, pluginData: found.path };
      });
      script.onLoad({ filter: /.*/, namespace: "castgate/runtime" }, async ({ path }) => ({
        contents: await readFile(join(runtime, path), "utf8"),
        loader: "ts",
      }));
      script.onLoad({ filter: /.*/, namespace: "npm" }, async ({ pluginData }) => ({
        contents: await readFile(pluginData, "utf8"),
        resolveDir: dirname(pluginData),
        loader: "js",
      }));
      script.onLoad({ filter: /.*/, namespace: "late" }, ({ path }) => ({ contents: lateModule(path), loader: "js" }));
    },
  };
}

/** Marks what esbuild must look up itself. */
const asInstalled = Symbol("as installed");

function versionIn(folder: string): string {
  const { version }: { version: string } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return version;
}

/**
 * How a bundle makes code of a library that stands in it as a comment: the body of a function that is never called is read,
 * unescaped and compiled as Node compiles a CommonJS module.
 */
function lateModule(path: string): string {
  if (!path.startsWith("library:")) {
    const library = lateLibraries.find((name) => path === name || path.startsWith(`${name}/`));
    return `module.exports = require(${JSON.stringify(`library:${library}`)})[${JSON.stringify(path)}]();\n`;
  }
  const library = path.slice("library:".length);
  const shared = parser.startsWith(`${library}/`);
  return `
    const { compileFunction } = require("node:vm");
    const text = String(${holderOf(library)});
    const code = text.slice(text.indexOf("/*") + 2, text.lastIndexOf("*/")).replaceAll("*@/", "*/");
    const names = ["exports", "require", "module"];
    const wanted = ${shared ? `(name) => (name === "${parser}" ? require("${parser}") : require(name))` : "require"};
    compileFunction(code, names, { filename: "${library}" })(module.exports, wanted, module);
  `;
}

/** The function that holds a library's text as a comment. */
export function holderOf(library: string): string {
  return `__castgate_library_${library.replace(/[^a-z0-9]/g, "_")}`;
}

/** Libraries in comments, by the name of the function that holds them. */
export const lateHolders: ReadonlyMap<string, string> = new Map(lateLibraries.map((name) => [holderOf(name), name]));
