import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compile, type Phase } from "../../../compiler/compile.ts";
import { HostError } from "../../../compiler/host.ts";
import { memoryHost } from "../../support/memory-host.ts";

const definition = JSON.stringify({
  openapi: "3.0.3",
  info: { title: "Shop", version: "1" },
  servers: [{ url: "https://shop.test/v1" }],
  paths: { "/a": { get: { security: [], responses: { 200: { description: "ok" } } } } },
});
const project = () =>
  memoryHost({ "castgate.yaml": "compatibility: standard\n", "api_definitions/shop.json": definition });

describe("compile", () => {
  test("goes through its phases in order and writes nothing", async () => {
    const host = project();
    const seen: Phase[] = [];
    const result = await compile("shop", host, { onPhase: (phase) => seen.push(phase) });
    assert.deepEqual(seen, ["load", "check", "lower", "plan", "emit", "audit", "bundle", "verify"]);
    assert.equal(result.failed, false);
    assert.deepEqual([...host.files.keys()], ["castgate.yaml", "api_definitions/shop.json"]);
    assert.deepEqual(
      result.build?.target.map(({ file }) => file),
      ["target/shop.cjs", "target/shop.manifest.json", "target/shop.sbom.json", "target/shop.sources.json"],
    );
  });

  test("the manifest lists every endpoint, also those that share a name for settings (T-OVR-03)", async () => {
    const at = (url: string) => ({ "x-wso2-production-endpoints": { name: "main", urls: [url] } });
    const operation = { security: [], responses: { 200: { description: "ok" } } };
    const host = memoryHost({
      "castgate.yaml": "compatibility: standard\n",
      "api_definitions/shop.json": JSON.stringify({
        ...JSON.parse(definition),
        paths: {
          "/a": { get: { ...operation, ...at("https://one.test") } },
          "/b": { get: { ...operation, ...at("https://two.test") } },
          "/c": { get: { ...operation, ...at("https://two.test") } },
        },
      }),
    });
    const { value } = await compile("shop", host);
    assert.deepEqual((value as { endpoints: unknown }).endpoints, [
      { key: "main_prod", environment: "production", urls: ["https://one.test"] },
      { key: "main_prod", environment: "production", urls: ["https://two.test"] },
    ]);
  });

  test("stops after a phase and hands out its result", async () => {
    const plan = await compile("shop", project(), { stopAfter: "plan" });
    assert.equal((plan.value as { mounts: { basePath: string }[] }).mounts[0]?.basePath, "/v1");
    assert.equal(plan.build, undefined);
    const audited = await compile("shop", project(), { stopAfter: "audit" });
    assert.ok((audited.build?.generated.length ?? 0) > 0);
    assert.deepEqual(audited.build?.target, []);
  });

  test("resolves when the input is wrong, with every mistake and no build", async () => {
    const host = memoryHost({ "castgate.yaml": "compatibilty: standard\n", "api_definitions/shop.json": "{" });
    const { failed, build, diagnostics } = await compile("shop", host);
    assert.equal(failed, true);
    assert.equal(build, undefined);
    assert.deepEqual(
      diagnostics.filter(({ severity }) => severity === "error").map(({ place }) => place.ref.file),
      ["api_definitions/shop.json", "castgate.yaml"],
    );
  });

  test("a broken promise of a phase is a bug that names the phase, never a mistake of the user", async () => {
    const host = project();
    host.list = async () => {
      throw new TypeError("no such thing");
    };
    await assert.rejects(compile("shop", host), { name: "CompilerBug", phase: "load", message: "no such thing" });
  });

  test("a folder that cannot be listed is reported with its place, no bug", async () => {
    const host = project();
    host.list = async () => {
      throw new HostError("permission denied");
    };
    const { failed, diagnostics } = await compile("shop", host);
    assert.equal(failed, true);
    const unreadable = diagnostics.find(({ place }) => place.ref.file === "api_definitions");
    assert.equal(unreadable?.message, "api_definitions cannot be read: permission denied");
  });

  test("compilations side by side do not see each other", async () => {
    const other = memoryHost({
      "castgate.yaml": "compatibility: standard\n",
      "api_definitions/shop.json": definition.replaceAll("shop", "pond"),
    });
    const alone = await compile("shop", project());
    const [first, second] = await Promise.all([compile("shop", project()), compile("pond", other)]);
    assert.deepEqual(first?.build?.target, alone.build?.target);
    assert.match(second?.build?.generated.map(({ text }) => text).join("") ?? "", /pond\.test/);
  });
});
