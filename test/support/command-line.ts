import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const repository = path.join(import.meta.dirname, "../..");

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the `castgate` command as a process of its own, and waits for its end. */
export function castgate(
  words: readonly string[],
  { cwd = repository, env = {} }: Surroundings = {},
): Promise<Outcome> {
  const tsx = path.join(repository, "node_modules/tsx/dist/loader.mjs");
  return runCommand(
    process.execPath,
    ["--import", `file://${tsx}`, path.join(repository, "compiler/cli.ts"), ...words],
    { cwd, env },
  );
}

/** Runs any command and waits for its end; its input is empty. */
export function runCommand(
  command: string,
  words: readonly string[],
  { cwd, env }: Surroundings = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? (signal === null ? 1 : 128), stdout, stderr }));
  });
}

/** A temporary folder for one test, removed by `remove`. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-test-"));
  return { path: folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Copies the input files of a fixture, without what tests expect of it. */
export function copyFixture(name: string, target: string): void {
  for (const part of ["api_definitions", "grpc_definitions", "castgate.yaml", "policies.yaml"]) {
    const source = path.join(repository, "fixtures", name, part);
    if (existsSync(source)) cpSync(source, path.join(target, part), { recursive: true });
  }
}

/** The files below a folder with their texts, sorted by name. */
export function filesBelow(folder: string): Map<string, string> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(path.join(folder, name)).isFile())
    .sort();
  return new Map(names.map((name) => [name.split(path.sep).join("/"), readFileSync(path.join(folder, name), "utf8")]));
}
