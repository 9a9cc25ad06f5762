import { existsSync } from "node:fs";
import { connect } from "node:net";
import { PinnedProcess } from "./pinned-process.ts";
import type { StartRecord } from "./record.ts";
import { rotated } from "./statistics.ts";

/** Something whose start is measured. */
export interface Starter {
  readonly id: string;
  readonly node: string;
  readonly command: readonly string[];
  /** What is asked until it answers 200; undefined: the process ends by itself, and its end is measured. */
  readonly ask: { readonly port: number; readonly request: Buffer } | undefined;
}

/**
 * Milliseconds from spawn to the first 200, or to the end; the starters in turn, round by round. One that fails is left out
 * from then on.
 */
export async function measureStarts(starters: readonly Starter[], times: number): Promise<StartRecord["rows"]> {
  const rows = starters.map((starter) => ({
    starter,
    times: [] as number[],
    failure: undefined as string | undefined,
  }));
  for (let round = 0; round < times; round++) {
    for (const row of rotated(rows, round)) {
      if (row.failure !== undefined) continue;
      try {
        row.times.push(await measureStart(row.starter));
      } catch (error) {
        row.failure = (error as Error).message.slice(0, 500);
      }
    }
  }
  return rows.map(({ starter: { id, node }, ...found }) => ({ id, node, ...found }));
}

/**
 * A starter that begins with the code compiled that `starter`, a bundle, has used for its first answer: what `--precompile` makes
 * of it. Throws when it was not made.
 */
export async function precompiled(starter: Starter, file: string): Promise<Starter> {
  const [node = "", bundle = "", ...rest] = starter.command;
  await measureStart({ ...starter, command: [node, bundle, `--precompile=${file}`, ...rest] });
  if (!existsSync(file)) throw new Error(`${starter.id} did not write ${file}`);
  return { ...starter, id: `${starter.id}, precompiled`, command: [node, file, ...rest] };
}

async function measureStart({ id, command, ask }: Starter): Promise<number> {
  const begun = performance.now();
  const running = new PinnedProcess(command);
  try {
    if (ask === undefined) {
      await running.exit();
      return performance.now() - begun;
    }
    const deadline = begun + 10_000;
    while (performance.now() < deadline && !running.ended) {
      const status = await askOnce(ask.port, ask.request);
      if (status === 200) return performance.now() - begun;
      // 503 until it is ready; anything else does not get better.
      if (status !== undefined && status !== 503) throw new Error(`${id} answered ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    throw new Error(`${id} was not ready: ${running.output.slice(0, 2000)}`);
  } finally {
    await running.stop();
  }
}

/** The status of one request on a connection of its own; undefined when there is none. Raw, because it runs in a tight loop. */
function askOnce(port: number, request: Buffer): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.setEncoding("latin1").on("data", (part: string) => {
      text += part;
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1];
      if (status === undefined) return;
      resolve(Number(status));
      socket.destroy();
    });
    socket.on("error", () => resolve(undefined));
    socket.on("close", () => resolve(undefined));
    socket.write(request);
  });
}
