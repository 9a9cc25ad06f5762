import type { DiagnosticLog } from "../diagnostics/log.ts";
import { at } from "../diagnostics/place.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { type CompileHost, HostError } from "../host.ts";
import { type CodeFile, type ExtensionFile, extensionExports } from "../model/loaded-project.ts";
import { slugOf } from "../naming/names.ts";
import { checkCode } from "./check-code.ts";
import { listFiles } from "./document-store.ts";

const folder = "extensions";

/**
 * The project's own TypeScript. Each file directly in `extensions/` is an extension; those in folders below it are what these
 * import. Whatever cannot become part of a bundle is reported here, with its place, as are names that settings could not use.
 */
export async function loadExtensions(
  host: CompileHost,
  log: DiagnosticLog,
): Promise<{ readonly extensions: readonly ExtensionFile[]; readonly code: ReadonlyMap<string, CodeFile> }> {
  const texts = new Map<string, string>();
  const usable: string[] = [];
  for (const file of await listFiles(host, folder, log)) {
    if (!/\.[cm]?[jt]sx?$/.test(file) || file.endsWith(".d.ts")) continue;
    const problem = isTopLevel(file) ? nameFlaw(file.slice(folder.length + 1)) : undefined;
    if (problem !== undefined) log.report("code-name-invalid", at({ file, pointer: "" }), { file, problem });
    if (!file.endsWith(".ts")) continue;
    const text = await readCode(host, file, log);
    if (text === undefined) continue;
    texts.set(file, text);
    log.sources.add(file, "typescript", text);
    if (isTopLevel(file) && problem === undefined) usable.push(file);
  }
  if (usable.length === 0) return { extensions: [], code: new Map() };
  const extensions: ExtensionFile[] = [];
  const code = new Map<string, CodeFile>();
  for (const file of usable) {
    const checked = await checkCode(file, texts, log);
    if (checked === undefined) continue;
    for (const [name, one] of checked.files) code.set(name, one);
    const exported = extensionExports.find((name) => checked.exports.includes(name));
    if (exported === undefined) {
      const suggestion = extensionExports.find((name) => suggest(name, checked.exports) !== undefined);
      log.report("code-without-export", at({ file, pointer: "" }), { file, ...(suggestion && { suggestion }) });
    } else extensions.push({ name: nameOf(file), file, exported });
  }
  return { extensions, code: new Map([...code].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function isTopLevel(file: string): boolean {
  return !file.slice(folder.length + 1).includes("/");
}

function nameOf(file: string): string {
  return file.slice(folder.length + 1, -".ts".length);
}

/** Why a file of this name is no extension, if so. Its name, without `.ts`, is how settings refer to it. */
function nameFlaw(base: string): string | undefined {
  if (!base.endsWith(".ts")) return "extensions are written in TypeScript, in files that end in .ts";
  const name = base.slice(0, -".ts".length);
  // A slug that is not its own is too long, ends in what looks like a hash, or names a device.
  if (/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name) && slugOf(name, name) === name) return undefined;
  return "its name must be lower-case letters and digits with single dashes between, such as corp-claims.ts";
}

async function readCode(host: CompileHost, file: string, log: DiagnosticLog): Promise<string | undefined> {
  try {
    return await host.read(file);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    log.report("file-unreadable", at({ file, pointer: "" }), { file, why: error.message });
    return undefined;
  }
}
