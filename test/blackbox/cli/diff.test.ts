import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { castgate, copyFixture, runCommand, temporaryFolder } from "../../support/command-line.ts";

/** Each exit code and each format once; the rest stands in test/unit/review/compare-sides.test.ts, where no process is started. */
describe("castgate diff", () => {
  const folder = temporaryFolder();
  const at = (...parts: string[]) => path.join(folder.path, ...parts);
  after(() => folder.remove());

  const diff = (...words: string[]) => castgate(["diff", ...words], { cwd: folder.path });
  const git = async (...words: string[]) => {
    const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
    const { code, stderr } = await runCommand("git", [...identity, ...words], { cwd: folder.path });
    assert.equal(code, 0, stderr);
  };
  const shopWith = (name: string, file: string, from: string, to: string) => {
    cpSync(at("shop"), at(name), { recursive: true });
    const text = readFileSync(at(name, file), "utf8");
    assert.ok(text.includes(from), `${from} in ${file}`);
    writeFileSync(
      at(name, file),
      text.replace(from, () => to),
    );
  };

  const definition = "api_definitions/petstore-v3.yaml";
  const inventory = "      operationId: getInventory\n      x-wso2-throttling-tier: 5PerMin\n";

  before(async () => {
    mkdirSync(at("shop"));
    copyFixture("petstore", at("shop"));
    const compiled = await castgate(["compile", "shop", "--out=built"], { cwd: folder.path });
    assert.equal(compiled.code, 0, compiled.stderr);
    await git("init", "-q");
    await git("add", "shop");
    await git("commit", "-qm", "The shop");
  });

  test("a revision and a folder, weaker: 10; accepted with the entry that was printed: 0, and 10 when its day is over", async () => {
    const title = "<b>`@everyone`</b>";
    const opened = `${inventory}      x-castgate-public: ${JSON.stringify(title)}\n      x-wso2-disable-security: true\n`;
    shopWith("open", definition, inventory, opened);
    const { code, stdout } = await diff("HEAD:shop", "open");
    assert.equal(code, 10);
    assert.match(stdout, /^weaker\[operation-became-public\]: GET \/petstore\/v3\/store\/inventory: /);
    assert.match(stdout, /^ {2}base {6}HEAD:shop\/api_definitions\/petstore-v3\.yaml:\d+:\d+$/m);
    assert.match(stdout, /^ {2}head {6}open\/api_definitions\/petstore-v3\.yaml:\d+:\d+$/m);
    const entry = (/^ {2}accepted:\n(?: {4}.*\n)+/m.exec(stdout)?.[0] ?? "")
      .replace(/^ {2}/gm, "")
      .replace('reason: ""', "reason: it is on the web site")
      .replace('expires: ""', "expires: 2027-06-30");
    writeFileSync(at("open/castgate.yaml"), `${readFileSync(at("shop/castgate.yaml"), "utf8")}${entry}`);
    const accepted = await diff("HEAD:shop", "open", "--format=markdown", "--today=2027-06-30");
    assert.equal(accepted.code, 0, accepted.stdout);
    assert.match(
      accepted.stdout,
      /weaker, accepted<.*by the head itself, until 2027-06-30: <code>it is on the web site<\/code>/,
    );
    assert.doesNotMatch(accepted.stdout, /<b>`|@everyone(?![^<]*<\/code>)/);
    const late = await diff("HEAD:shop", "open", "--format=github", "--today=2027-07-01");
    assert.equal(late.code, 10);
    assert.match(late.stdout, /^::error file=open\/api_definitions\/petstore-v3\.yaml,line=\d+,/);
  });

  test("a bundle and a folder, unknown: 12", async () => {
    shopWith(
      "moved",
      "api_definitions/petstore-v2.json",
      "https://petstore.swagger.io/v2",
      "https://other.example.com/v2",
    );
    const { code, stdout } = await diff("built/petstore.cjs", "moved", "--format=json");
    assert.equal(code, 12);
    const { verdict, exitCode, base, head } = JSON.parse(stdout);
    assert.deepEqual([verdict, exitCode, base.kind, head.kind], ["unknown", 12, "bundle", "project"]);
  });

  test("stronger: 0", async () => {
    shopWith("strict", "policies.yaml", "count: 5\n", "count: 4\n");
    const { code, stdout } = await diff("shop", "strict", "--format=sarif");
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).runs[0].results[0].ruleId, "limit-lowered");
  });

  test("a side with errors: 1, with its diagnostics", async () => {
    shopWith("broken", "castgate.yaml", "compatibility: standard", "compatibility: none");
    const { code, stdout, stderr } = await diff("shop", "broken", "--format=json");
    assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
    assert.match(stderr, /^the head, broken, has errors:\n\nerror\[setting-value\]/);
  });
});
