import { resolve } from "node:path";
import type { Build } from "../compile.ts";
import { buildProject } from "./build-project.ts";
import { type Command, exitCode } from "./command.ts";

/** Editors save a file in several steps. */
const quietMs = 150;

/** What the compiler or a tool writes by itself. */
const ownFolders = /^(?:generated|target|node_modules|\.castgate-dev|\.git)(?:[/\\]|$)/;

/** `castgate dev <dir>`: `run --dev` that recompiles and restarts on change. */
export const devCommand: Command = {
  name: "dev",
  summary: "run --dev, again after every change",
  usage: "dev <dir> [-- <settings>]",
  positionals: [1, 1],
  options: {},
  details: `Like \`castgate run <dir> --dev\`, and whenever a file of the project changes, compiles it anew. Without errors the gateway is
restarted on the same ports; with errors they are printed, and the last good one goes on running. Ctrl-C ends it.

  castgate dev shop`,
  async run({ positionals: [folder = ""], rest }, terminal) {
    const root = resolve(terminal.folder, folder);
    const first = await buildProject({ folder, format: "pretty" }, terminal);
    if (first.build === undefined || first.failed) return exitCode.inputWrong;
    const { DevSession } = await import("./dev/dev-session.ts");
    const { watchTree } = await import("./dev/watch-tree.ts");
    const session = new DevSession(root, rest, terminal);
    await session.prepare();
    const start = async (build: Build) => {
      const running = await session.start(build);
      running.exited.then((code) => {
        if (session.isRunning(running))
          terminal.err(`The gateway ended with exit code ${code}; a change starts it again.\n`);
      });
    };
    await start(first.build);

    let work = Promise.resolve();
    const rebuild = async () => {
      const { build, failed } = await buildProject({ folder, format: "pretty" }, terminal);
      if (failed || build === undefined) return terminal.err("The last good gateway goes on running.\n");
      await start(build);
    };
    let timer: NodeJS.Timeout | undefined;
    const rebuildSoon = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        work = work.then(rebuild).catch((error: unknown) => terminal.err(`${String(error)}\n`));
      }, quietMs);
    };
    const watcher = watchTree(root, (path) => !ownFolders.test(path), rebuildSoon);
    await new Promise<void>((stop) => terminal.onStop(() => stop()));
    clearTimeout(timer);
    watcher.close();
    await work;
    await session.stop("SIGTERM");
    session.close();
    return exitCode.fine;
  },
};
