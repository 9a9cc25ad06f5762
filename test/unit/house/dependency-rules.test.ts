import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";

const root = path.resolve(import.meta.dirname, "../../..");

/** Who may import what: one line a rule of the house, once broken and once kept. */
const lines: readonly (readonly [file: string, line: string, verdict: "refused" | "fine"])[] = [
  ["compiler/1-load/a.ts", 'import "../2-check/check-project.ts";', "refused"],
  ["compiler/1-load/b.ts", 'import "../model/source.ts";', "fine"],
  ["compiler/2-check/rules/a.ts", 'import type { X } from "../../5-emit/escape.ts";', "refused"],
  ["compiler/2-check/rules/b.ts", 'import type { X } from "../read/values.ts";', "fine"],
  ["compiler/3-lower/a.ts", 'import "../compile.ts";', "refused"],
  ["compiler/4-plan/a.ts", 'export * from "../3-lower/access.ts";', "refused"],
  ["compiler/5-emit/views/a.ts", 'export const x = import("../../6-bundle/manifest.ts");', "refused"],
  ["compiler/6-bundle/a.ts", 'import "../commands/run.ts";', "refused"],
  ["compiler/verify/a.ts", 'import type { X } from "../5-emit/escape.ts";', "refused"],
  ["compiler/verify/expect/a.ts", 'import "../../4-plan/policy-chain.ts";', "refused"],
  ["compiler/verify/b.ts", 'import type { X } from "../model/manifest.ts";', "fine"],
  ["compiler/compile.ts", 'import "./1-load/load-project.ts";', "fine"],
  ["compiler/model/a.ts", 'import "../diagnostics/log.ts";', "refused"],
  ["compiler/model/b.ts", 'import "./names.ts";', "fine"],
  ["compiler/diagnostics/a.ts", 'import "../1-load/cursor.ts";', "refused"],
  ["compiler/3-lower/b.ts", 'import { api } from "../../runtime-lib/api.ts";', "refused"],
  ["compiler/commands/a.ts", 'export { api } from "../../runtime-lib/api.ts";', "refused"],
  ["compiler/commands/b.ts", 'export const x = import("../../runtime-lib/api.ts");', "refused"],
  ["compiler/3-lower/c.ts", 'import type { Api } from "../../runtime-lib/api.ts";', "fine"],
  ["compiler/3-lower/d.ts", 'import { canonicalSegment } from "../../runtime-lib/request-path.ts";', "fine"],
  ["compiler/review/explain/a.ts", 'import { cors } from "../../../runtime-lib/cors.ts";', "fine"],
  ["compiler/review/explain/b.ts", 'import { openPool } from "../../../runtime-lib/backend-undici.ts";', "refused"],
  ["compiler/review/c.ts", 'import { cors } from "../../runtime-lib/cors.ts";', "refused"],
  ["compiler/6-bundle/b.ts", 'import { settingsSchema } from "../../runtime-lib/settings-schema.ts";', "fine"],
  ["compiler/6-bundle/c.ts", 'import { loadSettings } from "../../runtime-lib/settings-load.ts";', "refused"],
  ["runtime-lib/a.ts", 'import type { X } from "../compiler/model/names.ts";', "refused"],
  ["runtime-lib/b.ts", 'import "yargs";', "refused"],
  ["runtime-lib/c.ts", 'import "node:fs/promises";', "fine"],
  ["runtime-lib/d.ts", 'import "./exchange.ts";', "fine"],
  ["runtime-lib/e.ts", 'import "smol-toml";', "fine"],
  ["runtime-lib/g.ts", 'import "amqplib";', "fine"],
  ["runtime-lib/f.ts", 'import "undici/lib/dispatcher/pool.js";', "fine"],
  ["test/blackbox/a.test.ts", 'import "../../compiler/compile.ts";', "refused"],
  ["test/blackbox/b.test.ts", 'import "../../runtime-lib/api.ts";', "refused"],
  ["test/blackbox/c.test.ts", 'import "castgate/runtime/api.js";', "refused"],
  ["test/blackbox/d.test.ts", 'import "node:http";', "fine"],
];

test("the linter refuses imports against the rules of the house", () => {
  const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), "castgate-lint-")));
  try {
    for (const kept of [".biome.json", "compiler/lint"])
      cpSync(path.join(root, kept), path.join(folder, kept), { recursive: true });
    for (const [file, line] of lines) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), `${line}\n`);
    }
    const biome = path.join(root, "node_modules/@biomejs/biome/bin/biome");
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [biome, "lint", "--reporter=github", "--max-diagnostics=none", "."],
      { cwd: folder, encoding: "utf8" },
    );
    const refused = new Set(
      [...stdout.matchAll(/^::error title=(?:lint\/style\/noRestrictedImports|plugin),file=([^,]+),/gm)].map((m) =>
        path.relative(folder, path.resolve(folder, m[1] ?? "")),
      ),
    );
    const found = lines.map(([file, line]) => [file, line, refused.has(file) ? "refused" : "fine"]);
    assert.deepEqual(found, lines, stdout + stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
