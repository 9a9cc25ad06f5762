import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "./packages.ts";
import type { PartResult } from "./report.ts";

const folder = join(cacheFolder, "results");

/** Keeps what a part found, in the cache, until it is run again. */
export async function keepPart(name: string, result: PartResult): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), JSON.stringify(result));
}

/** What a part found when it was last run; undefined when it never was. */
export function keptPart(name: string): PartResult | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as PartResult;
  } catch {
    return undefined;
  }
}
