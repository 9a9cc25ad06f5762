import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";

const repository = path.join(import.meta.dirname, "../../..");
const moduleUrl = pathToFileURL(path.join(repository, "runtime-lib/log.ts")).href;

describe("the log", () => {
  test("a line is JSON: level, time, fields, message", async () => {
    const [line = ""] = await lines('openLog("INFO").info({ port: 9090, none: undefined }, "listening")');
    assert.match(
      line,
      /^\{"level":"info","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","port":9090,"msg":"listening"\}$/,
    );
  });

  test("a message without fields, and fields that are all undefined", async () => {
    const said = await lines('const log = openLog("info"); log.info("a"); log.info({ x: undefined }, "b")');
    assert.deepEqual(
      said.map((line) => line.replace(/"time":"[^"]+"/, "T")),
      ['{"level":"info",T,"msg":"a"}', '{"level":"info",T,"msg":"b"}'],
    );
  });

  for (const [level, expected] of [
    ["OFF", ""],
    ["ERROR", "error fatal"],
    ["WARN", "warn error fatal"],
    ["INFO", "info warn error fatal"],
    ["DEBUG", "debug info warn error fatal"],
    ["trace", "trace debug info warn error fatal"],
    ["ALL", "trace debug info warn error fatal"],
    ["nonsense", "info warn error fatal"],
  ] as const) {
    test(`level ${level} writes: ${expected || "nothing"}`, async () => {
      const said = await lines(
        `const log = openLog("${level}");
         for (const one of ["trace", "debug", "info", "warn", "error", "fatal"]) log[one](String(log.isLevelEnabled(one)));`,
      );
      assert.equal(said.map((line) => JSON.parse(line).level).join(" "), expected);
      assert.ok(said.every((line) => JSON.parse(line).msg === "true"));
    });
  }

  test("of an error its type, message, code and stack, and no other member", async () => {
    const [line = ""] = await lines(
      'openLog("INFO").error({ err: Object.assign(new TypeError("no"), { code: "E_NO", headers: "secret" }) }, "failed")',
    );
    const { err, msg } = JSON.parse(line);
    assert.deepEqual({ ...err, stack: "" }, { type: "TypeError", message: "no", code: "E_NO", stack: "" });
    assert.match(err.stack, /^TypeError: no\n/);
    assert.equal(msg, "failed");
  });

  test("what was thrown need not be an error, nor anything that JSON can hold", async () => {
    const said = await lines(
      `const log = openLog("INFO"); log.error({ err: "text" }, "a"); log.error({ err: undefined }, "b");
       const ring = {}; ring.ring = ring; log.error({ ring }, "c");`,
    );
    assert.deepEqual(
      said.map((line) => {
        const { time: _, level: __, ...rest } = JSON.parse(line);
        return rest;
      }),
      [
        { err: "text", msg: "a" },
        { err: "undefined", msg: "b" },
        { fields: "cannot be written", msg: "c" },
      ],
    );
  });

  test("what was said before the process ends is written, in order, also without another turn", async () => {
    const said = await lines(
      'const log = openLog("INFO"); for (let i = 0; i < 5000; i++) log.info({ i }, "x"); log.warn("y"); log.info("z"); process.exit(0)',
    );
    assert.equal(said.length, 5002);
    assert.deepEqual(
      said.slice(0, 5000).map((line) => JSON.parse(line).i),
      Array.from({ length: 5000 }, (_, i) => i),
    );
    assert.deepEqual(
      said.slice(5000).map((line) => JSON.parse(line).msg),
      ["y", "z"],
    );
  });

  test("a reader that went away does not end the process", async () => {
    const child = run(
      'const log = openLog("INFO"); setTimeout(() => { for (let i = 0; i < 9; i++) log.warn("x"); process.exitCode = 7; }, 100)',
    );
    child.stdout.destroy();
    const [code] = await once(child, "exit");
    assert.equal(code, 7);
  });
});

function run(script: string) {
  const text = `import { openLog } from ${JSON.stringify(moduleUrl)};\n${script}`;
  return spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", text], {
    cwd: repository,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function lines(script: string): Promise<string[]> {
  const child = run(script);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await once(child, "close");
  return text.split("\n").slice(0, -1);
}
