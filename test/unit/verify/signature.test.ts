import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, describe, test } from "node:test";
import { readSigner, type Signer, signatureFile } from "../../../compiler/6-bundle/sign.ts";
import { type Envelope, payloadType, signedBytes } from "../../../compiler/verify/envelope.ts";
import { checkSignature, type SignatureResult } from "../../../compiler/verify/signature.ts";
import { readTrusted } from "../../../compiler/verify/trust.ts";
import { temporaryFolder } from "../../support/command-line.ts";
import {
  authority,
  codeSigner,
  ed25519,
  keyPair,
  onCurve,
  openssl,
  type Party,
  type PartyOptions,
  party,
  rsa,
} from "../../support/signing-keys.ts";

const folder = temporaryFolder();
after(() => folder.remove());

const files = [
  { file: "target/shop.cjs", text: "the bundle\n" },
  { file: "target/shop.manifest.json", text: "{}\n" },
];
/** SHA-256 of the second file. */
const manifestDigest = "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356";
const kinds: readonly (readonly [name: string, algorithm: readonly string[], described: RegExp])[] = [
  ["Ed25519", ed25519, /^Ed25519 key [0-9a-f]{16}$/],
  ["RSA", rsa, /^RSA 2048 key/],
  ["P-256", onCurve("P-256"), /^ECDSA P-256 key/],
  ["P-384", onCurve("P-384"), /^ECDSA P-384 key/],
  ["P-521", onCurve("P-521"), /^ECDSA P-521 key/],
];

function signerOf(pem: string, password?: string): Signer {
  const signer = readSigner(pem, password);
  assert.ok(!("problem" in signer), JSON.stringify(signer));
  return signer;
}

function signed(...pem: readonly string[]): string {
  return signatureFile(files, signerOf(pem.join(""))).text;
}

function check(signature: string, trusted: string, time = new Date()): SignatureResult {
  const found = readTrusted(trusted);
  assert.ok(!("problem" in found), JSON.stringify(found));
  return checkSignature(signature, found, time);
}

function problem(result: SignatureResult): string {
  return "code" in result ? `${result.code}: ${result.message}` : `signed by ${result.signer}`;
}

describe("a signature by a key", () => {
  for (const [name, algorithm, described] of kinds) {
    test(`${name}: counts for that key, and for no other`, () => {
      const [own, other] = [keyPair(folder.path, algorithm), keyPair(folder.path, algorithm)];
      const signature = signed(own.key);
      const found = check(signature, own.publicKey);
      assert.ok("signer" in found, problem(found));
      assert.match(found.signer, described);
      assert.deepEqual(
        found.subjects.map((each) => each.name),
        ["shop.cjs", "shop.manifest.json"],
      );
      assert.equal(found.subjects[1]?.sha256, manifestDigest);
      assert.match(
        problem(check(signature, other.publicKey)),
        /^signature-untrusted: it is signed with the key [0-9a-f]{16}, which is not trusted/,
      );
      assert.ok("signer" in check(signature, other.publicKey + own.publicKey));
    });
  }

  test("is what DSSE says, as openssl sees it", () => {
    assert.equal(
      signedBytes("http://example.com/HelloWorld", Buffer.from("hello world")).toString(),
      "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
    );
    const pair = keyPair(folder.path);
    const { payload, signatures } = JSON.parse(signed(pair.key)) as Envelope;
    const at = (name: string) => path.join(folder.path, name);
    writeFileSync(at("pub"), pair.publicKey);
    writeFileSync(at("bytes"), signedBytes(payloadType, Buffer.from(payload, "base64")));
    writeFileSync(at("sig"), Buffer.from(signatures[0]?.sig ?? "", "base64"));
    const words = [
      "pkeyutl",
      "-verify",
      "-pubin",
      "-inkey",
      at("pub"),
      "-rawin",
      "-in",
      at("bytes"),
      "-sigfile",
      at("sig"),
    ];
    assert.match(openssl(words), /Signature Verified Successfully/);
    const statement = JSON.parse(Buffer.from(payload, "base64").toString());
    assert.deepEqual(
      [statement._type, statement.predicateType, statement.subject[1]],
      [
        "https://in-toto.io/Statement/v1",
        "castgate:bundle:1",
        { name: "shop.manifest.json", digest: { sha256: manifestDigest } },
      ],
    );
  });

  test("does not count once a bit of it, or of what is signed, has changed", () => {
    const pair = keyPair(folder.path);
    const envelope = JSON.parse(signed(pair.key)) as Envelope;
    const flip = (base64: string, at: number) => {
      const bytes = Buffer.from(base64, "base64");
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes.toString("base64");
    };
    const [first] = envelope.signatures;
    for (const at of [0, 31, 63]) {
      const changed = { ...envelope, signatures: [{ ...first, sig: flip(first?.sig ?? "", at) }] };
      assert.match(problem(check(JSON.stringify(changed), pair.publicKey)), /^signature-wrong/);
    }
    const length = Buffer.from(envelope.payload, "base64").length;
    for (let at = 0; at < length; at += 7) {
      const changed = { ...envelope, payload: flip(envelope.payload, at) };
      assert.match(
        problem(check(JSON.stringify(changed), pair.publicKey)),
        /^signature-(wrong|unreadable)/,
        `byte ${at}`,
      );
    }
  });

  test("is refused when it is of no form that is known", () => {
    const pair = keyPair(folder.path);
    const envelope = JSON.parse(signed(pair.key)) as Envelope;
    const cases: readonly unknown[] = [
      null,
      [],
      { ...envelope, payloadType: "application/json" },
      { ...envelope, payload: "?" },
      { ...envelope, payload: Buffer.from("{}").toString("base64") },
      { ...envelope, signatures: [] },
      { ...envelope, signatures: [{}] },
      { ...envelope, signatures: [{ sig: "AA==", certificate: "AA==" }] },
      { ...envelope, signatures: [{ sig: "AA==", certificate: 1 }] },
    ];
    for (const each of cases)
      assert.match(problem(check(JSON.stringify(each), pair.publicKey)), /^signature-unreadable/, JSON.stringify(each));
    assert.match(problem(check("not JSON", pair.publicKey)), /^signature-unreadable/);
  });
});

describe("a signature with a certificate", () => {
  const make = (name: string, options: PartyOptions = {}) => party(folder.path, name, options);
  const root = make("root", { extensions: authority, algorithm: rsa });
  const signer = make("release", { issuer: root, extensions: codeSigner });

  for (const [name, algorithm] of kinds) {
    test(`${name}: counts for that very certificate, though nobody issued it`, () => {
      const own = make("own", { algorithm });
      const found = check(signed(own.key, own.cert), own.cert);
      assert.match(problem(found), /^signed by "CN=own" \(/);
      assert.match(problem(check(signed(own.key), own.cert)), /^signed by "CN=own" \(/);
    });
  }

  test("counts for the authority that issued it, and for no other", () => {
    const other = make("root", { extensions: authority });
    assert.match(problem(check(signed(signer.key, signer.cert), root.cert)), /^signed by "CN=release" \(Ed25519 key/);
    assert.equal(
      problem(check(signed(signer.cert, signer.key), other.cert)),
      'certificate-untrusted: the certificate "CN=release" was issued by "CN=root", which is not trusted',
    );
  });

  test("counts through other authorities, as long as they may issue", () => {
    const middle = make("middle", { issuer: root, extensions: authority, algorithm: onCurve("P-256") });
    const leaf = make("leaf", { issuer: middle, extensions: codeSigner });
    assert.match(problem(check(signed(leaf.key, middle.cert, leaf.cert), root.cert)), /^signed by "CN=leaf"/);
    assert.match(problem(check(signed(leaf.key, leaf.cert), root.cert)), /issued by "CN=middle", which is not trusted/);
    const narrow = make("narrow", {
      extensions: ["basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=keyCertSign"],
    });
    const below = make("below", { issuer: narrow, extensions: authority });
    const lowest = make("lowest", { issuer: below, extensions: codeSigner });
    assert.equal(
      problem(check(signed(lowest.key, lowest.cert, below.cert), narrow.cert)),
      'certificate-untrusted: the certificate "CN=narrow" may not issue those of other authorities',
    );
    const direct = make("direct", { issuer: narrow, extensions: codeSigner });
    assert.match(problem(check(signed(direct.key, direct.cert), narrow.cert)), /^signed by "CN=direct"/);
  });

  const refused: readonly (readonly [what: string, make: () => readonly [Party, Party], problem: RegExp])[] = [
    [
      "is for servers",
      () => [make("server", { issuer: root, extensions: ["extendedKeyUsage=serverAuth"] }), root],
      /"CN=server" was not issued for the signing of code/,
    ],
    ["is for anything", () => [make("any", { issuer: root }), root], /was not issued for the signing of code/],
    [
      "is for encryption",
      () => [
        make("enc", { issuer: root, extensions: ["keyUsage=keyEncipherment", "extendedKeyUsage=codeSigning"] }),
        root,
      ],
      /may not be used for signatures/,
    ],
    [
      "has ended",
      () => [make("old", { issuer: root, extensions: codeSigner, days: -1 }), root],
      /^certificate-expired: the certificate "CN=old" was valid until .*Z: no longer at .*Z$/,
    ],
    [
      "has a critical extension that nobody knows",
      () => [make("odd", { issuer: root, extensions: [...codeSigner, "1.2.3.4=critical,ASN1:NULL"] }), root],
      /critical extension that is not understood here: 1\.2\.3\.4/,
    ],
    [
      "has names that constrain above it",
      () => {
        const constrained = make("constrained", {
          extensions: [...authority, "nameConstraints=critical,permitted;DNS:a.test"],
        });
        return [make("x", { issuer: constrained, extensions: codeSigner }), constrained];
      },
      /critical extension that is not understood here: 2\.5\.29\.30/,
    ],
    [
      "was issued by no authority",
      () => {
        const nobody = make("nobody", { extensions: ["basicConstraints=critical,CA:FALSE"] });
        return [make("x", { issuer: nobody, extensions: codeSigner }), nobody];
      },
      /"CN=nobody" is not that of an authority|issued by "CN=nobody", which is not trusted/,
    ],
    [
      "was issued by one that has ended",
      () => {
        const late = make("late", { extensions: authority, days: -1 });
        return [make("x", { issuer: late, extensions: codeSigner }), late];
      },
      /^certificate-expired: the certificate "CN=late"/,
    ],
    [
      "is signed with SHA-1",
      () => [make("weak", { issuer: root, extensions: codeSigner, digest: "sha1" }), root],
      /SHA-1/,
    ],
    [
      "has a name that would steer a terminal",
      () => [make("evil", { issuer: root, subject: "/CN=a\u001b[2Jb\u202ec" }), root],
      /"CN=a[\x20-\x7e]+\?c" was not issued/,
    ],
  ];
  for (const [what, made, expected] of refused) {
    test(`is refused when it ${what}`, () => {
      const [own, trusted] = made();
      assert.match(problem(check(signed(own.key, own.cert), trusted.cert)), expected);
    });
  }

  test("is judged at the time that is asked for", () => {
    const own = make("own");
    const signature = signed(own.key, own.cert);
    const at = (days: number) => problem(check(signature, own.cert, new Date(Date.now() + days * 86_400_000)));
    assert.match(at(1), /^signed by/);
    assert.match(at(3), /^certificate-expired: .* was valid until/);
    assert.match(at(-3), /^certificate-expired: .* is valid from .*: not yet at/);
  });

  test("of somebody else does not lend its name", () => {
    const thief = keyPair(folder.path);
    const envelope = JSON.parse(signed(thief.key)) as Envelope;
    const certificate = Buffer.from(signer.cert).toString("base64");
    const stolen = { ...envelope, signatures: envelope.signatures.map((each) => ({ ...each, certificate })) };
    assert.match(problem(check(JSON.stringify(stolen), root.cert)), /^signature-wrong/);
  });
});

describe("a key that cannot sign", () => {
  const pair = keyPair(folder.path);
  const problemOf = (pem: string, password?: string) => {
    const found = readSigner(pem, password);
    return "problem" in found ? found.problem : "none";
  };

  test("says why", () => {
    assert.equal(problemOf(""), "it holds no private key in PEM");
    assert.equal(problemOf(pair.publicKey), "it holds no private key in PEM");
    assert.equal(problemOf(pair.key + pair.key), "it holds more than one private key");
    assert.equal(problemOf(pair.key.replace(/\n.{4}/, "\nAAAA")), "its private key cannot be read");
    const weak = keyPair(folder.path, ["-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:1024"]);
    assert.equal(problemOf(weak.key), "its key is an RSA key of 1024 bits; 2048 are needed");
    assert.match(problemOf(keyPair(folder.path, onCurve("secp256k1")).key), /on another curve/);
    assert.match(problemOf(keyPair(folder.path, ["-algorithm", "x25519"]).key), /is neither Ed25519/);
    assert.equal(
      problemOf(pair.key + party(folder.path, "x").cert),
      "none of its certificates is that of its private key",
    );
    assert.equal(
      problemOf(`${pair.key}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`),
      "it holds a certificate that cannot be read",
    );
  });

  test("wants its password", () => {
    const file = path.join(folder.path, "locked.key");
    execFileSync("openssl", ["pkey", "-aes256", "-passout", "pass:open sesame", "-out", file], { input: pair.key });
    const locked = openssl([
      "pkey",
      "-in",
      file,
      "-passin",
      "pass:open sesame",
      "-aes256",
      "-passout",
      "pass:open sesame",
    ]);
    assert.equal(problemOf(locked), "its private key needs a password");
    assert.equal(problemOf(locked, "other"), "its private key has another password");
    assert.equal(problemOf(locked, "open sesame"), "none");
  });
});

test("what is to be trusted must be public keys or certificates", () => {
  const problemOf = (pem: string) => {
    const found = readTrusted(pem);
    return "problem" in found ? found.problem : "none";
  };
  assert.match(problemOf("hello"), /neither a public key nor a certificate/);
  assert.match(problemOf(keyPair(folder.path).key), /^it holds a private key/);
  assert.match(
    problemOf("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
    /"PUBLIC KEY" that cannot be read/,
  );
  const weak = keyPair(folder.path, ["-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:1024"]);
  assert.match(problemOf(weak.publicKey), /1024 bits/);
});
