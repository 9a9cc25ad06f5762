import { posix } from "node:path";
import type { BuildFailure, Message, OnResolveArgs, OnResolveResult } from "esbuild";
import type { DiagnosticLog } from "../diagnostics/log.ts";
import { at, atOffset, type Place } from "../diagnostics/place.ts";
import type { CodeFile } from "../model/loaded-project.ts";

/** What is known of a file of the project's own code and of those that it imports. */
export interface CheckedCode {
  /** Names of the values that it exports, sorted. */
  readonly exports: readonly string[];
  /** Itself and what it imports, by project-relative name. */
  readonly files: ReadonlyMap<string, CodeFile>;
}

/**
 * Tries whether a file can become part of a bundle: it parses, and imports nothing but other files of `texts` and types of the
 * runtime. What is wrong is reported at its place; undefined then. Types are not checked: that is `tsc`'s work.
 */
export async function checkCode(
  entry: string,
  texts: ReadonlyMap<string, string>,
  log: DiagnosticLog,
): Promise<CheckedCode | undefined> {
  // Loaded here: most projects have no code of their own.
  const { build } = await import("esbuild");
  const imports = new Map<string, Map<string, string>>();
  const resolve = (args: OnResolveArgs): OnResolveResult => {
    if (args.kind === "entry-point") return { namespace, path: args.path };
    const found = fileFor(args, texts);
    if (typeof found !== "string") return { errors: [{ text: found.problem, detail: found }] };
    const own = imports.get(args.importer) ?? new Map<string, string>();
    imports.set(args.importer, own.set(args.path, found));
    return { namespace, path: found };
  };
  try {
    const { metafile } = await build({
      entryPoints: [entry],
      plugins: [
        {
          name: "project",
          setup(plugin) {
            plugin.onResolve({ filter: /.*/ }, resolve);
            plugin.onLoad({ filter: /.*/, namespace }, ({ path }) => ({
              contents: texts.get(path) ?? "",
              loader: "ts",
            }));
          },
        },
      ],
      tsconfigRaw: { compilerOptions: { target: "ES2022", verbatimModuleSyntax: true } },
      // A bundle is CommonJS, where nothing waits at the top level.
      supported: { "top-level-await": false },
      bundle: true,
      write: false,
      metafile: true,
      platform: "node",
      format: "esm",
      target: "node20",
      outfile: "code.js",
      logLevel: "silent",
    });
    const files = Object.keys(metafile.inputs).map((name) => name.slice(namespace.length + 1));
    const exports = Object.values(metafile.outputs).flatMap((output) => output.exports);
    return {
      exports: exports.sort(),
      files: new Map(
        files.map((file) => [file, { file, text: texts.get(file) ?? "", imports: imports.get(file) ?? new Map() }]),
      ),
    };
  } catch (error) {
    const { errors } = error as BuildFailure;
    if (!Array.isArray(errors)) throw error;
    for (const message of errors) report(message, entry, texts, log);
    return undefined;
  }
}

const namespace = "project";

interface Refusal {
  readonly problem: string;
  readonly hint: string;
}

/** The file that an import means. TypeScript's spelling for one is `./name.js`; `./name.ts` and `./name` mean the same. */
function fileFor(args: OnResolveArgs, texts: ReadonlyMap<string, string>): string | Refusal {
  if (args.kind !== "import-statement")
    return { problem: "code is brought in by import statements alone", hint: "write `import { ... } from`" };
  if (args.path.startsWith("castgate/"))
    return { problem: `only types come from "${args.path}"`, hint: "write `import type { ... } from`" };
  if (!args.path.startsWith("./") && !args.path.startsWith("../"))
    return {
      problem: `"${args.path}" is not part of the project`,
      hint: "extensions import other files of extensions/ and types of castgate/runtime/*; copy what you need there",
    };
  const wanted = posix.join(posix.dirname(args.importer), args.path);
  const found = [wanted.replace(/\.js$/, ".ts"), `${wanted}.ts`].find((file) => texts.has(file));
  if (found !== undefined) return found;
  const inside = wanted.startsWith("extensions/");
  return {
    problem: inside
      ? `there is no file ${wanted.replace(/\.js$/, ".ts")}`
      : `"${args.path}" lies outside of extensions/`,
    hint: "extensions import other .ts files of extensions/",
  };
}

function report(message: Message, entry: string, texts: ReadonlyMap<string, string>, log: DiagnosticLog): void {
  const place = placeOf(message, texts) ?? at({ file: entry, pointer: "" });
  const refusal = message.detail as Refusal | undefined;
  if (refusal?.hint !== undefined) log.report("code-import-refused", place, refusal);
  else log.report("code-invalid", place, { problem: problemOf(message.text) });
}

/** esbuild counts lines from 1, and columns in bytes from 0. */
function placeOf({ location }: Message, texts: ReadonlyMap<string, string>): Place | undefined {
  if (location === null) return undefined;
  const file = location.file.slice(namespace.length + 1);
  const text = texts.get(file);
  if (text === undefined) return undefined;
  const lines = text.split("\n");
  const begin = lines.slice(0, location.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
  const line = Buffer.from(lines[location.line - 1] ?? "", "utf8");
  const start = begin + line.subarray(0, location.column).toString("utf8").length;
  const length = line.subarray(location.column, location.column + location.length).toString("utf8").length;
  return atOffset(file, start, start + Math.max(1, length));
}

function problemOf(text: string): string {
  // The rest would be about a target that nobody has chosen.
  if (text.startsWith("Top-level await")) return "`await` stands outside of any function";
  return text.charAt(0).toLowerCase() + text.slice(1).replaceAll(`${namespace}:`, "");
}
