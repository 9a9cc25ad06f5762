import type { Script } from "node:vm";
import { restoreGrowth } from "./young-generation.ts";

const option = "--precompile";

function indexOf(words: readonly string[]): number {
  return words.findIndex((word) => word === option || word.startsWith(`${option}=`));
}

/** What a starter knows. */
interface Made {
  /** From the starter's folder. */
  readonly bundle: string;
  /** Of the bundle, and of the compiled code: V8 compares the bundle's length alone, and does not notice a damaged byte. */
  readonly sha256: { readonly bundle: string; readonly code: string };
}

/**
 * Serves as this process was told to, from a second copy of the bundle whose compiled code can be had, and writes `starter`
 * when the process ends with 0: a script that starts the bundle with all that was compiled until then. A text says why that
 * cannot be.
 *
 * Of a start, compiling is the largest part, and most of it are functions that V8 compiles when they are first called. Node's own
 * cache (`NODE_COMPILE_CACHE`) does not have those, nor has any that is made before the first request.
 */
export function precompile(starter: string): string | undefined {
  const { accessSync, constants, readFileSync, realpathSync } = process.getBuiltinModule("node:fs");
  const { basename, dirname, join, relative, resolve } = process.getBuiltinModule("node:path");
  let target: string;
  try {
    // The starter will look from where its folder really is.
    target = join(realpathSync(dirname(resolve(starter))), basename(starter));
    accessSync(dirname(target), constants.W_OK);
  } catch (error) {
    return `--precompile: cannot write ${starter}: ${(error as NodeJS.ErrnoException).code}`;
  }
  const bundle = realpathSync(process.argv[1] as string);
  if (target === bundle) return `--precompile: ${starter} is the bundle itself`;
  const text = readFileSync(bundle, "utf8");
  // The copy serves.
  const { argv } = process;
  for (let at = indexOf(argv); at !== -1; at = indexOf(argv)) argv.splice(at, argv[at] === option ? 2 : 1);
  const script = runScript(bundle, text);
  process.once("exit", (code) => {
    if (code !== 0) return void process.stderr.write(`${starter} is not written: the exit code is ${code}\n`);
    // The code is taken only by a Node that has the same flags.
    restoreGrowth();
    const compiled = script.createCachedData();
    const made = {
      bundle: relative(dirname(target), bundle),
      sha256: { bundle: digestOf(text), code: digestOf(compiled) },
    };
    const problem = replaceFile(target, starterText(made, compiled));
    process.stderr.write(
      problem === undefined
        ? `${starter} is written: start that instead of ${made.bundle}\n`
        : `cannot write ${starter}: ${problem}\n`,
    );
    if (problem !== undefined) process.exitCode = 1;
  });
  return undefined;
}

function digestOf(data: string | Buffer): string {
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(data).digest("hex");
}

/** What is there stays whole until the new one is. Returns why it could not be. */
function replaceFile(file: string, text: string): string | undefined {
  const { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } = process.getBuiltinModule("node:fs");
  const unfinished = `${file}.${process.pid}.tmp`;
  try {
    rmSync(unfinished, { force: true });
    const opened = openSync(unfinished, "wx", 0o755);
    try {
      writeFileSync(opened, text);
      // An empty script would end with 0.
      fsyncSync(opened);
    } finally {
      closeSync(opened);
    }
    renameSync(unfinished, file);
    return undefined;
  } catch (error) {
    rmSync(unfinished, { force: true });
    return (error as NodeJS.ErrnoException).code;
  }
}

/**
 * The starter: its functions as they stand here, what it knows, and V8's compiled code in a comment, which costs a start less than
 * a string.
 */
function starterText(made: Made, compiled: Buffer): string {
  return [
    "#!/usr/bin/env node",
    // No name of a file: it could end the line.
    `// Starts a bundle with its code compiled already: written by it (--precompile) with Node ${process.versions.node}.`,
    "// For another bundle, or another Node, the compiled code is left aside. Do not edit.",
    `function compiled() {/*${compiled.toString("base64")}*/}`,
    // Not called by their names, which are others in some bundles.
    `(${startCompiled})(${JSON.stringify(made)}, __dirname, String(compiled), ${runScript});`,
    "",
  ].join("\n");
}

/** Stands in the starter: uses nothing of this module. */
function startCompiled(made: Made, folder: string, holder: string, run: typeof runScript): void {
  const { readFileSync } = process.getBuiltinModule("node:fs");
  const { join } = process.getBuiltinModule("node:path");
  const { createHash } = process.getBuiltinModule("node:crypto");
  const bundle = join(folder, made.bundle);
  const fail = (code: number, problem: string): void => {
    process.stderr.write(`${problem}\n`);
    process.exitCode = code;
  };
  // Of several workers, their parent says it.
  const leaveAside = (why: string): void => {
    if (process.send === undefined) process.stderr.write(`${why}: ${bundle} is compiled anew at each start\n`);
  };
  if (process.argv.some((word) => /^--precompile(=|$)/.test(word)))
    return fail(2, `--precompile: this is such a file; it is for the bundle, ${bundle}`);
  let text: string;
  try {
    text = readFileSync(bundle, "utf8");
  } catch (error) {
    return fail(1, `cannot read the bundle ${bundle}: ${(error as NodeJS.ErrnoException).code}`);
  }
  const compiled = Buffer.from(holder.slice(holder.indexOf("/*") + 2, -3), "base64");
  const isOf = (data: string | Buffer, digest: string) => createHash("sha256").update(data).digest("hex") === digest;
  const problem = !isOf(text, made.sha256.bundle)
    ? "the bundle has changed"
    : isOf(compiled, made.sha256.code)
      ? undefined
      : "the compiled code is damaged";
  if (problem !== undefined) leaveAside(problem);
  const { cachedDataRejected } = run(bundle, text, problem === undefined ? compiled : undefined);
  if (cachedDataRejected) leaveAside("made with another Node, or other flags of it");
}

/** Runs the text of a bundle as Node runs the file, lines and all. Stands in the starter: uses nothing of this module. */
function runScript(file: string, text: string, cachedData?: Buffer): Script {
  const { Script, constants } = process.getBuiltinModule("node:vm");
  const { createRequire } = process.getBuiltinModule("node:module");
  const { dirname } = process.getBuiltinModule("node:path");
  const head = "(function (exports, require, module, __filename, __dirname) { ";
  const script = new Script(`${head}${text.replace(/^#!/, "//")}\n})`, {
    filename: file,
    columnOffset: -head.length,
    cachedData,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  return script;
}
