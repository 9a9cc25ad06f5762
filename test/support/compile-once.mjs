#!/usr/bin/env node
/**
 * Compiles a project with the real command: `node test/support/compile-once.mjs FOLDER`, or `compileOnce`. In a test run that
 * is the code of the command, in one process for all (`compiler-process.ts`), whose socket the environment variable
 * `TEST_COMPILER` names: loading it takes longer than most projects do.
 *
 * The same files give the same bytes, on every Node: tests of their own see to that. So what was made once in a test run is
 * copied from then on, where the environment variable `TEST_BUILDS` names a folder for it. It lives as long as the run: the
 * compiler itself does not change meanwhile.
 */
import { spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";

const root = path.resolve(import.meta.dirname, "../..");
const tsx = pathToFileURL(path.join(root, "node_modules/tsx/dist/loader.mjs")).href;
/** What the command writes, beside its output. */
const products = ["generated", "target"];

export async function compileOnce(folder) {
  const store = process.env.TEST_BUILDS;
  if (!store) return compile(folder);
  const build = path.join(store, digestOf(folder));
  if (!existsSync(build)) {
    const made = await compile(folder);
    if (made.code === 0) keep(folder, made.output, build);
    return made;
  }
  for (const name of products) cpSync(path.join(build, name), path.join(folder, name), { recursive: true });
  return { code: 0, output: readFileSync(path.join(build, "output.txt"), "utf8") };
}

/**
 * Starts the process that compiles for all; its socket is a file in `directory`. It ends with the process that calls this at the
 * latest. Undefined when it could not be started.
 */
export async function startCompiler(directory, env = process.env) {
  const socket = path.join(directory, "compiler.sock");
  const child = spawn(
    process.execPath,
    ["--import", tsx, path.join(root, "test/support/compiler-process.ts"), socket],
    {
      cwd: root,
      env,
      stdio: ["pipe", "inherit", "inherit"],
    },
  );
  const ended = new Promise((resolve) => child.on("close", () => resolve("ended")));
  while (!existsSync(socket)) {
    const paused = new Promise((resolve) => setTimeout(resolve, 50));
    if ((await Promise.race([ended, paused])) === "ended") return undefined;
  }
  return { socket, stop: () => child.kill() };
}

async function compile(folder) {
  const socket = process.env.TEST_COMPILER;
  return socket ? compileBy(socket, folder) : compileAlone(folder);
}

/** Has the process at this socket compile. */
export function compileBy(socketPath, folder) {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method: "POST", agent: false }, async (response) => {
      try {
        resolve(JSON.parse(Buffer.concat(await response.toArray()).toString()));
      } catch (error) {
        reject(error);
      }
    });
    call.on("error", reject).end(folder);
  });
}

function compileAlone(folder) {
  const child = spawn(process.execPath, ["--import", tsx, path.join(root, "compiler/cli.ts"), "compile", folder], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Of all files, and of the folder's name: the bundle is named after it. */
function digestOf(folder) {
  const hash = createHash("sha256").update(path.basename(folder));
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()) {
    const bytes = readFileSync(name);
    hash.update(`\0${path.relative(folder, name)}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex").slice(0, 32);
}

/** Another process may keep the same build at the same time: it appears whole, or not at all. */
function keep(folder, output, build) {
  const mine = `${build}.${randomUUID()}`;
  mkdirSync(mine, { recursive: true });
  for (const name of products) cpSync(path.join(folder, name), path.join(mine, name), { recursive: true });
  writeFileSync(path.join(mine, "output.txt"), output);
  try {
    renameSync(mine, build);
  } catch {
    rmSync(mine, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const { code, output } = await compileOnce(path.resolve(process.argv[2] ?? "."));
  (code === 0 ? process.stdout : process.stderr).write(output);
  process.exitCode = code;
}
