import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const script = fileURLToPath(new URL("throwing-sinks.ts", import.meta.url));

test("a sink that throws is told of a failure, and harms no other request", { timeout: 60_000 }, async () => {
  // In a process of its own: what is thrown ends up where the process is told of what nobody caught.
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", script]);
  assert.deepEqual(JSON.parse(stdout), {
    whole: ["backend: CRASHED", "backend: CRASHED", "backend: CRASHED"],
    data: ["backend: CRASHED", "backend: CRASHED", "backend: CRASHED"],
    flush: ["backend: CRASHED", "backend: CRASHED", "backend: CRASHED"],
    others: 30,
    caught: 9,
  });
});
