import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { loadProject } from "../../../compiler/1-load/load-project.ts";
import { checkProject } from "../../../compiler/2-check/check-project.ts";
import { DiagnosticLog } from "../../../compiler/diagnostics/log.ts";
import { nodeHost } from "../../../compiler/host-node.ts";

/** What the original built must build: the projects of its own tests, in the folder beside this repository. */
const cases = path.join(import.meta.dirname, "../../../../shared/conformance/cases");

test("every project that the original built passes", { skip: !existsSync(cases) }, async () => {
  const projects = readdirSync(cases, { recursive: true, encoding: "utf8" })
    .filter((name) => path.basename(name) === "project")
    .map((name) => path.join(cases, name));
  assert.ok(projects.length > 50);
  for (const root of projects) {
    const log = new DiagnosticLog();
    const loaded = await loadProject(root, nodeHost(root), log);
    const checked = loaded && checkProject(loaded, log);
    const errors = log.all().filter(({ severity }) => severity === "error");
    assert.ok(
      checked !== undefined,
      `${path.relative(cases, root)}: ${errors.map(({ message }) => message).join("; ")}`,
    );
  }
});
