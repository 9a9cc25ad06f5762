#!/usr/bin/env node
/**
 * `npm run reproducible [-- --user=NAME]`: has Debian's reprotest build the pet store twice, the second time in as different
 * surroundings as it can make, and compares every byte of target/. Needs reprotest, faketime, disorderfs and the right to become
 * root; `--user`: an account that the second build may run as. Exit code 0: no difference.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");
const user = process.argv.find((word) => word.startsWith("--user="))?.slice("--user=".length);
const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-reproducible-"));
try {
  chmodSync(folder, 0o755);
  const source = path.join(folder, "source");
  for (const name of ["compiler", "runtime-lib", "templates", "package.json", "package-lock.json", "tsconfig.json"])
    cpSync(path.join(root, name), path.join(source, name), { recursive: true });
  symlinkSync(path.join(root, "node_modules"), path.join(source, "node_modules"));
  for (const name of ["api_definitions", "castgate.yaml", "policies.yaml"])
    cpSync(path.join(root, "fixtures/petstore", name), path.join(source, "petstore", name), { recursive: true });
  // reprotest says `sudo -h localhost`, which newer ones take for a question about another machine.
  const tools = path.join(folder, "bin");
  mkdirSync(tools);
  writeFileSync(path.join(tools, "sudo"), '#!/bin/sh\n[ "$1" = -h ] && shift 2\nexec /usr/bin/sudo "$@"\n', {
    mode: 0o755,
  });
  // Another host name needs a namespace of its own, which containers seldom give.
  const vary = ["-domain_host", user === undefined ? "-user_group" : `user_group.available+=${user}:${user}`];
  const build =
    "TSX_DISABLE_CACHE=1 node --import ./node_modules/tsx/dist/loader.mjs compiler/cli.ts compile petstore && rm -rf petstore/generated";
  const words = ["--verbosity=1", "--variations=+all", `--vary=${vary.join(",")}`, "--no-diffoscope", "-c", build];
  const { status, error } = spawnSync("reprotest", [...words, source, "petstore/target/*", "--", "null"], {
    stdio: "inherit",
    cwd: folder,
    env: { ...process.env, PATH: `${tools}${path.delimiter}${process.env.PATH}` },
  });
  if (error !== undefined) process.stderr.write(`reprotest cannot be run: ${error.message}\n`);
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
