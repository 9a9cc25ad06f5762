import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { compile, nodeHost } from "../../../compiler/compile.ts";

const fixtures = path.resolve(import.meta.dirname, "../../../fixtures");
const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);

interface Bill {
  readonly serialNumber?: string;
  readonly metadata: {
    readonly timestamp?: string;
    readonly component: { readonly name: string; readonly hashes: readonly { readonly content: string }[] };
    readonly tools: { readonly components: readonly { readonly name: string; readonly group?: string }[] };
  };
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly purl: string;
    readonly licenses: readonly object[];
    readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
    readonly components?: readonly { readonly name: string }[];
  }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

async function billOf(fixture: string): Promise<{ text: string; bill: Bill; bundle: string }> {
  const folder = path.join(fixtures, fixture);
  const { build } = await compile(folder, nodeHost(folder));
  const [bundle, text] = [".cjs", ".sbom.json"].map(
    (ending) => build?.target.find(({ file }) => file === `target/${build.name}${ending}`)?.text ?? "",
  ) as [string, string];
  return { text, bill: JSON.parse(text), bundle };
}

describe("the software bill of materials", () => {
  // `hostile` has a name that must be quoted, `corp` code of its own, `resilience` the original's compatibility.
  for (const fixture of readdirSync(fixtures).filter((name) =>
    ["corp", "hostile", "petstore", "shop"].includes(name),
  )) {
    test(`of ${fixture} is CycloneDX 1.6`, async () => {
      const { text, bill } = await billOf(fixture);
      assert.equal(await validator.validate(text), null);
      assert.deepEqual([bill.serialNumber, bill.metadata.timestamp], [undefined, undefined]);
    });
  }

  test("names what is in the bundle, with licences and hashes", async () => {
    const { bill, bundle } = await billOf("petstore");
    const { component, tools } = bill.metadata;
    assert.deepEqual(
      [component.name, component.hashes[0]?.content],
      ["petstore", createHash("sha256").update(bundle).digest("hex")],
    );
    assert.deepEqual(
      bill.components.map(({ name, licenses }) => [name, JSON.stringify(licenses)]),
      [
        ["castgate", '[{"license":{"id":"Apache-2.0"}}]'],
        ["node-forge", '[{"expression":"(BSD-3-Clause OR GPL-2.0)"}]'],
        ["smol-toml", '[{"license":{"id":"BSD-3-Clause"}}]'],
        ["undici", '[{"license":{"id":"MIT"}}]'],
      ],
    );
    for (const { name, version, purl, hashes } of bill.components) {
      assert.equal(purl, `pkg:npm/${name}@${version}`);
      if (name !== "castgate") assert.match(hashes?.[0]?.content ?? "", /^[0-9a-f]{128}$/);
    }
    assert.deepEqual(
      bill.components.find(({ name }) => name === "undici")?.components?.map(({ name }) => name),
      ["llhttp"],
    );
    const [gateway, runtime] = bill.dependencies;
    const purls = bill.components.map(({ purl }) => purl);
    assert.deepEqual([gateway?.dependsOn, runtime?.dependsOn], [purls.slice(0, 1), purls.slice(1)]);
    assert.ok(tools.components.some(({ name }) => name === "esbuild"));
    assert.ok(tools.components.some(({ group, name }) => group === "@apidevtools" && name === "openapi-schemas"));
  });
});
