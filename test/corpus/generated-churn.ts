import { spawnSync } from "node:child_process";

/** Lines that git counts as added and removed between two folders of generated code, or with `-w` as anything but moved to the right. */
export function generatedChurn(
  base: string,
  head: string,
  ...options: readonly "-w"[]
): { readonly added: number; readonly removed: number } {
  const { stdout, status, stderr } = spawnSync("git", ["diff", "--no-index", "--numstat", ...options, base, head], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0 && status !== 1) throw new Error(stderr);
  const counts = [...stdout.matchAll(/^(\d+)\t(\d+)\t/gm)];
  const sum = (index: number) => counts.reduce((total, match) => total + Number(match[index]), 0);
  return { added: sum(1), removed: sum(2) };
}
