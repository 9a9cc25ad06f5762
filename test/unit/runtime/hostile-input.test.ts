import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { api } from "../../../runtime-lib/api.ts";
import { basic, basicModule } from "../../../runtime-lib/auth-basic.ts";
import { keysOfJwks, parseJwt } from "../../../runtime-lib/jwt.ts";
import { parsePassword } from "../../../runtime-lib/password.ts";
import { queryValue } from "../../../runtime-lib/query.ts";
import { classOf, credentialOf } from "../../../runtime-lib/scheme.ts";
import { noBackends } from "../../support/no-backends.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { settingsFrom } from "./settings-for-test.ts";

/** Whatever a client or a file says, there is an answer and never an exception. Seeds are fixed: a failure repeats. */
const options = { seed: 20261122, numRuns: 300 };
const headerText = fc.string({ unit: "binary", maxLength: 200 });

before(async () => {
  const { settings, report } = await settingsFrom(
    "[b7a.users.a]\npassword = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'\n",
  );
  await basicModule.configure(settings, report, noBackends);
});

test("auth headers", () => {
  const scheme = basic(api({ name: "A", version: "1", basePath: "/", challenges: [] }));
  const prefix = fc.constantFrom("", "Basic ", "basic", "Bearer ", "BASIC  ", "b");
  fc.assert(
    fc.property(prefix, headerText, (word, rest) => {
      const value = word + rest;
      classOf(value);
      credentialOf(value);
      const outcome = scheme.verify(new RecordedExchange({ headers: ["authorization", value] }));
      assert.ok(!(outcome instanceof Promise) && !outcome.ok);
    }),
    options,
  );
});

test("tokens: nothing but canonical base64url of JSON objects gets as far as a signature", () => {
  const part = fc.oneof(
    headerText,
    fc.json().map((text) => Buffer.from(text).toString("base64url")),
    fc.constant(Buffer.from('{"alg":"RS256"}').toString("base64url")),
  );
  fc.assert(
    fc.property(part, part, part, (header, claims, signature) => {
      const parsed = parseJwt(`${header}.${claims}.${signature}`);
      if (typeof parsed === "string") return;
      assert.equal(Buffer.from(claims, "base64url").toString("base64url"), claims);
      assert.equal(typeof JSON.parse(Buffer.from(claims, "base64url").toString("utf8")), "object");
    }),
    options,
  );
});

test("key sets, password hashes, queries", () => {
  fc.assert(
    fc.property(fc.json(), headerText, (json, text) => {
      keysOfJwks(json);
      keysOfJwks(`{"keys":[${json}]}`);
      parsePassword(text);
      queryValue(`?${text}`, "key");
    }),
    options,
  );
});

test("settings: any name with any value, and any text as a file", async () => {
  const name = fc.oneof(
    headerText,
    fc.constantFrom(
      "jwtTokenConfig",
      "jwtTokenConfig[9].issuer",
      "b7a.users",
      "b7a.users..password",
      "__proto__.x",
      "a_prod_endpoint_0",
    ),
  );
  await fc.assert(
    fc.asyncProperty(name, headerText, headerText, async (key, value, text) => {
      const { settings, report, checkOverrides } = await settingsFrom(text, {
        overrides: [[key, value]],
        env: { b7a_users_x_password: value, listenerConfig_httpPort: value },
      });
      settings.number("listenerConfig.httpPort");
      settings.tables("jwtTokenConfig");
      settings.named("b7a.users");
      checkOverrides();
      report.lines();
    }),
    options,
  );
});
