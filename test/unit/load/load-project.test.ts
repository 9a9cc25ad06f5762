import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadProject } from "../../../compiler/1-load/load-project.ts";
import { DiagnosticLog } from "../../../compiler/diagnostics/log.ts";
import { HostError } from "../../../compiler/host.ts";
import type { LoadedProject } from "../../../compiler/model/loaded-project.ts";
import { memoryHost } from "../../support/memory-host.ts";

const minimal = 'openapi: 3.0.1\ninfo: {title: A, version: "1"}\npaths: {}\n';

async function load(files: Record<string, string | Uint8Array | HostError>, root = "/some/where/shop") {
  const log = new DiagnosticLog();
  const project = await loadProject(root, memoryHost(files), log);
  const found = log.sorted().map((each) => {
    const span = log.sources.locate(each.place);
    return `${each.severity} ${each.code} ${each.place.ref.file}${span === undefined ? "" : `:${span.line}:${span.column}`}`;
  });
  return { project: project as LoadedProject, found, log };
}

describe("definitions", () => {
  test("of any depth, JSON, YAML and yml, imported ones too (T-OAS-04, T-PRJ-01, T-PRJ-08)", async () => {
    const { project, found } = await load({
      "api_definitions/.keep": "",
      "api_definitions/notes.txt": "not read",
      "api_definitions/a/b/c.yml": minimal,
      "api_definitions/a.json": '{"swagger": "2.0", "info": {"title": "B", "version": "1"}, "paths": {}}',
      "gen/api_definitions/z.yaml": minimal.replace("3.0.1", "3.1.0"),
    });
    assert.deepEqual(found, []);
    assert.deepEqual(
      project.definitions.map(({ file, version }) => [file, version]),
      [
        ["api_definitions/a.json", "2.0"],
        ["api_definitions/a/b/c.yml", "3.0"],
        ["gen/api_definitions/z.yaml", "3.1"],
      ],
    );
    assert.equal(project.name, "shop");
    assert.equal(project.definitions[0]?.root.get("info")?.get("title")?.value, "B");
  });

  for (const [text, version] of [
    ["openapi: 3.0", "3.0"],
    ["openapi: 3.1.2", "3.1"],
    ["swagger: 2.0", "2.0"],
    ['swagger: "2.0"', "2.0"],
    ["swagger: 2", "2.0"],
  ] as const) {
    test(`${text} is version ${version}`, async () => {
      const { project, found } = await load({ "api_definitions/a.yaml": `${text}\ninfo: {}\npaths: {}\n` });
      assert.deepEqual(found, []);
      assert.equal(project.definitions[0]?.version, version);
    });
  }

  for (const [text, code] of [
    ["openapi: 3.2.0", "definition-version-unsupported"],
    ["openapi: [3]", "definition-version-unsupported"],
    ["openapi:", "definition-version-unsupported"],
    ["swagger: '1.2'", "definition-version-unsupported"],
    ["openapi: 2.0", "definition-version-unsupported"],
    ["hello: world", "definition-not-openapi"],
    ["- a", "definition-not-openapi"],
    ["just text", "definition-not-openapi"],
    ["", "definition-not-openapi"],
    ["# only a comment\n", "definition-not-openapi"],
  ] as const) {
    test(`${JSON.stringify(text)}: ${code}`, async () => {
      const { project, found } = await load({ "api_definitions/a.yaml": text });
      assert.equal(found.length, 1);
      assert.match(found[0] ?? "", new RegExp(`^error ${code} api_definitions/a.yaml:1:`));
      assert.deepEqual(project.definitions, []);
    });
  }

  test("a file that a definition refers to need not be one", async () => {
    const { found, project } = await load({
      "api_definitions/a.yaml": `${minimal.replace("{}", "")}  /pets: {$ref: parts/pets.yaml#/item}\n`,
      "api_definitions/parts/pets.yaml": "item: {get: {responses: {$ref: ../../shared/r.json}}}\n",
      "shared/r.json": '{"200": {"description": "ok"}}',
    });
    assert.deepEqual(found, []);
    const get = project.definitions[0]?.root.get("paths")?.get("/pets")?.get("get");
    assert.deepEqual(get?.ref, { file: "api_definitions/parts/pets.yaml", pointer: "/item/get" });
    assert.equal(get?.get("responses")?.get("200")?.get("description")?.value, "ok");
    assert.deepEqual([...project.documents.keys()].sort(), [
      "api_definitions/a.yaml",
      "api_definitions/parts/pets.yaml",
      "shared/r.json",
    ]);
  });

  test("references that lead nowhere, each target once a file; those in examples and names are none", async () => {
    const { found } = await load({
      "api_definitions/a.yaml": [
        "openapi: 3.0.1",
        'info: {title: A, version: "1"}',
        "paths:",
        "  /gone: {$ref: '#/nowhere'}",
        "  /net: {$ref: 'https://example.test/a.yaml', get: {}, x-wso2-cors: {}}",
        "  /a:",
        "    get:",
        "      parameters: [{$ref: '#/p'}, {$ref: '#/p'}]",
        "      x-data: {$ref: '#/nothing'}",
        "      responses:",
        "        default: {description: d, content: {a/b: {example: {$ref: '#/none'}, schema: {$ref: 'http://x.test/y'}}}}",
        "components:",
        "  schemas:",
        "    A: {$ref: '#/components/schemas/B'}",
        "    B: {$ref: '#/components/schemas/A'}",
        "    C: {$ref: ../../../etc/passwd}",
        "    D: {properties: {$ref: {type: string}, example: {$ref: missing.yaml}, default: {type: string}}}",
        "    E: {$ref: broken.yaml}",
      ].join("\n"),
      "api_definitions/broken.yaml": "a: [",
    });
    assert.deepEqual(found, [
      "error path-ref-unresolved api_definitions/a.yaml:4:17",
      "warning path-ref-siblings api_definitions/a.yaml:5:10",
      "error path-ref-unresolved api_definitions/a.yaml:5:16",
      "warning ref-dangling api_definitions/a.yaml:8:27",
      "warning ref-remote api_definitions/a.yaml:11:93",
      "warning ref-loop api_definitions/a.yaml:14:15",
      "warning ref-loop api_definitions/a.yaml:15:15",
      "warning ref-outside-project api_definitions/a.yaml:16:15",
      "warning ref-dangling api_definitions/a.yaml:17:60",
      "error yaml-syntax api_definitions/broken.yaml:1:5",
    ]);
  });
});

describe("a project that is none", () => {
  test("missing folder", async () => {
    const log = new DiagnosticLog();
    const host = { ...memoryHost(), stat: async () => undefined };
    assert.equal(await loadProject("a/b/", host, log), undefined);
    assert.deepEqual(
      log.sorted().map(({ code, message }) => [code, message]),
      [["project-missing", 'there is no project folder "b"']],
    );
  });

  test("a file", async () => {
    const log = new DiagnosticLog();
    const host = { ...memoryHost(), stat: async () => "file" as const };
    assert.equal(await loadProject("a.yaml", host, log), undefined);
    assert.deepEqual(
      log.sorted().map(({ code }) => code),
      ["project-not-a-folder"],
    );
  });

  test("nothing to compile (T-CLI-19)", async () => {
    assert.deepEqual((await load({ "policies.yaml": "" })).found, ["error nothing-to-compile "]);
    assert.deepEqual((await load({ "grpc_definitions/a/b.proto": "" })).found, []);
  });

  test("services of .proto files at any depth, with their places (T-PRJ-06)", async () => {
    const { project, found } = await load({
      "grpc_definitions/a/b.proto": "\uFEFFpackage p;\nservice B {}\nservice A {}",
      "grpc_definitions/a.proto": "service C {}",
      "grpc_definitions/.a.proto": "not read",
      "grpc_definitions/a.txt": "not read",
      "grpc_definitions/bad.proto": "package p;\nservice {}",
      "grpc_definitions/binary.proto": new Uint8Array([0xff, 0xfe]),
      "grpc_definitions/gone.proto": new HostError("it is a link that leads nowhere"),
      "grpc_definitions/deep.proto": "message A {".repeat(1000),
    });
    assert.deepEqual(found, [
      "error proto-syntax grpc_definitions/bad.proto:2:9",
      "error file-unreadable grpc_definitions/binary.proto",
      "error nesting-too-deep grpc_definitions/deep.proto:1:5511",
      "error file-unreadable grpc_definitions/gone.proto",
    ]);
    assert.deepEqual(
      project.services.map(({ file, root }) => [file, root.raw("name")?.value]),
      [
        ["grpc_definitions/a.proto", "C"],
        ["grpc_definitions/a/b.proto", "p.A"],
        ["grpc_definitions/a/b.proto", "p.B"],
      ],
    );
  });
});

describe("bad files", () => {
  test("settings and policies under a name that is not read", async () => {
    const { found } = await load({
      "api_definitions/a.yaml": minimal,
      "castgate.yml": "compatibility: standard",
      "policies.yml": "",
    });
    assert.deepEqual(found, ["error file-misnamed castgate.yml", "error file-misnamed policies.yml"]);
    const both = { "api_definitions/a.yaml": minimal, "castgate.yml": "x", "castgate.yaml": "" };
    assert.deepEqual((await load(both)).found, []);
  });

  test("unreadable, binary, not UTF-8: each is reported, the rest is read", async () => {
    const { found, project } = await load({
      "api_definitions/a.yaml": new HostError("permission denied"),
      "api_definitions/b.json": new Uint8Array([0x7b, 0xff, 0x7d]),
      "api_definitions/c.yaml": new Uint8Array([0x61, 0x00]),
      "api_definitions/d.yaml": minimal,
    });
    assert.deepEqual(found, [
      "error file-unreadable api_definitions/a.yaml",
      "error file-unreadable api_definitions/b.json",
      "error file-unreadable api_definitions/c.yaml",
    ]);
    assert.equal(project.definitions.length, 1);
  });

  test("a folder that cannot be listed, and links that lead out or nowhere, are reported, never skipped", async () => {
    const files = { "api_definitions/a.yaml": minimal, "gen/api_definitions/b.yaml": minimal };
    const host = memoryHost(files);
    const log = new DiagnosticLog();
    await loadProject(
      "shop",
      {
        ...host,
        // A link to a folder outside is listed as what it is, and followed by `stat` alone.
        async list(folder) {
          if (folder === "gen/api_definitions") throw new HostError("permission denied");
          return folder === "api_definitions" ? ["api_definitions/a.yaml", "api_definitions/more"] : [];
        },
        async stat(path) {
          if (path === "policies.yaml") throw new HostError("it is a link that leads to itself");
          return path === "api_definitions/more" ? "folder" : host.stat(path);
        },
      },
      log,
    );
    assert.deepEqual(
      log.sorted().map(({ message }) => message),
      [
        "api_definitions/more cannot be read: it is a link that leads out of the project folder",
        "gen/api_definitions cannot be read: permission denied",
      ],
    );
  });

  test("a byte order mark and CRLF do no harm", async () => {
    const { found, project } = await load({
      "api_definitions/a.yaml": `\uFEFF${minimal.replaceAll("\n", "\r\n")}`,
      "api_definitions/b.json": `\uFEFF{"openapi": "3.0.0",\r\n "info": {}, "paths": {}}`,
    });
    assert.deepEqual(found, []);
    assert.equal(project.definitions.length, 2);
    assert.equal(project.definitions[0]?.root.get("info")?.get("version")?.value, "1");
  });
});

describe("castgate.yaml", () => {
  const definition = { "api_definitions/a.yaml": minimal };

  test("absent: a migrated project", async () => {
    const { project } = await load(definition);
    assert.deepEqual(project.settings, {
      compatibility: "wso2-3.2",
      features: [],
      ignore: [],
      accepted: [],
      denyWarnings: false,
    });
  });

  test("all settings", async () => {
    const { project, found, log } = await load({
      ...definition,
      "castgate.yaml":
        "name: my.shop\ncompatibility: standard\nfeatures: []\nignore: [ignore-useless]\ndeny-warnings: true\naccepted: []\n",
    });
    assert.deepEqual(found, []);
    assert.equal(project.name, "my.shop");
    assert.equal(project.settings.compatibility, "standard");
    assert.deepEqual(project.settings.ignore, ["ignore-useless"]);
    assert.deepEqual(project.settings.accepted, []);
    assert.equal(log.compatibility, "standard");
    assert.equal(log.denyWarnings, true);
  });

  test("every mistake is reported", async () => {
    const { found } = await load({
      ...definition,
      "castgate.yaml": [
        "nmae: x",
        "name: ../x",
        "compatibility: wso2",
        "features: a",
        "ignore: [throttling-tier-unknwon, yaml-syntax]",
        "deny-warnings: yes",
        "__proto__: 1",
      ].join("\n"),
    });
    assert.deepEqual(found, [
      "error setting-unknown castgate.yaml:1:1",
      "error setting-value castgate.yaml:2:7",
      "error setting-value castgate.yaml:3:16",
      "error setting-type castgate.yaml:4:11",
      "error ignore-unknown castgate.yaml:5:10",
      "warning ignore-useless castgate.yaml:5:35",
      "error setting-type castgate.yaml:6:16",
      "error setting-unknown castgate.yaml:7:1",
    ]);
  });

  test("not a table", async () => {
    assert.deepEqual((await load({ ...definition, "castgate.yaml": "- a\n" })).found, [
      "error setting-type castgate.yaml:1:1",
    ]);
    assert.deepEqual((await load({ ...definition, "castgate.yaml": "" })).found, []);
  });
});

describe("conf/", () => {
  const definition = { "api_definitions/a.yaml": minimal };

  test("shipped values without toolkit-config.toml (T-CFG-09 to 12)", async () => {
    assert.deepEqual((await load(definition)).project.toolkit, {
      apiFaultResponses: false,
      globalFaultResponses: false,
      builtinCors: undefined,
    });
  });

  test("[codeGen] and [corsConfiguration]", async () => {
    const { project, found } = await load({
      ...definition,
      "conf/toolkit-config.toml":
        '[client]\nhttpRequestTimeout = 1\n[codeGen]\napiFaultResponses = true\n[corsConfiguration]\ncorsConfigurationEnabled = true\naccessControlAllowMethods = ["GET"]\n',
    });
    assert.deepEqual(found, []);
    assert.deepEqual(project.toolkit, {
      apiFaultResponses: true,
      globalFaultResponses: false,
      builtinCors: {
        allowOrigins: ["*"],
        allowMethods: ["GET"],
        allowHeaders: ["authorization", "Access-Control-Allow-Origin", "Content-Type", "SOAPAction"],
        exposeHeaders: [],
        allowCredentials: false,
      },
    });
  });

  test("mistakes have places in TOML too", async () => {
    const { found } = await load({
      ...definition,
      "conf/toolkit-config.toml": '[codeGen]\napiFaultResponse = true\nglobalFaultResponses = "yes"\n\n[corsConfig]\n',
      "conf/deployment-config.toml": "[docker]\nx = = 1\n",
    });
    assert.deepEqual(found, [
      "error toml-syntax conf/deployment-config.toml:2:5",
      "warning toolkit-setting-unknown conf/toolkit-config.toml:2:1",
      "error setting-type conf/toolkit-config.toml:3:24",
      "warning toolkit-setting-unknown conf/toolkit-config.toml:5:2",
    ]);
  });

  test("deployments and filters", async () => {
    const { project, log } = await load({
      ...definition,
      "conf/deployment-config.toml":
        '[docker.dockerConfig]\nenable = true\n[kubernetes.kubernetesService]\nenable = "false"\n[[filters]]\nname = "A"\nposition = 2\n[[filters]]\nname = "B"\n',
    });
    assert.deepEqual(
      project.extras.deployments.map(({ name, ref }) => [name, ref.pointer]),
      [["docker", "/docker/dockerConfig/enable"]],
    );
    assert.deepEqual(
      project.extras.filters.map(({ name, ref }) => [name, log.sources.locate({ ref, target: "value" })?.line]),
      [
        ["A", 5],
        ["B", 8],
      ],
    );
  });

  test("code of the user's own, not what the original's init made (T-PRJ-03)", async () => {
    const { project } = await load({
      ...definition,
      "extensions/extension_filter.bal": "public function f() {}",
      "extensions/startup_extension.bal": "public function f() { g(); }",
      "extensions/token_revocation_extension.bal": "",
      "extensions/other.bal": "public function f() {}",
      "interceptors/.keep": "",
      "interceptors/a/startup_extension.bal": "",
      "lib/x.jar": new Uint8Array([0x50, 0x4b, 0xff]),
      "lib/readme.txt": "",
    });
    assert.deepEqual(project.extras.codeFiles, [
      "extensions/other.bal",
      "extensions/startup_extension.bal",
      "interceptors/a/startup_extension.bal",
      "lib/x.jar",
    ]);
  });
});
