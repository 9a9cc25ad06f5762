import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { castgate, copyFixture, filesBelow, temporaryFolder } from "../../support/command-line.ts";
import { type CompiledProject, compileProject } from "../../support/gateway-under-test.ts";
import { identity } from "../../support/self-signed.ts";

const repository = path.join(import.meta.dirname, "../../..");
const petstore = path.join(repository, "fixtures/petstore");
const token = [{ alg: "RS256" }, { iss: "https://issuer.test", sub: "alice", exp: 4e9, scope: "read:pets" }]
  .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
  .join(".")
  .concat(".c2ln");
const inventory = "/petstore/v3/store/inventory";

describe("castgate explain", () => {
  const folder = temporaryFolder();
  let compiled: CompiledProject;
  before(async () => {
    copyFixture("petstore", path.join(folder.path, "petstore"));
    compiled = await compileProject(petstore);
  });
  after(() => {
    compiled.remove();
    folder.remove();
  });
  const explain = (...words: string[]) => castgate(["explain", ...words], { cwd: folder.path });

  test("of a project and of its bundle: the same, but for the places of code", async () => {
    const words = ["GET", inventory, "-H", `Authorization: Bearer ${token}`, "--format=json"];
    const project = await explain("petstore", ...words);
    const bundle = await explain(compiled.bundle, ...words);
    assert.deepEqual([project.code, project.stderr, bundle.code, bundle.stderr], [0, "", 0, ""]);
    const [a, b] = [JSON.parse(project.stdout), JSON.parse(bundle.stdout)];
    assert.equal(a.operation.id, "getInventory");
    assert.equal(a.outcome.kind, "forwarded");
    for (const part of ["request", "path", "outcome", "caller", "charges", "assumptions"])
      assert.deepEqual(b[part], a[part], part);
    const lines = readFileSync(compiled.bundle, "utf8").split("\n");
    const calls = b.checks.flatMap(({ check, generated }: { check: string; generated?: { line: number } }) =>
      generated === undefined ? [] : [[check, lines[generated.line - 1]?.trim()]],
    );
    assert.deepEqual(Object.keys(Object.fromEntries(calls)), [
      "route",
      "authenticate",
      "require-scopes",
      "throttle",
      "require-key-type",
      "forward",
    ]);
    for (const [check, line] of calls) assert.match(line, callOf[check as keyof typeof callOf]);
    assert.doesNotMatch(project.stdout + bundle.stdout, new RegExp(token.split(".")[1] ?? ""));
  });

  test("as a text; 0 also for what is refused", async () => {
    const { code, stdout } = await explain("petstore", "GET", `${inventory}/..`);
    assert.equal(code, 0);
    assert.match(stdout, /^ {2}REFUSES {2}path {13}The request target is refused: dot segment$/m);
    assert.match(stdout, /^Refused by path \(The request target is refused: dot segment\): 400$/m);
  });

  test("of what comes over TLS with a certificate, from a proxy", async () => {
    const client = identity("client");
    writeFileSync(path.join(folder.path, "client.pem"), client.cert);
    copyFixture("certificates", path.join(folder.path, "certificates"));
    const words = ["certificates", "GET", "/partners/certificate", "--scheme=https", "--client-cert=client.pem"];
    const { code, stdout } = await explain(...words, "--from=192.0.2.7", "--format=json");
    assert.equal(code, 0);
    const { request, outcome } = JSON.parse(stdout);
    assert.deepEqual([request.certificate, request.client, outcome.kind], [true, "192.0.2.7", "forwarded"]);
  });

  test("the settings that follow -- hold", async () => {
    const { code, stdout, stderr } = await explain(
      "petstore",
      "GET",
      "/petstore/v2/user/login",
      "--format=json",
      "--",
      "--listenerConfig.maxUriLength=10",
      "--jwtTokenConfig.issuer=x",
    );
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^error: jwtTokenConfig\[0\]\.issuer: has no key source/m);
  });

  const wrong: readonly (readonly [words: readonly string[], code: number, stderr: RegExp])[] = [
    [["petstore", "GET"], 2, /a word is missing: castgate explain/],
    [["petstore", "GET", "/", "more"], 2, /"more" is one word too many/],
    [["petstore", "GET", "/", "-H", "nonsense"], 2, /-H needs a name and a value: "nonsense"/],
    [["petstore", "GET", "/", "--scheme=ftp"], 2, /it is one of: http, https/],
    [["petstore", "GET", "/", "--from=somewhere"], 2, /--from is no address: somewhere/],
    [["petstore", "GET", "/\r\nx"], 2, /the path holds a line break/],
    [["petstore", "GET", "/", "--client-cert=x.pem"], 2, /--client-cert needs --scheme=https/],
    [["petstore", "GET", "/", "--scheme=https", "--client-cert=x.pem"], 1, /x\.pem: there is no such file/],
    [["petstore", "GET", "/", "--config=none.conf"], 1, /none\.conf: there is no such file/],
    [["petstore", "GET", "/", "--", "--check-config"], 2, /only settings may stand there/],
    [["nowhere", "GET", "/"], 1, /nowhere/],
    [["broken", "GET", "/"], 1, /error\[yaml-syntax\]/],
    [["plain.txt", "GET", "/"], 1, /plain\.txt/],
  ];
  for (const [words, code, stderr] of wrong)
    test(`explain ${words.join(" ").replace(/[\r\n]/g, " ")}: exit ${code}`, async () => {
      copyFixture("petstore", path.join(folder.path, "broken"));
      writeFileSync(path.join(folder.path, "broken/api_definitions/petstore-v3.yaml"), "a: [\n");
      copyFileSync(path.join(repository, "LICENSE"), path.join(folder.path, "plain.txt"));
      const found = await explain(...words);
      assert.match(found.stderr, stderr);
      assert.deepEqual([found.code, found.stdout], [code, ""]);
    });

  test("no connection is opened, no name is looked up, nothing is written", async () => {
    const guard = path.join(folder.path, "guard.cjs");
    // Local pipes are those of the loader that runs the tests.
    writeFileSync(
      guard,
      `const net = require("node:net"), dns = require("node:dns"), dgram = require("node:dgram");
const refuse = (what) => () => { process.stderr.write("OPENED " + what + "\\n"); process.exit(99); };
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...words) {
  const to = [words].flat(3)[0];
  return to?.path === undefined ? refuse("a connection")() : connect.apply(this, words);
};
net.Server.prototype.listen = refuse("a server");
dgram.createSocket = refuse("a datagram socket");
dns.lookup = dns.promises.lookup = refuse("a name");
`,
    );
    writeFileSync(path.join(folder.path, "x.pem"), identity("issuer").cert);
    writeFileSync(
      path.join(folder.path, "gw.conf"),
      `[[jwtTokenConfig]]
issuer = "https://issuer.test"
jwksURL = "https://127.0.0.1:9/jwks"
[listenerConfig]
trustStorePath = "x.pem"
[apikey.tokenConfigs]
certificateAlias = "x"
`,
    );
    const project = path.join(folder.path, "petstore");
    const before = filesBelow(project);
    const words = ["explain", "petstore", "GET", "/petstore/v3/user/x", "-H", `Authorization: Bearer ${token}`];
    const found = await castgate([...words, "--config=gw.conf", "--format=json"], {
      cwd: folder.path,
      env: { NODE_OPTIONS: `--require=${guard}` },
    });
    assert.deepEqual([found.code, found.stderr], [0, ""]);
    const { outcome, assumptions } = JSON.parse(found.stdout);
    assert.equal(outcome.kind, "forwarded");
    assert.match(assumptions[0], /its keys are at https:\/\/127\.0\.0\.1:9\/jwks, and nothing is fetched/);
    assert.deepEqual(filesBelow(project), before);
  });
});

/** How the bundle makes each check. */
const callOf = {
  route: /return getInventory\d*\(x\);$/,
  authenticate: /await authenticate\(/,
  "require-scopes": /hasAllScopes\(/,
  throttle: /\.admit\(/,
  "require-key-type": /keyType !== "PRODUCTION"/,
  forward: /return forward\(/,
} as const;
