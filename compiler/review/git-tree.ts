import { execFile, spawn } from "node:child_process";
import { CommandFailure } from "../commands/command.ts";
import { type CompileHost, decodeText, HostError } from "../host.ts";

/** A folder of a revision, as `git` itself has it: files come from its store, unchanged by any filter. */
export interface GitTree {
  readonly host: CompileHost;
  /** Ends the `git` that files are read from. */
  close(): void;
}

/**
 * Opens `<revision>:<folder>` of the repository that `workingFolder` is in. Nothing is checked out or fetched, and nothing that
 * the repository names is run. Throws `CommandFailure` when there is no such folder.
 */
export async function openGitTree(spec: string, workingFolder: string): Promise<GitTree> {
  const tree = (await git(["rev-parse", "--verify", "--quiet", "--end-of-options", spec], workingFolder, spec)).trim();
  const listing = await git(["ls-tree", "-r", "-z", "--full-tree", tree], workingFolder, spec);
  const entries = new Map<string, Entry>();
  for (const line of listing.split("\0")) {
    const parts = /^(\d+) (\w+) ([0-9a-f]+)\t(.*)$/s.exec(line);
    if (parts === null) continue;
    const [, mode = "", type = "", object = "", name = ""] = parts;
    entries.set(name, { kind: mode === "120000" ? "link" : type === "commit" ? "submodule" : "file", object });
  }
  const blobs = new Blobs(workingFolder);
  return { host: treeHost(entries, blobs), close: () => blobs.close() };
}

interface Entry {
  readonly kind: "file" | "link" | "submodule";
  readonly object: string;
}

/** No missing object is fetched, no lock is waited for, and messages are the ones that are looked for. */
const environment = {
  ...process.env,
  GIT_NO_LAZY_FETCH: "1",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_TERMINAL_PROMPT: "0",
  LC_ALL: "C",
};

function git(args: readonly string[], cwd: string, spec: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("git", args, { cwd, env: environment, maxBuffer: 1 << 30 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      reject(failure(error as NodeJS.ErrnoException, stderr, spec));
    });
  });
}

function failure(error: NodeJS.ErrnoException, stderr: string, spec: string): CommandFailure {
  if (error.code === "ENOENT") return new CommandFailure(`${spec}: a revision needs git, which is not installed here`);
  if (stderr.includes("not a git repository"))
    return new CommandFailure(
      `${spec} is neither a project folder nor a bundle, and the working directory is in no git repository`,
    );
  if (stderr.includes("dubious ownership"))
    return new CommandFailure(`${spec}: git does not trust this repository: somebody else owns its folder`);
  if (stderr.includes("not a tree object")) return new CommandFailure(`${spec} is not a folder`);
  return new CommandFailure(
    `${spec} is neither a project folder, nor a bundle, nor a folder of a revision`,
    "a revision is written <revision>:<folder>, as HEAD~1:gateway; HEAD: is the root of the repository",
  );
}

function treeHost(entries: ReadonlyMap<string, Entry>, blobs: Blobs): CompileHost {
  const names = [...entries.keys()].sort();
  const folders = new Set<string>([""]);
  for (const name of names) {
    for (let end = name.lastIndexOf("/"); end > 0; end = name.lastIndexOf("/", end - 1))
      folders.add(name.slice(0, end));
  }
  const refuse = (path: string): void => {
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const kind = entries.get(path.slice(0, end))?.kind;
      if (kind === "link") throw new HostError("it is a link, and in a revision those are not followed");
      if (kind === "submodule") throw new HostError("it is a submodule: its files are not part of this revision");
    }
  };
  const readOnly = async (): Promise<never> => {
    throw new HostError("a revision cannot be written to");
  };
  return {
    async stat(path) {
      if (folders.has(path)) return "folder";
      return entries.has(path) ? "file" : undefined;
    },
    async read(file) {
      refuse(file);
      const entry = entries.get(file);
      if (entry === undefined) return undefined;
      const text = decodeText(await blobs.read(entry.object));
      if (text.startsWith("version https://git-lfs.github.com/spec/"))
        throw new HostError("git has only a pointer to it, as Git LFS keeps its content elsewhere");
      return text;
    },
    async list(folder) {
      if (folder !== "") refuse(folder);
      const below = folder === "" ? "" : `${folder}/`;
      return names.filter((name) => name.startsWith(below));
    },
    write: readOnly,
    remove: readOnly,
  };
}

/** Reads objects from one `git cat-file`, one after the other. */
class Blobs {
  readonly #folder: string;
  #process: ReturnType<typeof start> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
  }

  read(object: string): Promise<Uint8Array> {
    const mine = this.#last.then(() => this.#read(object));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  close(): void {
    this.#process?.child.stdin.end();
  }

  async #read(object: string): Promise<Uint8Array> {
    this.#process ??= start(this.#folder);
    const { child, line, bytes } = this.#process;
    child.stdin.write(`${object}\n`);
    const size = Number(/^[0-9a-f]+ blob (\d+)$/.exec(await line())?.[1] ?? Number.NaN);
    if (Number.isNaN(size)) throw new HostError("git does not have it here");
    const content = await bytes(size);
    await line();
    return content;
  }
}

function start(cwd: string) {
  const child = spawn("git", ["cat-file", "--batch"], { cwd, env: environment, stdio: ["pipe", "pipe", "ignore"] });
  let buffered: Buffer = Buffer.alloc(0);
  const chunks = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  child.on("error", () => child.stdout.destroy());
  child.stdin.on("error", () => undefined);
  const next = async (): Promise<Buffer> => {
    const { done, value } = await chunks.next().catch(() => ({ done: true as const, value: undefined }));
    if (done === true || value === undefined) throw new HostError("git ended before it was read");
    return value;
  };
  return {
    child,
    async bytes(count: number): Promise<Buffer> {
      const parts = [buffered];
      for (let have = buffered.length; have < count; have += (parts.at(-1) as Buffer).length) parts.push(await next());
      const all = parts.length === 1 ? buffered : Buffer.concat(parts);
      buffered = all.subarray(count);
      return all.subarray(0, count);
    },
    async line(): Promise<string> {
      for (;;) {
        const end = buffered.indexOf(10);
        if (end >= 0) {
          const text = buffered.toString("latin1", 0, end);
          buffered = buffered.subarray(end + 1);
          return text;
        }
        buffered = Buffer.concat([buffered, await next()]);
      }
    },
  };
}
