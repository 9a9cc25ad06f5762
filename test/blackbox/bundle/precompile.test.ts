import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type CompiledProject,
  compileProject,
  type GatewayOptions,
  type RunningGateway,
  startGateway,
} from "../../support/gateway-under-test.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const issuer = new TestIssuer("https://issuer.test");

/** Says what became of the compiled code of each script that was given some. */
const spy = `const vm = require("node:vm");
vm.Script = class extends vm.Script {
  constructor(text, options) {
    super(text, options);
    process.stderr.write(\`compiled code: \${options.cachedData === undefined ? "none" : this.cachedDataRejected ? "rejected" : "used"}\\n\`);
  }
};
`;

describe("--precompile", () => {
  let backend: StubBackend;
  let project: CompiledProject;
  let folder: string;
  let starter: string;
  let watched: Readonly<Record<string, string>>;

  before(async () => {
    backend = await StubBackend.start();
    project = await compileProject(path.join(import.meta.dirname, "../../../fixtures/petstore"));
    folder = mkdtempSync(path.join(tmpdir(), "castgate-precompile-"));
    starter = path.join(project.folder, "target", "petstore.start.cjs");
    writeFileSync(path.join(folder, "spy.cjs"), spy);
    watched = { NODE_OPTIONS: `--require=${path.join(folder, "spy.cjs")}` };
    const first = await start({ args: ["--precompile", starter] });
    await answersAsItShould(first);
    await grow(first);
    assert.equal(existsSync(starter), false, "it is written at the end");
    assert.deepEqual(await first.stop(), { code: 0, signal: null }, first.log());
    assert.match(first.log(), /petstore\.start\.cjs is written: start that instead of petstore\.cjs\n/);
  });
  after(async () => {
    await backend?.stop();
    project?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (options: GatewayOptions, bundle = project.bundle) =>
    startGateway({ ...project, bundle }, { issuer, backend, ...options });

  async function answersAsItShould({ origin }: RunningGateway): Promise<void> {
    const ask = (headers: Record<string, string>) => fetch(`${origin}/petstore/v3/pet/findByTags`, { headers });
    const token = issuer.token({ scope: "read:pets write:pets", keytype: "PRODUCTION" });
    assert.equal((await ask({ Authorization: `Bearer ${token}` })).status, 200);
    const refused = await ask({});
    assert.equal(refused.status, 401);
    assert.match(await refused.text(), /90090[0-9]/);
  }

  /** So many requests that V8's flags are others for a while (`young-generation.ts`). */
  async function grow({ origin }: RunningGateway): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (let round = 0; round < 60; round++) {
      const asked = Array.from({ length: 50 }, async () =>
        (await fetch(`${origin}/petstore/v3/pet/findByTags`)).text(),
      );
      await Promise.all(asked);
    }
  }

  test("its starter runs the bundle with the code that was compiled, and stays as it is", async () => {
    const { mtimeMs, mode } = statSync(starter);
    assert.equal(mode & 0o777, 0o755);
    const gateway = await start({ env: watched }, starter);
    await answersAsItShould(gateway);
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null }, gateway.log());
    assert.match(gateway.log(), /^compiled code: used$/m);
    assert.doesNotMatch(gateway.log(), /anew/);
    assert.equal(statSync(starter).mtimeMs, mtimeMs);
  });

  test("the starter holds the bundle's code and nothing of settings or callers", () => {
    const text = readFileSync(starter, "utf8");
    const compiled = Buffer.from(/\{\/\*([\w+/=]+)\*\/\}/.exec(text)?.[1] ?? "", "base64").toString("latin1");
    // A name out of a function that only requests use, and its text.
    assert.ok(compiled.includes("findByTags"), "code that was used is there");
    for (const word of ["issuer.test", "eyJhbGciOi", "trust/issuer.pem", backend.origin].filter(
      (word) => !isInBundle(word),
    ))
      assert.ok(!compiled.includes(word) && !text.includes(word), word);
  });
  const isInBundle = (word: string) => readFileSync(project.bundle, "utf8").includes(word);

  test("both may be moved, and the starter has all options of the bundle", async () => {
    const moved = path.join(folder, "moved");
    mkdirSync(moved);
    for (const file of [starter, project.bundle]) cpSync(file, path.join(moved, path.basename(file)));
    const gateway = await start({ env: watched, args: ["--workers=2"] }, path.join(moved, path.basename(starter)));
    await answersAsItShould(gateway);
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null }, gateway.log());
    assert.equal(gateway.log().match(/^compiled code: used$/gm)?.length, 3, gateway.log());
    const { status, stdout } = spawnSync(process.execPath, [path.join(moved, path.basename(starter)), "--manifest"]);
    assert.equal(status, 0);
    assert.equal(JSON.parse(String(stdout)).project ?? "petstore", "petstore");
  });

  test("another bundle of the same length is what runs, not the one that was compiled", async () => {
    const changed = path.join(folder, "changed");
    mkdirSync(changed);
    cpSync(starter, path.join(changed, path.basename(starter)));
    const text = readFileSync(project.bundle, "utf8");
    const other = text.replaceAll("Missing Credentials", "Missing Passphrase!".slice(0, 19));
    assert.notEqual(other, text);
    assert.equal(other.length, text.length);
    writeFileSync(path.join(changed, "petstore.cjs"), other);
    const gateway = await start({ env: watched }, path.join(changed, path.basename(starter)));
    const refused = await fetch(`${gateway.origin}/petstore/v3/pet/findByTags`);
    assert.match(await refused.text(), /Missing Passphrase/);
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
    assert.match(gateway.log(), /^compiled code: none$/m);
    assert.match(gateway.log(), /^the bundle has changed: \S+petstore\.cjs is compiled anew at each start$/m);
  });

  test("code that this Node would not have compiled so is left aside", async () => {
    const gateway = await start(
      { env: { NODE_OPTIONS: `${watched.NODE_OPTIONS} --interpreted-frames-native-stack` } },
      starter,
    );
    await answersAsItShould(gateway);
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
    assert.match(gateway.log(), /^compiled code: rejected$/m);
    assert.match(
      gateway.log(),
      /^made with another Node, or other flags of it: \S+petstore\.cjs is compiled anew at each start$/m,
    );
  });

  for (const [what, args, said] of [
    ["with several processes", ["--workers=2"], /^--precompile needs one process, not --workers\nUsage: /],
    [
      "into a folder that is not there",
      ["--precompile=missing/start.cjs"],
      /^--precompile: cannot write missing\/start\.cjs: ENOENT\n$/,
    ],
    [
      "for a start that only checks",
      ["--check-config"],
      /^--precompile is for a gateway that serves, not for --check-config\nUsage: /,
    ],
    ["over the bundle", ["--precompile=petstore.cjs"], /^--precompile: petstore\.cjs is the bundle itself\n$/],
  ] as const) {
    test(`${what} it is wrong usage`, () => {
      const cwd = path.dirname(project.bundle);
      const run = spawnSync(process.execPath, [project.bundle, "--precompile=other.cjs", ...args], { cwd });
      assert.equal(run.status, 2, String(run.stdout));
      assert.match(String(run.stderr), said);
    });
  }

  test("of a starter there is none", () => {
    const run = spawnSync(process.execPath, [starter, "--precompile=again.cjs"]);
    assert.equal(run.status, 2);
    assert.match(String(run.stderr), /^--precompile: this is such a file; it is for the bundle, \S+petstore\.cjs\n$/);
  });

  test("a starter whose bundle is gone says so", () => {
    const alone = path.join(folder, "alone.cjs");
    cpSync(starter, alone);
    const run = spawnSync(process.execPath, [alone]);
    assert.equal(run.status, 1);
    assert.equal(String(run.stderr), `cannot read the bundle ${path.join(folder, "petstore.cjs")}: ENOENT\n`);
  });

  test("damaged code is left aside", async () => {
    const damaged = path.join(folder, "damaged");
    mkdirSync(damaged);
    cpSync(project.bundle, path.join(damaged, "petstore.cjs"));
    const text = readFileSync(starter, "utf8");
    const middle = text.indexOf("{/*") + 400_000;
    const other = text[middle] === "A" ? "B" : "A";
    writeFileSync(path.join(damaged, "start.cjs"), text.slice(0, middle) + other + text.slice(middle + 1));
    const gateway = await start({ env: watched }, path.join(damaged, "start.cjs"));
    await answersAsItShould(gateway);
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
    assert.match(gateway.log(), /^compiled code: none$/m);
    assert.match(gateway.log(), /^the compiled code is damaged: \S+petstore\.cjs is compiled anew at each start$/m);
  });

  test("folders that are links are seen through", async () => {
    const link = path.join(folder, "link");
    symlinkSync(path.dirname(project.bundle), link);
    const onto = spawnSync(process.execPath, [project.bundle, "--precompile", path.join(link, "petstore.cjs")]);
    assert.equal(onto.status, 2);
    assert.match(String(onto.stderr), /^--precompile: \S+ is the bundle itself\n$/);
    const made = path.join(link, "through.cjs");
    const first = await start({ args: ["--precompile", made] });
    assert.deepEqual(await first.stop(), { code: 0, signal: null }, first.log());
    const gateway = await start({ env: watched }, made);
    await answersAsItShould(gateway);
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
    assert.match(gateway.log(), /^compiled code: used$/m);
  });

  test("a start that fails writes nothing", () => {
    const cwd = path.dirname(project.bundle);
    const run = spawnSync(
      process.execPath,
      [project.bundle, "--precompile", "other.cjs", "--listenerConfig.httpPort=x"],
      {
        cwd,
      },
    );
    assert.equal(run.status, 78, String(run.stderr));
    assert.match(String(run.stderr), /^other\.cjs is not written: the exit code is 78$/m);
    assert.equal(existsSync(path.join(cwd, "other.cjs")), false);
  });
});
