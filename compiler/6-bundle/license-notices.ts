import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The licences of the libraries of which something is in a bundle, as comments for its end: they ask to be handed on with
 * the code. `folders` has the folder of each library by `name@version`.
 */
export async function licenseNotices(
  libraries: readonly string[],
  folders: ReadonlyMap<string, string>,
): Promise<string> {
  const notices = await Promise.all(libraries.map((name) => notice(name, folders.get(name))));
  return notices.join("");
}

async function notice(name: string, folder: string | undefined): Promise<string> {
  if (folder === undefined) return "";
  const file = (await readdir(folder)).sort().find((each) => /^(?:licen[cs]e|copying)(?:\.|$)/i.test(each));
  const text = file === undefined ? "" : await readFile(join(folder, file), "utf8");
  const lines = [`License of ${name}`, "", ...text.trimEnd().split(/\r?\n/)];
  return `\n${lines.map((line) => `// ${line}`.trimEnd()).join("\n")}\n`;
}
