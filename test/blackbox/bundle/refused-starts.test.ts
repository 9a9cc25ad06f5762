import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { CompiledProject } from "../../support/gateway-under-test.ts";
import { compileParts, definition, get } from "../../support/security-project.ts";
import { identity, identityOf } from "../../support/self-signed.ts";

const apis = {
  tokens: definition("Tokens", { security: [{ token: [] }, { user: [] }] }, { "/x": get() }),
  keys: definition("Keys", { security: [{ key: [] }] }, { "/x": get() }),
};
const policies = { subscriptionPolicies: [{ Default: { count: 9999, unitTime: 1, timeUnit: "day" } }] };

const trust = {
  good: identity("issuer"),
  weak: identityOf("issuer", { bits: 1024 }),
  expired: identityOf("issuer", { fromDays: -10, toDays: -5 }),
  early: identityOf("issuer", { fromDays: 5, toDays: 10 }),
};
const sha = (text: string, name: "sha1" | "sha256") => createHash(name).update(text).digest("hex");

const issuer = `[[jwtTokenConfig]]
issuer = "https://issuer.test"
audience = "shop"
certificateAlias = "good"
`;
const keys = `[apikey.tokenConfigs]
issuer = "https://issuer.test/apikey"
certificateAlias = "good"
`;
const user = (name: string, password: string) => `[b7a.users.${name}]\npassword = "${password}"\n`;
const fine = issuer + keys + user("carol", sha("a good password", "sha1"));

/** What would let somebody in whom nobody means: settings, and what is said of them. Each is said, not only the first. */
const wrong: readonly (readonly [what: string, settings: string, said: readonly string[]])[] = [
  [
    "S-JWT-01: operations take tokens and keys, and nobody is trusted",
    user("carol", sha("a good password", "sha1")),
    ["jwtTokenConfig: an operation needs a token, but there is no issuer", "apikey.tokenConfigs.certificateAlias: "],
  ],
  [
    "S-JWT-04: an issuer without a key source",
    fine.replace('certificateAlias = "good"\n', ""),
    ["jwtTokenConfig[0].issuer: has no key source"],
  ],
  [
    "S-JWT-05: an audience that is empty",
    fine.replace('"shop"', '""'),
    ["jwtTokenConfig[0].audience: must not be empty"],
  ],
  [
    "S-SEC-02: keys and tokens of one issuer could be taken for each other",
    fine.replace("issuer.test/apikey", "issuer.test"),
    ["apikey.tokenConfigs.issuer: is also the issuer of access tokens"],
  ],
  [
    "S-BAS-05, S-SEC-01: passwords that the original shipped, in any form",
    issuer +
      keys +
      user("admin", sha("admin", "sha1")) +
      user("Admin", `@sha256:{${sha("admin", "sha256").toUpperCase()}}`) +
      user("root", "@sha256:{4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2}"),
    ["b7a.users.admin.password: ", "b7a.users.Admin.password: ", "b7a.users.root.password: "],
  ],
  ...(["weak", "expired", "early"] as const).map(
    (alias) =>
      [
        `keys that cannot be relied upon: ${alias}`,
        fine.replaceAll('"good"', `"${alias}"`),
        [`jwtTokenConfig[0].certificateAlias: "${alias}" `, `apikey.tokenConfigs.certificateAlias: "${alias}" `],
      ] as const,
  ),
  [
    "an alias that the trust store does not have",
    fine.replaceAll('"good"', '"nobody"'),
    [
      'jwtTokenConfig[0].certificateAlias: "nobody" is not in the trust store',
      'apikey.tokenConfigs.certificateAlias: "nobody" is not in the trust store',
    ],
  ],
  [
    "a password that is none",
    issuer + keys + user("carol", "in plain text"),
    ["b7a.users.carol.password: is not a password hash"],
  ],
];

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  describe(`settings that stop the start, ${compatibility}`, () => {
    let project: CompiledProject;
    before(async () => {
      project = await compileParts("refused", { compatibility, apis, policies });
      mkdirSync(path.join(project.folder, "trust"));
      // Standard takes no weak key into its trust store at all.
      for (const [alias, { cert }] of Object.entries(trust))
        if (compatibility !== "standard" || alias !== "weak")
          writeFileSync(path.join(project.folder, `trust/${alias}.pem`), cert);
    });
    after(() => project?.remove());

    /** Ends by itself, or is ended. */
    function start(settings: string, ...args: string[]): Promise<{ code: unknown; output: string }> {
      const config = path.join(project.folder, "micro-gw.conf");
      const listeners = `[listenerConfig]\nhost = "127.0.0.1"\nhttpPort = 0\ntrustStorePath = "trust"\n`;
      writeFileSync(config, listeners + settings);
      return new Promise((resolve) => {
        execFile(
          process.execPath,
          [project.bundle, "--config", config, ...args],
          { timeout: 60_000 },
          (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, output: stdout + stderr }),
        );
      });
    }

    test("those that are right do not", async () => {
      const { code, output } = await start(fine, "--check-config");
      assert.equal(code, 0, output);
    });
    test("a settings file that cannot be read: it is said why", async () => {
      const missing = path.join(project.folder, "missing.conf");
      for (const [file, why] of [
        [missing, "there is no such file"],
        [project.folder, "it is a folder"],
      ] as const) {
        const { code, output } = await start(fine, "--config", file);
        assert.equal(code, 78, output);
        assert.ok(output.includes(`error: --config: cannot read ${file}: ${why}\n`), output);
      }
    });
    for (const [what, settings, said] of wrong) {
      if (compatibility === "standard" && what.endsWith("weak")) continue;
      test(what, async () => {
        const { code, output } = await start(settings);
        assert.equal(code, 78, output);
        const errors = output.split("\n").filter((line) => line.startsWith("error: "));
        for (const text of said)
          assert.ok(
            errors.some((line) => line.startsWith(`error: ${text}`)),
            `${text}\n${output}`,
          );
        assert.doesNotMatch(output, /listening|in plain text|[0-9a-f]{40}/);
      });
    }
    test("S-SEC-01: --allow-known-defaults takes what the original shipped, and says so", async () => {
      const { code, output } = await start(
        issuer + keys + user("admin", sha("admin", "sha1")),
        "--check-config",
        "--allow-known-defaults",
      );
      assert.equal(code, 0, output);
      assert.match(output, /^warning: b7a\.users\.admin\.password: .*\(allowed by --allow-known-defaults\)$/m);
    });
  });
}
