import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { catalogue } from "../../compiler/diagnostics/catalogue.ts";
import { featureNames, httpMethods } from "../../compiler/model/names.ts";
import { editorSchemas } from "../../compiler/vocabulary/file-schemas.ts";
import { settingsSchema } from "../../runtime-lib/settings-schema.ts";

/** The schemas that editors use are printed from what the checks read; `npm run golden:update` writes them. */
const folder = path.join(import.meta.dirname, "../../compiler/schemas");
const warnings = new Map(
  Object.entries(catalogue)
    .filter(([, { severity }]) =>
      Object.values(typeof severity === "string" ? [severity] : severity).includes("warning"),
    )
    .map(([code, { explanation }]) => [code, explanation]),
);
const schemas = editorSchemas({ warnings, features: featureNames, methods: httpMethods, settings: settingsSchema });
const printed = new Map([...schemas].map(([file, schema]) => [file, `${JSON.stringify(schema, undefined, 2)}\n`]));

describe("schemas for editors", () => {
  if (process.env.UPDATE_GOLDEN === "1")
    for (const [file, text] of printed) writeFileSync(path.join(folder, file), text);

  for (const [file, text] of printed) {
    test(file, () => assert.equal(readFileSync(path.join(folder, file), "utf8"), text));
  }
  test("each is printed from the vocabulary", () => {
    const others = readdirSync(folder).filter((file) => file.endsWith(".json") && !printed.has(file));
    assert.deepEqual(others, []);
  });
});
