import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { compileFunction } from "node:vm";
import type { ValidateFunction } from "ajv";
import { validatorFor, validatorModule } from "../../../compiler/1-load/spec-validators.ts";

for (const version of ["2.0", "3.0", "3.1"] as const) {
  test(`what the package brings for ${version} says the same as the schema`, () => {
    const module: { exports?: unknown } = {};
    const names = ["module", "exports", "require"];
    compileFunction(validatorModule(version), names)(module, {}, createRequire(import.meta.url));
    const packed = module.exports as ValidateFunction;
    const compiled = validatorFor(version);
    const head = { ...(version === "2.0" ? { swagger: "2.0" } : { openapi: `${version}.0` }) };
    const whole = { ...head, info: { title: "a", version: "1" }, paths: {} };
    for (const definition of [
      whole,
      { ...whole, paths: { "/a": { get: { parameters: [{ in: "boot" }] } } } },
      head,
      1,
    ]) {
      assert.equal(packed(definition), compiled(definition));
      assert.deepEqual(packed.errors, compiled.errors);
    }
    assert.equal(compiled(whole), true);
    assert.equal(compiled(head), false);
  });
}
