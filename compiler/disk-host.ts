import type { Dirent } from "node:fs";
import { chmod, mkdir, readdir, readFile, realpath, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { type CompileHost, decodeText, HostError } from "./host.ts";

/** A project in a folder of this machine. Writes are atomic: a reader sees the old file or the new one. */
export class DiskHost implements CompileHost {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async stat(path: string): Promise<"file" | "folder" | undefined> {
    try {
      const found = await stat(join(this.#root, path));
      return found.isDirectory() ? "folder" : "file";
    } catch {
      return undefined;
    }
  }

  async read(file: string): Promise<string | undefined> {
    let bytes: Uint8Array;
    try {
      bytes = await readFile(join(this.#root, file));
    } catch (error) {
      if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
      throw new HostError(`it cannot be read (${reasonOf(error)})`);
    }
    return decodeText(bytes);
  }

  async list(folder: string): Promise<readonly string[]> {
    let root: string;
    try {
      root = await realpath(this.#root);
    } catch {
      return [];
    }
    const files: string[] = [];
    await this.#walk(root, folder, files);
    return files.sort();
  }

  async write(
    file: string,
    content: string | Uint8Array,
    options: { readonly executable?: boolean } = {},
  ): Promise<void> {
    const target = join(this.#root, file);
    const temporary = `${target}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(target), { recursive: true });
      await writeFile(temporary, content);
      if (options.executable === true) await chmod(temporary, 0o755);
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw new HostError(`${file} cannot be written (${reasonOf(error)})`);
    }
  }

  /** Also removes the folders that this leaves empty. */
  async remove(file: string): Promise<void> {
    await rm(join(this.#root, file), { force: true });
    for (let folder = dirname(file); folder !== "."; folder = dirname(folder)) {
      try {
        await rmdir(join(this.#root, folder));
      } catch {
        return;
      }
    }
  }

  async #walk(root: string, folder: string, files: string[]): Promise<void> {
    let entries: Dirent[];
    try {
      entries = await readdir(join(this.#root, folder), { withFileTypes: true });
    } catch (error) {
      if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return;
      throw new HostError(`the folder ${folder} cannot be read (${reasonOf(error)})`);
    }
    for (const entry of entries) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) await this.#walk(root, name, files);
      else if (entry.isFile() || (entry.isSymbolicLink() && (await this.#isFileInside(root, name)))) files.push(name);
    }
  }

  async #isFileInside(root: string, name: string): Promise<boolean> {
    try {
      const target = await realpath(join(this.#root, name));
      return target.startsWith(root + sep) && (await stat(target)).isFile();
    } catch {
      return false;
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

/** The system's words without the machine's path: `EACCES: permission denied`. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.message.split(", ")[0] ?? error.message) : "unknown reason";
}
