import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { castgate, filesBelow, temporaryFolder } from "../../support/command-line.ts";

const definition = JSON.stringify({
  openapi: "3.0.3",
  info: { title: "Shop", version: "1" },
  servers: [{ url: "https://shop.test/v1" }],
  paths: { "/a": { get: { security: [], responses: { 200: { description: "ok" } } } } },
});

describe("castgate init", () => {
  const folder = temporaryFolder();
  after(() => folder.remove());
  const init = (...words: string[]) => castgate(["init", ...words], { cwd: folder.path });

  test("makes a project that compiles once it has a definition", async () => {
    const made = await init("plain");
    assert.equal(made.code, 0, made.stderr);
    assert.deepEqual(
      [...filesBelow(path.join(folder.path, "plain")).keys()],
      [
        ".gitignore",
        "api_definitions/.keep",
        "biome.json",
        "castgate.yaml",
        "conf/micro-gw.conf",
        "policies.yaml",
        "tsconfig.json",
      ],
    );
    writeFileSync(path.join(folder.path, "plain/api_definitions/shop.json"), definition);
    const compiled = await castgate(["compile", "plain"], { cwd: folder.path });
    assert.equal(compiled.code, 0, compiled.stderr);
  });

  test("holds no password, and nothing that only looks like a setting", async () => {
    const settings = readFileSync(path.join(folder.path, "plain/conf/micro-gw.conf"), "utf8");
    assert.doesNotMatch(settings, /ballerina|wso2carbon|admin|^[^#\n]*password/im);
    assert.match(settings, /^# keyStorePassword = "@env:\{KEYSTORE_PASSWORD\}"$/m);
  });

  test("leads editors to the schemas, in the nearest folder that has this package", async () => {
    const first = (file: string) => readFileSync(path.join(folder.path, file), "utf8").split("\n")[0];
    const schemas = "node_modules/castgate/compiler/schemas";
    assert.equal(first("plain/castgate.yaml"), `# yaml-language-server: $schema=./${schemas}/castgate.schema.json`);
    assert.equal(first("plain/conf/micro-gw.conf"), `#:schema ../${schemas}/micro-gw.schema.json`);
    mkdirSync(path.join(folder.path, "with", schemas), { recursive: true });
    const made = await init("with/apis/shop");
    assert.equal(made.code, 0, made.stderr);
    assert.equal(
      first("with/apis/shop/policies.yaml"),
      `# yaml-language-server: $schema=../../${schemas}/policies.schema.json`,
    );
  });

  test("copies definitions under their own names; .yml is fine; others get an ending (T-CLI-14)", async () => {
    writeFileSync(path.join(folder.path, "a.yml"), "openapi: 3.0.3\n");
    writeFileSync(path.join(folder.path, "b"), definition);
    const made = await init("copied", "-a", "a.yml", "-a", "b");
    assert.equal(made.code, 0, made.stderr);
    const names = readdirSync(path.join(folder.path, "copied/api_definitions")).sort();
    assert.deepEqual(names, [".keep", "a.yml", "b.json"]);
  });

  test("leaves an existing folder alone without -f (T-CLI-11)", async () => {
    mkdirSync(path.join(folder.path, "mine"));
    writeFileSync(path.join(folder.path, "mine/notes.txt"), "mine");
    const refused = await init("mine");
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /mine exists already\n {2}= hint: .*-f/);
    assert.deepEqual([...filesBelow(path.join(folder.path, "mine"))], [["notes.txt", "mine"]]);
  });

  test("-f replaces a project, and nothing that is none", async () => {
    mkdirSync(path.join(folder.path, "letters"));
    writeFileSync(path.join(folder.path, "letters/notes.txt"), "mine");
    const refused = await init("letters", "-f");
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /letters is no gateway project, so -f does not delete it/);
    assert.deepEqual([...filesBelow(path.join(folder.path, "letters"))], [["notes.txt", "mine"]]);
    mkdirSync(path.join(folder.path, "letters/api_definitions"));
    assert.equal((await init("letters", "-f")).code, 0);
    assert.ok(!existsSync(path.join(folder.path, "letters/notes.txt")));
  });

  test("a failure leaves no half of a project, and what was there stays, even with -f (T-CLI-17)", async () => {
    const missing = await init("half", "-a", "no-such-file.yaml");
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /there is no file no-such-file\.yaml/);
    assert.ok(!existsSync(path.join(folder.path, "half")));
    const whole = await init("half", "-a", ".");
    assert.equal(whole.code, 1);
    assert.match(whole.stderr, /^error: \. cannot be read: it is a folder\n/);
    const before = filesBelow(path.join(folder.path, "plain"));
    assert.equal((await init("plain", "-f", "-a", "no-such-file.yaml")).code, 2);
    assert.deepEqual(filesBelow(path.join(folder.path, "plain")), before);
    assert.deepEqual(
      readdirSync(folder.path).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });

  test("two definitions of one name are refused", async () => {
    mkdirSync(path.join(folder.path, "other"));
    writeFileSync(path.join(folder.path, "other/a.yml"), "openapi: 3.0.3\n");
    const made = await init("twice", "-a", "a.yml", "-a", "other/a.yml");
    assert.equal(made.code, 2);
    assert.match(made.stderr, /both be called api_definitions\/a\.yml/);
  });

  describe("from a URL (T-CLI-15)", () => {
    const answers: Readonly<Record<string, RequestListener>> = {
      "/v1/shop.json": (_, response) => response.end(definition),
      "/named": (_, response) => {
        response.setHeader("content-disposition", "attachment; filename=orders.yaml");
        response.end("openapi: 3.0.3\n");
      },
      "/escape": (_, response) => {
        response.setHeader("content-disposition", 'attachment; filename="../../evil.yaml"');
        response.end("openapi: 3.0.3\n");
      },
      "/moved": (_, response) => response.writeHead(302, { location: "/v1/shop.json" }).end(),
    };
    const server = createServer((request, response) => {
      const answer = answers[(request.url ?? "").split("?")[0] ?? ""];
      if (answer === undefined) response.writeHead(404).end();
      else answer(request, response);
    });
    let origin = "";
    before(async () => {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    after(() => server.close());

    const cases = [
      ["the path's last segment, never the query", "/v1/shop.json?token=secret&x=/y.yaml", "shop.json"],
      ["what the server calls it, with or without quotes", "/named", "orders.yaml"],
      ["never a place outside of the folder", "/escape", "evil.yaml"],
      ["after a redirect, where it ended", "/moved", "shop.json"],
    ] as const;
    for (const [what, target, name] of cases) {
      test(`named by ${what}`, async () => {
        const project = `url-${name}-${target.length}`;
        const made = await init(project, "-a", origin + target);
        assert.equal(made.code, 0, made.stderr);
        assert.deepEqual(readdirSync(path.join(folder.path, project, "api_definitions")).sort(), [".keep", name]);
      });
    }

    test("anything but 200 is a failure that names no secret", async () => {
      const made = await init("gone", "-a", `${origin}/gone.json?token=secret`);
      assert.equal(made.code, 1);
      assert.match(made.stderr, /^error: http:\/\/127\.0\.0\.1:\d+\/gone\.json answered 404\n$/);
      assert.ok(!existsSync(path.join(folder.path, "gone")));
    });
  });
});
