#!/usr/bin/env node
/** `npm run golden:update`: rewrites everything that golden tests compare with. Read the diff before committing it. */
import { spawnSync } from "node:child_process";
import path from "node:path";

const folder = import.meta.dirname;
const files = ["projects.test.ts", "diagnostics.test.ts", "schemas.test.ts", "../blackbox/readme.test.ts"].map((file) =>
  path.join(folder, file),
);
// One after the other: the README shows pieces of the projects' expected code.
for (const file of files) {
  const only = file.endsWith("readme.test.ts") ? ["--test-name-pattern=generated code that is shown"] : [];
  const { status } = spawnSync(process.execPath, ["--import", "tsx", "--test", "--test-reporter=dot", ...only, file], {
    cwd: path.join(folder, "../.."),
    env: { ...process.env, UPDATE_GOLDEN: "1" },
    stdio: "inherit",
  });
  process.exitCode ||= status ?? 1;
}
