import { readSide, type Side } from "../review/side.ts";
import type { Terminal } from "./command.ts";
import { renderDiagnostics } from "./render.ts";

/**
 * The side that the user named. Undefined when it is a project with errors: they are then printed, on standard error, and the
 * command is to exit with 1. Warnings are for `compile` to print.
 */
export async function sideOf(spec: string, terminal: Terminal): Promise<Side | undefined> {
  const result = await readSide(spec, terminal.folder);
  if ("side" in result) return result.side;
  terminal.err(renderDiagnostics("pretty", result.failed, spec, terminal.colors));
  return undefined;
}
