import { basename, join, relative, resolve, sep } from "node:path";
import { compareOutput, type Drift, type Written, writeOutput } from "../6-bundle/write-output.ts";
import type { Build, CompileResult, OutputFile } from "../compile.ts";
import { type CompileHost, HostError } from "../host.ts";
import { nodeHost } from "../host-node.ts";
import type { Phase } from "../phases.ts";
import { CommandFailure, type Terminal } from "./command.ts";
import { type Format, renderDiagnostics } from "./render.ts";

export interface BuildRequest {
  /** The project as the user named it. */
  readonly folder: string;
  readonly format: Format;
  readonly denyWarnings?: boolean;
  readonly stopAfter?: Phase | undefined;
}

/** Compiles a project folder, shows progress on a terminal, and prints the diagnostics. */
export async function buildProject(request: BuildRequest, terminal: Terminal): Promise<CompileResult> {
  const root = resolve(terminal.folder, request.folder);
  const progress = showProgress(terminal, basename(root));
  let result: CompileResult;
  try {
    // Loaded when needed: `help` and the like answer at once.
    const { compile } = await import("../compile.ts");
    result = await compile(root, nodeHost(root), {
      stopAfter: request.stopAfter,
      denyWarnings: request.denyWarnings,
      onPhase: progress.show,
    });
  } catch (error) {
    throw error instanceof HostError ? new CommandFailure(`${request.folder}: ${error.message}`) : error;
  } finally {
    progress.end();
  }
  const place = relative(terminal.folder, root).split(sep).join("/");
  const text = renderDiagnostics(request.format, result, place, terminal.colors);
  if (request.format === "pretty") terminal.err(text);
  else terminal.out(text);
  return result;
}

/** Writes `generated/` and `target/`; with `out`, the files of `target/` go there instead. */
export async function writeBuild(root: string, build: Build, out?: string): Promise<Written> {
  return failingAsCommand(async () => {
    const project = nodeHost(root);
    if (out === undefined) {
      const written = await writeOutput(project, [...build.generated, ...build.target]);
      return {
        ...written,
        removed: [...written.removed, ...(await removeOldSignature(project, written, build.target))],
      };
    }
    const elsewhere = build.target.map((output) => ({ ...output, file: basename(output.file) }));
    const there = await writeOutput(nodeHost(out), elsewhere);
    const here = await writeOutput(project, build.generated);
    const removed = await removeOldSignature(nodeHost(out), there, elsewhere);
    return {
      changed: [...here.changed, ...there.changed.map((file) => join(out, file))],
      removed: [...here.removed, ...removed.map((file) => join(out, file))],
    };
  });
}

/** The signature of an earlier build would stand beside one that it is not of. */
async function removeOldSignature(
  host: CompileHost,
  { changed }: Written,
  target: readonly OutputFile[],
): Promise<readonly string[]> {
  const signature = `${target[0]?.file}.sig`;
  const isSigned = target.some(({ file }) => file === signature);
  const isSame = !target.some(({ file }) => changed.includes(file));
  if (isSigned || isSame || (await host.stat(signature)) !== "file") return [];
  await host.remove(signature);
  return [signature];
}

/** How far `generated/` is from what the project compiles to. */
export async function compareBuild(root: string, build: Build): Promise<Drift> {
  return failingAsCommand(() => compareOutput(nodeHost(root), build.generated));
}

async function failingAsCommand<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof HostError) throw new CommandFailure(error.message);
    throw error;
  }
}

const words: Readonly<Record<Phase, string>> = {
  load: "reading",
  check: "checking",
  lower: "lowering",
  plan: "planning",
  emit: "generating",
  audit: "auditing",
  bundle: "bundling",
  verify: "verifying",
};

/** A line that says what is going on, only on a terminal and only after a second. */
function showProgress(terminal: Terminal, name: string): { show(phase: Phase): void; end(): void } {
  if (!terminal.interactive) return { show() {}, end() {} };
  const begun = Date.now();
  let shown = false;
  let current: Phase = "load";
  const print = () => {
    shown = true;
    terminal.err(`\r\x1b[K${words[current]} ${name} ...`);
  };
  const timer = setTimeout(print, 1000);
  return {
    show(phase) {
      current = phase;
      if (Date.now() - begun >= 1000) print();
    },
    end() {
      clearTimeout(timer);
      if (shown) terminal.err("\r\x1b[K");
    },
  };
}
