import type { Command } from "./command.ts";
import { compileCommand } from "./compile.ts";
import { devCommand } from "./dev.ts";
import { diffCommand } from "./diff.ts";
import { explainCommand } from "./explain.ts";
import { helpCommand } from "./help.ts";
import { initCommand } from "./init.ts";
import { reportCommand } from "./report.ts";
import { runCommand } from "./run.ts";
import { verifyCommand } from "./verify.ts";
import { versionCommand } from "./version.ts";

/** In the order in which help lists them. */
export const commands: readonly Command[] = [
  initCommand,
  compileCommand,
  runCommand,
  devCommand,
  diffCommand,
  explainCommand,
  reportCommand,
  verifyCommand,
  helpCommand(() => commands),
  versionCommand,
];

/** Commands that are planned, and those of the original that have no place here: what to say of them. */
export const absentCommands: Readonly<Record<string, string>> = {
  import: "`import` is not there yet; until then, export the definitions from API Manager into gen/api_definitions/",
  reset: "there is nothing to reset: no credentials are stored",
  setup: "there is nothing to set up: start with `castgate init <dir>`",
};
