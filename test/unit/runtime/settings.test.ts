// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${mgw-runtime.home} is how settings files write it

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { linesFrom, settingsFrom } from "./settings-for-test.ts";

describe("precedence", () => {
  const file = "[listenerConfig]\nhttpPort = 1\nhttpsPort = 2\nmaxUriLength = 3\n";

  test("command line over environment over file over default (R-CFG-02)", async () => {
    const { settings, report } = await settingsFrom(file, {
      overrides: [["listenerConfig.httpPort", "11"]],
      env: { listenerConfig_httpPort: "21", listenerConfig_httpsPort: "22" },
    });
    assert.deepEqual(report.lines(), []);
    assert.equal(settings.number("listenerConfig.httpPort"), 11);
    assert.equal(settings.number("listenerConfig.httpsPort"), 22);
    assert.equal(settings.number("listenerConfig.maxUriLength"), 3);
    assert.equal(settings.number("listenerConfig.maxHeaderSize"), 8192);
    assert.equal(settings.string("listenerConfig.keyStorePath"), undefined);
  });

  test("names are case-sensitive, and environment names that match nothing are ignored", async () => {
    const { settings, report } = await settingsFrom("", {
      env: { LISTENERCONFIG_HTTPPORT: "1", PATH: "/bin", listenerConfig_httpPrt: "1" },
    });
    assert.deepEqual(report.lines(), []);
    assert.equal(settings.number("listenerConfig.httpPort"), 9090);
  });

  test("what is overridden is not checked", async () => {
    const lines = await linesFrom("[analytics]\nenable = true\n", { overrides: [["analytics.enable", "false"]] });
    assert.deepEqual(lines, []);
  });

  test("no file at all", async () => {
    const { settings, report } = await settingsFrom("", { file: undefined });
    assert.deepEqual(report.lines(), []);
    assert.equal(settings.number("castgate.drainSeconds"), 30);
    assert.deepEqual(settings.strings("castgate.trustedProxies"), []);
  });
});

describe("mistakes", () => {
  test("all of them, in one list, without values of secrets", async () => {
    const text = [
      "[listenerConfig]",
      'httpPort = "a-secret-perhaps"',
      "httpsPort = 70000",
      "keyStorePassword = 12345",
      "[mutualSSLConfig]",
      'sslVerifyClient = "sometimes"',
      "[authConfig]",
      'authorizationHeader = "X Auth"',
      "removeAuthHeaderFromOutMessage = 1",
      "[b7a]",
      'users = "none"',
    ].join("\n");
    assert.deepEqual(await linesFrom(text), [
      "error: b7a.users: must be a table",
      "error: listenerConfig.httpPort: must be a whole number",
      "error: listenerConfig.httpsPort: must be 0 to 65535",
      "error: listenerConfig.keyStorePassword: must be a string",
      "error: mutualSSLConfig.sslVerifyClient: must be one of optional, require",
      "error: authConfig.authorizationHeader: must be the name of a header field that has no meaning of its own",
      "error: authConfig.removeAuthHeaderFromOutMessage: must be true or false",
    ]);
  });

  test("an unknown setting is a warning in wso2-3.2 and an error in standard, with a suggestion", async () => {
    const text = "[listenerConfig]\nhttpPrt = 9090\n[nothing.like.it]\na = 1\n";
    const overrides = [["listenerConfig.hostt", "x"]] as const;
    const messages = [
      'listenerConfig.httpPrt: there is no such setting; did you mean "listenerConfig.httpPort"?',
      "nothing: there is no such setting",
      'listenerConfig.hostt (command line): there is no such setting; did you mean "listenerConfig.host"?',
    ];
    assert.deepEqual(
      await linesFrom(text, { overrides }),
      messages.map((message) => `warning: ${message}`),
    );
    assert.deepEqual(
      await linesFrom(text, { overrides, compatibility: "standard" }),
      messages.map((message) => `error: ${message}`),
    );
  });

  test("credentials cannot stand in a field that frames, addresses or describes the message", async () => {
    const settings = [
      ["jwtConfig", "header"],
      ["authConfig", "authorizationHeader"],
      ["mutualSSLConfig", "certificateHeaderName"],
    ] as const;
    const message = "must be the name of a header field that has no meaning of its own";
    const refused =
      "Host Content-Length content-type Connection Transfer-Encoding TE Trailer Upgrade Keep-Alive Expect Via Cookie";
    for (const [table, key] of settings) {
      for (const name of [...refused.split(" "), "Proxy-Authorization", "content_length", "X-Request-ID", "X A", ""])
        assert.deepEqual(await linesFrom(`[${table}]\n${key} = "${name}"`), [`error: ${table}.${key}: ${message}`]);
      for (const name of ["X-Caller", "Hosting", "Vian", "Authorization"])
        assert.deepEqual(await linesFrom(`[${table}]\n${key} = "${name}"`), []);
    }
    // What the gateway says of clients by other fields is not a place for a token about the caller.
    for (const name of ["Client-Cert", "X-Forwarded-For", "x_forwarded_host", "Forwarded", "X-WSO2-CLIENT-CERTIFICATE"])
      assert.deepEqual(await linesFrom(`[jwtConfig]\nheader = "${name}"`), [`error: jwtConfig.header: ${message}`]);
    assert.deepEqual(await linesFrom('[mutualSSLConfig]\ncertificateHeaderName = "Client-Cert"'), []);
    assert.deepEqual(await linesFrom('[jwtConfig]\nheader = "X-JWT-Assertion"'), []);
  });

  test("a syntax error shows its place, never the line", async () => {
    const lines = await linesFrom('[listenerConfig]\nkeyStorePassword = "hunter2\n');
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /^error: micro-gw\.conf:2:\d+: not TOML: /);
    assert.doesNotMatch(lines[0] ?? "", /hunter2/);
  });

  test("a switch of a feature that is not built stops the start; off is fine", async () => {
    const on = [
      "[analytics.fileUpload]\nenable = true",
      "[validationConfig]\nenableRequestValidation = true\nenableResponseValidation = false",
      "[b7a.observability.tracing]\nenabled = true\n[b7a.observability.tracing.jaeger.reporter]\nport = 5775",
    ].join("\n");
    const features = (await linesFrom(on)).map((line) => /^error: (\S+): asks for (.*), which/.exec(line)?.slice(1, 3));
    assert.deepEqual(features, [
      ["analytics.fileUpload.enable", "analytics"],
      ["validationConfig.enableRequestValidation", "request validation"],
      ["b7a.observability.tracing.enabled", "tracing"],
    ]);
  });

  test("hostile keys are only names", async () => {
    const lines = await linesFrom('["__proto__"]\npolluted = 1\n[b7a.users."__proto__"]\npassword = "x"\n');
    assert.deepEqual(lines, ["warning: __proto__: there is no such setting"]);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });
});

describe("references", () => {
  test("@env:{NAME} is resolved, also to a number; a missing one is an error; @encrypted says what to do", async () => {
    const text = [
      "[listenerConfig]",
      'httpPort = "@env:{PORT}"',
      'keyStorePassword = "@env:{NO_SUCH}"',
      'trustStorePassword = "@encrypted:{abc}"',
    ].join("\n");
    const { settings, report } = await settingsFrom(text, { env: { PORT: "9191" } });
    assert.equal(settings.number("listenerConfig.httpPort"), 9191);
    assert.deepEqual(report.lines(), [
      "error: listenerConfig.keyStorePassword: the environment has no variable NO_SUCH",
      "error: listenerConfig.trustStorePassword: @encrypted values cannot be read: give the value through the environment instead, as @env:{NAME}",
    ]);
  });

  test("paths: relative to where they are written, and ${mgw-runtime.home}", async () => {
    const text = [
      "[listenerConfig]",
      'keyStorePath = "keys/server.pem"',
      'trustStorePath = "${mgw-runtime.home}/runtime/trust.p12"',
    ].join("\n");
    const { settings } = await settingsFrom(text, {
      env: { MGW_RUNTIME_HOME: "/opt/mgw" },
      overrides: [["httpClients.sslConfig.trustStorePath", "backends.pem"]],
    });
    assert.equal(settings.path("listenerConfig.keyStorePath"), "/etc/gateway/keys/server.pem");
    assert.equal(settings.path("listenerConfig.trustStorePath"), "/opt/mgw/runtime/trust.p12");
    assert.equal(settings.path("httpClients.sslConfig.trustStorePath"), "/srv/gateway/backends.pem");
    assert.deepEqual(await linesFrom(text), [
      "error: listenerConfig.trustStorePath: ${mgw-runtime.home} needs the environment variable MGW_RUNTIME_HOME; or write a plain path",
    ]);
  });
});

describe("tables", () => {
  test("issuers as an array, or as the one table of old (S-JWT-01)", async () => {
    const array = await settingsFrom(
      "[[jwtTokenConfig]]\nissuer='a'\naudience=['x','y']\n[[jwtTokenConfig]]\nissuer='b'\n",
    );
    const [first, second] = array.settings.tables("jwtTokenConfig");
    assert.deepEqual(first?.strings("audience"), ["x", "y"]);
    assert.equal(second?.string("issuer"), "b");
    assert.equal(second?.nameOf("issuer"), "jwtTokenConfig[1].issuer");
    const single = await settingsFrom("[jwtTokenConfig]\nissuer='a'\naudience='x, y'\n");
    assert.deepEqual(
      single.settings.tables("jwtTokenConfig").map((table) => [table.string("issuer"), table.strings("audience")]),
      [["a", ["x, y"]]],
    );
  });

  test("overrides reach into arrays of one; into longer ones by position", async () => {
    const two = "[[jwtTokenConfig]]\nissuer='a'\n[[jwtTokenConfig]]\nissuer='b'\n";
    const { settings } = await settingsFrom(two, { overrides: [["jwtTokenConfig[1].issuer", "c"]] });
    assert.deepEqual(
      settings.tables("jwtTokenConfig").map((table) => table.string("issuer")),
      ["a", "c"],
    );
    assert.deepEqual(await linesFrom(two, { env: { jwtTokenConfig_issuer: "c" } }), [
      "error: jwtTokenConfig.issuer: there are 2 tables jwtTokenConfig: say which, as in jwtTokenConfig[0]",
    ]);
    const none = await settingsFrom("", { env: { jwtTokenConfig_issuer: "c" } });
    assert.equal(none.settings.tables("jwtTokenConfig")[0]?.string("issuer"), "c");
  });

  test("users of file, environment and command line, sorted; names may hold dots and underscores", async () => {
    const { settings, report } = await settingsFrom(
      '[b7a.users."x.y"]\npassword = "1"\n[b7a.users.carol]\npassword = "2"\n',
      {
        env: { b7a_users_some_one_password: "3" },
        overrides: [
          ["b7a.users.x.y.password", "4"],
          ["b7a.users.carol.scopes", "a,b"],
        ],
      },
    );
    assert.deepEqual(report.lines(), []);
    assert.deepEqual(
      settings.named("b7a.users").map(([name, user]) => [name, user.string("password"), user.string("scopes")]),
      [
        ["carol", "2", "a,b"],
        ["some_one", "3", ""],
        ["x.y", "4", ""],
      ],
    );
  });
});

describe("endpoint overrides (T-OVR-01, T-OVR-04)", () => {
  test("from anywhere, by precedence", async () => {
    const { settings, report, checkOverrides } = await settingsFrom(
      'a_prod_endpoint_0 = "file"\nb_sand_endpoint_1 = "file"\n',
      {
        env: {
          a_prod_endpoint_0: "environment",
          b_sand_endpoint_1: "environment",
          c_prod_basic_password: "@env:{SECRET}",
          SECRET: "s",
        },
        overrides: [["a_prod_endpoint_0", "command line"]],
      },
    );
    assert.equal(settings.override("a_prod_endpoint_0"), "command line");
    assert.equal(settings.override("b_sand_endpoint_1"), "environment");
    assert.equal(settings.override("c_prod_basic_password"), "s");
    assert.equal(settings.override("d_prod_endpoint_0"), undefined);
    checkOverrides();
    assert.deepEqual(report.lines(), []);
  });

  test("one that nobody asks for is unknown", async () => {
    const { settings, report, checkOverrides } = await settingsFrom("", {
      overrides: [["myEndpiont_prod_endpoint_0", "http://user:password@host"]],
      compatibility: "standard",
    });
    settings.override("myEndpoint_prod_endpoint_0");
    checkOverrides();
    assert.deepEqual(report.lines(), [
      'error: myEndpiont_prod_endpoint_0 (command line): there is no such setting; did you mean "myEndpoint_prod_endpoint_0"?',
    ]);
  });
});
