import { resolve } from "node:path";
import { buildProject, writeBuild } from "./build-project.ts";
import { RunningBundle } from "./child-process.ts";
import { type Command, exitCode, type Terminal } from "./command.ts";

/** `castgate run <dir>`: compile and run in the foreground. */
export const runCommand: Command = {
  name: "run",
  summary: "compile a project and run it; with --dev, against mocked backends",
  usage: "run <dir> [--dev] [-- <settings>]",
  positionals: [1, 1],
  options: {
    dev: {
      type: "boolean",
      describe: "loopback only, with a certificate, tokens and mocked backends of its own",
    },
  },
  details: `Compiles <dir> as \`castgate compile\` does, then runs the bundle with <dir> as its working directory, so that it reads
<dir>/conf/micro-gw.conf. What follows -- is handed to the bundle. SIGINT and SIGTERM are, too.

With --dev the gateway listens on the loopback interface only (ports 9090 and 9095, or free ones), and every backend is a
mock that answers with the examples and schemas of the definitions. A certificate, an issuer, tokens, an API key and a user
are made in <dir>/.castgate-dev/, which git ignores; nothing there is of use anywhere else. curl lines that work are
printed, and those of all operations are in <dir>/.castgate-dev/requests.sh.

  castgate run shop -- --listenerConfig.httpPort=8080 --b7a.log.level=DEBUG
  castgate run shop --dev

Exit codes: those of \`castgate compile\`, else those of the bundle: 0 after a clean stop, 1 when it cannot
listen, 78 when its settings are wrong.`,
  async run({ positionals: [folder = ""], options, rest }, terminal) {
    const result = await buildProject({ folder, format: "pretty" }, terminal);
    const { build } = result;
    if (result.failed || build === undefined) return exitCode.inputWrong;
    const root = resolve(terminal.folder, folder);
    if (options.dev === true) {
      const { DevSession } = await import("./dev/dev-session.ts");
      const session = new DevSession(root, rest, terminal);
      await session.prepare();
      const running = await session.start(build);
      try {
        return await foreground(running, terminal);
      } finally {
        session.close();
      }
    }
    await writeBuild(root, build);
    return foreground(new RunningBundle(terminal, resolve(root, "target", `${build.name}.cjs`), rest, root), terminal);
  },
};

/** Waits for the bundle's end and hands signals on. */
async function foreground(running: RunningBundle, terminal: Terminal): Promise<number> {
  terminal.onStop((signal) => {
    // Ctrl-C reaches every process of the terminal by itself; a second SIGINT would mean "at once".
    if (signal !== "SIGINT" || !terminal.interactive) running.stop(signal);
  });
  return running.exited;
}
