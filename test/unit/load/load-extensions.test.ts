import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadExtensions } from "../../../compiler/1-load/load-extensions.ts";
import { DiagnosticLog } from "../../../compiler/diagnostics/log.ts";
import { HostError } from "../../../compiler/host.ts";
import { memoryHost } from "../../support/memory-host.ts";

const fine = "export const claimTransformer = (claims: Record<string, unknown>) => claims;\n";

/** What is loaded, and what is said: `<code> <file>:<line>:<column> <message>`. */
async function load(files: Readonly<Record<string, string | HostError>>) {
  const log = new DiagnosticLog();
  const loaded = await loadExtensions(memoryHost(files), log);
  const found = log.sorted().map(({ code, place, message }) => {
    const span = log.sources.locate(place);
    return `${code} ${place.ref.file}:${span?.line}:${span?.column} ${message}`;
  });
  return { ...loaded, found };
}

describe("a project's own code", () => {
  test("each file directly in extensions/, and what it imports, however that is spelt", async () => {
    const { extensions, code, found } = await load({
      "extensions/b.ts": fine,
      "extensions/a.ts": `import { x } from "./lib/x.js";\nimport "./lib/x";\nimport "./lib/x.ts";\n${fine}`,
      "extensions/lib/x.ts":
        'import type { Stranger } from "anywhere";\nimport "./y.js";\nexport const x: Stranger = 1;\n',
      "extensions/lib/y.ts": "console.log(1);\n",
      "extensions/lib/Unused_file.ts": 'import "lodash";',
      "extensions/types.d.ts": "declare const x: number;",
      "extensions/old.bal": "function f() {}",
      "interceptors/other.ts": fine,
    });
    assert.deepEqual(found, []);
    assert.deepEqual(extensions, [
      { name: "a", file: "extensions/a.ts", exported: "claimTransformer" },
      { name: "b", file: "extensions/b.ts", exported: "claimTransformer" },
    ]);
    assert.deepEqual(
      [...code.keys()],
      ["extensions/a.ts", "extensions/b.ts", "extensions/lib/x.ts", "extensions/lib/y.ts"],
    );
    assert.deepEqual(
      [...(code.get("extensions/a.ts")?.imports ?? [])],
      [
        ["./lib/x.js", "extensions/lib/x.ts"],
        ["./lib/x", "extensions/lib/x.ts"],
        ["./lib/x.ts", "extensions/lib/x.ts"],
      ],
    );
  });

  test("mistakes of all files at once, at their places", async () => {
    const { extensions, found } = await load({
      "extensions/a.ts": `const größe = "€"; import "./ä.js";\n${fine}`,
      "extensions/b.ts": "const a = 'x\r\n",
      "extensions/c.ts": "export default 1;\n",
      "extensions/d.ts": fine,
    });
    assert.deepEqual(found, [
      "code-import-refused extensions/a.ts:1:27 there is no file extensions/ä.ts",
      "code-invalid extensions/b.ts:1:13 unterminated string literal",
      "code-without-export extensions/c.ts:1:1 extensions/c.ts exports nothing that the gateway knows",
    ]);
    assert.deepEqual(
      extensions.map(({ name }) => name),
      ["d"],
    );
  });

  test("what is installed, or lies elsewhere, is no part of it", async () => {
    for (const name of ["undici", "node:fs", "fs", "/etc/passwd", "../castgate.js", "castgate/runtime/log.js"]) {
      const { found } = await load({
        "extensions/a.ts": `import "${name}";\n${fine}`,
        "castgate.ts": "",
        "log.ts": "",
      });
      assert.equal(found.length, 1, name);
      assert.match(found[0] ?? "", /^code-import-refused extensions\/a\.ts:1:8 /);
    }
    for (const text of ['require("fs")', 'await import("./b.js")', 'import("node:fs")']) {
      const { found } = await load({ "extensions/a.ts": `${text};\n${fine}`, "extensions/b.ts": fine });
      assert.ok(found.length > 0, text);
    }
  });

  test("names that settings could not use", async () => {
    for (const name of [
      "Corp",
      "corp_claims",
      "corp.claims",
      "-a",
      "a--b",
      "1a",
      "con",
      "a-0123456789ab",
      "constructor-",
    ]) {
      const { found, extensions } = await load({ [`extensions/${name}.ts`]: fine });
      assert.match(found.join(), /^code-name-invalid /, name);
      assert.deepEqual(extensions, []);
    }
  });

  test("a file that cannot be read", async () => {
    const { found } = await load({ "extensions/a.ts": new HostError("it is not UTF-8 text") });
    assert.deepEqual(found, [
      "file-unreadable extensions/a.ts:undefined:undefined extensions/a.ts cannot be read: it is not UTF-8 text",
    ]);
  });
});
