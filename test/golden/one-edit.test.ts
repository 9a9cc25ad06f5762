import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { structuredPatch } from "diff";
import { compile } from "../../compiler/compile.ts";
import { memoryHost } from "../support/memory-host.ts";

/** One edited operation changes one hunk of its API's TypeScript, and at most one line of `routes.txt`. */
const folder = path.join(import.meta.dirname, "../../fixtures/petstore");
const definition = "api_definitions/petstore-v3.yaml";
const files = Object.fromEntries(
  ["castgate.yaml", "policies.yaml", definition].map((file) => [file, readFileSync(path.join(folder, file), "utf8")]),
);
const inventory = `      x-wso2-throttling-tier: 5PerMin\n`;

describe("one edited operation", () => {
  const edits: readonly {
    readonly what: string;
    readonly from: string;
    readonly to: string;
    readonly lines: number;
  }[] = [
    { what: "another tier", from: inventory, to: "      x-wso2-throttling-tier: 10kPerMin\n", lines: 1 },
    { what: "no tier", from: inventory, to: "", lines: 1 },
    { what: "public", from: inventory, to: `${inventory}      x-wso2-disable-security: true\n`, lines: 1 },
    {
      what: "a sandbox of its own",
      from: inventory,
      to: `${inventory}      x-wso2-sandbox-endpoints: {urls: ["https://sandbox.test"]}\n`,
      lines: 1,
    },
    { what: "a comment above it", from: inventory, to: `      # five are enough\n${inventory}`, lines: 0 },
  ];
  for (const { what, from, to, lines } of edits) {
    test(what, async () => {
      const before = await generate(files);
      const source = files[definition] as string;
      assert.equal(source.split(from).length, 2, "the edit fits one place");
      const after = await generate({ ...files, [definition]: source.replace(from, to) });
      assert.deepEqual([...after.keys()], [...before.keys()], "no file comes or goes");
      const hunks = [...after].flatMap(([file, text]) => hunksOf(file, before.get(file) ?? "", text));
      const routes = hunks.filter(({ file }) => file.endsWith("routes.txt")).flatMap(({ added }) => added);
      assert.equal(routes.length, lines, `lines of routes.txt:\n${routes.join("\n")}`);
      // The first or last use of a check in a file adds or removes its import: a line that says what the hunk says.
      const code = hunks.filter(({ file, changed }) => file.endsWith(".ts") && !changed.every(isImport));
      assert.ok(
        code.length <= 1,
        `${code.length} hunks:\n${code.map(({ changed }) => changed.join("\n")).join("\n---\n")}`,
      );
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

function isImport(line: string): boolean {
  return /^(import |\} from | {2}\w+,$)/.test(line);
}
