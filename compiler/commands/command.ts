import type { Options } from "yargs";

/** Where a command runs and what it may say. `cli.ts` makes it from the process. */
export interface Terminal {
  /** The working directory: relative paths are meant from here. */
  readonly folder: string;
  /** To standard output. */
  out(text: string): void;
  /** To standard error. */
  err(text: string): void;
  /** Standard error is a terminal: progress may be shown. */
  readonly interactive: boolean;
  /** Standard error may be coloured. */
  readonly colors: boolean;
  /** The environment: for what settings refer to, and the password of a signing key. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The same of standard output. */
  readonly colorsOut: boolean;
  /** The Node executable that runs this. */
  readonly node: string;
  /** Calls back on the first SIGINT or SIGTERM, which then does not end this process by itself. */
  onStop(handler: (signal: NodeJS.Signals) => void): void;
}

/** Parsed arguments of one command. */
export interface Arguments {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  /** What follows `--`. */
  readonly rest: readonly string[];
}

/** A command of the command line. Its `run` resolves to the exit code. */
export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** One line for the overview. */
  readonly summary: string;
  /** `<dir>` as printed; how many positionals there may be. */
  readonly usage: string;
  readonly positionals: readonly [least: number, most: number];
  readonly options: Readonly<Record<string, Options>>;
  /** Printed below usage and options. */
  readonly details: string;
  /** Flags that the original had and that mean nothing here, with what to do instead. */
  readonly obsolete?: Readonly<Record<string, string>>;
  run(args: Arguments, terminal: Terminal): Promise<number>;
}

/** 0 fine, 1 the input has errors, 2 wrong usage, 70 a bug of this program. */
export const exitCode = { fine: 0, inputWrong: 1, usage: 2, bug: 70 } as const;

/** A mistake on the command line: exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Something outside the project that went wrong (a download, a folder that cannot be written): exit code 1. */
export class CommandFailure extends Error {
  override name = "CommandFailure";
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** A mistake in the form of a diagnostic without a place. */
export function formatFailure(error: UsageError | CommandFailure): string {
  const hint = error.hint === undefined ? "" : `\n  = hint: ${error.hint}`;
  return `error${error instanceof UsageError ? "[usage]" : ""}: ${error.message}${hint}\n`;
}
