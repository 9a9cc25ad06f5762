import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { exitCodeOf } from "../../../../compiler/review/diff-report/exit-code.ts";
import type { Finding } from "../../../../compiler/review/diff-report/report.ts";
import { generatedText, placeText } from "../../../../compiler/review/diff-report/side-names.ts";
import { changes, sampleReport } from "./sample-report.ts";

const entryFor = ({ code, on, fingerprint }: Finding) => ({
  change: code,
  on,
  fingerprint,
  reason: "it was decided",
  expires: "2027-06-30",
});

function found<T>(value: T | undefined): T {
  assert.ok(value !== undefined);
  return value;
}

describe("findings", () => {
  test("the same change at several operations is one; the gravest first, and public ones before others", async () => {
    const { findings, verdict } = await sampleReport();
    assert.deepEqual(
      findings.map(({ code, on }) => [code, on]),
      [
        ["operation-became-public", "GET /shop/inventory"],
        ["limit-raised", "GET /shop/items and 1 more"],
        ["backend-moved", "/shop"],
        ["text-changed", "the gateway"],
      ],
    );
    assert.equal(verdict, "weaker");
  });

  test("how much is affected is counted on both sides", async () => {
    const { findings, operations, base, head } = await sampleReport();
    assert.deepEqual(
      findings.map(({ affected }) => affected),
      [
        // The tier of the operation, and on the head that of callers without credentials.
        { operations: 1, of: 3, publicOperations: 1, apis: 1, tiers: 2, backends: 1 },
        { operations: 2, of: 3, publicOperations: 1, apis: 1, tiers: 2, backends: 1 },
        { operations: 3, of: 3, publicOperations: 1, apis: 1, tiers: 2, backends: 1 },
        { operations: 3, of: 3, publicOperations: 1, apis: 1, tiers: 2, backends: 1 },
      ],
    );
    assert.deepEqual(operations, { added: 0, removed: 0, changed: 3 });
    assert.deepEqual([base.operations, base.publicOperations], [3, 0]);
    assert.deepEqual([head.operations, head.publicOperations], [3, 1]);
  });

  test("places on both sides, and the line of the check", async () => {
    const { findings, base, head } = await sampleReport();
    const texts = findings.map(({ occurrences }) =>
      occurrences.map((each) => [
        each.base && placeText(base, each.base),
        each.head && placeText(head, each.head),
        each.generated && generatedText(each.generated.side === "head" ? head : base, each.generated),
      ]),
    );
    assert.deepEqual(texts, [
      [
        [
          "HEAD~1:shop/api_definitions/shop.yaml:8:1",
          "shop/api_definitions/shop.yaml:17:7",
          "shop/generated/shop/inventory.ts:13",
        ],
      ],
      [
        ["HEAD~1:shop/policies.yaml:2:5", "shop/policies.yaml:2:5", "shop/generated/shop/items.ts:24"],
        ["HEAD~1:shop/policies.yaml:2:5", "shop/policies.yaml:2:5", "shop/generated/shop/inventory.ts:16"],
      ],
      [
        [
          "HEAD~1:shop/api_definitions/shop.yaml:4:1",
          "shop/api_definitions/shop.yaml:4:1",
          "shop/generated/shop/shared.ts:7",
        ],
      ],
      [[undefined, undefined, "shop/generated/gateway.ts:10"]],
    ]);
  });

  test("the fingerprint is that of the change with its values at its operations, whatever their order", async () => {
    const { findings } = await sampleReport();
    const again = await sampleReport([...changes].reverse());
    const of = (list: readonly Finding[]) => list.map(({ fingerprint }) => fingerprint).sort();
    assert.deepEqual(of(again.findings), of(findings));
    assert.equal(new Set(of(findings)).size, findings.length);
    const [limit] = changes;
    for (const other of [
      changes.slice(1),
      changes.map((change) => (change === limit ? { ...change, after: "21 a minute" } : change)),
      changes.map((change) => (change.code === "limit-raised" ? { ...change, after: "21 a minute" } : change)),
    ]) {
      const known = findings.find(({ code }) => code === "limit-raised")?.fingerprint;
      const report = await sampleReport(other);
      assert.ok(report.findings.every(({ fingerprint }) => fingerprint !== known));
    }
  });

  test("nothing differs", async () => {
    const report = await sampleReport([]);
    assert.equal(report.verdict, "none");
    assert.equal(exitCodeOf(report), 0);
    assert.deepEqual(report.operations, { added: 0, removed: 0, changed: 0 });
  });
});

describe("accepted changes", () => {
  test("one that is accepted no longer counts, and is listed after those that do", async () => {
    const { findings } = await sampleReport();
    const [open, limit] = findings;
    const report = await sampleReport(changes, [entryFor(found(open))]);
    assert.deepEqual(
      report.findings.map(({ code, acceptedBy }) => [code, acceptedBy?.reason]),
      [
        ["limit-raised", undefined],
        ["operation-became-public", "it was decided"],
        ["backend-moved", undefined],
        ["text-changed", undefined],
      ],
    );
    assert.equal(exitCodeOf(report), 10);
    const both = await sampleReport(changes, [open, limit].map(found).map(entryFor));
    assert.equal(both.verdict, "unknown");
    assert.equal(exitCodeOf(both), 12);
    const all = await sampleReport(changes, findings.slice(0, 3).map(entryFor));
    assert.equal(all.verdict, "neutral");
    assert.equal(exitCodeOf(all), 0);
    assert.ok(all.accepted.every(({ state, complaint }) => state === "used" && complaint === undefined));
  });

  test("one that the base does not accept, or not for as long, is the head's own word", async () => {
    const { findings } = await sampleReport();
    const entry = entryFor(found(findings[0]));
    const isNew = async (known: readonly (typeof entry)[]) => {
      const { findings } = await sampleReport(changes, [entry], undefined, known);
      return findings.find(({ acceptedBy }) => acceptedBy !== undefined)?.acceptedBy?.isNew;
    };
    assert.equal(await isNew([]), true);
    assert.equal(await isNew([entry]), false);
    assert.equal(await isNew([{ ...entry, reason: "in other words" }]), false);
    assert.equal(await isNew([{ ...entry, expires: "2027-12-31" }]), false);
    assert.equal(await isNew([{ ...entry, expires: "2027-06-29" }]), true);
  });

  const cases: readonly [
    name: string,
    change: (entry: ReturnType<typeof entryFor>) => object,
    state: string,
    day?: string,
  ][] = [
    ["on its last day", () => ({}), "used", "2027-06-30"],
    ["a day later", () => ({}), "expired", "2027-07-01"],
    ["a year ahead", () => ({ expires: "2028-02-01" }), "used"],
    ["more than a year ahead", () => ({ expires: "2028-02-02" }), "too-far"],
    ["called otherwise", () => ({ change: "limit-lowered" }), "mismatched"],
    ["on another operation", () => ({ on: "GET /shop/items" }), "mismatched"],
    ["with another fingerprint", () => ({ fingerprint: `d1-${"0".repeat(32)}` }), "unused"],
  ];
  for (const [name, edit, state, day] of cases) {
    test(`${name}: ${state}`, async () => {
      const { findings } = await sampleReport();
      const entry = entryFor(found(findings[0]));
      const report = await sampleReport(changes, [{ ...entry, ...edit(entry) }], day);
      assert.equal(report.accepted[0]?.state, state);
      assert.equal(
        report.findings.filter(({ acceptedBy }) => acceptedBy !== undefined).length,
        state === "used" ? 1 : 0,
      );
    });
  }

  test("what is neutral needs none", async () => {
    const { findings } = await sampleReport();
    const neutral = found(findings.find(({ verdict }) => verdict === "neutral"));
    const report = await sampleReport(changes, [entryFor(neutral)]);
    assert.equal(report.accepted[0]?.state, "unused");
    assert.match(report.accepted[0]?.complaint ?? "", /nothing to accept/);
  });
});
