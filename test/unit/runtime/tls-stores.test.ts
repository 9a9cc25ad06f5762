import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import forge from "node-forge";
import { refuseKnownCertificate } from "../../../runtime-lib/known-defaults.ts";
import { SettingsLog } from "../../../runtime-lib/settings-load.ts";
import { type KeyMaterial, loadKeyMaterial, loadTrustStore, type TrustStore } from "../../../runtime-lib/tls-stores.ts";
import { trustedKey } from "../../../runtime-lib/trusted-key.ts";
import { identityOf } from "../../support/self-signed.ts";
import { TestIssuer } from "../../support/test-issuer.ts";
import { settingsFrom } from "./settings-for-test.ts";

const one = new TestIssuer("one");
const two = new TestIssuer("two");
const password = "correct horse";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "castgate-stores-"));
});
after(() => rm(folder, { recursive: true }));

async function put(name: string, content: string | Buffer): Promise<string> {
  await writeFile(join(folder, name), content);
  return name;
}

interface Loaded {
  readonly key: KeyMaterial | undefined;
  readonly trust: TrustStore | undefined;
  readonly lines: readonly string[];
}

/** Loads one store as key store and as trust store; the findings of both are told apart by their names. */
async function load(
  name: string,
  what: "key" | "trust",
  secret = password,
  allowKnownDefaults = false,
): Promise<Loaded> {
  const text = `[listenerConfig]\n${what}StorePath = "${name}"\n${what}StorePassword = "${secret}"\n`;
  const { settings, report } = await settingsFrom(text, { fileFolder: folder, allowKnownDefaults });
  const names = [`listenerConfig.${what}StorePath`, `listenerConfig.${what}StorePassword`] as const;
  const key = what === "key" ? await loadKeyMaterial(settings, ...names, report) : undefined;
  const trust = what === "trust" ? await loadTrustStore(settings, ...names, report) : undefined;
  return { key, trust, lines: report.lines() };
}

function assertKeyOf(issuer: TestIssuer, { key, lines }: Loaded): void {
  assert.deepEqual(lines, []);
  assert.ok(key !== undefined);
  assert.ok(createPrivateKey(key.key).equals(createPrivateKey(issuer.privateKeyPem)));
  assert.equal(new X509Certificate(key.cert).fingerprint256, new X509Certificate(issuer.certificatePem).fingerprint256);
}

function pkcs12(issuer: TestIssuer, algorithm: "3des" | "aes256", secret = password): Buffer {
  const asn1 = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(issuer.privateKeyPem),
    [forge.pki.certificateFromPem(issuer.certificatePem)],
    secret,
    { algorithm, friendlyName: "Server" },
  );
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), "latin1");
}

describe("key stores", () => {
  test("PKCS#12, old and new ciphers", async () => {
    for (const algorithm of ["3des", "aes256"] as const)
      assertKeyOf(one, await load(await put(`${algorithm}.p12`, pkcs12(one, algorithm)), "key"));
  });

  test("PEM in one file, in any order and with a chain", async () => {
    const pem = two.certificatePem + one.privateKeyPem + one.certificatePem;
    const loaded = await load(await put("server.pem", pem), "key");
    assertKeyOf(one, loaded);
    assert.equal(loaded.key?.cert.match(/BEGIN CERTIFICATE/g)?.length, 2);
  });

  test("a folder as Kubernetes mounts it", async () => {
    await mkdir(join(folder, "mounted"));
    await put("mounted/tls.key", one.privateKeyPem);
    await put("mounted/tls.crt", one.certificatePem);
    await put("mounted/README", "not a certificate");
    assertKeyOf(one, await load("mounted", "key"));
  });

  test("an encrypted key", async () => {
    const encrypted = createPrivateKey(one.privateKeyPem).export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: password,
    });
    const name = await put("encrypted.pem", one.certificatePem + encrypted);
    assertKeyOf(one, await load(name, "key"));
    assert.deepEqual((await load(name, "key", "wrong")).lines, [
      "error: listenerConfig.keyStorePath: holds a private key that cannot be read; is its password right? (encrypted)",
    ]);
  });

  const wrong: [string, () => Promise<string>, string][] = [
    ["another format", () => put("text.pem", "hello"), "is neither PKCS#12 nor PEM"],
    ["broken DER", () => put("broken.p12", Buffer.from([0x30, 0x82, 0xff, 0xff, 0])), "is neither PKCS#12 nor PEM"],
    [
      "DER of something else",
      () => put("other.p12", Buffer.from([0x30, 0x03, 0x02, 0x01, 0x01])),
      "is not a PKCS#12 store",
    ],
    ["no key", () => put("certificate.pem", one.certificatePem), "holds no private key"],
    [
      "the key of another certificate",
      () => put("mixed.pem", one.privateKeyPem + two.certificatePem),
      "holds no certificate that belongs to its private key",
    ],
    [
      "a malformed certificate",
      () => put("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
      "holds a malformed certificate (cut)",
    ],
    [
      "JKS",
      () => put("server.jks", Buffer.from("feedfeed00000002", "hex")),
      "is a JKS store; convert it with: keytool -importkeystore -srckeystore server.jks -destkeystore server.p12 -deststoretype PKCS12",
    ],
  ];
  for (const [what, make, message] of wrong) {
    test(what, async () => {
      const { key, lines } = await load(await make(), "key");
      assert.equal(key, undefined);
      assert.deepEqual(lines, [`error: listenerConfig.keyStorePath: ${message}`]);
    });
  }

  test("a wrong password, which is not printed", async () => {
    const { lines } = await load(await put("guarded.p12", pkcs12(one, "aes256")), "key", "hunter2");
    assert.deepEqual(lines, ["error: listenerConfig.keyStorePath: cannot be opened; is its password right?"]);
  });

  test("a file that is not there: the message says where it was looked for", async () => {
    const { lines } = await load("nowhere.pem", "key");
    assert.deepEqual(lines, [
      `error: listenerConfig.keyStorePath: there is no file or folder ${join(folder, "nowhere.pem")}`,
    ]);
  });

  test("no password where one is needed", async () => {
    const { lines } = await load(await put("guarded.p12", pkcs12(one, "aes256")), "key", "");
    assert.deepEqual(lines, ["error: listenerConfig.keyStorePath: needs a password, and none is set"]);
  });

  test("no store configured", async () => {
    const { settings, report } = await settingsFrom("");
    const names = ["listenerConfig.keyStorePath", "listenerConfig.keyStorePassword"] as const;
    assert.equal(await loadKeyMaterial(settings, ...names, report), undefined);
    assert.deepEqual(report.lines(), []);
  });
});

describe("trust stores", () => {
  test("a folder of <alias>.pem; aliases without case", async () => {
    await mkdir(join(folder, "trusted"));
    await put("trusted/Idp.pem", one.certificatePem);
    await put("trusted/other.crt", two.certificatePem);
    const { trust, lines } = await load("trusted", "trust");
    assert.deepEqual(lines, []);
    assert.deepEqual(trust?.aliases, ["idp", "other"]);
    const fingerprint = new X509Certificate(one.certificatePem).fingerprint256;
    assert.equal(trust?.certificate("IDP")?.fingerprint256, fingerprint);
    assert.equal(trust?.certificate("nobody"), undefined);
    assert.equal(trust?.ca.length, 2);
  });

  test("a PEM file: its name is the alias", async () => {
    const { trust } = await load(await put("issuers.pem", one.certificatePem + two.certificatePem), "trust");
    assert.deepEqual(trust?.aliases, ["issuers"]);
    assert.equal(trust?.ca.length, 2);
  });

  test("PKCS#12: the certificate of a key entry counts too", async () => {
    const { trust } = await load(await put("trust.p12", pkcs12(one, "aes256")), "trust");
    assert.deepEqual(trust?.aliases, ["server"]);
  });

  test("empty ones", async () => {
    await mkdir(join(folder, "empty"));
    assert.deepEqual((await load("empty", "trust")).lines, [
      "error: listenerConfig.trustStorePath: is a folder without .pem, .crt or .key files",
    ]);
    assert.deepEqual((await load(await put("key-only.pem", one.privateKeyPem), "trust")).lines, [
      "error: listenerConfig.trustStorePath: holds no certificates",
    ]);
  });
});

describe("certificates that cannot be relied upon", () => {
  const old = identityOf("old", { fromDays: -20, toDays: -10 });
  const early = identityOf("early", { fromDays: 10, toDays: 20 });
  const weak = identityOf("weak", { bits: 1024 });
  const three = identityOf("three", { exponent: 3 });

  test("as the gateway's own", async () => {
    const lines = async (name: string, { key, cert }: { key: string; cert: string }) =>
      (await load(await put(name, key + cert), "key")).lines.map((line) =>
        line.replace(/(expired on|only from) .*/, "$1"),
      );
    const setting = "listenerConfig.keyStorePath";
    assert.deepEqual(await lines("old.pem", old), [`error: ${setting}: its certificate expired on`]);
    assert.deepEqual(await lines("early.pem", early), [`error: ${setting}: its certificate is valid only from`]);
    assert.deepEqual(await lines("weak.pem", weak), [`error: ${setting}: its RSA key has 1024 bits; 2048 are needed`]);
    assert.deepEqual(await lines("three.pem", three), [`warning: ${setting}: its RSA exponent is 3; 65537 is better`]);
  });

  test("as an authority: weak ones vouch for nobody, and are errors in standard", async () => {
    await mkdir(join(folder, "authorities"));
    await put("authorities/weak.pem", weak.cert);
    await put("authorities/good.pem", three.cert);
    const { trust, lines } = await load("authorities", "trust");
    assert.deepEqual(trust?.ca, [new X509Certificate(three.cert).toString()]);
    const flaw = "its RSA key has 1024 bits; 2048 are needed";
    assert.deepEqual(lines, [`warning: listenerConfig.trustStorePath: "weak" vouches for nobody: ${flaw}`]);
    const text = '[listenerConfig]\ntrustStorePath = "authorities"\n';
    const { settings, report } = await settingsFrom(text, { fileFolder: folder, compatibility: "standard" });
    await loadTrustStore(settings, "listenerConfig.trustStorePath", "listenerConfig.trustStorePassword", report);
    assert.deepEqual(report.lines(), [`error: listenerConfig.trustStorePath: "weak": ${flaw}`]);
  });

  test("as an issuer's", async () => {
    const store = join(folder, "issuers");
    await mkdir(store);
    for (const [name, { cert }] of Object.entries({ old, early, weak, three })) await put(`issuers/${name}.pem`, cert);
    const { settings, report } = await settingsFrom('[listenerConfig]\ntrustStorePath = "issuers"\n', {
      fileFolder: folder,
    });
    const names = ["listenerConfig.trustStorePath", "listenerConfig.trustStorePassword"] as const;
    const trust = await loadTrustStore(settings, ...names, new SettingsLog());
    const keys = ["old", "early", "weak", "three"].map((alias) => trustedKey(settings, trust, alias, "alias", report));
    assert.deepEqual(
      keys.map((key) => key !== undefined),
      [false, false, false, true],
    );
    assert.deepEqual(
      report.lines().map((line) => line.replace(/(expired on|only from) .*/, "$1")),
      [
        'error: alias: "old" cannot verify tokens: its certificate expired on',
        'error: alias: "early" cannot verify tokens: its certificate is valid only from',
        'error: alias: "weak" cannot verify tokens: its RSA key has 1024 bits; 2048 are needed',
        'warning: alias: "three": its RSA exponent is 3; 65537 is better',
      ],
    );
  });
});

describe("known defaults (S-SEC-01)", () => {
  test("store passwords of the original", async () => {
    for (const known of ["ballerina", "wso2carbon"]) {
      const name = await put(`${known}.p12`, pkcs12(one, "aes256", known));
      const message = "listenerConfig.keyStorePassword: is a password that the original shipped; set a new one";
      assert.deepEqual((await load(name, "key", known)).lines, [`error: ${message}`]);
      const allowed = await load(name, "key", known, true);
      assert.deepEqual(allowed.lines, [`warning: ${message} (allowed by --allow-known-defaults)`]);
      assert.ok(allowed.key !== undefined);
    }
  });

  test("stock certificates, by fingerprint", async () => {
    const { settings } = await settingsFrom("");
    const certificate = new X509Certificate(one.certificatePem);
    const fingerprint = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
    const report = new SettingsLog();
    const known = new Set([fingerprint]);
    refuseKnownCertificate(settings, report, "listenerConfig.keyStorePath", "own", certificate, known);
    refuseKnownCertificate(settings, report, "x", "two", new X509Certificate(two.certificatePem), known);
    assert.deepEqual(report.lines(), [
      'error: listenerConfig.keyStorePath: "own" was shipped by the original, its private key too; remove or replace it',
    ]);
  });
});

const hasKeytool = spawnSync("keytool", ["-help"]).error === undefined;

describe("stores that keytool made", { skip: hasKeytool ? false : "there is no keytool here" }, () => {
  function keytool(...more: string[]): void {
    execFileSync("keytool", [...more, "-storepass", password, "-noprompt"], { stdio: "pipe", cwd: folder });
  }

  test("keys of each kind, with the ciphers of Java 8 and of Java 17", async () => {
    const rsa = ["-genkeypair", "-keyalg", "RSA", "-alias", "Server", "-dname", "CN=localhost"];
    const ec = ["-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-alias", "ec", "-dname", "CN=localhost"];
    keytool(...rsa, "-storetype", "PKCS12", "-keystore", "java17.p12");
    keytool("-J-Dkeystore.pkcs12.legacy", ...rsa, "-storetype", "PKCS12", "-keystore", "java8.p12");
    keytool(...ec, "-storetype", "PKCS12", "-keystore", "java17ec.p12");
    for (const name of ["java17.p12", "java8.p12", "java17ec.p12"]) {
      const { key, lines } = await load(name, "key");
      assert.deepEqual(lines, [], name);
      assert.ok(key !== undefined && new X509Certificate(key.cert).checkPrivateKey(createPrivateKey(key.key)), name);
    }
  });

  test("trusted certificates by alias", async () => {
    await put("import.pem", one.certificatePem);
    keytool(
      "-importcert",
      "-alias",
      "Issuer",
      "-file",
      "import.pem",
      "-storetype",
      "PKCS12",
      "-keystore",
      "imported.p12",
    );
    const { trust, lines } = await load("imported.p12", "trust");
    assert.deepEqual(lines, []);
    const fingerprint = new X509Certificate(one.certificatePem).fingerprint256;
    assert.equal(trust?.certificate("Issuer")?.fingerprint256, fingerprint);
  });
});
