import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isMadeUp, knownSecrets, looksRandom } from "../../../compiler/diagnostics/secret-shapes.ts";

/** Put together here, so that scanners of repositories find none. */
const noise = "q7Jw2LxV9bTzR4mKc8Hn3PyD6sGf1WuA5eXo0ZiB";
const jwtPart = (text: string) => Buffer.from(text).toString("base64url");

describe("secrets of well known forms", () => {
  const cases: readonly (readonly [what: string, text: string])[] = [
    ["an AWS access key", `AKI${"A"}Q3EGVXHZ2M7KTRNB`],
    ["a GitHub token", `gh${"p"}_${noise.slice(0, 36)}`],
    ["a GitHub token", `github_${"pat"}_${noise}_${noise}`],
    ["a GitLab token", `gl${"pat"}-${noise.slice(0, 20)}`],
    ["a Slack token", `xo${"xb"}-17653672481-${noise.slice(0, 20)}`],
    ["a Stripe key", `sk_${"live"}_${noise.slice(0, 24)}`],
    ["a secret key", `s${"k"}-proj-${noise}`],
    ["a Google API key", `AI${"za"}${noise.slice(0, 35)}`],
    ["an npm token", `np${"m"}_${noise.slice(0, 36)}`],
    ["a SendGrid key", `S${"G"}.${noise.slice(0, 22)}.${noise}xyz`],
    ["a JSON Web Token", `${jwtPart('{"alg":"RS256"}')}.${jwtPart('{"iss":"https://k.test"}')}.${noise}`],
    ["a private key", `-----BEGIN ${"PRIVATE"} KEY-----\n${noise}\n${noise}\n`],
    ["a password in a URL", "hunter22"],
  ];
  for (const [what, secret] of cases) {
    const around =
      what === "a password in a URL" ? `postgres://svc:${secret}@db.test/pets` : `curl -H 'X: ${secret}' now`;
    test(what, () => {
      const found = knownSecrets(around).map(({ start, end, ...rest }) => [rest.what, around.slice(start, end)]);
      assert.equal(found.length, 1);
      assert.equal(found[0]?.[0], what);
      assert.equal(found[0]?.[1]?.trimEnd(), secret.trimEnd());
    });
  }

  const none: readonly string[] = [
    `AKI${"A"}IOSFODNN7EXAMPLE`,
    `gh${"p"}_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`,
    `-----BEGIN RSA ${"PRIVATE"} KEY-----\n...\n-----END RSA ${"PRIVATE"} KEY-----`,
    "https://user:password@example.com/",
    "https://{user}:{password}@example.com/",
    "https://example.com:8080/a@b",
    `${jwtPart('{"alg":"HS256"}')}.${jwtPart('{"sub":"1234567890","name":"J"}')}.${noise}`,
    `a ski-resort-in-the-mountains-with-a-very-long-name`,
  ];
  for (const text of none) test(`none: ${text}`, () => assert.deepEqual(knownSecrets(text), []));

  test("many marks in a long text take no long time", () => {
    const text = `${"://a:".repeat(20_000)}@${"eyJa.eyJa.".repeat(20_000)}${"-----BEGIN ".repeat(20_000)}`;
    assert.deepEqual(knownSecrets(text), []);
  });
});

test("placeholders", () => {
  for (const text of ["<token>", "{{token}}", "changeme", "your-api-key", "abcd1234", "P@ssw0rd!", "aaaa1111", "..."])
    assert.equal(isMadeUp(text), true, text);
  for (const text of [noise, "Zk38fWq0LmX7vRt2"]) assert.equal(isMadeUp(text), false, text);
});

test("what has no order", () => {
  const least = { length: 16, bits: 3.4 };
  for (const text of [noise, "e72e16c7e42f292c6912e7710c838347ae178b4a", "Zk38fWq0LmX7vRt2"])
    assert.equal(looksRandom(text, least), true, text);
  const plain = [
    "short1A",
    "two words of which 1 is a number",
    "https://k.test/9x8c7v6b5n4m3",
    "385d4506-e7dd-446e-a092-5f30b98e7b26",
    "2026-11-22T18:00:00.000Z",
    "projects/p1/locations/eu-west-4",
    "someone27@mail.test.org",
    "aaaaaaaaaaaaaaaaaaaaaaaa1",
  ];
  for (const text of plain) assert.equal(looksRandom(text, least), false, text);
});
