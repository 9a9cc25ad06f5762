import { writeFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { type Command, CommandFailure, exitCode, UsageError } from "./command.ts";
import { dayOf } from "./day.ts";

/** `castgate report <project, revision or bundle>`: a page that shows who may call what. */
export const reportCommand: Command = {
  name: "report",
  summary: "write a page to look at: operations, their checks, limits and backends",
  usage: "report <dir | bundle | revision:path>",
  positionals: [1, 1],
  options: {
    base: {
      type: "string",
      requiresArg: true,
      defaultDescription: "dir|bundle|revision:path",
      describe: "show the differences to it, too, weaker ones first",
    },
    out: {
      type: "string",
      requiresArg: true,
      defaultDescription: "FILE",
      describe: "where the page is written; if not said, <name>-report.html in the working directory",
    },
    today: {
      type: "string",
      requiresArg: true,
      defaultDescription: "YYYY-MM-DD",
      describe: "with --base: the day (UTC) on which accepted changes must hold, if not today",
    },
  },
  details: `Writes one HTML file: every operation with who may call it, its checks in order, limits, backends, the place where it was
written and the line of generated code; public operations first, with search and filters. It loads nothing and sends nothing,
and can be read without JavaScript, on a phone, by a screen reader and on paper. The same input gives the same bytes.

  castgate report shop
  castgate report shop --base main:shop --out review.html
  castgate report shop/target/shop.cjs --base shop-1.4.cjs

Exit codes: 0 the page is written; 1 a side has errors or cannot be read; 2 wrong usage; 70 a bug of castgate.`,
  async run({ positionals: [spec = ""], options }, terminal) {
    const baseSpec = options.base as string | undefined;
    const given = options.today as string | undefined;
    const day = dayOf(given);
    if (given !== undefined && baseSpec === undefined) throw new UsageError("--today needs --base");
    // Loaded when needed: `help` and the like answer at once.
    const [{ sideOf }, { makePage }] = await Promise.all([
      import("./read-side.ts"),
      import("../review/report/make-page.ts"),
    ]);
    const side = await sideOf(spec, terminal);
    if (side === undefined) return exitCode.inputWrong;
    const base = baseSpec === undefined ? undefined : await sideOf(baseSpec, terminal);
    if (baseSpec !== undefined && base === undefined) return exitCode.inputWrong;
    const { page, operations, publicOperations } = await makePage(side, base, day);
    const out = (options.out as string | undefined) ?? `${nameOf(spec, terminal.folder)}-report.html`;
    try {
      await writeFile(resolve(terminal.folder, out), page);
    } catch (error) {
      throw new CommandFailure(`${out} cannot be written: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}`);
    }
    terminal.out(
      `wrote ${out}: ${operations} operation${operations === 1 ? "" : "s"}, ${publicOperations} of them public\n`,
    );
    return exitCode.fine;
  },
};

/** Of a folder or bundle, and of the folder of a revision. */
function nameOf(spec: string, folder: string): string {
  const path = /^[^/\\]*:/.test(spec) ? spec.slice(spec.indexOf(":") + 1) : spec;
  return basename(resolve(folder, path)).replace(/\.cjs$/, "") || "gateway";
}
