import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { totality } from "../corpus/totality.ts";

const examples = path.dirname(createRequire(import.meta.url).resolve("@readme/oas-examples/package.json"));

/** A sample of what `npm run corpus -- --parts=totality` does for 200 definitions. */
const names = [
  "2.0/json/petstore.json",
  "3.0/json/petstore.json",
  "3.0/json/petstore-simple.json",
  "3.0/json/readme-extensions.json",
  "3.1/json/petstore.json",
  "3.1/json/train-travel.json",
];

test("whatever OpenAPI calls secured is answered 401 without credentials, and no backend is asked", async () => {
  const entries = names.map((name) => ({
    package: "@readme/oas-examples" as const,
    name,
    path: path.join(examples, name),
  }));
  const outcome = await totality(entries, names.length);
  assert.deepEqual(outcome.mismatches, []);
  assert.equal(outcome.definitions, names.length, JSON.stringify(outcome.passedOver));
  assert.ok(outcome.secured > 30 && outcome.open > 5, `${outcome.secured} secured, ${outcome.open} open`);
});
