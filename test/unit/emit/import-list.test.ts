import assert from "node:assert/strict";
import { test } from "node:test";
import { ImportList } from "../../../compiler/5-emit/import-list.ts";

test("an import of one name stays on its line, however long, as the formatter has it", () => {
  const long = "a".repeat(70);
  const imports = new ImportList();
  imports.local(`./${long}/router.js`, long);
  imports.local("./other.js", long);
  imports.local("./other.js", `${long}2`);
  assert.deepEqual(
    imports.views().map(({ source, wide }) => [source, wide]),
    [
      [`./${long}/router.js`, false],
      ["./other.js", true],
    ],
  );
});
