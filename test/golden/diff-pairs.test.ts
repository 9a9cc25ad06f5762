import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { compile } from "../../compiler/compile.ts";
import type { GatewayModel } from "../../compiler/model/gateway-model.ts";
import type { Change, Verdict } from "../../compiler/review/diff/change.ts";
import { diffSides } from "../../compiler/review/diff/diff-sides.ts";
import type { Side } from "../../compiler/review/side.ts";
import { memoryHost } from "../support/memory-host.ts";

/**
 * Pairs of small projects, each one edit apart, with what the edit means for whoever calls (fixtures/diff/README.md). The labels
 * were written from that meaning: where one and `castgate diff` disagree, ask which request is answered otherwise.
 */
const folder = path.join(import.meta.dirname, "../../fixtures/diff");
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();

/** Pairs that `castgate diff` does not yet judge as they are labelled. */
const pending: readonly string[] = [];

interface Finding {
  readonly verdict: Exclude<Verdict, "neutral">;
  readonly aspect: string;
  /** `METHOD /path` as clients send it; or what concerns every operation, or the gateway itself. */
  readonly operations: readonly string[] | "all" | "gateway";
  readonly affected?: number;
}

interface Expected {
  readonly verdict: Verdict;
  readonly why: string;
  readonly findings: readonly Finding[];
  /** What head and base are the other way round, where that is not the converse. */
  readonly swapped?: { readonly verdict: Verdict; readonly why: string; readonly findings: readonly Finding[] };
}

test("there are enough pairs of each kind", () => {
  const labels = names.map((name) => expectedOf(name));
  const count = (verdict: Verdict) => labels.filter((label) => label.verdict === verdict).length;
  assert.ok(count("weaker") >= 60, `${count("weaker")} weaker`);
  assert.ok(count("stronger") >= 40, `${count("stronger")} stronger`);
  assert.ok(count("neutral") >= 45, `${count("neutral")} neutral`);
});

test("every pair that is left for later is there, and is still judged otherwise", async () => {
  for (const name of pending) {
    assert.ok(names.includes(name), `there is no pair ${name}`);
    await assert.rejects(compareWithLabel(name), `${name} is right now`);
  }
});

describe("what one edit means", () => {
  for (const name of names) {
    test(name, { skip: pending.includes(name) && "left for later" }, () => compareWithLabel(name));
  }
});

test("two edits of one project, one against the other: the other way round it is the converse", async () => {
  const heads = new Map<string, (readonly [name: string, side: Compared])[]>();
  for (const name of names) {
    if (expectedOf(name).swapped !== undefined) continue;
    const base = JSON.stringify(filesBelow(path.join(folder, name, "base")));
    const { head } = await sidesOf(name);
    heads.set(base, [...(heads.get(base) ?? []), [name, head]]);
  }
  const kinds = (base: Compared, head: Compared) =>
    diffSides(base, head).flatMap(({ verdict, aspect, code }) =>
      // That TLS is offered, too, makes nobody use it: to take it away has no converse.
      verdict === "neutral" || code === "https-refused" ? [] : [{ verdict, aspect }],
    );
  const lines = (found: readonly { readonly verdict: string; readonly aspect: string }[]) =>
    [...new Set(found.map(({ verdict, aspect }) => `${verdict} ${aspect}`))].sort();
  let compared = 0;
  for (const edits of heads.values()) {
    for (const [index, [name, side]] of edits.entries()) {
      const [otherName, other] = edits[(index + 1) % edits.length] as (typeof edits)[number];
      if (name === otherName) continue;
      compared++;
      const back = kinds(other, side).map(({ verdict, aspect }) => ({ verdict: converse[verdict], aspect }));
      assert.deepEqual(lines(kinds(side, other)), lines(back), `${name} against ${otherName}`);
    }
  }
  assert.ok(compared > 150, `${compared} were compared`);
});

const converse = { weaker: "stronger", stronger: "weaker", unknown: "unknown" } as const;

async function compareWithLabel(name: string): Promise<void> {
  const expected = expectedOf(name);
  const { base, head } = await sidesOf(name);
  checkLabel(expected, base, head);
  assert.deepEqual(findingsOf(base, head), writtenOut(expected.findings, base, head), expected.why);
  const converse = expected.swapped?.findings ?? expected.findings.map(turned);
  assert.deepEqual(
    findingsOf(head, base),
    writtenOut(converse, head, base),
    expected.swapped?.why ?? "the other way round it is the converse",
  );
}

function expectedOf(name: string): Expected {
  const file = path.join(folder, name, "expected.json");
  assert.ok(existsSync(file), `fixtures/diff/${name} has no expected.json`);
  assert.deepEqual(readdirSync(path.join(folder, name)).sort(), ["base", "expected.json", "head"], name);
  const expected: Expected = JSON.parse(readFileSync(file, "utf8"));
  assert.equal(expected.verdict, overall(expected.findings), `the verdict of ${name} is that of its findings`);
  if (expected.swapped !== undefined) {
    assert.equal(expected.swapped.verdict, overall(expected.swapped.findings), `${name}, the other way round`);
    assert.notEqual(expected.swapped.why, "", `${name} says why its swap is not the converse`);
  }
  return expected;
}

/** Weaker wins over unknown, and that over stronger. */
function overall(findings: readonly { readonly verdict: Verdict }[]): Verdict {
  const verdicts = findings.map(({ verdict }) => verdict);
  return (["weaker", "unknown", "stronger"] as const).find((verdict) => verdicts.includes(verdict)) ?? "neutral";
}

/** As much of a side as is compared. */
type Compared = Pick<Side, "kind" | "model" | "settings">;

async function sidesOf(name: string): Promise<{ readonly base: Compared; readonly head: Compared }> {
  const [base, head] = [filesBelow(path.join(folder, name, "base")), filesBelow(path.join(folder, name, "head"))];
  assert.notDeepEqual(base, head, "something was edited");
  return { base: await sideOf(base), head: await sideOf(head) };
}

/** Many pairs have a side in common. */
const sides = new Map<string, Promise<Compared>>();

function sideOf(files: Readonly<Record<string, string>>): Promise<Compared> {
  const key = JSON.stringify(files);
  const side = sides.get(key) ?? readSideOf(files);
  sides.set(key, side);
  return side;
}

const settingsFile = "conf/micro-gw.conf";

async function readSideOf(files: Readonly<Record<string, string>>): Promise<Compared> {
  const text = files[settingsFile];
  const settings = text === undefined ? undefined : { file: settingsFile, text };
  return { kind: "project", model: await compiledModel(files), settings };
}

async function compiledModel(files: Readonly<Record<string, string>>): Promise<GatewayModel> {
  const { value, failed, diagnostics } = await compile("pair", memoryHost(files), { stopAfter: "lower" });
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  assert.deepEqual(
    errors.map(({ code, message }) => `${code}: ${message}`),
    [],
  );
  assert.ok(!failed && value !== undefined);
  return value as GatewayModel;
}

function filesBelow(root: string): Readonly<Record<string, string>> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      return [path.relative(root, file).split(path.sep).join("/"), readFileSync(file, "utf8")];
    }),
  );
}

/** A label that could not be right, whatever the diff says. */
function checkLabel(expected: Expected, base: Compared, head: Compared): void {
  if (expected.verdict !== "neutral") {
    assert.notDeepEqual(withoutPlaces(base), withoutPlaces(head), "both sides are the same gateway: it is neutral");
  }
  const known = operationsOf(base, head);
  for (const { operations, affected } of [...expected.findings, ...(expected.swapped?.findings ?? [])]) {
    if (typeof operations === "string") continue;
    assert.equal(operations.length, affected, "as many operations are affected as are named");
    for (const operation of operations) assert.ok(known.includes(operation), `no side has ${operation}`);
  }
}

function withoutPlaces({ model, settings }: Compared): readonly (string | undefined)[] {
  return [JSON.stringify(model, (key, value) => (key === "origin" ? undefined : value)), settings?.text];
}

function turned(finding: Finding): Finding {
  return { ...finding, verdict: converse[finding.verdict] };
}

/** One line for each verdict, aspect and operation, in order. */
function writtenOut(findings: readonly Finding[], base: Compared, head: Compared): string[] {
  const lines = findings.flatMap(({ verdict, aspect, operations }) => {
    const all = operations === "all" ? operationsOf(base, head) : operations === "gateway" ? [operations] : operations;
    return all.map((operation) => `${verdict} ${aspect}: ${operation}`);
  });
  return [...new Set(lines)].sort();
}

function findingsOf(base: Compared, head: Compared): string[] {
  const told = diffSides(base, head).filter(({ verdict }) => verdict !== "neutral");
  const lines = told.flatMap((change) =>
    subjectsOf(change, base, head).map((operation) => `${change.verdict} ${change.aspect}: ${operation}`),
  );
  return [...new Set(lines)].sort();
}

/** They concern the gateway itself. */
const ofNoOperation = ["extensions", "features", "settings"];

/** What concerns an API, or the limits of all of them, concerns each of their operations. */
function subjectsOf({ subject, aspect }: Change, base: Compared, head: Compared): readonly string[] {
  if (subject === undefined) {
    return ofNoOperation.includes(aspect) ? ["gateway"] : operationsOf(base, head);
  }
  const { basePath, method, template } = subject;
  if (method !== undefined && template !== undefined) return [shown(method, basePath, template)];
  const start = basePath === "/" ? " /" : ` ${basePath}/`;
  return operationsOf(base, head).filter(
    (operation) => operation.includes(start) || operation.endsWith(` ${basePath}`),
  );
}

/** Of both sides; what both have is named as the head has it. */
function operationsOf(base: Compared, head: Compared): readonly string[] {
  const found = new Map<string, string>();
  for (const { model } of [base, head]) {
    for (const { basePath, operations } of model.apis) {
      for (const { method, segments, template } of operations) {
        const shape = segments.map((segment) => (segment.kind === "parameter" ? { ...segment, name: "" } : segment));
        found.set(JSON.stringify([method, basePath, shape]), shown(method, basePath, template));
      }
    }
  }
  return [...found.values()].sort();
}

function shown(method: string, basePath: string, template: string): string {
  return `${method} ${basePath === "/" ? "" : basePath}${template}`;
}
