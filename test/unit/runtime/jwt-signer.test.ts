import assert from "node:assert/strict";
import { createHash, createPublicKey, verify, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import forge from "node-forge";
import { parseJwt } from "../../../runtime-lib/jwt.ts";
import { JwtSigner, loadSigningKey } from "../../../runtime-lib/jwt-signer.ts";
import { onCurve, opensslIdentity } from "../../support/openssl-identity.ts";
import { TestIssuer } from "../../support/test-issuer.ts";
import { settingsFrom } from "./settings-for-test.ts";

const folder = mkdtempSync(join(tmpdir(), "castgate-signer-"));
after(() => rmSync(folder, { recursive: true }));
const issuer = new TestIssuer("signer");

async function load(pem: string, alias = "signer", certificateAlias?: string) {
  const store = mkdtempSync(join(folder, "store-"));
  writeFileSync(join(store, "signer.pem"), pem);
  const { settings, report } = await settingsFrom(`[listenerConfig]\nkeyStorePath = "${store}"\n`);
  const place = {
    storePath: "listenerConfig.keyStorePath",
    storePassword: "listenerConfig.keyStorePassword",
    alias,
    aliasKey: "jwtGeneratorConfig.privateKeyAlias",
    certificateAlias,
    certificateAliasKey: "jwtGeneratorConfig.certificateAlias",
  };
  return { key: await loadSigningKey(settings, place, report), lines: report.lines() };
}

function parts(token: string): { header: unknown; claims: unknown; signed: Buffer; signature: Buffer } {
  const [header = "", claims = "", signature = ""] = token.split(".");
  const json = (text: string): unknown => JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  return {
    header: json(header),
    claims: json(claims),
    signed: Buffer.from(`${header}.${claims}`),
    signature: Buffer.from(signature, "base64url"),
  };
}

function thumbprintOf(pem: string): string {
  return createHash("sha256").update(new X509Certificate(pem).raw).digest("base64url");
}

describe("signing", () => {
  test("RS256, with kid and x5t#S256 (S-SEC-10)", async () => {
    const { key, lines } = await load(issuer.privateKeyPem + issuer.certificatePem);
    assert.deepEqual(lines, []);
    assert.ok(key !== undefined);
    const signer = new JwtSigner(key.key, key.certificate, key.algorithm, { typ: "JWT" });
    const token = await signer.sign({ sub: "Zoë", n: 1 });
    const { header, claims, signed, signature } = parts(token);
    const thumbprint = thumbprintOf(issuer.certificatePem);
    assert.deepEqual(header, { typ: "JWT", alg: "RS256", kid: thumbprint, "x5t#S256": thumbprint });
    assert.deepEqual(claims, { sub: "Zoë", n: 1 });
    assert.ok(verify("RSA-SHA256", signed, createPublicKey(issuer.certificatePem), signature));
    assert.ok(typeof parseJwt(token) !== "string", "strict base64url without padding");
  });

  test("ES256: the two numbers side by side (RFC 7518 section 3.4)", async () => {
    const made = opensslIdentity(folder, "ec", ...onCurve("prime256v1"));
    const { key } = await load(made.key + made.cert);
    assert.ok(key !== undefined);
    assert.equal(key.algorithm, "ES256");
    const token = await new JwtSigner(key.key, key.certificate, key.algorithm, { typ: "t", kid: "k" }).sign({});
    const { header, signed, signature } = parts(token);
    assert.deepEqual(header, { typ: "t", alg: "ES256", kid: "k", "x5t#S256": thumbprintOf(made.cert) });
    assert.equal(signature.length, 64);
    const publicKey = createPublicKey(made.cert);
    assert.ok(verify("sha256", signed, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature));
  });

  test("the alias without case", async () => {
    assert.ok((await load(issuer.privateKeyPem + issuer.certificatePem, "Signer", "SIGNER")).key !== undefined);
  });
});

describe("keys that may not sign", () => {
  const name = "error: jwtGeneratorConfig.privateKeyAlias:";
  const cases: readonly (readonly [string, () => string, string, string?])[] = [
    [
      "RSA with 1024 bits",
      () => both(opensslIdentity(folder, "rsa:1024")),
      `${name} "signer" cannot sign tokens: its RSA key has 1024 bits; 2048 are needed`,
    ],
    [
      "another curve",
      () => both(opensslIdentity(folder, "ec", ...onCurve("secp384r1"))),
      `${name} "signer" cannot sign tokens: it must be an RSA key or one on the curve P-256`,
    ],
    ["no certificate", () => issuer.privateKeyPem, `${name} "signer" has no certificate of its private key`],
    [
      "the certificate of another key",
      () => issuer.privateKeyPem + new TestIssuer("other").certificatePem,
      `${name} "signer" has no certificate of its private key`,
    ],
    [
      "no such alias",
      () => issuer.privateKeyPem + issuer.certificatePem,
      `${name} "nobody" names no private key of listenerConfig.keyStorePath; it holds signer`,
      "nobody",
    ],
  ];
  for (const [what, pem, line, alias] of cases) {
    test(what, async () => {
      const { key, lines } = await load(pem(), alias);
      assert.equal(key, undefined);
      assert.deepEqual(lines, [line]);
    });
  }

  test("an expired certificate", async () => {
    const { key, lines } = await load(both(expired()));
    assert.equal(key, undefined);
    assert.match(lines.join(), /"signer" expired on .*: nobody would take its signatures$/);
  });

  test("a certificate under another alias", async () => {
    const { lines } = await load(issuer.privateKeyPem + issuer.certificatePem, "signer", "other");
    assert.deepEqual(lines, [
      'error: jwtGeneratorConfig.certificateAlias: must be the alias of the private key, "signer": another certificate cannot vouch for its signatures',
    ]);
  });
});

function both({ key, cert }: { readonly key: string; readonly cert: string }): string {
  return key + cert;
}

/** Over since 2020. */
function expired(): { readonly key: string; readonly cert: string } {
  const certificate = forge.pki.certificateFromPem(issuer.certificatePem);
  certificate.validity.notBefore = new Date("2020-01-01");
  certificate.validity.notAfter = new Date("2020-02-01");
  certificate.sign(forge.pki.privateKeyFromPem(issuer.privateKeyPem), forge.md.sha256.create());
  return { key: issuer.privateKeyPem, cert: forge.pki.certificateToPem(certificate) };
}
