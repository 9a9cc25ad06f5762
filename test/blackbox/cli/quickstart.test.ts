import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const repository = path.join(import.meta.dirname, "../../..");

test("the quickstart compiles the pet store, shows its code, and every answer is the expected one", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["test/quickstart.mjs"], { cwd: repository });
  for (const status of [200, 401, 403, 404, 429])
    assert.match(stdout, new RegExp(`^${status} {2}[A-Z]+ /petstore/`, "m"));
  assert.match(stdout, /export async function getInventory\(x: Exchange\)/);
});
