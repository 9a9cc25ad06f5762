import { type CompileHost, decodeText, HostError } from "../../compiler/host.ts";

/** A project in memory. `files` shows what was written; a value of `HostError` is thrown when its file is read. */
export interface MemoryHost extends CompileHost {
  readonly files: Map<string, string | Uint8Array | HostError>;
}

/** A host over the given files, by project-relative name. */
export function memoryHost(initial: Readonly<Record<string, string | Uint8Array | HostError>> = {}): MemoryHost {
  const files = new Map<string, string | Uint8Array | HostError>(Object.entries(initial));
  const below = (folder: string) => {
    const prefix = folder === "" ? "" : `${folder}/`;
    return [...files.keys()].filter((name) => name.startsWith(prefix)).sort();
  };
  return {
    files,
    stat: async (path) => (files.has(path) ? "file" : path === "" || below(path).length > 0 ? "folder" : undefined),
    async read(file) {
      const content = files.get(file);
      if (content instanceof HostError) throw content;
      return content instanceof Uint8Array ? decodeText(content) : content;
    },
    list: async (folder) => below(folder),
    async write(file, content) {
      files.set(file, content);
    },
    async remove(file) {
      files.delete(file);
    },
  };
}
