import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { Ajv } from "ajv";
import { writeBuild } from "../../../compiler/commands/build-project.ts";
import { CommandFailure, formatFailure, type Terminal } from "../../../compiler/commands/command.ts";
import { compareSides, type DiffFormat } from "../../../compiler/commands/diff/compare-sides.ts";
import { compile } from "../../../compiler/compile.ts";
import { nodeHost } from "../../../compiler/host-node.ts";
import { copyFixture, type Outcome, runCommand, temporaryFolder } from "../../support/command-line.ts";

const repository = path.join(import.meta.dirname, "../../..");
const schemaFile = path.join(repository, "compiler/review/diff-report/diff-output.schema.json");
const today = "2027-01-31";

/** What `castgate diff` does with its words, without a process of its own: that takes a second each. */
async function compare(cwd: string, base: string, head: string, format: DiffFormat, day = today): Promise<Outcome> {
  const said = { out: "", err: "" };
  const terminal: Terminal = {
    folder: cwd,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    interactive: false,
    colors: false,
    colorsOut: false,
    env: {},
    node: process.execPath,
    onStop() {},
  };
  const code = await compareSides({ base, head, format, day }, terminal).catch((error: unknown) => {
    if (!(error instanceof CommandFailure)) throw error;
    terminal.err(formatFailure(error));
    return 1;
  });
  return { code, stdout: said.out, stderr: said.err };
}

/** Writes what a project compiles to, up to its code or with its bundle. */
async function build(project: string, bundle?: string): Promise<void> {
  const { build: built, diagnostics } = await compile(
    project,
    nodeHost(project),
    bundle === undefined ? { stopAfter: "audit" } : {},
  );
  assert.ok(built !== undefined, JSON.stringify(diagnostics));
  await writeBuild(project, built, bundle);
}

/** What is asked of a report in JSON. */
interface Printed {
  readonly verdict: string;
  readonly exitCode: number;
  readonly base: { readonly kind: string };
  readonly head: { readonly kind: string };
  readonly operations: object;
  readonly findings: readonly {
    readonly code: string;
    readonly verdict: string;
    readonly on: string;
    readonly fingerprint: string;
    readonly open: boolean;
    readonly accepted?: { readonly reason: string };
    readonly affected: { readonly operations: number; readonly of: number; readonly publicOperations: number };
    readonly occurrences: readonly {
      readonly base?: { readonly file: string; readonly line?: number; readonly pointer: string };
      readonly head?: { readonly file: string; readonly line?: number; readonly pointer: string };
      readonly generated?: { readonly side: string; readonly file: string; readonly line: number };
    }[];
  }[];
  readonly accepted: readonly { readonly state: string }[];
}

const formats = ["pretty", "json", "markdown", "github", "sarif"] as const;

describe("comparing two sides", () => {
  const folder = temporaryFolder();
  const at = (...parts: string[]) => path.join(folder.path, ...parts);
  const validate = new Ajv({ allErrors: true }).compile<Printed>(JSON.parse(readFileSync(schemaFile, "utf8")));
  after(() => folder.remove());

  const diff = (base: string, head: string, format: DiffFormat = "pretty", day = today) =>
    compare(folder.path, base, head, format, day);
  const diffJson = async (base: string, head: string): Promise<Printed & { readonly code: number }> => {
    const { code, stdout, stderr } = await diff(base, head, "json");
    assert.ok(stdout !== "", stderr);
    const printed: unknown = JSON.parse(stdout);
    assert.ok(validate(printed), JSON.stringify(validate.errors));
    assert.equal(printed.exitCode, code);
    return { ...printed, code };
  };
  const edit = (file: string, from: string, to: string) => {
    const text = readFileSync(at(file), "utf8");
    assert.ok(text.includes(from), `${from} in ${file}`);
    writeFileSync(
      at(file),
      text.replace(from, () => to),
    );
  };
  const git = async (...words: string[]) => {
    const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
    const { code, stderr } = await runCommand("git", [...identity, ...words], { cwd: at("repository") });
    assert.equal(code, 0, stderr);
  };
  /** A copy of the shop with one edit. */
  const shopWith = (name: string, file: string, from: string, to: string) => {
    cpSync(at("shop"), at(name), { recursive: true });
    edit(`${name}/${file}`, from, to);
  };

  const definition = "api_definitions/petstore-v3.yaml";
  const inventory = "      operationId: getInventory\n      x-wso2-throttling-tier: 5PerMin\n";

  before(async () => {
    copyFixture("petstore", at("shop"));
    shopWith("open", definition, inventory, `${inventory}      x-wso2-disable-security: true\n`);
    shopWith("loose", "policies.yaml", "count: 5\n", "count: 6\n");
    shopWith("strict", "policies.yaml", "count: 5\n", "count: 4\n");
    shopWith(
      "moved",
      "api_definitions/petstore-v2.json",
      "https://petstore.swagger.io/v2",
      "https://other.example.com/v2",
    );
    shopWith("broken", "castgate.yaml", "compatibility: standard", "compatibility: none\nnmae: x");
    await build(at("shop"), at("built"));
    mkdirSync(at("repository"));
    await git("init", "-q");
    cpSync(at("shop"), at("repository/shop"), { recursive: true });
    await git("add", "-A");
    await git("commit", "-qm", "The shop");
  });

  test("two folders that are the same: exit 0", async () => {
    const { code, stdout, stderr } = await diff("shop", "./shop/");
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.match(stdout, /^nothing differs\n39 operations, 4 public .*\nthe gateways do the same\n$/);
  });

  test("weaker: exit 10, with places, lines of generated code, and how much is affected", async () => {
    const { code, stdout } = await diff("shop", "open");
    assert.equal(code, 10);
    assert.match(stdout, /^weaker\[operation-became-public\]: GET \/petstore\/v3\/store\/inventory: /);
    assert.match(stdout, /^ {2}affects {3}1 of 39 operations \(1 public\), .*1 backend$/m);
    assert.match(stdout, /^ {2}base {6}shop\/api_definitions\/petstore-v3\.yaml:\d+:\d+$/m);
    assert.match(stdout, /^ {2}head {6}open\/api_definitions\/petstore-v3\.yaml:\d+:\d+$/m);
    const [, file = "", line = ""] =
      /^ {2}code {6}open\/(generated\/petstore-v3\/store\.ts):(\d+)$/m.exec(stdout) ?? [];
    await build(at("open"));
    assert.match(readFileSync(at("open", file), "utf8").split("\n")[Number(line) - 1] ?? "", /withholdCredentials/);
    assert.doesNotMatch(stdout, /[^\P{C}\n]/u);
  });

  test("stronger: exit 0; unknown: 12; weaker wins over unknown", async () => {
    const stronger = await diffJson("shop", "strict");
    assert.deepEqual([stronger.code, stronger.verdict], [0, "stronger"]);
    assert.deepEqual(
      stronger.findings.map(({ code, affected }) => [code, affected.operations, affected.of]),
      [["limit-lowered", 2, 39]],
    );
    const moved = await diffJson("shop", "moved");
    assert.deepEqual([moved.code, moved.verdict], [12, "unknown"]);
    cpSync(at("moved"), at("both"), { recursive: true });
    edit("both/policies.yaml", "count: 5\n", "count: 6\n");
    const both = await diffJson("shop", "both");
    assert.deepEqual([both.code, both.verdict], [10, "weaker"]);
    assert.deepEqual([...new Set(both.findings.map(({ verdict }) => verdict))], ["weaker", "unknown"]);
  });

  test("a side with errors: exit 1, with its diagnostics, and which side it is", async () => {
    for (const [base, head, says] of [
      ["broken", "shop", /^the base, broken, has errors:\n/],
      ["shop", "broken", /^the head, broken, has errors:\n/],
    ] as const) {
      const { code, stdout, stderr } = await diff(base, head, "json");
      assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
      assert.match(stderr, says);
      assert.match(stderr, /error\[setting-unknown\].*\n {2}--> castgate\.yaml:5:1/);
      assert.doesNotMatch(stderr, /^note/m);
    }
    const { stdout } = await diff("shop", "broken", "github");
    assert.match(stdout, /^::error file=broken\/castgate\.yaml,line=4,/);
  });

  test("run-time settings that the projects keep, with their lines, and no line of code", async () => {
    for (const [project, bytes] of [
      ["small", 8192],
      ["large", 16384],
    ] as const) {
      cpSync(at("shop"), at(project), { recursive: true });
      mkdirSync(at(project, "conf"));
      writeFileSync(at(project, "conf/micro-gw.conf"), `# of the test\n[listenerConfig]\nmaxHeaderSize = ${bytes}\n`);
    }
    const { code, stdout } = await diff("small", "large");
    assert.equal(code, 10);
    assert.match(stdout, /^weaker\[setting-grants-more\]: the gateway: /);
    assert.match(
      stdout,
      /\n {2}base {6}small\/conf\/micro-gw\.conf:3:1\n {2}head {6}large\/conf\/micro-gw\.conf:3:1\n\n/,
    );
  });

  test("what is no side: exit 1, in one line", async () => {
    for (const spec of ["nowhere", "HEAD~99:shop", "shop/policies.yaml"]) {
      const { code, stdout, stderr } = await diff(spec, "shop");
      assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
      assert.match(stderr, /^error: /);
      assert.doesNotMatch(stderr, /\n\s+at /);
    }
  });

  test("a bundle holds all that a comparison needs", async () => {
    const bundle = "built/petstore.cjs";
    const same = await diffJson(bundle, "shop");
    assert.deepEqual([same.code, same.verdict, same.base.kind, same.head.kind], [0, "none", "bundle", "project"]);
    const { findings, code } = await diffJson("open", bundle);
    assert.equal(code, 0);
    assert.deepEqual(
      findings.map((finding) => finding.code),
      ["operation-no-longer-public"],
    );
    const line = findings[0]?.occurrences[0]?.generated?.line ?? 0;
    const text = readFileSync(at(bundle), "utf8").split("\n");
    assert.match(text[line - 1] ?? "", /await authenticate\d*\(x, petstoreV3Api/);
    // Alone, it knows the pointer and not the line.
    cpSync(at(bundle), at("alone.cjs"));
    const alone = await diffJson("alone.cjs", "open");
    assert.equal(alone.code, 10);
    const [occurrence] = alone.findings[0]?.occurrences ?? [];
    assert.equal(occurrence?.base?.line, undefined);
    assert.equal(occurrence?.base?.file, definition);
    assert.ok((occurrence?.head?.line ?? 0) > 1);
  });

  describe("revisions of git", () => {
    const inRepository = (base: string, head: string, format: DiffFormat = "pretty") =>
      compare(at("repository"), base, head, format);

    test("a revision, and the folder as it is", async () => {
      const same = await inRepository("HEAD:shop", "shop");
      assert.equal(same.code, 0, same.stderr);
      edit("repository/shop/policies.yaml", "count: 5\n", "count: 6\n");
      const { code, stdout } = await inRepository("HEAD:shop", "shop");
      assert.equal(code, 10);
      assert.match(stdout, /^weaker\[limit-raised\]/);
      assert.match(stdout, /^ {2}base {6}HEAD:shop\/policies\.yaml:3:5$/m);
      assert.match(stdout, /^ {2}head {6}shop\/policies\.yaml:3:5$/m);
    });

    test("two revisions, and a bundle", async () => {
      await git("commit", "-qam", "More of it");
      const { code, stdout } = await inRepository("HEAD~1:shop", "HEAD:shop", "github");
      assert.equal(code, 10);
      assert.match(stdout, /^::error file=shop\/policies\.yaml,line=3,col=5,title=limit-raised::/);
      const bundle = await inRepository("../built/petstore.cjs", "HEAD~1:shop");
      assert.equal(bundle.code, 0, bundle.stdout);
    });
  });

  describe("accepted changes", () => {
    const paste = (stdout: string, reason: string, expires: string) => {
      const block = /^ {2}accepted:\n(?: {4}.*\n)+/m.exec(stdout)?.[0] ?? "";
      assert.ok(block !== "", stdout);
      const text = block.replace(/^ {2}/gm, "").replaceAll('reason: ""', `reason: ${reason}`);
      return text.replaceAll('expires: ""', `expires: ${expires}`);
    };
    const accept = (project: string, text: string) =>
      writeFileSync(at(project, "castgate.yaml"), `compatibility: standard\nname: petstore\n${text}`);

    test("the entry that is printed, with reason and day, is accepted, and shown in every format", async () => {
      cpSync(at("open"), at("accepted"), { recursive: true });
      const settings = readFileSync(at("shop/castgate.yaml"), "utf8");
      const plain = await diff("shop", "accepted");
      assert.equal(plain.code, 10);
      writeFileSync(
        at("accepted/castgate.yaml"),
        `${settings}${paste(plain.stdout, "the stock is on the web site", "2027-06-30")}`,
      );
      const { code, verdict, findings } = await diffJson("shop", "accepted");
      assert.deepEqual([code, verdict], [0, "none"]);
      assert.deepEqual(
        findings.map(({ open, accepted }) => [open, accepted?.reason]),
        [[false, "the stock is on the web site"]],
      );
      for (const format of formats) {
        const { stdout, code } = await diff("shop", "accepted", format);
        assert.equal(code, 0, format);
        assert.match(stdout, /the stock is on the web site/, format);
      }
    });

    test("it counts until its day is over, for this change alone, and what matches nothing is said", async () => {
      const later = await diff("shop", "accepted", "pretty", "2027-07-01");
      assert.equal(later.code, 10);
      assert.match(
        later.stdout,
        /accepted, but does not count: .*\n {2}because {3}it expired on 2027-06-30\n {2}head {6}accepted\/castgate\.yaml:\d+:/,
      );
      // Another operation opens too: that one, and nothing else, counts.
      cpSync(at("accepted"), at("wider"), { recursive: true });
      const login = "operationId: placeOrder\n";
      edit(`wider/${definition}`, login, `${login}      x-wso2-disable-security: true\n`);
      const wider = await diffJson("shop", "wider");
      assert.equal(wider.code, 10);
      const unused = await diff("accepted", "accepted");
      assert.equal(unused.code, 0);
      assert.match(unused.stdout, /accepted, but does not count: .*\n {2}because {3}there is no such change/);
    });

    test("a mistake in an entry is a diagnostic of the head", async () => {
      cpSync(at("open"), at("mistaken"), { recursive: true });
      accept("mistaken", "accepted:\n  - {change: a, on: b, reason: c, expires: 2027-13-01}\n");
      const { code, stderr } = await diff("shop", "mistaken");
      assert.equal(code, 1);
      assert.match(stderr, /^the head, mistaken, has errors:\n/);
      assert.match(stderr, /error\[accepted-incomplete\]: an accepted change needs "fingerprint"/);
      assert.match(stderr, /error\[accepted-value\]: expires of an accepted change: "2027-13-01" is not a day/);
    });
  });

  describe("formats", () => {
    test("Markdown, for a comment", async () => {
      const { code, stdout } = await diff("shop", "open", "markdown");
      assert.equal(code, 10);
      assert.match(stdout, /^### castgate diff: weaker\n/);
      assert.match(stdout, /<table>\n/);
    });

    test("SARIF, with a rule for the finding, and paths from here", async () => {
      const { code, stdout } = await diff("shop", "open", "sarif");
      assert.equal(code, 10);
      const [{ tool, results }] = JSON.parse(stdout).runs;
      assert.equal(tool.driver.rules[results[0].ruleIndex].id, "operation-became-public");
      assert.ok(tool.driver.rules[results[0].ruleIndex].help.text.length > 10);
      assert.equal(results[0].locations[0].physicalLocation.artifactLocation.uri, `open/${definition}`);
    });

    test("texts of definitions are texts in each of them", async () => {
      const title =
        "</td><script>alert(1)</script> | @everyone\n\n# x\n::error::y %0A [a](javascript:b) \u001b[2J \u202e";
      const tier = JSON.stringify(`a</code><img>|\`x\` ::warning::`);
      cpSync(at("shop"), at("mean"), { recursive: true });
      edit(`mean/${definition}`, "  title: ", `  title: ${JSON.stringify(title)}\n  x-was: `);
      edit(`mean/${definition}`, "x-wso2-throttling-tier: 5PerMin", `x-wso2-throttling-tier: ${tier}`);
      writeFileSync(
        at("mean/policies.yaml"),
        readFileSync(at("shop/policies.yaml"), "utf8").replace(
          "resourcePolicies:\n",
          `resourcePolicies:\n  - ${tier}: {count: 9, unitTime: 1, timeUnit: min}\n`,
        ),
      );
      const outcomes: Record<string, Outcome> = {};
      for (const format of formats) {
        const outcome = await diff("shop", "mean", format);
        assert.equal(outcome.code, 10, outcome.stderr);
        assert.doesNotMatch(outcome.stdout, /[^\P{C}\n]/u, format);
        outcomes[format] = outcome;
      }
      assert.doesNotMatch(outcomes.markdown?.stdout ?? "", /<script|<img|^# x|^::/m);
      for (const line of outcomes.github?.stdout.trimEnd().split("\n") ?? []) {
        assert.match(line, /^::(?:error|warning|notice) file=/);
      }
      for (const line of outcomes.pretty?.stdout.split("\n") ?? []) assert.doesNotMatch(line, /^::|^#/);
    });
  });
});
