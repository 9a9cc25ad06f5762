import assert from "node:assert/strict";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { Script } from "node:vm";
import { packageRoot } from "../../../compiler/6-bundle/package-root.ts";
import { compile } from "../../../compiler/compile.ts";
import { nodeHost } from "../../../compiler/host-node.ts";
import type { Manifest } from "../../../compiler/model/manifest.ts";
import { memoryHost } from "../../support/memory-host.ts";

const open = { security: [] };

describe("what is in a bundle", () => {
  test("an open API: no authentication, no throttling, no cross-origin rules", async () => {
    const { manifest } = await build({ paths: { "/a": { get: { ...open, ...unlimited } } } });
    assert.deepEqual(optional(manifest), ["upstream", "upstream-single"]);
    assert.deepEqual(manifest.publicOperations, ["GET /shop/a"]);
  });

  test("what is done with failures is there if it is asked for, each part by itself", async () => {
    const of = async (endpoint: object) => {
      const { manifest } = await build({
        "x-wso2-production-endpoints": endpoint,
        paths: { "/a": { get: { ...open, ...unlimited } } },
      });
      const parts = /^(?:circuit-breaker|outlier-ejection|resilience|retry|rolling-window|upstream-.*)$/;
      return manifest.modules.filter((name) => parts.test(name));
    };
    const urls = ["https://a.test", "https://b.test"];
    const retryConfig = { count: 1 };
    assert.deepEqual(await of({ urls: ["https://a.test"] }), ["upstream-single"]);
    assert.deepEqual(await of({ urls: ["https://a.test"], "x-castgate-max-in-flight": 5 }), ["upstream-guarded"]);
    assert.deepEqual(await of({ urls: ["https://a.test"], advanceEndpointConfig: { retryConfig } }), [
      "retry",
      "rolling-window",
      "upstream-guarded",
    ]);
    assert.deepEqual(await of({ urls, type: "failover" }), [
      "outlier-ejection",
      "upstream-failover",
      "upstream-guarded",
    ]);
    assert.deepEqual(await of({ urls, "x-castgate-load-balance": { ejection: false } }), [
      "upstream-balanced",
      "upstream-guarded",
    ]);
  });

  test("a token: JWT, and not Basic or API keys", async () => {
    const { manifest } = await build({
      paths: { "/a": { get: { security: [{ token: [] }] } } },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    });
    const modules = optional(manifest);
    assert.ok(modules.includes("auth-jwt"));
    for (const absent of ["auth-basic", "auth-api-key", "auth-dpop", "auth-mutual-tls", "cors", "upstream-balanced"]) {
      assert.ok(!modules.includes(absent), `${absent} is not used`);
    }
  });

  test("client certificates and proofs of possession bring their modules, and only theirs", async () => {
    const securitySchemes = { certificate: { type: "mutualTLS" }, token: { type: "http", scheme: "bearer" } };
    const certificate = await build({
      openapi: "3.1.0",
      paths: { "/a": { get: { ...unlimited, security: [{ certificate: [] }] } } },
      components: { securitySchemes },
    });
    assert.deepEqual(optional(certificate.manifest), ["auth-mutual-tls", "upstream", "upstream-single"]);
    const proof = await build({
      "x-castgate-dpop": "required",
      paths: { "/a": { get: { security: [{ token: [] }] } } },
      components: { securitySchemes: { token: securitySchemes.token } },
    });
    const modules = optional(proof.manifest);
    assert.ok(modules.includes("auth-dpop") && modules.includes("auth-jwt") && !modules.includes("auth-mutual-tls"));
  });

  describe("each way to authenticate is in the bundles that need it, and in no other", () => {
    const schemes = {
      token: { type: "oauth2", flows: { clientCredentials: { tokenUrl: "https://k.test/token", scopes: {} } } },
      basic: { type: "http", scheme: "basic" },
      key: { type: "apiKey", in: "header", name: "X-Key" },
    };
    /** The module of each, and what else belongs to it alone, of whatever name. */
    const parts = [
      { needs: ["token"], module: "auth-jwt", alone: /^jwks|opaque|introspection/ },
      { needs: ["token", "key"], module: "jwt", alone: /jwt/ },
      { needs: ["basic"], module: "auth-basic", alone: /basic|password/ },
      { needs: ["key"], module: "auth-api-key", alone: /api-?key/ },
      { needs: [], module: undefined, alone: /mutual|dpop/ },
    ];
    const used = [[], ["token"], ["basic"], ["key"], ["token", "basic"], ["basic", "key"]] as const;
    for (const names of used) {
      test(`used: ${names.join(" and ") || "none"}`, async () => {
        const { manifest } = await build({
          paths: { "/a": { get: { security: names.map((name) => ({ [name]: [] })) } } },
          components: { securitySchemes: Object.fromEntries(names.map((name) => [name, schemes[name]])) },
        });
        // Of the metafile of esbuild: what has bytes in the bundle.
        const { modules } = manifest;
        for (const { needs, module, alone } of parts) {
          const needed = names.some((name) => (needs as readonly string[]).includes(name));
          if (needed && module !== undefined) assert.ok(modules.includes(module), `${module} in ${modules}`);
          if (!needed)
            assert.deepEqual(
              modules.filter((name) => alone.test(name)),
              [],
            );
        }
      });
    }
  });

  describe("ways of limiting, as far as policies.yaml asks for them", () => {
    const perDay = "count: 5, unitTime: 1, timeUnit: day";
    const group = "{when: [{ip: 10.0.0.1}], count: 1, unitTime: 1, timeUnit: day}";
    const named = (more: string) => `resourcePolicies: [{t: {${more}}}]\n`;
    const ways: readonly (readonly [string, string, readonly string[]])[] = [
      ["fixed windows", named(perDay), []],
      ["sliding windows", named(`${perDay}, algorithm: sliding`), ["throttle-sliding"]],
      ["bandwidth", named("bandwidth: 1 MB, unitTime: 1, timeUnit: day"), ["throttle-counted"]],
      [
        "conditions",
        named(`${perDay}, conditionGroups: [${group}]`),
        ["address-ranges", "conditions", "throttle-conditions"],
      ],
      ["addresses", `${named(perDay)}ipLimits: [{other: true, ${perDay}}]\n`, ["address-ranges", "throttle-address"]],
      ["deny conditions", `${named(perDay)}denyConditions: [{user: mallory}]\n`, ["conditions"]],
    ];
    for (const [what, policies, expected] of ways) {
      test(what, async () => {
        const paths = { "/a": { get: { ...open, "x-wso2-throttling-tier": "t" } } };
        const { manifest } = await build({ paths }, { "policies.yaml": policies });
        const found = manifest.modules.filter((name) =>
          /^(?:throttle-(?!counter)|conditions|address-ranges)/.test(name),
        );
        assert.deepEqual(found, expected);
      });
    }
  });

  test("the project's own code, where somebody comes with a token", async () => {
    const own = { "extensions/corp-claims.ts": "export const claimTransformer = () => ({ marked: 'corp-claims' });\n" };
    const token = {
      paths: { "/a": { get: { security: [{ token: [] }] } } },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    };
    assert.match((await build(token, own)).text, /"?corp-claims"?: \{ claimTransformer/);
    const { text } = await build({ paths: { "/a": { get: { ...open, ...unlimited } } } }, own);
    assert.ok(!text.includes("marked"));
  });

  test("no module is started late: a wrapper around each of them would cost start time", async () => {
    // esbuild wraps whatever an import() of our own modules can reach.
    for (const name of ["petstore", "shop", "corp"]) {
      const root = path.join(packageRoot(), "fixtures", name);
      const { build } = await compile(root, nodeHost(root));
      const text = build?.target.find(({ file }) => file.endsWith(".cjs"))?.text ?? "";
      assert.match(text, /function main\(/);
      assert.doesNotMatch(text, /\b__esm\(/, name);
    }
  });

  test("a tier brings throttling", async () => {
    const { manifest } = await build({ paths: { "/a": { get: { ...open, "x-wso2-throttling-tier": "5PerMin" } } } });
    assert.ok(optional(manifest).includes("throttle"));
  });

  test("cross-origin rules and several backends bring theirs", async () => {
    const { manifest } = await build({
      "x-wso2-cors": { "access-control-allow-origins": ["https://ui.test"] },
      "x-wso2-production-endpoints": { urls: ["https://a.test", "https://b.test"] },
      paths: { "/a": { get: { ...open, ...unlimited } } },
    });
    const modules = optional(manifest);
    assert.ok(modules.includes("cors"));
    assert.ok(modules.includes("upstream-balanced"));
    assert.ok(!modules.includes("upstream-single"));
  });

  test("parts of libraries that cannot work in one file, or are not used, are left out", async () => {
    const { text, manifest } = await build({ paths: { "/a": { get: open } } });
    assert.doesNotMatch(text, /require\("(?:node:)?worker_threads"\)[^;]*new Worker/);
    assert.doesNotMatch(text, /require\("(?:node:)?http2"\)/);
    assert.ok(!text.includes("/lib/web/fetch/util.js"));
    assert.equal(text.match(/^\/\/ npm:undici@.*llhttp_simd-wasm\.js$/gm)?.length, 1, "shared with the late library");
    assert.deepEqual(
      manifest.libraries.filter((name) => !/^[a-z0-9-]+@\d+\.\d+\.\d+$/.test(name)),
      [],
    );
  });

  test("node-forge and undici are comments until they are imported, at the end of the file", async () => {
    const { text, manifest } = await build({ paths: { "/a": { get: open } } });
    for (const library of ["node-forge", "undici"]) {
      const version = manifest.libraries.find((name) => name.startsWith(`${library}@`)) ?? "absent";
      const holder = `function __castgate_library_${library.replace("-", "_")}() {/*\n`;
      const start = text.indexOf(holder);
      const end = text.indexOf("*/}\n", start);
      assert.ok(start > text.indexOf("main(gateway, ") && end > start, library);
      const code = text.slice(start + holder.length, end);
      assert.ok(!code.includes("*/"));
      assert.match(code, new RegExp(`^// npm:${version}/`, "m"));
      // Code, once the ends of its own comments are back.
      assert.doesNotThrow(() => new Script(code.replaceAll("*@/", "*/")));
    }
    const code = text.slice(0, text.indexOf("function __castgate_library_"));
    assert.doesNotMatch(code, /^\/\/ npm:node-forge@/m);
    assert.doesNotMatch(code, /^\/\/ npm:undici@[\d.]+\/lib\/dispatcher\//m);
    const parsers = [...code.matchAll(/^\/\/ npm:undici@[\d.]+\/lib\/llhttp\/(\S+)$/gm)].map(([, file]) => file);
    assert.deepEqual(parsers, ["llhttp_simd-wasm.js"]);
  });

  test("nothing of the machine: no folder, no user, no host name", async () => {
    const { text } = await build({ paths: { "/a": { get: open } } });
    const words = [packageRoot(), process.cwd(), os.homedir(), os.tmpdir(), "node_modules"];
    for (const word of words.filter((each) => each.length > 2)) {
      const at = text.indexOf(word);
      assert.equal(at, -1, `found ${word}: ${text.slice(Math.max(0, at - 80), at + 80)}`);
    }
  });

  test("text of a definition that looks like the manifest's place is only text", async () => {
    const { text, manifest } = await build({ paths: { "/__CASTGATE_MANIFEST__": { get: open } } });
    assert.deepEqual(manifest.publicOperations, ["GET /shop/__CASTGATE_MANIFEST__"]);
    assert.match(text, /main\(gateway, \(\) => JSON\.parse\(`\{\n {2}"manifest": 2,/);
  });

  test("nor is it code where it looks like a comment that bundlers hand on", async () => {
    const hostile = "@license __CASTGATE_MANIFEST__";
    const code = "*/globalThis.injected = true;/*";
    const { text, manifest } = await build({
      info: { title: hostile, version: "1.0.0" },
      paths: { "/@license/__CASTGATE_MANIFEST__": { get: { ...open, operationId: code, summary: hostile } } },
    });
    assert.deepEqual(manifest.publicOperations, ["GET /shop/@license/__CASTGATE_MANIFEST__"]);
    assert.match(text, /main\(gateway, \(\) => JSON\.parse\(`\{\n {2}"manifest": 2,/);
    assert.doesNotThrow(() => new Script(text));
  });

  test("the licences of the libraries in it are handed on", async () => {
    const { text, manifest } = await build({ paths: { "/a": { get: open } } });
    for (const library of manifest.libraries) {
      assert.match(text, new RegExp(`^// License of ${library}\\n//\\n// \\S`, "m"), library);
    }
  });

  test("an executable file that any supported Node runs", async () => {
    const { text } = await build({ paths: { "/a": { get: open } } });
    assert.ok(text.startsWith("#!/usr/bin/env node\n"));
    assert.doesNotMatch(text, /^import /m);
  });
});

const unlimited = { "x-wso2-throttling-tier": "Unlimited" };

/** Compiles one definition in memory, completed with what all of these have. */
async function build(
  definition: object,
  files: Readonly<Record<string, string>> = {},
): Promise<{ text: string; manifest: Manifest }> {
  const complete = {
    openapi: "3.0.3",
    info: { title: "Shop", version: "1.0.0" },
    "x-wso2-basePath": "/shop",
    "x-wso2-production-endpoints": { urls: ["https://shop.test"] },
    ...definition,
  };
  const policies = "resourcePolicies:\n  - 5PerMin: { count: 5, unitTime: 1, timeUnit: min }\n";
  const result = await compile(
    "shop",
    memoryHost({
      "castgate.yaml": "compatibility: standard\n",
      "policies.yaml": policies,
      ...files,
      "api_definitions/shop.json": JSON.stringify(complete, addResponses),
    }),
  );
  assert.deepEqual(
    result.diagnostics.filter(({ severity }) => severity === "error"),
    [],
  );
  const text = result.build?.target.find(({ file }) => file === "target/shop.cjs")?.text ?? "";
  return { text, manifest: result.value as Manifest };
}

/** Every operation must have `responses`. */
function addResponses(key: string, value: unknown): unknown {
  return key === "get" ? { responses: { 200: { description: "ok" } }, ...(value as object) } : value;
}

/** Modules that a project may or may not need. */
function optional({ modules }: Manifest): string[] {
  return modules.filter((name) => /^(?:auth-|cors|throttle|upstream)/.test(name));
}
