import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { BundleFile } from "../../../compiler/review/bundle-file.ts";
import { checkClaims } from "../../../compiler/verify/claims.ts";
import { contentProblem } from "../../../compiler/verify/embedded-manifest.ts";
import { verifyBundle } from "../../../compiler/verify/verify-bundle.ts";
import { builtFixture, fixtureNames } from "../../support/built-fixture.ts";
import { isHarmless, type Mutant, mutantsOf, mutated } from "../../support/bundle-mutants.ts";
import { pickSome } from "../../support/pick-some.ts";

describe("the bundle of every fixture is proven", () => {
  for (const name of fixtureNames) {
    test(name, async () => {
      const { text, model, manifest } = await builtFixture(name);
      const { findings, proven, operations, publicOperations, ways } = await verifyBundle(text, model);
      assert.deepEqual(findings, []);
      assert.equal(proven, operations);
      assert.ok(ways >= operations);
      assert.deepEqual(publicOperations, manifest.manifest.publicOperations);
      assert.deepEqual(checkClaims(manifest.manifest, model, manifest.start), []);
      assert.equal(contentProblem(text, manifest), undefined);
    });
  }
});

describe("a changed bundle is refused, whatever its digest says", () => {
  let bundle: BundleFile;
  let mutants: readonly Mutant[];
  before(async () => {
    bundle = await builtFixture("quotas");
    mutants = mutantsOf(bundle.text);
  });

  test("50 deletions and reorderings of a guard", async () => {
    const kinds = ["delete a statement", "comment out a statement", "swap two statements", "move the last return up"];
    const guards = mutants.filter(
      ({ kind, section }) => kinds.includes(kind) && section.startsWith("generated:") && !isRouter(section),
    );
    await allRefused(bundle, pickSome(guards, 50));
  });

  test("12 other edits of handlers, constants and routers", async () => {
    const others = mutants.filter(
      (mutant) => mutant.section.startsWith("generated:") && !isHarmless(bundle.text, mutant),
    );
    await allRefused(bundle, pickSome(others, 12));
  });

  test("8 edits of the runtime", async () => {
    await allRefused(
      bundle,
      pickSome(
        mutants.filter(({ section }) => section.startsWith("castgate/runtime:")),
        8,
      ),
    );
  });
});

function isRouter(section: string): boolean {
  return /(router|gateway)\.ts$/.test(section);
}

async function allRefused({ text, model }: BundleFile, some: readonly Mutant[]): Promise<void> {
  for (const mutant of some) {
    const { findings } = await verifyBundle(mutated(text, mutant), model);
    assert.ok(findings.length > 0, `${mutant.kind} in ${mutant.section}: ${text.slice(mutant.start, mutant.end)}`);
  }
}
