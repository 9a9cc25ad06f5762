import { randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, readdir, readFile, realpath, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { type CompileHost, decodeText, HostError } from "./host.ts";

/** A project folder on disk. Nothing outside of it is read or written, links that lead out of it included. */
export function nodeHost(root: string): CompileHost {
  const folder = resolve(root);

  /** Absolute path of a project file. */
  const locate = (file: string): string => {
    const path = resolve(folder, file);
    if (path !== folder && !path.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
      throw new HostError("it is outside of the project folder");
    }
    return path;
  };

  /** Whether a path, links followed, is still inside the project. */
  const isInside = async (path: string): Promise<boolean> => {
    const [real, top] = await Promise.all([realpath(path), realpath(folder)]);
    const way = relative(top, real);
    return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && resolve(top, way) === real);
  };

  return {
    async stat(path) {
      try {
        const found = await stat(locate(path));
        return found.isFile() ? "file" : found.isDirectory() ? "folder" : undefined;
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw asHostError(error);
      }
    },

    async read(file) {
      const path = locate(file);
      try {
        // Before anything of it is looked at: whether something outside is a file, nobody needs to know.
        if (!(await isInside(path))) throw new HostError(leadsOut);
        if (!(await stat(path)).isFile()) throw new HostError("it is not a file");
        return decodeText(await readFile(path));
      } catch (error) {
        if (!isAbsent(error)) throw asHostError(error);
        if (await isLink(path)) throw new HostError(leadsNowhere);
        return undefined;
      }
    },

    async list(name) {
      const found: string[] = [];
      const walk = async (below: string, parents: readonly string[]): Promise<void> => {
        const path = locate(below);
        const real = await realpath(path);
        if (parents.includes(real)) return;
        for (const entry of await readdir(path, { withFileTypes: true })) {
          const file = below === "" ? entry.name : `${below}/${entry.name}`;
          const kind = entry.isSymbolicLink() ? await linkKind(join(path, entry.name)) : entry;
          if (kind?.isDirectory()) await walk(file, [...parents, real]);
          else found.push(file);
        }
      };
      /** undefined: it cannot be followed, or must not be. */
      const linkKind = async (path: string) => ((await isInside(path).catch(() => false)) ? stat(path) : undefined);
      const top = locate(name);
      try {
        if (!(await isInside(top))) throw new HostError(leadsOut);
        await walk(name, []);
      } catch (error) {
        if (!isAbsent(error)) throw asHostError(error);
        if (await isLink(top)) throw new HostError(leadsNowhere);
      }
      return found.sort();
    },

    async write(file, content, options = {}) {
      const path = locate(file);
      const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
      const mode = options.executable === true ? 0o755 : 0o644;
      try {
        if (await isUnchanged(path, bytes)) {
          if (options.executable === true && ((await stat(path)).mode & 0o111) === 0) await chmod(path, mode);
          return;
        }
        await mkdir(dirname(path), { recursive: true });
        if (!(await isInside(dirname(path)))) throw new HostError("its folder is a link that leads out of the project");
        // Beside its target, so that the rename stays on one file system and is atomic.
        const temporary = join(dirname(path), `.${randomBytes(6).toString("hex")}.tmp`);
        try {
          await writeFile(temporary, bytes, { mode, flag: "wx" });
          await rename(temporary, path);
        } catch (error) {
          await rm(temporary, { force: true });
          throw error;
        }
      } catch (error) {
        throw asHostError(error);
      }
    },

    async remove(file) {
      const path = locate(file);
      try {
        if (!(await isInside(dirname(path)))) return;
        await rm(path, { force: true });
        for (let above = dirname(path); above !== folder; above = dirname(above)) await rmdir(above);
      } catch (error) {
        const code = codeOf(error);
        if (!isAbsent(error) && code !== "ENOTEMPTY" && code !== "EEXIST") throw asHostError(error);
      }
    },
  };
}

const leadsOut = "it is a link that leads out of the project folder";
const leadsNowhere = "it is a link that leads nowhere";

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    return false;
  }
}

async function isUnchanged(path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    const found = await lstat(path);
    return found.isFile() && found.size === bytes.byteLength && (await readFile(path)).equals(bytes);
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** The system's message names the machine's paths: only its meaning is kept. */
function asHostError(error: unknown): unknown {
  if (error instanceof HostError) return error;
  const code = codeOf(error);
  if (code === undefined) return error;
  const known: Record<string, string> = {
    EACCES: "permission denied",
    EPERM: "permission denied",
    EISDIR: "it is a folder",
    EEXIST: "a file stands where a folder is needed",
    ENOTDIR: "a file stands where a folder is needed",
    ELOOP: "it is a link that leads to itself",
    ENOSPC: "the disk is full",
    EROFS: "the file system is read-only",
    ENAMETOOLONG: "its name is too long",
    ERR_FS_FILE_TOO_LARGE: "it is too large",
  };
  return new HostError(known[code] ?? `the system says ${code}`);
}
