/** All that a compilation asks of the machine: tests compile in memory. Paths are project-relative with `/`. */
export interface CompileHost {
  /** Bytes as UTF-8 text; undefined when there is no such file. Throws `HostError` when it cannot be read. */
  read(file: string): Promise<string | undefined>;
  /** Files below a folder, at any depth, sorted by name; empty when there is no such folder. Never follows a link outside the project. */
  list(folder: string): Promise<readonly string[]>;
  write(file: string, content: string | Uint8Array, options?: { readonly executable?: boolean }): Promise<void>;
  remove(file: string): Promise<void>;
}

/** A file exists but cannot be read: message for the user, without the machine's paths. */
export class HostError extends Error {
  override name = "HostError";
}
