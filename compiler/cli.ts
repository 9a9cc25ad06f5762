#!/usr/bin/env node
import yargs, { type Options } from "yargs";
import { packageRoot } from "./6-bundle/package-root.ts";
import {
  type Arguments,
  type Command,
  CommandFailure,
  exitCode,
  formatFailure,
  type Terminal,
  UsageError,
} from "./commands/command.ts";
import { helpOf, overview } from "./commands/help-text.ts";
import { absentCommands, commands } from "./commands/index.ts";
import { suggest } from "./diagnostics/suggest.ts";
import { CompilerBug } from "./phases.ts";

// The only file that touches `process`.

const terminal: Terminal = {
  folder: workingFolder(),
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  interactive: process.stderr.isTTY === true,
  colors: process.stderr.isTTY === true && process.env.NO_COLOR === undefined,
  env: process.env,
  colorsOut: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
  node: process.execPath,
  onStop(handler) {
    process.once("SIGINT", handler);
    process.once("SIGTERM", handler);
  },
};

/** In a clone, `npm run castgate` starts in this package's folder and says where the user stood. */
function workingFolder(): string {
  const here = process.cwd();
  const { npm_lifecycle_event: script, INIT_CWD: user } = process.env;
  return script === "castgate" && user !== undefined && here === packageRoot() ? user : here;
}

async function main(words: readonly string[]): Promise<number> {
  const [name, ...others] = words;
  if (name === undefined) {
    terminal.err(overview(commands));
    return exitCode.usage;
  }
  if (name === "--help" || name === "-h" || name === "?") return run("help", []);
  if (name === "--version" || name === "-v" || name === "-V") return run("version", []);
  return run(name, others);
}

async function run(name: string, words: readonly string[]): Promise<number> {
  const command = commands.find((each) => each.name === name || each.aliases?.includes(name));
  if (command === undefined) throw unknownCommand(name);
  const own = words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
  if (own.some((word) => word === "--help" || word === "-h" || word === "?")) {
    terminal.out(helpOf(command));
    return exitCode.fine;
  }
  return command.run(parse(command, own, words.slice(own.length + 1)), terminal);
}

function unknownCommand(name: string): UsageError {
  const absent = Object.hasOwn(absentCommands, name) ? absentCommands[name] : undefined;
  if (absent !== undefined) return new UsageError(absent);
  const suggestion = suggest(name, [...commands.flatMap((each) => [each.name, ...(each.aliases ?? [])])]);
  return new UsageError(
    name.startsWith("-") ? `${name} must stand after the command` : `there is no command "${name}"`,
    suggestion === undefined ? "`castgate help` lists the commands" : `did you mean "${suggestion}"?`,
  );
}

const common: Readonly<Record<string, Options>> = { debug: { type: "boolean", hidden: true } };

function parse(command: Command, words: readonly string[], rest: readonly string[]): Arguments {
  for (const word of words) refuseObsolete(command, word);
  let complaint: string | undefined;
  const options = withoutChoices({ ...common, ...command.options });
  const parsed = yargs([...words])
    .options(options)
    .help(false)
    .version(false)
    .exitProcess(false)
    .parserConfiguration({
      "boolean-negation": false,
      "dot-notation": false,
      "parse-numbers": false,
      "greedy-arrays": false,
    })
    .locale("en")
    .fail((message, error) => {
      complaint ??= message ?? String(error);
    })
    .parseSync();
  if (complaint !== undefined)
    throw new UsageError(complaint.split("\n")[0] ?? "", `\`castgate help ${command.name}\``);
  refuseUnknown(command, words);
  refuseOtherChoices(command, parsed);
  refuseRepeated(command, parsed);
  const positionals = parsed._.map(String);
  const [least, most] = command.positionals;
  if (positionals.length < least || positionals.length > most) {
    const many = positionals.length < least ? "a word is missing" : `"${positionals[most]}" is one word too many`;
    throw new UsageError(`${many}: castgate ${command.usage}`, `\`castgate help ${command.name}\` has examples`);
  }
  return { positionals, options: parsed, rest };
}

function refuseUnknown(command: Command, words: readonly string[]): void {
  const options = { ...common, ...command.options };
  const known = Object.entries(options).flatMap(([name, { alias }]) => [
    `--${name}`,
    ...[alias ?? []].flat().map((short) => `-${short}`),
  ]);
  for (const word of words.filter((each) => /^-./.test(each))) {
    const name = word.split("=")[0] ?? word;
    if (known.includes(name)) {
      // `--check=yes` would count as false, and write.
      const isSwitch = options[name.replace(/^--/, "")]?.type === "boolean";
      if (isSwitch && name !== word)
        throw new UsageError(`${name} takes no value`, `write ${name} alone, or leave it out`);
      continue;
    }
    const suggestion = suggest(name, known);
    throw new UsageError(
      `${name} is not an option of \`${command.name}\``,
      suggestion === undefined ? `\`castgate help ${command.name}\` lists them` : `did you mean ${suggestion}?`,
    );
  }
}

/** Of yargs' own words for a wrong choice, only the first line would fit. */
function withoutChoices(options: Readonly<Record<string, Options>>): Record<string, Options> {
  return Object.fromEntries(
    Object.entries(options).map(([name, { choices, ...option }]) => [
      name,
      choices === undefined ? option : { ...option, type: "string", requiresArg: true },
    ]),
  );
}

function refuseOtherChoices(command: Command, parsed: Readonly<Record<string, unknown>>): void {
  for (const [name, { choices }] of Object.entries(command.options)) {
    const value = parsed[name];
    if (choices === undefined || value === undefined || choices.some((choice) => choice === value)) continue;
    throw new UsageError(`--${name} cannot be ${JSON.stringify(value)}`, `it is one of: ${choices.join(", ")}`);
  }
}

/** One text is what a command expects: which of two was meant, nobody knows; and none says nothing. */
function refuseRepeated(command: Command, parsed: Readonly<Record<string, unknown>>): void {
  for (const [name, { type, array }] of Object.entries(command.options)) {
    if (type !== "string" || array === true) continue;
    if (Array.isArray(parsed[name])) throw new UsageError(`--${name} is given more than once`);
    if (parsed[name] === "") throw new UsageError(`--${name} has no value`, `\`castgate help ${command.name}\``);
  }
}

function refuseObsolete(command: Command, word: string): void {
  const name = word.split("=")[0] ?? word;
  const advice = { ...obsoleteEverywhere, ...command.obsolete }[name];
  if (advice !== undefined) throw new UsageError(`${name} has no meaning any more`, advice);
}

/** Flags of the original's wrapper script (T-CLI-05). */
const obsoleteEverywhere: Readonly<Record<string, string>> = {
  "--verbose": "leave it out; `compile --stop-after=<phase> --print` shows what a phase made",
  "--java.debug": "there is no Java left; leave it out",
};

function reportFailure(error: unknown, debug: boolean): number {
  if (error instanceof UsageError) {
    terminal.err(formatFailure(error));
    return exitCode.usage;
  }
  if (error instanceof CommandFailure) {
    terminal.err(formatFailure(error));
    return exitCode.inputWrong;
  }
  const bug = error instanceof Error ? error : new Error(String(error));
  const where = bug instanceof CompilerBug ? ` in the phase "${bug.phase}"` : "";
  terminal.err(`castgate has a bug${where}: ${bug.message}\n`);
  terminal.err(
    "Your project is not at fault, and nothing was written. Please report this, with the project if you can.\n",
  );
  if (debug) terminal.err(`${stackOf(bug)}\n`);
  else terminal.err("`--debug` prints where it happened.\n");
  return exitCode.bug;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  return cause.stack ?? cause.message;
}

const argv = process.argv.slice(2);
main(argv).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = reportFailure(error, argv.includes("--debug"));
  },
);
