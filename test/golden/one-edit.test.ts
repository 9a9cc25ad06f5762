import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { structuredPatch } from "diff";
import { compile } from "../../compiler/compile.ts";
import { memoryHost } from "../support/memory-host.ts";

/**
 * One edited operation changes one hunk of its API's TypeScript, and at most one line of `routes.txt`. Imports are computed
 * from use, as a linter would have them: an edit that brings the first use of a check to a file, or takes the last, also
 * changes that import, and nothing else.
 */
const folder = path.join(import.meta.dirname, "../../fixtures/petstore");
const definition = "api_definitions/petstore-v3.yaml";
const files = Object.fromEntries(
  ["castgate.yaml", "policies.yaml", definition].map((file) => [file, readFileSync(path.join(folder, file), "utf8")]),
);
const inventory = `      x-wso2-throttling-tier: 5PerMin\n`;
const logout = `          description: The user is logged out.\n      security: []\n`;

describe("one edited operation", () => {
  const edits: readonly {
    readonly what: string;
    readonly from: string;
    readonly to: string;
    readonly lines: number;
    /** Names that come to an import or leave it. */
    readonly imports?: readonly string[];
  }[] = [
    { what: "another tier", from: inventory, to: "      x-wso2-throttling-tier: 10kPerMin\n", lines: 1 },
    { what: "no tier", from: inventory, to: "", lines: 1 },
    {
      what: "public, the first of its file",
      from: inventory,
      to: `${inventory}      x-wso2-disable-security: true\n`,
      lines: 1,
      imports: ["withholdCredentials"],
    },
    {
      what: "one of two public operations secured",
      from: logout,
      to: logout.replace("      security: []\n", ""),
      lines: 1,
    },
    {
      what: "a sandbox of its own",
      from: inventory,
      to: `${inventory}      x-wso2-sandbox-endpoints: {urls: ["https://sandbox.test"]}\n`,
      lines: 1,
      imports: ["upstream"],
    },
    { what: "a comment above it", from: inventory, to: `      # five are enough\n${inventory}`, lines: 0 },
  ];
  for (const { what, from, to, lines, imports = [] } of edits) {
    test(what, async () => {
      const before = await generate(files);
      const source = files[definition] as string;
      assert.equal(source.split(from).length, 2, "the edit fits one place");
      const after = await generate({ ...files, [definition]: source.replace(from, to) });
      assert.deepEqual([...after.keys()], [...before.keys()], "no file comes or goes");
      const hunks = [...after].flatMap(([file, text]) => hunksOf(file, before.get(file) ?? "", text));
      const routes = hunks.filter(({ file }) => file.endsWith("routes.txt")).flatMap(({ added }) => added);
      assert.equal(routes.length, lines, `lines of routes.txt:\n${routes.join("\n")}`);
      const inCode = hunks.filter(({ file }) => file.endsWith(".ts"));
      const code = inCode.filter(({ changed }) => !changed.every(isImport));
      assert.ok(
        code.length <= 1,
        `${code.length} hunks:\n${code.map(({ changed }) => changed.join("\n")).join("\n---\n")}`,
      );
      const moved = inCode.filter((hunk) => !code.includes(hunk)).flatMap(({ changed }) => changed);
      assert.deepEqual(namesOnOneSide(moved), imports, "an import comes with its first use and goes with its last");
      assert.ok(code.length === lines, "an edit without meaning changes nothing");
    });
  }
});

async function generate(project: Record<string, string>): Promise<Map<string, string>> {
  const { build, diagnostics } = await compile("petstore", memoryHost(project), { stopAfter: "emit" });
  assert.ok(build !== undefined, diagnostics.map((found) => found.message).join("\n"));
  return new Map(build.generated.map(({ file, text }) => [file, text]));
}

interface Hunk {
  readonly file: string;
  /** Lines that came or went. */
  readonly changed: readonly string[];
  readonly added: readonly string[];
}

/** Hunks as a reviewer sees them: with three lines of context. */
function hunksOf(file: string, before: string, after: string): Hunk[] {
  return structuredPatch(file, file, before, after, "", "", { context: 3 }).hunks.map(({ lines }) => ({
    file,
    changed: lines.filter((line) => /^[+-]/.test(line)).map((line) => line.slice(1)),
    added: lines.filter((line) => line.startsWith("+")),
  }));
}

/** Names in an odd number of these lines: what is before and after is no news. */
function namesOnOneSide(lines: readonly string[]): string[] {
  const count = new Map<string, number>();
  for (const line of lines) {
    for (const [name] of line.replace(/from .*/, "").matchAll(/\w+/g)) count.set(name, (count.get(name) ?? 0) + 1);
  }
  count.delete("import");
  return [...count]
    .filter(([, times]) => times % 2 === 1)
    .map(([name]) => name)
    .sort();
}

function isImport(line: string): boolean {
  return /^(import |\} from | {2}\w+,$)/.test(line);
}
