import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

/** Makes objects that live for a while, turn by turn, as a server does; prints how large a half of the young generation became. */
const program = `
  import { getHeapSpaceStatistics } from "node:v8";
  import { boundYoungGeneration } from "./runtime-lib/young-generation.ts";
  if (process.argv[1] === "bounded") boundYoungGeneration();
  const alive = [];
  let largest = 0;
  for (let turn = 0; turn < 4000; turn++) {
    for (let i = 0; i < 200; i++) alive[(turn * 200 + i) % 20000] = { turn, text: "x".repeat(i), list: [turn, i, {}] };
    const young = getHeapSpaceStatistics().find((one) => one.space_name === "new_space");
    largest = Math.max(largest, young.space_used_size + young.space_available_size);
    await new Promise(setImmediate);
  }
  console.log(largest);
`;

test("the young generation of the heap stays small", async () => {
  const sizes = await Promise.all(
    ["bounded", "free"].map(async (mode) => {
      const flags = ["--import", "tsx", "--input-type=module", "-e", program, mode];
      const { stdout } = await promisify(execFile)(process.execPath, flags);
      return Number(stdout) / 1024 / 1024;
    }),
  );
  const [bounded = 0, free = 0] = sizes;
  assert.ok(bounded <= 12, `${bounded} MiB`);
  assert.ok(free > 12, `V8 would have let it grow: ${free} MiB`);
});
