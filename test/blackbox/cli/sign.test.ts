import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { castgate, temporaryFolder } from "../../support/command-line.ts";
import { keyPair, openssl, party } from "../../support/signing-keys.ts";

const folder = temporaryFolder();
after(() => folder.remove());
const at = (name: string) => path.join(folder.path, name);
const run = (words: readonly string[], env: Record<string, string> = {}) => castgate(words, { cwd: folder.path, env });

/** Replaces a piece of a file, for as long as `work` takes. */
async function edited(file: string, edit: (text: string) => string, work: () => Promise<void>): Promise<void> {
  const before = readFileSync(at(file), "utf8");
  writeFileSync(at(file), edit(before));
  try {
    await work();
  } finally {
    writeFileSync(at(file), before);
  }
}

describe("a signed build", () => {
  const pair = keyPair(folder.path);
  const definition = {
    openapi: "3.0.3",
    info: { title: "Shop", version: "1" },
    "x-wso2-basePath": "/shop",
    "x-wso2-production-endpoints": { urls: ["https://shop.test"] },
    paths: {
      "/a": { get: { security: [], "x-castgate-public": "a test", responses: { 200: { description: "ok" } } } },
    },
  };

  before(async () => {
    writeFileSync(at("release.key.pem"), pair.key);
    writeFileSync(at("release.pub.pem"), pair.publicKey);
    writeFileSync(at("other.pub.pem"), keyPair(folder.path).publicKey);
    writeFileSync(at("shop.json"), JSON.stringify(definition, undefined, 2));
    assert.equal((await run(["init", "shop", "-a", "shop.json"])).code, 0);
    const { code, stdout, stderr } = await run(["compile", "shop", "--sign", "release.key.pem"]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^ {2}wrote target\/shop\.cjs\.sig$/m);
  });

  test("is proven, signed and the same as its source", async () => {
    const { code, stdout, stderr } = await run([
      ...["verify", "shop/target/shop.cjs", "--key", "release.pub.pem", "--source", "shop"],
    ]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^shop\/target\/shop\.cjs: proven/);
    assert.match(
      stdout,
      /signed by Ed25519 key [0-9a-f]{16}: shop\.cjs, shop\.manifest\.json, shop\.sbom\.json, shop\.sources\.json$/m,
    );
    assert.match(stdout, /^ {2}\d+ bytes, the same as the project compiles to$/m);
  });

  test("is signed for programs, too", async () => {
    const { code, stdout } = await run(["verify", "shop/target/shop.cjs", "--key", "other.pub.pem", "--format=json"]);
    const result = JSON.parse(stdout);
    assert.deepEqual(
      [code, result.proven, result.signer, result.findings.map((each: { code: string }) => each.code)],
      [1, false, null, ["signature-untrusted"]],
    );
  });

  test("is refused when the bundle or the manifest beside it was changed, or its signature is gone", async () => {
    const refused = async (pattern: RegExp) => {
      const { code, stdout } = await run(["verify", "shop/target/shop.cjs", "--key", "release.pub.pem"]);
      assert.equal(code, 1);
      assert.match(stdout, pattern);
    };
    const word = (text: string) => text.replace("https://shop.test", "https://evil.test");
    await edited("shop/target/shop.cjs", word, () =>
      refused(/^error\[signed-file-changed\]: shop\.cjs is not as it was signed/),
    );
    await edited("shop/target/shop.manifest.json", word, () =>
      refused(/^error\[signed-file-changed\]: shop\.manifest\.json is not as it was signed/),
    );
    renameSync(at("shop/target/shop.cjs.sig"), at("kept.sig"));
    await refused(/^error\[signature-missing\]: there is no signature: shop\.cjs\.sig is not beside the bundle$/m);
    renameSync(at("kept.sig"), at("shop/target/shop.cjs.sig"));
  });

  test("may get another name, and leave all but its signature behind", async () => {
    for (const ending of ["", ".sig"])
      writeFileSync(at(`gateway.cjs${ending}`), readFileSync(at(`shop/target/shop.cjs${ending}`)));
    const { code, stdout } = await run(["verify", "gateway.cjs", "--key", "release.pub.pem"]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /signed by Ed25519 key [0-9a-f]{16}: gateway\.cjs$/m);
  });

  test("is not the same as another source: what differs is listed", async () => {
    const differences = async () => {
      const { code, stdout } = await run(["verify", "shop/target/shop.cjs", "--source", "shop"]);
      return { code, found: [...stdout.matchAll(/^error\[source-differs\]: (.*)$/gm)].map((each) => each[1]), stdout };
    };
    const input = "shop/api_definitions/shop.json";
    await edited(
      input,
      (text) => text.replace("https://shop.test", "https://new.test"),
      async () => {
        const { code, found } = await differences();
        assert.equal(code, 1);
        const numbered = found.map((each = "") => each.replace(/line \d+/, "line N"));
        assert.deepEqual(numbered, [
          "input api_definitions/shop.json has changed",
          "generated file shop/routes.txt has changed",
          "generated file shop/shared.ts has changed",
          "its manifest has other endpoints",
          "its manifest has other hosts",
          "its manifest has other model",
          "its code differs first at line N, in generated:shop/shared.ts",
          "shop.manifest.json says something else than what the project compiles to",
        ]);
      },
    );
    await edited(
      input,
      (text) => `${text}\n\n`,
      async () => {
        const { code, stdout } = await differences();
        assert.equal(code, 0, stdout);
        assert.match(stdout, /^ {4}file api_definitions\/shop\.json has changed in its layout alone$/m);
      },
    );
    await edited(
      "shop/target/shop.cjs",
      (text) => text.replace("function shop", "function  shop"),
      async () => {
        const { code, found } = await differences();
        assert.equal(code, 1);
        assert.match(found.join(), /^its code differs first at line \d+, in generated:shop\/router\.ts$/);
      },
    );
    await edited(
      input,
      () => "{",
      async () => {
        const { code, found } = await differences();
        assert.deepEqual([code, found], [1, []]);
      },
    );
  });

  test("can be by a certificate, whose key has a password", async () => {
    const own = party(folder.path, "release");
    writeFileSync(at("plain.key"), own.key);
    const locked = openssl(["pkey", "-in", at("plain.key"), "-aes256", "-passout", "pass:open sesame"]);
    rmSync(at("plain.key"));
    writeFileSync(at("locked.pem"), locked + own.cert);
    writeFileSync(at("own.crt"), own.cert);
    writeFileSync(at("password"), "open sesame\n");
    const sign = ["compile", "shop", "--sign", "locked.pem"];
    const without = await run(sign);
    assert.equal(without.code, 1);
    assert.equal(
      without.stderr,
      "error: locked.pem cannot sign: its private key needs a password\n  = hint: give it in the environment as CASTGATE_KEY_PASSWORD, or in a file with --key-password-file\n",
    );
    assert.match((await run(sign, { CASTGATE_KEY_PASSWORD: "other" })).stderr, /its private key has another password/);
    assert.equal((await run([...sign, "--key-password-file", "password"])).code, 0);
    const verify = ["verify", "shop/target/shop.cjs", "--key", "own.crt"];
    assert.match((await run(verify)).stdout, /signed by "CN=release" \(Ed25519 key/);
    assert.match(
      (await run([...verify, "--at=2001-01-01"])).stdout,
      /^error\[certificate-expired\]: .* not yet at 2001-01-01/,
    );
  });

  test("cannot be by a certificate that has ended: nobody could verify it", async () => {
    const { key, cert } = party(folder.path, "late", { days: -1 });
    writeFileSync(at("late.pem"), key + cert);
    const { code, stderr } = await run(["compile", "shop", "--sign", "late.pem"]);
    assert.equal(code, 1);
    assert.match(stderr, /^error: late\.pem cannot sign: its certificate was valid until \d{4}-\d\d-\d\dT/);
    assert.match(stderr, /= hint: sign with a certificate that is valid now, or with the key alone\n/);
  });

  test("loses its signature when it is built again without one, and is another", async () => {
    const built = await run(["compile", "shop"]);
    assert.equal(built.code, 0);
    assert.ok(existsSync(at("shop/target/shop.cjs.sig")), "it is still the same");
    writeFileSync(
      at("shop/policies.yaml"),
      "resourcePolicies:\n  - 5PerMin: { count: 5, unitTime: 1, timeUnit: min }\n",
    );
    const other = await run(["compile", "shop"]);
    assert.equal(other.code, 0, other.stderr);
    assert.match(other.stdout, /removed target\/shop\.cjs\.sig/);
    assert.ok(!existsSync(at("shop/target/shop.cjs.sig")));
  });

  test("is asked for in a way that has a meaning", async () => {
    for (const words of [
      ["compile", "shop", "--check", "--sign", "release.key.pem"],
      ["compile", "shop", "--stop-after=lower", "--sign", "release.key.pem"],
      ["compile", "shop", "--key-password-file", "x"],
      ["verify", "shop/target/shop.cjs", "--at", "2026-01-01"],
      ["verify", "shop/target/shop.cjs", "--key", "release.pub.pem", "--at", "tomorrow"],
    ])
      assert.equal((await run(words)).code, 2, words.join(" "));
    for (const words of [
      ["compile", "shop", "--sign", "nowhere.pem"],
      ["compile", "shop", "--sign", "release.pub.pem"],
      ["verify", "shop/target/shop.cjs", "--key", "nowhere.pem"],
      ["verify", "shop/target/shop.cjs", "--key", "release.key.pem"],
      ["verify", "nowhere.cjs"],
    ])
      assert.equal((await run(words)).code, 1, words.join(" "));
  });
});
