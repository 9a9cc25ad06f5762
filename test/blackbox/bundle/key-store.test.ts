import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import forge from "node-forge";
import { type CompiledProject, compileProject } from "../../support/gateway-under-test.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

/** What opens PKCS#12 is no code of the bundle until a store is there. */
describe("a real bundle opens a PKCS#12 store", () => {
  let project: CompiledProject;
  before(async () => {
    project = await compileProject(path.resolve(import.meta.dirname, "../../../fixtures/petstore"));
    const { privateKeyPem, certificatePem } = new TestIssuer("https://issuer.example.com");
    const key = forge.pki.privateKeyFromPem(privateKeyPem);
    const store = forge.pkcs12.toPkcs12Asn1(key, [forge.pki.certificateFromPem(certificatePem)], "right", {
      algorithm: "aes256",
      friendlyName: "own",
    });
    writeFileSync(path.join(project.folder, "own.p12"), forge.asn1.toDer(store).getBytes(), "latin1");
  });
  after(() => project.remove());

  const check = (password: string) => {
    const settings = path.join(project.folder, "micro-gw.conf");
    const store = `keyStorePath = "own.p12"\nkeyStorePassword = "${password}"\n`;
    const issuer = '[[jwtTokenConfig]]\nissuer = "https://i.example.com"\ncertificateAlias = "own"\n';
    const key = '[apikey.tokenConfigs]\ncertificateAlias = "own"\n';
    const trust = `trustStorePath = "own.p12"\ntrustStorePassword = "${password}"\n`;
    writeFileSync(settings, `[listenerConfig]\n${store}${trust}${issuer}${key}`);
    return spawnSync(process.execPath, [project.bundle, "--config", settings, "--check-config"], { encoding: "utf8" });
  };

  test("with the right password", () => {
    const { status, stdout, stderr } = check("right");
    assert.equal(stdout, "The settings are fine.\n", stderr);
    assert.equal(status, 0);
  });

  test("with a wrong one it says so, and does not show it", () => {
    const { status, stderr } = check("wrong-one");
    assert.equal(status, 78);
    assert.match(stderr, /^error: listenerConfig\.keyStorePath: cannot be opened; is its password right\?$/m);
    assert.ok(!stderr.includes("wrong-one"));
  });
});
