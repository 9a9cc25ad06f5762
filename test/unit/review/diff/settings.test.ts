import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { diffSettings, settingsWithoutDirection } from "../../../../compiler/review/diff/diff-settings.ts";
import { directionOf, namedTables } from "../../../../compiler/review/diff/setting-directions.ts";
import { settingsSchema } from "../../../../runtime-lib/settings-schema.ts";

const file = "conf/micro-gw.conf";

function verdicts(base: string | undefined, head: string | undefined): readonly string[] {
  const side = (text: string | undefined) => (text === undefined ? undefined : { file, text });
  return diffSettings(side(base), side(head)).map(
    ({ verdict, message }) => `${verdict} ${message.replace(/ \(.*$/s, "")}`,
  );
}

const issuer = '[[jwtTokenConfig]]\nissuer = "https://login.test"\n';

const cases: readonly (readonly [
  what: string,
  base: string,
  head: string,
  there: readonly string[],
  back?: readonly string[],
])[] = [
  ["comments and order", "# a\n[listenerConfig]\nhttpPort = 9090\n", "[listenerConfig]\nhttpPort = 9090 # b\n", []],
  [
    "the default, written down",
    "",
    "[listenerConfig]\nmaxUriLength = 4096\n",
    ["neutral listenerConfig.maxUriLength is 4096 now, and was not set: 4096"],
  ],
  [
    "a size limit; -1 is none",
    "[listenerConfig]\nmaxEntityBodySize = 1000\n",
    "[listenerConfig]\nmaxEntityBodySize = -1\n",
    ["weaker listenerConfig.maxEntityBodySize is -1 now, and was 1000"],
    ["stronger listenerConfig.maxEntityBodySize is 1000 now, and was -1"],
  ],
  [
    "TLS 1.2 beside 1.3",
    '[mutualSSLConfig]\nprotocolVersions = "TLSv1.3"\n',
    '[mutualSSLConfig]\nprotocolVersions = ["TLSv1.2", "TLSv1.3"]\n',
    ["weaker mutualSSLConfig.protocolVersions is TLSv1.2 and TLSv1.3 now, and was TLSv1.3"],
    ["stronger mutualSSLConfig.protocolVersions is TLSv1.3 now, and was TLSv1.2 and TLSv1.3"],
  ],
  [
    "certificates of all clients",
    "",
    '[mutualSSLConfig]\nsslVerifyClient = "REQUIRE"\n',
    ["stronger mutualSSLConfig.sslVerifyClient is REQUIRE now, and was not set: optional"],
    ["weaker mutualSSLConfig.sslVerifyClient is not set: optional now, and was REQUIRE"],
  ],
  [
    "another issuer",
    `${issuer}audience = "shop"\n`,
    `[[jwtTokenConfig]]\nissuer = "https://other.test"\naudience = "x"\n${issuer}audience = "shop"\n`,
    ["weaker jwtTokenConfig[https://other.test] is in the settings now"],
    ["stronger jwtTokenConfig[https://other.test] is no longer in the settings"],
  ],
  [
    "tokens for anybody",
    `${issuer}audience = "shop"\n`,
    issuer,
    ["weaker jwtTokenConfig[https://login.test].audience is not set now, and was shop"],
    ["stronger jwtTokenConfig[https://login.test].audience is shop now, and was not set"],
  ],
  [
    "some audiences for others",
    `${issuer}audience = ["a", "b"]\n`,
    `${issuer}audience = ["b", "c"]\n`,
    [
      "stronger jwtTokenConfig[https://login.test].audience is b and c now, and was a and b",
      "weaker jwtTokenConfig[https://login.test].audience is b and c now, and was a and b",
    ],
  ],
  [
    "keys over http",
    `${issuer}jwksURL = "https://login.test/keys"\n`,
    `${issuer}jwksURL = "http://login.test/keys"\n`,
    [
      "weaker jwtTokenConfig[https://login.test].jwksURL is http://login.test/keys now, and was https://login.test/keys",
    ],
    [
      "stronger jwtTokenConfig[https://login.test].jwksURL is https://login.test/keys now, and was http://login.test/keys",
    ],
  ],
  [
    "users, their scopes and passwords",
    '[b7a.users.ann]\npassword = "one"\nscopes = "read"\n',
    '[b7a.users.ann]\npassword = "two"\nscopes = "read,write"\n[b7a.users.bob]\npassword = "three"\n',
    [
      "unknown b7a.users.ann.password is another",
      "weaker b7a.users.bob is in the settings now",
      "weaker b7a.users.ann.scopes is read,write now, and was read",
    ],
    [
      "stronger b7a.users.bob is no longer in the settings",
      "stronger b7a.users.ann.scopes is read now, and was read,write",
      "unknown b7a.users.ann.password is another",
    ],
  ],
  [
    "from elsewhere",
    '[castgate]\nfailedLoginsPerMinute = "@env:{LOGINS}"\n',
    "[castgate]\nfailedLoginsPerMinute = 10\n",
    ["unknown castgate.failedLoginsPerMinute is 10 now, and was @env:{LOGINS}"],
  ],
  [
    "an endpoint",
    'shop_prod_endpoint_0 = "https://a.test"\nshop_prod_basic_password = "one"\n',
    'shop_prod_endpoint_0 = "http://a.test"\nshop_prod_basic_password = "two"\n',
    [
      "unknown shop_prod_basic_password is another",
      "weaker shop_prod_endpoint_0 is http://a.test now, and was https://a.test",
    ],
  ],
  [
    "validation",
    "",
    "[validationConfig]\nenableRequestValidation = true\n",
    ["stronger validationConfig.enableRequestValidation is true now, and was not set"],
    ["weaker validationConfig.enableRequestValidation is not set now, and was true"],
  ],
  ["what is not known", "", "[shop]\nsecret = 7\n", ["unknown shop.secret is another"]],
  ["what is not read", "", "[http2]\nenable = false\n", ["neutral http2.enable is false now, and was not set"]],
  ["no TOML", "", "= =", ["unknown the run-time settings are no TOML on one side"]],
];

describe("run-time settings that a project keeps", () => {
  for (const [what, base, head, there, back] of cases) {
    test(what, () => {
      assert.deepEqual([...verdicts(base, head)].sort(), [...there].sort());
      if (back !== undefined)
        assert.deepEqual([...verdicts(head, base)].sort(), [...back].sort(), "the other way round");
    });
  }

  test("a file that one side has not means the defaults", () => {
    const text = "[castgate]\njwksCacheSeconds = 600\n";
    assert.deepEqual(verdicts(undefined, text), ["weaker castgate.jwksCacheSeconds is 600 now, and was not set: 300"]);
    assert.deepEqual(verdicts(text, undefined), [
      "stronger castgate.jwksCacheSeconds is not set: 300 now, and was 600",
    ]);
    assert.deepEqual(verdicts(undefined, undefined), []);
  });

  test("places", () => {
    const [change] = diffSettings({ file, text: issuer }, { file, text: `${issuer}audience = "a"\n` });
    assert.deepEqual([change?.base, change?.head], [undefined, { file, pointer: "/jwtTokenConfig/0/audience" }]);
  });

  test("no secret is told", () => {
    const text = (secret: string) =>
      [...settingsSchema]
        .filter(([name, { secret: isSecret }]) => isSecret === true && !/[[*]/.test(name))
        .map(([name]) => `${name} = "${secret}"`)
        .join("\n");
    const changes = diffSettings({ file, text: text("hunter2") }, { file, text: text("hunter3") });
    assert.ok(changes.length > 20);
    assert.doesNotMatch(JSON.stringify(changes), /hunter/);
    const url = (user: string) => ({ file, text: `etcdurl = "https://${user}:pw@etcd.test"\n` });
    assert.doesNotMatch(JSON.stringify(diffSettings(url("ann"), url("bob"))), /ann|bob|pw/);
  });

  test("of every setting that is read, somebody has said what it decides", () => {
    assert.deepEqual(settingsWithoutDirection(), []);
    for (const name of Object.keys(namedTables)) {
      const members = [...settingsSchema.keys()].filter(
        (key) => key.startsWith(`${name}[].`) || key.startsWith(`${name}.*`),
      );
      assert.ok(members.length > 0, name);
    }
    assert.equal(directionOf("nobody.knows"), undefined);
  });
});
