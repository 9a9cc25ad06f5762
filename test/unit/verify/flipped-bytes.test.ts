import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { CommandFailure } from "../../../compiler/commands/command.ts";
import { compile } from "../../../compiler/compile.ts";
import { readBundle } from "../../../compiler/review/bundle-file.ts";
import { contentProblem } from "../../../compiler/verify/embedded-manifest.ts";
import { temporaryFolder } from "../../support/command-line.ts";
import { memoryHost } from "../../support/memory-host.ts";

/** Every bit of a bundle counts, wherever it stands: code, comments, licences, the manifest, and the digest itself. */
describe("one flipped bit of a bundle", () => {
  const folder = temporaryFolder();
  const file = path.join(folder.path, "shop.cjs");
  let whole: Buffer;
  after(() => folder.remove());
  before(async () => {
    const definition = {
      openapi: "3.0.3",
      info: { title: "Shop", version: "1" },
      "x-wso2-basePath": "/shop",
      "x-wso2-production-endpoints": { urls: ["https://shop.test"] },
      paths: {
        "/a": { get: { security: [], "x-castgate-public": "a test", responses: { 200: { description: "ok" } } } },
      },
    };
    const host = memoryHost({
      "api_definitions/shop.json": JSON.stringify(definition),
      "castgate.yaml": "compatibility: standard\n",
    });
    const { build } = await compile("shop", host);
    whole = Buffer.from(build?.target[0]?.text ?? "");
    assert.equal(await problem(whole), undefined);
  });

  /** What a reader of the bundle says; undefined when nothing is wrong with it. */
  async function problem(bytes: Uint8Array): Promise<string | undefined> {
    writeFileSync(file, bytes);
    try {
      const { text, manifest } = await readBundle("shop.cjs", file);
      return contentProblem(text, manifest);
    } catch (error) {
      if (error instanceof CommandFailure) return error.message;
      throw error;
    }
  }

  async function flipped(at: number, bit: number): Promise<string | undefined> {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
    return problem(bytes);
  }

  const places: readonly (readonly [name: string, text: string])[] = [
    ["the first line", "#!/usr/bin/env node"],
    ["generated code", "// generated:shop/router.ts"],
    ["a check", "withholdCredentials(x"],
    ["the manifest", '"publicOperations": ['],
    ["the model in it", '"parts":"'],
    ["its end", "}\n`));"],
    ["its digest", '"self": {"sha256":"'],
    ["a library in a comment", "function __castgate_library_undici() {/*"],
    ["a licence", "// License of undici@"],
    ["the last line", "\n"],
  ];
  for (const [name, text] of places) {
    test(`in ${name}`, async () => {
      const at = whole.lastIndexOf(text);
      assert.ok(at >= 0, text);
      for (const [offset, bit] of [
        [0, 0],
        [text.length - 1, 5],
        [Math.min(text.length + 3, whole.length - 1 - at), 7],
      ] as const)
        assert.notEqual(await flipped(at + offset, bit), undefined, `${offset} ${bit}`);
    });
  }

  test("anywhere", async () => {
    // A step without a common factor reaches other kinds of places each time.
    for (let at = 0; at < whole.length; at += 24_989)
      assert.notEqual(await flipped(at, at % 8), undefined, `byte ${at}`);
  });

  test("or a byte more or less", async () => {
    for (const bytes of [
      whole.subarray(0, -1),
      Buffer.concat([whole, Buffer.from("\n")]),
      Buffer.concat([Buffer.from("\ufeff"), whole]),
      whole.subarray(1),
      Buffer.from(readFileSync(file).subarray(0, 0)),
    ])
      assert.notEqual(await problem(bytes), undefined, `${bytes.length} bytes`);
  });
});
