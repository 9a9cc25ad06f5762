/** All that a compilation asks of the machine: tests compile in memory. Paths are project-relative with `/`. */
export interface CompileHost {
  /** What stands at a path, links followed; `""` is the project itself. Throws `HostError` when that cannot be told. */
  stat(path: string): Promise<"file" | "folder" | undefined>;
  /** Bytes as UTF-8 text; undefined when there is no such file. Throws `HostError` when it cannot be read, as a link that leads nowhere. */
  read(file: string): Promise<string | undefined>;
  /**
   * Files below a folder, at any depth, sorted by name; empty when there is no such folder. Never follows a link outside
   * the project: one that leads out or nowhere is listed itself, so that reading it says so. Throws `HostError`.
   */
  list(folder: string): Promise<readonly string[]>;
  /** Whole or not at all; a file that already has this content is left untouched. Throws `HostError`. */
  write(file: string, content: string | Uint8Array, options?: { readonly executable?: boolean }): Promise<void>;
  /** Removes a file, if it is there, and the folders that this leaves empty. */
  remove(file: string): Promise<void>;
}

/** A file exists but cannot be read or written: message for the user, without the machine's paths. */
export class HostError extends Error {
  override name = "HostError";
}

/** Text of a file's bytes. Throws `HostError` for anything that is not UTF-8 text. */
export function decodeText(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new HostError("it is not UTF-8 text");
  }
  if (text.includes("\0")) throw new HostError("it holds NUL bytes, so it is not text");
  return text;
}
