import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

interface Locked {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

test("the lock file names the packages of all platforms: npm ci refuses one that does not", () => {
  const file = path.resolve(import.meta.dirname, "../../../package-lock.json");
  const packages: Record<string, Locked> = JSON.parse(readFileSync(file, "utf8")).packages;
  const missing = Object.entries(packages).flatMap(([owner, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        packages[`node_modules/${name}`]?.version === undefined &&
        packages[`${owner}/node_modules/${name}`]?.version === undefined,
    ),
  );
  assert.deepEqual(missing, []);
});
