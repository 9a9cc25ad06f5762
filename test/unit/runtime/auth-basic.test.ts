import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { before, describe, test } from "node:test";
import { api } from "../../../runtime-lib/api.ts";
import { basic, basicModule } from "../../../runtime-lib/auth-basic.ts";
import { hashPassword, matches, parsePassword } from "../../../runtime-lib/password.ts";
import type { Verified } from "../../../runtime-lib/scheme.ts";
import { noBackends } from "../../support/no-backends.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { settingsFrom } from "./settings-for-test.ts";

const scheme = basic(api({ name: "A", version: "1", basePath: "/a", challenges: ["basic"] }));
const hex = (algorithm: string, text: string) => createHash(algorithm).update(text).digest("hex");

async function configure(text: string, more: Parameters<typeof settingsFrom>[1] = {}): Promise<readonly string[]> {
  const { settings, report } = await settingsFrom(text, more);
  await basicModule.configure(settings, report, noBackends);
  return report.lines();
}

function send(value: string): Verified | Promise<Verified> {
  return scheme.verify(new RecordedExchange({ headers: ["authorization", value] }));
}

function login(text: string): Verified | Promise<Verified> {
  return send(`Basic ${Buffer.from(text).toString("base64")}`);
}

async function outcome(verified: Verified | Promise<Verified>): Promise<string | number> {
  const settled = await verified;
  return settled.ok ? settled.caller.name : settled.code;
}

test("stored forms (S-BAS-02), and what is none of them", async () => {
  const readable = [
    hex("sha1", "pässword"),
    hex("sha1", "pässword").toUpperCase(),
    `@sha256:{${hex("sha256", "pässword")}}`,
    `@sha384:{${hex("sha384", "pässword")}}`,
    `@sha512:{${hex("sha512", "pässword")}}`,
    await hashPassword("pässword"),
  ];
  for (const text of readable) {
    const stored = parsePassword(text);
    assert.ok(stored !== undefined, text);
    assert.equal(await matches(stored, Buffer.from("pässword")), true, stored.form);
    assert.equal(await matches(stored, Buffer.from("password")), false, stored.form);
  }
  const none = ["", "admin", "@sha256:{00}", `@sha224:{${hex("sha224", "a")}}`, `@sha256:${hex("sha256", "a")}`];
  const salt = "A".repeat(22);
  const costs = ["ln=9,r=8,p=1", "ln=21,r=8,p=1", "ln=20,r=16,p=1", "ln=15,r=0,p=1", "ln=15,r=8,p=17", "ln=15,r=8"];
  for (const text of [...none, ...costs.map((cost) => `$scrypt$${cost}$${salt}$${salt}`)])
    assert.equal(parsePassword(text), undefined, text);
});

test("a scrypt hash of the PHC string format that others made", async () => {
  // RFC 7914 section 12, third vector has N = 16384, r = 8, p = 1, salt "SodiumChloride".
  const hash = Buffer.from(
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
      "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    "hex",
  );
  const encode = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");
  const stored = parsePassword(`$scrypt$ln=14,r=8,p=1$${encode(Buffer.from("SodiumChloride"))}$${encode(hash)}`);
  assert.ok(stored !== undefined);
  assert.equal(await matches(stored, Buffer.from("pleaseletmein")), true);
});

describe("users", () => {
  before(async () => {
    const text = [
      "[b7a.users.alice]",
      `password = "${hex("sha1", "a:b:c")}"`,
      'scopes = "read,write"',
      "[b7a.users.bob]",
      `password = "@sha256:{${hex("sha256", "secret")}}"`,
      '[b7a.users."jürgen"]',
      `password = "@sha512:{${hex("sha512", "grün")}}"`,
      "[b7a.users.empty]",
      `password = "${hex("sha1", "")}"`,
    ].join("\n");
    assert.deepEqual(await configure(text), []);
  });

  test("name, scopes and the rest of a caller (S-BAS-04)", async () => {
    const verified = await login("alice:a:b:c");
    assert.ok(verified.ok);
    assert.deepEqual(verified.caller, {
      name: "alice",
      scheme: "basic",
      scopes: new Set(["read", "write"]),
      scopesApply: true,
      keyType: "PRODUCTION",
      application: { id: "anonymous", tier: "Unlimited", subscriptions: [] },
      claims: undefined,
      consumerKey: "",
      revocationIds: [],
    });
  });

  const cases: [string, string | number][] = [
    ["bob:secret", "bob"],
    ["jürgen:grün", "jürgen"],
    ["alice:a", 900911],
    ["alice:a:b", 900911],
    ["bob:Secret", 900911],
    ["nobody:secret", 900911],
    [":secret", 900911],
    ["bob:", 900911],
    ["empty:", 900911],
    ["bob", 900912],
  ];
  for (const [text, expected] of cases) {
    test(text, async () => assert.equal(await outcome(login(text)), expected));
  }

  test("without blocking anything: the hashes of the original are compared at once", () => {
    assert.ok(!(login("bob:secret") instanceof Promise));
  });

  test("the word in any case, padding or not; what is not base64 (S-BAS-03)", async () => {
    assert.equal(await outcome(send("bAsIc   Ym9iOnNlY3JldA==")), "bob");
    assert.equal(await outcome(send("Basic Ym9iOnNlY3JldA")), "bob");
    for (const value of [
      "Basic",
      "Basic ",
      "Basic !!!!",
      "Basic Ym9i OnNlY3JldA==",
      "Basic Ym9iOnNlY3JldA=",
      "Basic Ym9iOnNlY3Jld-==",
    ])
      assert.equal(await outcome(send(value)), 900900, value);
  });
});

test("in standard what is not base64 is the client's fault, and scopes are trimmed", async () => {
  const text = `[b7a.users.bob]\npassword = "${hex("sha1", "x")}"\nscopes = "a, b"\n`;
  assert.deepEqual(await configure(text, { compatibility: "standard" }), []);
  assert.equal(await outcome(send("Basic !!!!")), 900912);
  const verified = await login("bob:x");
  assert.deepEqual(verified.ok && [...verified.caller.scopes], ["a", "b"]);
  assert.deepEqual(await configure(text), [
    "warning: b7a.users.bob.scopes: has blanks around commas: such a scope never matches; remove the blanks",
  ]);
});

test("scrypt: off the event loop, remembered once right, refused when too many come at once", async () => {
  const stored = (await hashPassword("good")).replaceAll("\n", "");
  await configure(`[b7a.users.alice]\npassword = "${stored}"\n`);
  const first = login("alice:good");
  assert.ok(first instanceof Promise);
  assert.equal(await outcome(first), "alice");
  assert.ok(!(login("alice:good") instanceof Promise), "remembered");
  assert.equal(await outcome(login("alice:bad")), 900911);
  assert.ok(login("nobody:good") instanceof Promise, "an unknown user costs the same");
  const many = await Promise.all(Array.from({ length: 110 }, (_, i) => outcome(login(`user${i}:bad`))));
  const refused = many.filter((code) => code === 0).length;
  assert.ok(refused > 0 && refused < 110, `${refused} refused`);
  assert.equal(many.filter((code) => code !== 0 && code !== 900911).length, 0);
});

test("what a wrong password costs does not tell who is a user, nor which form his is stored in (S-SEC-05)", async () => {
  const cheap = `$scrypt$ln=10,r=8,p=1$${"A".repeat(22)}$${"A".repeat(43)}`;
  const users = [
    ["costly", await hashPassword("good")],
    ["cheap", cheap],
    ["old", hex("sha1", "good")],
  ];
  await configure(users.map(([name, stored]) => `[b7a.users.${name}]\npassword = "${stored}"\n`).join(""));
  assert.ok(!(login("old:good") instanceof Promise), "right, and quick");
  for (const name of ["costly", "old", "nobody"]) {
    const made = login(`${name}:bad`);
    assert.ok(made instanceof Promise, name);
    assert.equal(await outcome(made), 900911);
  }
  assert.equal(await outcome(login("old:")), 900911);
  await configure(`[b7a.users.old]\npassword = "${hex("sha1", "good")}"\n`);
  for (const name of ["old", "nobody"]) assert.ok(!(login(`${name}:bad`) instanceof Promise), name);
});

test("mistakes and known defaults (S-SEC-01)", async () => {
  assert.deepEqual(await configure(""), ["warning: b7a.users: there are no users: every Basic log-in will be refused"]);
  assert.equal(await outcome(login("admin:admin")), 900911);
  const forms = [
    "admin",
    hex("sha1", "admin"),
    `@sha256:{${hex("sha256", "admin")}}`,
    `@sha512:{${hex("sha512", "admin")}}`,
    await hashPassword("admin"),
  ];
  for (const form of forms) {
    const lines = await configure(`[b7a.users.admin]\npassword = "${form}"\n`);
    assert.equal(
      lines[0],
      "error: b7a.users.admin.password: is the password that the original shipped for admin; set a new one",
    );
    assert.ok(!lines.join().includes(form) || form === "admin");
  }
  assert.deepEqual(
    await configure(`[b7a.users.admin]\npassword = "${hex("sha1", "admin")}"\n`, { allowKnownDefaults: true }),
    [
      "warning: b7a.users.admin.password: is the password that the original shipped for admin; set a new one (allowed by --allow-known-defaults)",
    ],
  );
  assert.equal(await outcome(login("admin:admin")), "admin");
  assert.match((await configure("[b7a.users.root]\npassword = 'root'\n"))[0] ?? "", /original shipped for root/);
  const lines = await configure("[b7a.users.bob]\npassword = 'plain-text'\n[b7a.users.carol]\nscopes = 'a'\n");
  assert.match(lines[0] ?? "", /^error: b7a\.users\.bob\.password: is not a password hash; expected /);
  assert.doesNotMatch(lines.join(), /plain-text/);
  assert.equal(lines[1], "error: b7a.users.carol.password: is required");
});
