import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { castgate, runCommand, temporaryFolder } from "../../support/command-line.ts";

/** The jobs that the README offers, run step by step in a clone of a repository, as a runner would after its checkout. */
const repository = path.join(import.meta.dirname, "../../..");
const readme = readFileSync(path.join(repository, "README.md"), "utf8");

interface Step {
  readonly name?: string;
  readonly run?: string;
  readonly uses?: string;
}
interface Job {
  readonly env: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

const workflow = snippet(".github/workflows/gateway.yml") as { readonly jobs: { readonly gateway: Job } };
const gitlab = snippet(".gitlab-ci.yml") as { readonly gateway: { readonly script: readonly string[] } };

function snippet(file: string): unknown {
  const found = new RegExp(`<!-- ci: ${file.replaceAll(".", "\\.")} -->\\n\`\`\`yaml\\n([\\s\\S]*?)\`\`\``).exec(
    readme,
  );
  assert.ok(found?.[1] !== undefined, `the README has no ${file}`);
  return parse(found[1]);
}

const definition = (change = "") => `openapi: 3.0.3
info: {title: Shop, version: "1"}
x-wso2-basePath: /shop
x-wso2-production-endpoints: {urls: ["https://shop.test"]}
security: [{key: []}]
components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}}
paths:
  /items:
    get:
${change}      responses: {"200": {description: fine}}
`;
const weaker = definition(
  "      x-wso2-disable-security: true\n      x-castgate-public: the catalogue is printed anyway\n",
);

interface Result {
  readonly code: number;
  readonly output: string;
  /** The step that failed. */
  readonly step: string | undefined;
  readonly summary: string;
}

describe("jobs for CI", () => {
  const folder = temporaryFolder();
  const clone = path.join(folder.path, "clone");
  const shop = path.join(clone, "shop");
  const summary = path.join(folder.path, "summary.md");
  const git = async (...words: string[]) => {
    const { code, stderr } = await runCommand("git", ["-c", "user.name=a", "-c", "user.email=a@b.test", ...words], {
      cwd: clone,
    });
    assert.equal(code, 0, stderr);
  };
  after(() => folder.remove());

  before(async () => {
    mkdirSync(path.join(folder.path, "origin"));
    const made = await runCommand("git", ["init", "-q", "--bare", "-b", "main", "origin"], { cwd: folder.path });
    assert.equal(made.code, 0, made.stderr);
    const cloned = await runCommand("git", ["clone", "-q", "origin", "clone"], { cwd: folder.path });
    assert.equal(cloned.code, 0, cloned.stderr);
    // What `npm ci` leaves behind.
    const bin = path.join(clone, "node_modules/.bin");
    mkdirSync(bin, { recursive: true });
    const tsx = path.join(repository, "node_modules/tsx/dist/esm/index.mjs");
    const cli = path.join(repository, "compiler/cli.ts");
    writeFileSync(
      path.join(bin, "castgate"),
      `#!/bin/sh\nexec "${process.execPath}" --import "${tsx}" "${cli}" "$@"\n`,
    );
    chmodSync(path.join(bin, "castgate"), 0o755);
    writeFileSync(path.join(clone, "package.json"), '{"private": true}\n');
    writeFileSync(path.join(clone, ".gitignore"), "node_modules/\n");
    assert.equal((await castgate(["init", "shop"], { cwd: clone })).code, 0);
    await change(definition());
    await git("add", "-A");
    await git("commit", "-q", "-m", "a shop");
    await git("push", "-q", "origin", "HEAD:main");
    await git("fetch", "-q");
    await git("checkout", "-q", "-b", "change");
  });

  /** Writes the definition, and what it compiles to. */
  async function change(text: string, settings = ""): Promise<void> {
    writeFileSync(path.join(shop, "api_definitions/shop.yaml"), text);
    writeFileSync(path.join(shop, "castgate.yaml"), `compatibility: standard\n${settings}`);
    const compiled = await castgate(["compile", "shop"], { cwd: clone });
    assert.equal(compiled.code, 0, compiled.stderr);
  }

  async function run(
    commands: readonly Required<Pick<Step, "name" | "run">>[],
    env: Record<string, string>,
  ): Promise<Result> {
    writeFileSync(summary, "");
    let output = "";
    for (const { name, run: command } of commands) {
      if (command === "npm ci") continue;
      const { code, stdout, stderr } = await runCommand("bash", ["-e", "-c", command], {
        cwd: clone,
        env: {
          ...process.env,
          PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`,
          GITHUB_STEP_SUMMARY: summary,
          ...env,
        },
      });
      output += stdout + stderr;
      if (code !== 0) return { code, output, step: name, summary: readFileSync(summary, "utf8") };
    }
    return { code: 0, output, step: undefined, summary: readFileSync(summary, "utf8") };
  }

  const github = () => {
    const { env, steps } = workflow.jobs.gateway;
    const commands = steps.flatMap(({ name, run: command }) =>
      command === undefined ? [] : [{ name: name ?? command, run: command }],
    );
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a runner fills in.
    const filled = Object.entries(env).map(([key, value]) => [key, value.replace("${{ github.base_ref }}", "main")]);
    return run(commands, Object.fromEntries(filled));
  };
  const gitLab = () =>
    run(
      gitlab.gateway.script.map((command) => ({ name: command, run: command })),
      { CI_MERGE_REQUEST_TARGET_BRANCH_NAME: "main" },
    );

  test("every step of the workflow is one that this test runs, or an action", () => {
    for (const step of workflow.jobs.gateway.steps) assert.ok((step.run === undefined) !== (step.uses === undefined));
    assert.ok(gitlab.gateway.script.includes("npm ci"));
  });

  test("a change that changes nothing for anybody passes", async () => {
    await change(`# a comment\n${definition("      summary: all of them\n")}`);
    for (const job of [github, gitLab]) {
      const result = await job();
      assert.equal(result.step, undefined, result.output);
    }
  });

  test("a generated folder that is behind fails", async () => {
    writeFileSync(path.join(shop, "api_definitions/shop.yaml"), definition("      operationId: catalogue\n"));
    const found = await github();
    assert.deepEqual([found.code, found.step], [1, "generated/ is up to date"]);
    assert.match(found.output, /generated\/ is stale/);
    assert.match((await gitLab()).step ?? "", /--check$/);
  });

  test("a weakening fails, with an annotation at its line and a summary; accepted, it passes and shows", async () => {
    await change(weaker);
    const found = await github();
    assert.deepEqual([found.code, found.step], [10, "Nothing got weaker"], found.output);
    assert.match(found.output, /^::error file=shop\/api_definitions\/shop\.yaml,line=\d+/m);
    assert.match(found.summary, /weaker/i);
    const there = await gitLab();
    assert.equal(there.code, 10, there.output);
    const entries = [...there.output.matchAll(/fingerprint: (d1-[0-9a-f]{32})/g)].map(([, fingerprint]) => fingerprint);
    const code = /change: ([a-z-]+)/.exec(there.output)?.[1];
    assert.ok(entries.length === 1 && code !== undefined, there.output);
    const day = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
    const entry = `{change: ${code}, on: GET /shop/items, fingerprint: ${entries[0]}, reason: it is printed, expires: ${day}}`;
    await change(weaker, `accepted:\n  - ${entry}\n`);
    const accepted = await github();
    assert.equal(accepted.step, undefined, accepted.output);
    assert.match(accepted.summary, /it is printed/);
  });
});
