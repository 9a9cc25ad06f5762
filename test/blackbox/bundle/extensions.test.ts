import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { type CompiledProject, compileProject } from "../../support/gateway-under-test.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

describe("a bundle with the project's own code", () => {
  const issuer = new TestIssuer("https://issuer.test");
  let project: CompiledProject;

  before(async () => {
    project = await compileProject(path.resolve(import.meta.dirname, "../../../fixtures/corp"));
    writeFileSync(path.join(project.folder, "issuer.pem"), issuer.certificatePem);
  });
  after(() => project?.remove());

  function check(className: string): { readonly status: number | null; readonly stderr: string } {
    const config = path.join(project.folder, "micro-gw.conf");
    const lines = [
      "[listenerConfig]",
      'trustStorePath = "issuer.pem"',
      "[[jwtTokenConfig]]",
      `issuer = "${issuer.name}"`,
      'certificateAlias = "issuer"',
      `claimMapperClassName = "${className}"`,
    ];
    writeFileSync(config, `${lines.join("\n")}\n`);
    const args = [project.bundle, "--check-config", "--config", config];
    return spawnSync(process.execPath, args, { encoding: "utf8" });
  }

  test("takes the names of its files and of the original's default, and stops at any other (S-JWT-10)", () => {
    for (const name of ["corp-claims", "reports", "org.wso2.micro.gateway.jwtTransformer.DefaultJwtTransformer"]) {
      const { status, stderr } = check(name);
      assert.equal(status, 0, stderr);
    }
    for (const name of ["groups", "Corp-Claims", "corp-claims.ts", "com.example.Mapper", "__proto__"]) {
      const { status, stderr } = check(name);
      assert.equal(status, 78, name);
      assert.match(stderr, /^error: jwtTokenConfig\[0\]\.claimMapperClassName: "[\w.-]+" is neither built in/m);
    }
  });

  test("says which code it was made of, and no machine's path", () => {
    const { inputs } = project.manifest as unknown as { readonly inputs: readonly { readonly file: string }[] };
    const files = inputs.map(({ file }) => file).filter((file) => file.startsWith("extensions/"));
    assert.deepEqual(files, ["extensions/corp-claims.ts", "extensions/lib/groups.ts", "extensions/reports.ts"]);
    const text = readFileSync(project.bundle, "utf8");
    assert.match(text, /^\/\/ project:extensions\/lib\/groups\.ts$/m);
    assert.ok(!text.includes(project.folder));
  });
});
