import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { runCommand } from "../../support/command-line.ts";

/** What the watch must find, each in a process that does just that: its exit code is what fails a test file. */
describe("a credential where none may be fails the process", () => {
  const watch = JSON.stringify(path.join(import.meta.dirname, "../../support/secret-watch.ts"));
  const issuer = JSON.stringify(path.join(import.meta.dirname, "../../support/test-issuer.ts"));
  const tsx = path.join(import.meta.dirname, "../../../node_modules/tsx/dist/loader.mjs");
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "castgate-watch-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const says = (text: string) =>
    `watchOutput(spawn(process.execPath, ["-e", ${JSON.stringify(text)}], { stdio: ["ignore", "pipe", "pipe"] }));`;
  const asks = (headers: object, answer: string) => `
    const server = createServer((request, response) => { response.statusCode = 401; response.end(${answer}); });
    server.listen(0, "127.0.0.1", async () => {
      const url = "http://127.0.0.1:" + server.address().port + "/a?apikey=Key-in-a-query-1";
      await (await fetch(url, { headers: ${JSON.stringify(headers)} })).text();
      get(url, { headers: ${JSON.stringify(headers)} }, (response) => response.resume().on("end", () => server.close()));
    });`;
  const basic = { authorization: `Basic ${Buffer.from("alice:correct horse 1").toString("base64")}` };

  const cases: readonly (readonly [what: string, code: 0 | 1, script: string])[] = [
    ["nothing of the kind", 0, `noteSecret("password", "hunter-2-hunter"); ${says('console.log("fine")')}`],
    [
      "a noted password on stdout",
      1,
      `noteSecret("password", "hunter-2-hunter"); ${says('console.log("hunter-2-hunter")')}`,
    ],
    [
      "one on stderr, noted afterwards",
      1,
      `${says('console.error("x hunter-2-hunter")')} noteSecret("p", "hunter-2-hunter");`,
    ],
    [
      "a password of settings",
      1,
      `noteSettings('[a]\\nkeyStorePassword = "hunter-2-hunter"'); ${says('console.log("hunter-2-hunter")')}`,
    ],
    [
      "the signature of a token that was made",
      1,
      `const token = new TestIssuer("https://issuer.test").token();
       watchOutput(spawn(process.execPath, ["-e", "console.log(process.argv[1])", token.split(".")[2]]));`,
    ],
    ["a sent password in a fault", 1, asks(basic, `'{"fault":{"description":"correct horse 1"}}'`)],
    ["a sent key of a query in a fault", 1, asks({}, `'{"fault":{"path":"' + request.url + '"}}'`)],
    ["a sent API key in a fault", 1, asks({ "X-API-Key": "Key-in-a-header-1" }, `'{"fault":"Key-in-a-header-1"}'`)],
    ["a fault without", 0, asks({ ...basic, "X-API-Key": "Key-in-a-header-1" }, `'{"fault":"no"}'`)],
  ];
  for (const [what, code, script] of cases) {
    test(what, async () => {
      const file = path.join(folder, `${what.replaceAll(/\W/g, "-")}.mts`);
      writeFileSync(
        file,
        `import ${watch}; import { spawn } from "node:child_process"; import { createServer, get } from "node:http";
         import { noteSecret, noteSettings, watchOutput } from ${watch}; import { TestIssuer } from ${issuer};\n${script}`,
      );
      const outcome = await runCommand(process.execPath, ["--import", `file://${tsx}`, file]);
      assert.equal(outcome.code, code, outcome.stderr);
      assert.doesNotMatch(outcome.stderr, /hunter-2|correct horse|Key-in-a/, "nor does the report say it");
    });
  }
});
