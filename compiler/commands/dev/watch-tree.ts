import { type FSWatcher, readdirSync, watch } from "node:fs";
import { join, sep } from "node:path";

/**
 * Tells the path, below `root`, of whatever changes there. Every folder has a watcher of its own: on Linux, Node's
 * `recursive` loses sight of a file that is replaced instead of overwritten, and that is how many editors save.
 */
export function watchTree(
  root: string,
  isOfInterest: (path: string) => boolean,
  onChange: (path: string) => void,
): { close(): void } {
  const watchers = new Map<string, FSWatcher>();

  const forget = (folder: string) => {
    for (const [path, watcher] of watchers) {
      if (path !== folder && !path.startsWith(folder + sep)) continue;
      watchers.delete(path);
      watcher.close();
    }
  };
  const add = (folder: string) => {
    const watcher = watch(join(root, folder), (event, file) => {
      if (file === null) return;
      const path = join(folder, file);
      if (!isOfInterest(path)) return;
      if (event === "rename") {
        forget(path);
        addIfFolder(path);
      }
      onChange(path);
    });
    watcher.on("error", () => forget(folder));
    watchers.set(folder, watcher);
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && isOfInterest(path)) addIfFolder(path);
    }
  };
  /** What is gone by now, or is a file, needs no watcher: that of its folder tells of it. */
  const addIfFolder = (path: string) => {
    try {
      readdirSync(join(root, path));
      add(path);
    } catch {
      forget(path);
    }
  };
  add("");
  return {
    close() {
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}
