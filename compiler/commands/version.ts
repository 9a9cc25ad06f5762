import { packageVersion } from "../6-bundle/package-root.ts";
import { type Command, exitCode } from "./command.ts";

/** `castgate version`: the bare number, for scripts. */
export const versionCommand: Command = {
  name: "version",
  summary: "print the version",
  usage: "version",
  positionals: [0, 0],
  options: {},
  details: "Prints the version of the compiler. A bundle carries it, too: `node target/<project>.cjs --version`.",
  async run(_args, terminal) {
    terminal.out(`${packageVersion()}\n`);
    return exitCode.fine;
  },
};
