import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { type BundleFile, readBundle } from "../../compiler/review/bundle-file.ts";
import { compileProject } from "./gateway-under-test.ts";

const fixtures = path.join(import.meta.dirname, "../../fixtures");

/** Every project below `fixtures/` that can be compiled, sorted. */
export const fixtureNames: readonly string[] = readdirSync(fixtures, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(path.join(fixtures, entry.name, "api_definitions")))
  .map((entry) => entry.name)
  .sort();

/** The bundle of a fixture as it is read back, made by the real command. */
export async function builtFixture(name: string): Promise<BundleFile> {
  const built = await compileProject(path.join(fixtures, name));
  try {
    return await readBundle(`${name}.cjs`, built.bundle);
  } finally {
    built.remove();
  }
}
