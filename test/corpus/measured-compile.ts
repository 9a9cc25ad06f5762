import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface MeasuredCompile {
  /** Exit code of `castgate compile`; undefined when it was stopped after the time limit. */
  readonly code: number | undefined;
  readonly seconds: number;
  /** Peaks of the process and of those that it started, added up: the most that can have been resident at once. */
  readonly peakMiB: number;
  readonly stderr: string;
}

/** A new project folder with these files. */
export async function writeProject(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "castgate-corpus-"));
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  return folder;
}

/** Runs `castgate compile` on a folder as a user does, in a process of its own. */
export async function measuredCompile(
  project: string,
  limits: { readonly seconds: number; readonly heapMiB?: number },
): Promise<MeasuredCompile> {
  const cli = fileURLToPath(new URL("../../compiler/cli.ts", import.meta.url));
  const heap = limits.heapMiB === undefined ? [] : [`--max-old-space-size=${limits.heapMiB}`];
  const begun = performance.now();
  const child = spawn(process.execPath, ["--import", "tsx", ...heap, cli, "compile", project], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (stderr.length < 100_000) stderr += text;
  });
  const peaks = new Map<number, number>();
  const watch = setInterval(() => {
    for (const pid of processTree(child.pid as number)) peaks.set(pid, Math.max(peaks.get(pid) ?? 0, peakKiB(pid)));
  }, 20);
  const limit = setTimeout(() => child.kill("SIGKILL"), limits.seconds * 1000);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearInterval(watch);
  clearTimeout(limit);
  return {
    code: code ?? undefined,
    seconds: (performance.now() - begun) / 1000,
    peakMiB: [...peaks.values()].reduce((sum, one) => sum + one, 0) / 1024,
    stderr,
  };
}

/** A process and all that descend from it. Linux; elsewhere just the process. */
function processTree(pid: number): readonly number[] {
  const children: number[] = [];
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const listed = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim();
      if (listed !== "") children.push(...listed.split(" ").map(Number));
    }
  } catch {
    // it has ended
  }
  return [pid, ...children.flatMap(processTree)];
}

function peakKiB(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
