// What `npm pack` and `npm publish` do before and after: compile to dist/, and ship the lock file as npm-shrinkwrap.json.
//
// A bundle holds code of undici, node-forge and what they depend on. With exact versions of the direct dependencies only, two
// users could get different transitive ones, and so different bundles from the same project. npm installs a shrinkwrapped
// package exactly as it was locked. It is a copy made for the package alone: in a clone, package-lock.json is the lock.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dirname);
const shrinkwrap = join(root, "npm-shrinkwrap.json");

if (process.argv[2] === "before") {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
  const compiled = spawnSync(process.execPath, [join(typescript, "bin/tsc"), "-p", "compiler/tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
  if (compiled.status !== 0) process.exit(1);
  chmodSync(join(root, "dist/compiler/cli.js"), 0o755);
  copyFileSync(join(root, "package-lock.json"), shrinkwrap);
} else {
  rmSync(shrinkwrap, { force: true });
}
