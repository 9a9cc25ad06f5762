import type { Script } from "node:vm";

const option = "--precompile";

function indexOf(words: readonly string[]): number {
  return words.findIndex((word) => word === option || word.startsWith(`${option}=`));
}

/** What a starter knows of the bundle that it was made from. */
interface Made {
  /** From the starter's folder. */
  readonly bundle: string;
  readonly sha256: string;
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
  const { accessSync, constants, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } =
    process.getBuiltinModule("node:fs");
  const { dirname, relative, resolve } = process.getBuiltinModule("node:path");
  const { createHash } = process.getBuiltinModule("node:crypto");
  const target = resolve(starter);
  const bundle = realpathSync(process.argv[1] as string);
  if (target === bundle) return `--precompile: ${starter} is the bundle itself`;
  try {
    accessSync(dirname(target), constants.W_OK);
  } catch (error) {
    return `--precompile: cannot write ${starter}: ${(error as NodeJS.ErrnoException).code}`;
  }
  const text = readFileSync(bundle, "utf8");
  // The copy serves.
  const { argv } = process;
  for (let at = indexOf(argv); at !== -1; at = indexOf(argv)) argv.splice(at, argv[at] === option ? 2 : 1);
  const script = runScript(bundle, text);
  process.once("exit", (code) => {
    if (code !== 0) return;
    const made = { bundle: relative(dirname(target), bundle), sha256: createHash("sha256").update(text).digest("hex") };
    try {
      // What is there stays whole until the new one is.
      const unfinished = `${target}.tmp`;
      rmSync(unfinished, { force: true });
      writeFileSync(unfinished, starterText(made, script.createCachedData()), { mode: 0o755, flag: "wx" });
      renameSync(unfinished, target);
      process.stderr.write(`${starter} is written: start that instead of ${made.bundle}\n`);
    } catch (error) {
      process.stderr.write(`cannot write ${starter}: ${(error as NodeJS.ErrnoException).code}\n`);
      process.exitCode = 1;
    }
  });
  return undefined;
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
    String(runScript),
    String(startCompiled),
    `function compiled() {/*${compiled.toString("base64")}*/}`,
    `startCompiled(${JSON.stringify(made)}, __dirname, String(compiled));`,
    "",
  ].join("\n");
}

/** Stands in the starter: uses nothing of this module but `runScript`, which stands there, too. */
function startCompiled(made: Made, folder: string, holder: string): void {
  const { readFileSync } = process.getBuiltinModule("node:fs");
  const { join } = process.getBuiltinModule("node:path");
  const { createHash } = process.getBuiltinModule("node:crypto");
  const bundle = join(folder, made.bundle);
  const fail = (code: number, problem: string): void => {
    process.stderr.write(`${problem}\n`);
    process.exitCode = code;
  };
  if (process.argv.some((word) => /^--precompile(=|$)/.test(word)))
    return fail(2, `--precompile: this is such a file; it is for the bundle, ${bundle}`);
  let text: string;
  try {
    text = readFileSync(bundle, "utf8");
  } catch (error) {
    return fail(1, `cannot read the bundle ${bundle}: ${(error as NodeJS.ErrnoException).code}`);
  }
  // V8 itself compares no more than the lengths.
  const fits = createHash("sha256").update(text).digest("hex") === made.sha256;
  const compiled = Buffer.from(holder.slice(holder.indexOf("/*") + 2, -3), "base64");
  const { cachedDataRejected } = runScript(bundle, text, fits ? compiled : undefined);
  if (!fits) process.stderr.write(`${bundle} has changed: it is compiled anew at each start\n`);
  else if (cachedDataRejected)
    process.stderr.write(`made with another Node: ${bundle} is compiled anew at each start\n`);
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
