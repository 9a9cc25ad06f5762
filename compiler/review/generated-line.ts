import type { PolicyChain } from "../model/gateway-plan.ts";
import type { SideCode } from "./side.ts";

type Step = PolicyChain[number]["kind"];

/** A line of generated code, from 1: of its file, or of the bundle. */
export interface CodeLine {
  /** Below `generated/`. */
  readonly file: string;
  readonly line: number;
}

/** Finds lines in the generated code of one side; each file is looked through once. Pure. */
export class GeneratedLines {
  readonly #code: readonly SideCode[];
  readonly #handlers = new Map<string, ReadonlyMap<string, Handler>>();

  constructor(code: readonly SideCode[]) {
    this.#code = code;
  }

  /**
   * The check `step` of an operation's handler; its first line where the handler has no such check, or none is named. Undefined
   * when the operation has no handler.
   */
  check(api: string, operation: string, step: Step | undefined): CodeLine | undefined {
    const handler = this.#handlersOf(api).get(operation);
    if (handler === undefined) return undefined;
    const { code, lines, start, end } = handler;
    const pattern = step && checks[step];
    for (let index = start; pattern !== undefined && index < end; index++) {
      if (pattern.test(lines[index] ?? "")) return { file: code.file, line: code.firstLine + index };
    }
    return { file: code.file, line: code.firstLine + start };
  }

  /** The first line of a file that matches. */
  line(file: string, pattern: RegExp): CodeLine | undefined {
    const code = this.#code.find((each) => each.file === file);
    const index = code?.text.split("\n").findIndex((line) => pattern.test(line)) ?? -1;
    return code === undefined || index < 0 ? undefined : { file, line: code.firstLine + index };
  }

  /** The first line that matches in any file of an API. */
  lineIn(api: string, pattern: RegExp): CodeLine | undefined {
    for (const { file } of this.#code) {
      const found = file.startsWith(`${api}/`) && file.endsWith(".ts") ? this.line(file, pattern) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #handlersOf(api: string): ReadonlyMap<string, Handler> {
    const known = this.#handlers.get(api);
    if (known !== undefined) return known;
    const found = new Map<string, Handler>();
    for (const code of this.#code.filter(({ file }) => file.startsWith(`${api}/`) && file.endsWith(".ts"))) {
      const lines = code.text.split("\n");
      for (const [index, line] of lines.entries()) {
        // A bundler renames functions that clash; what they call themselves stays.
        const name = /^\s+x\.operation = "([^"\\]+)";$/.exec(line)?.[1];
        if (name === undefined) continue;
        const end = lines.indexOf("}", index);
        found.set(name, { code, lines, start: index - 1, end: end < 0 ? lines.length : end });
      }
    }
    this.#handlers.set(api, found);
    return found;
  }
}

interface Handler {
  readonly code: SideCode;
  readonly lines: readonly string[];
  /** The line of `function`, and that of its closing brace; from 0. */
  readonly start: number;
  readonly end: number;
}

/** How each check looks, in generated files and in bundles, where names may have got a number. */
const checks: Readonly<Record<Step, RegExp>> = {
  public: /^\s*withholdCredentials\d*\(/,
  authenticate: /await authenticate\d*\(/,
  "require-scopes": /\bhas(?:All|Any)Scopes?\d*\(/,
  "require-caller": /return wrongCaller\d*\(/,
  "require-domain": /return domainRefused\d*\(/,
  upgrade: /\bmayUpgrade\d*\(/,
  deny: /\bisDenied\d*\(/,
  throttle: /\.admit\(/,
  "require-key-type": /caller\.keyType !== /,
  forward: /return forward\d*\(/,
  "forward-by-key-type": /return forward\d*\(/,
  "no-endpoint": /return noEndpoint\d*\(/,
  blocked: /return blocked\d*\(/,
  "policy-missing": /return policyMissing\d*\(/,
  "not-built": /return notBuilt\d*\(/,
};
