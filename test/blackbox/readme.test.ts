import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

/** Every command in the README is run, in order, as a reader would paste it; its code is what the compiler makes. */
const repository = path.join(import.meta.dirname, "../..");
const readmeFile = path.join(repository, "README.md");
const readme = readFileSync(readmeFile, "utf8");
/** Run by tests of their own. */
const elsewhere: Readonly<Record<string, string>> = {
  "npm run quickstart": "test/blackbox/cli/quickstart.test.ts",
  "npm test": "test/run.mjs",
};

describe("commands", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-readme-"));

  before(() => {
    cpSync(path.join(repository, "fixtures/petstore"), path.join(folder, "fixtures/petstore"), { recursive: true });
    const command = path.join(folder, "castgate");
    const tsx = path.join(repository, "node_modules/tsx/dist/esm/index.mjs");
    const cli = path.join(repository, "compiler/cli.ts");
    writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" --import "${tsx}" "${cli}" "$@"\n`);
    chmodSync(command, 0o755);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const commands = commandsOf(readme);
  test("there are some", () => assert.ok(commands.length >= 8, commands.join("\n")));

  for (const command of commands) {
    test(command.slice(0, 100), async (t) => {
      const where = elsewhere[command];
      if (where !== undefined) {
        assert.ok(existsSync(path.join(repository, where)), `${where} is missing`);
        return t.diagnostic(`run by ${where}`);
      }
      const environment = {
        ...process.env,
        PATH: `${folder}${path.delimiter}${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`,
      };
      const { stdout, stderr } = await promisify(execFile)("sh", ["-c", command], { cwd: folder, env: environment });
      assert.ok(stdout.length + stderr.length > 0, "a command in the README says something");
    });
  }
});

test("the generated code that is shown is what the compiler makes", () => {
  const filled = readme.replace(
    /(<!-- generated: (\S+) (\S+) (\S+) -->\n```ts\n)[\s\S]*?(```\n)/g,
    (_, head: string, project: string, file: string, name: string, tail: string) =>
      head + excerpt(path.join(repository, "fixtures", project, "expected/generated", file), name) + tail,
  );
  assert.match(readme, /<!-- generated:/);
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(readmeFile, filled);
  else assert.equal(readme, filled);
});

function commandsOf(text: string): string[] {
  return [...text.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)]
    .flatMap(([, block = ""]) => block.split("\n"))
    .map((line) => line.trim().replace(/ {2,}#.*$/, ""))
    .filter((line) => line !== "");
}

/** All that stands below the comment that names the operation, or the block below the comment that names the route. */
function excerpt(file: string, name: string): string {
  const lines = readFileSync(file, "utf8").split("\n");
  const route = lines.findIndex((line) => line.trim() === `// ${name}`);
  if (route >= 0) return blockAround(lines, route);
  const pieces = lines.join("\n").split(/^(?=\/\/ [A-Z]+ \/)/m);
  const piece = pieces.find((text) => text.includes(`function ${name}(`));
  assert.ok(piece !== undefined, `${name} is not in ${file}`);
  return `${piece.trimEnd()}\n`;
}

function blockAround(lines: readonly string[], inside: number): string {
  const end = lines.findIndex((line, index) => index > inside && line.trim() === "}");
  const indent = (lines[end] ?? "").length - 1;
  const cut = lines.slice(inside - 1, end + 1).map((line) => line.slice(indent));
  return `${cut.join("\n")}\n`;
}
