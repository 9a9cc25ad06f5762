import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Lays the package out in an empty folder as npm would install it, from the sources as they are: what users run is
 * compiled, and starts without a loader. Returns the URL of the compiler's module.
 */
export function layOutPackage(folder: string): string {
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(repository, "package.json"), join(folder, "package.json"));
  for (const part of ["runtime-lib", "templates", "node_modules"])
    symlinkSync(join(repository, part), join(folder, part));
  const typescript = join(repository, "node_modules", ".bin", "tsc");
  const args = ["-p", join(repository, "compiler", "tsconfig.build.json"), "--outDir", join(folder, "dist")];
  const { stdout } = spawnSync(typescript, args, { encoding: "utf8" });
  const module = join(folder, "dist", "compiler", "compile.js");
  // A type error does not keep the rest from being compiled, nor from being measured.
  if (!existsSync(module)) throw new Error(`the package could not be compiled: ${stdout}`);
  return pathToFileURL(module).href;
}
