import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { before, describe, test } from "node:test";
import { Ajv } from "ajv";
import { type Explainer, openExplainer } from "../../../../compiler/review/explain/explain.ts";
import type { Explanation } from "../../../../compiler/review/explain/explanation.ts";
import { renderExplanation } from "../../../../compiler/review/explain/render-text.ts";
import type { ReviewedRequest } from "../../../../compiler/review/explain/request.ts";
import { readSide } from "../../../../compiler/review/side.ts";

const fixtures = path.join(import.meta.dirname, "../../../../fixtures");
const schemaFile = path.join(import.meta.dirname, "../../../../compiler/review/explain/explanation.schema.json");
const validate = new Ajv({ strict: true, allErrors: true }).compile(JSON.parse(readFileSync(schemaFile, "utf8")));

async function explainerOf(project: string): Promise<Explainer> {
  const read = await readSide(project, fixtures);
  assert.ok("side" in read);
  const explainer = await openExplainer(read.side, undefined);
  assert.ok("explain" in explainer);
  return explainer;
}

/** A token that nobody has signed. */
function token(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part({ iss: "https://issuer.test", sub: "alice", exp: 4e9, ...claims })}.c2ln`;
}

type Asked = Partial<Omit<ReviewedRequest, "headers">> & { readonly headers?: Readonly<Record<string, string>> };

async function explained(explainer: Explainer, words: string, asked: Asked = {}): Promise<Explanation> {
  const [method = "", target = ""] = words.split(/ (.*)/s);
  const { headers = {}, ...more } = asked;
  const found = await explainer.explain({
    method,
    target,
    headers: Object.entries(headers),
    scheme: "http",
    listener: "api",
    from: "127.0.0.1",
    ...more,
  });
  assert.ok(validate(found), JSON.stringify(validate.errors));
  assert.doesNotMatch(JSON.stringify(found), /eyJ/, "no credential is repeated");
  return found;
}

/** Checks with their results, in short. */
function checksOf({ checks }: Explanation): string[] {
  return checks.map(({ check, result }) => `${check}: ${result}`);
}

describe("petstore", () => {
  let explainer: Explainer;
  before(async () => {
    explainer = await explainerOf("petstore");
  });

  test("a request that a backend gets", async () => {
    const found = await explained(explainer, "GET /petstore/v3/store/inventory?x=%20", {
      headers: { Authorization: `Bearer ${token({ scope: "read:pets", client_id: "c1" })}`, Accept: "*/*" },
    });
    assert.deepEqual(checksOf(found), [
      "request: passed",
      "path: passed",
      "route: passed",
      "authenticate: assumed",
      "require-scopes: passed",
      "throttle: passed",
      "require-key-type: passed",
      "forward: passed",
    ]);
    assert.deepEqual(found.path, {
      normalised: "/petstore/v3/store/inventory",
      query: "?x=%20",
      segments: ["petstore", "v3", "store", "inventory"],
    });
    assert.equal(found.operation?.id, "getInventory");
    assert.deepEqual(found.caller, { name: "alice", scheme: "jwt", keyType: "PRODUCTION", application: "c1" });
    const key = "api_6e0335a8e83902f8bc6da9e81380b5bd91ed8d71c6a6fc06cf7c9872f922d8ea_prod";
    assert.deepEqual(found.outcome, {
      kind: "forwarded",
      environment: "production",
      urls: [{ url: "https://petstore3.swagger.io/api/v3/store/inventory?x=%20", setting: `${key}_endpoint_0` }],
      headers: {
        added: [
          { name: "X-Forwarded-For", value: "127.0.0.1" },
          { name: "X-Forwarded-Proto", value: "http" },
          { name: "X-Forwarded-Host", value: "localhost:9090" },
          { name: "X-Request-ID" },
          { name: "Via", value: "1.1 castgate" },
        ],
        removed: ["Authorization"],
      },
    });
    assert.deepEqual(
      found.charges.map(({ level, tier, key }) => [level, tier, key]),
      [
        ["resource", "5PerMin", "res:19:/petstore/v3:1.0.27:getInventory"],
        ["subscription", "Default", "sub:2:c1:/petstore/v3:1.0.27"],
      ],
    );
    assert.deepEqual(found.assumptions, [
      "the token's issuer, audience and signature are accepted (--config names issuers)",
      "none of the quotas is used up",
      "the client has not failed to log in too often within this minute",
    ]);
  });

  test("each check with the place where it was written, and its line of generated code", async () => {
    const { checks } = await explained(explainer, "GET /petstore/v3/store/inventory");
    const generated = readFileSync(path.join(fixtures, "petstore/expected/generated/petstore-v3/store.ts"), "utf8");
    const source = readFileSync(path.join(fixtures, "petstore/api_definitions/petstore-v3.yaml"), "utf8").split("\n");
    const lineOf = (check: string) => {
      const found = checks.find((one) => one.check === check);
      assert.equal(found?.generated?.file, "generated/petstore-v3/store.ts");
      assert.equal(found.source?.file, "api_definitions/petstore-v3.yaml");
      const code = generated.split("\n")[(found.generated?.line ?? 0) - 1]?.trim();
      return [code, source[(found.source.line ?? 0) - 1]?.trim()];
    };
    assert.deepEqual(lineOf("authenticate"), [
      "const caller = await authenticate(x, petstoreV3Api, getInventoryAccess);",
      '- petstore_auth: ["read:pets"]',
    ]);
    assert.deepEqual(lineOf("forward")[0], "return forward(x, production);");
  });

  const refusals: readonly (readonly [words: string, asked: Asked, check: string, status: number, code: number])[] = [
    ["GET /petstore/v3/store/inventory", {}, "authenticate", 401, 900902],
    ["GET /petstore/v3/pet/7", { headers: { api_key: "nonsense" } }, "authenticate", 401, 900901],
    ["GET /petstore/v3/user/x", { headers: { Authorization: "Bearer a.b.c" } }, "authenticate", 401, 900901],
    [
      "GET /petstore/v3/user/x",
      { headers: { Authorization: `Bearer ${token({ exp: 1 })}` } },
      "authenticate",
      401,
      900901,
    ],
    ["GET /petstore/v3/user/x", { headers: { Authorization: "Basic YTpi" } }, "authenticate", 401, 900917],
    [
      "GET /petstore/v3/store/inventory",
      { headers: { Authorization: `Bearer ${token({ scope: "x" })}` } },
      "require-scopes",
      403,
      900910,
    ],
    [
      "GET /petstore/v3/user/x",
      { headers: { Authorization: `Bearer ${token({ application: { id: 1, tier: "NoSuch" } })}` } },
      "throttle",
      500,
      900809,
    ],
    [
      "GET /petstore/v3/user/x",
      { headers: { Authorization: `Bearer ${token({ keytype: "SANDBOX" })}` } },
      "require-key-type",
      403,
      900901,
    ],
    ["PATCH /petstore/v3/pet/7", {}, "method", 405, 405],
    ["GET /petstore/v3/nothing", {}, "route", 404, 404],
    ["GET /nothing", {}, "route", 404, 404],
    ["GET /petstore/v3/pet/..", {}, "path", 400, 400],
    ["GET /petstore/v3/pet//7", {}, "path", 400, 400],
    ["GET /petstore/v3/pet/a%2Fb", {}, "path", 400, 400],
    [`GET /petstore/v3/pet/${"x".repeat(5_000)}`, {}, "request", 414, 414],
    ["GET /petstore/v3/pet/7", { headers: { "X-Long": "x".repeat(8_192) } }, "request", 431, 431],
    ["GET /petstore/v3/pet/7", { headers: { Host: "a b" } }, "request", 400, 400],
    ["GET /petstore/v3/pet 7", {}, "request", 400, 400],
    ["FOO /petstore/v3/pet/7", {}, "request", 400, 400],
    ["CONNECT /petstore/v3/pet/7", {}, "request", 400, 400],
  ];
  for (const [words, asked, check, status, code] of refusals)
    test(`${words.slice(0, 60)}: ${status}/${code} by ${check}`, async () => {
      const { outcome, checks, charges } = await explained(explainer, words, asked);
      assert.ok(outcome.kind === "refused");
      assert.deepEqual([outcome.check, outcome.status, outcome.fault?.code], [check, status, code]);
      assert.equal(checks.filter(({ result }) => result === "refused").length, 1);
      assert.equal(checks.find(({ result }) => result === "refused")?.check, check);
      // Limits come before the key type.
      assert.equal(charges.length > 0, check === "require-key-type");
    });

  test("what is allowed stands in the answer to another method", async () => {
    const { outcome } = await explained(explainer, "PATCH /petstore/v3/pet/7");
    assert.ok(outcome.kind === "refused");
    assert.deepEqual(
      outcome.headers.find(([name]) => name === "Allow"),
      ["Allow", "GET, POST, DELETE"],
    );
  });

  test("a preflight, and a path of the gateway's own", async () => {
    const preflight = await explained(explainer, "OPTIONS /petstore/v3/pet/7");
    assert.equal(preflight.outcome.kind, "answered");
    const health = await explained(explainer, "GET /health");
    assert.ok(health.outcome.kind === "answered" && health.outcome.check === "service");
    assert.equal(health.outcome.body, '{"status":"healthy"}');
  });

  test("as a text", async () => {
    const found = await explained(explainer, "GET /petstore/v2/user/login?x=1");
    assert.equal(
      // Lines of generated code are those of another test.
      renderExplanation(found).replace(/\.ts:\d+/g, ".ts:N"),
      `GET /petstore/v2/user/login?x=1 over http, from 127.0.0.1

  path       /petstore/v2/user/login?x=1
  API        Swagger Petstore 1.0.7 at /petstore/v2  api_definitions/petstore-v2.json:1:1
  operation  loginUser: GET /user/login  api_definitions/petstore-v2.json:591:7

Checks, in order:
  passes   request          the request is well-formed, and no larger than it may be
  passes   path             the path reads alike for everybody
  passes   route            /user/login of Swagger Petstore 1.0.7
                            api_definitions/petstore-v2.json:591:7  generated/petstore-v2/router.ts:N
  passes   public           nobody has to log in: security: []; callers log in here
                            api_definitions/petstore-v2.json:591:14  generated/petstore-v2/user.ts:N
  passes   throttle         quota of clients without credentials (Unauthenticated)
                            api_definitions/petstore-v2.json:591:14  generated/petstore-v2/user.ts:N
  passes   forward          to the backend
                            api_definitions/petstore-v2.json:18:34  generated/petstore-v2/user.ts:N

Forwarded to the production backend:
  https://petstore.swagger.io/v2/user/login?x=1  (setting api_1f7e2e6fceb24daeae1b5961de093ab51d195fd0a94588a2cc69f6049148704e_prod_endpoint_0)
  + X-Forwarded-For: 127.0.0.1
  + X-Forwarded-Proto: http
  + X-Forwarded-Host: localhost:9090
  + X-Request-ID
  + Via: 1.1 castgate

Counted:
  unauthenticated  Unauthenticated: 500 in 60 s  open:127.0.0.1 /petstore/v2:1.0.7

Assumed:
  - none of the quotas is used up
`,
    );
  });
});

test("as a text, what has no path has no empty part for it", async () => {
  const found = await explained(await explainerOf("petstore"), "GET /a/../b");
  assert.match(
    renderExplanation(found),
    /^GET \/a\/\.\.\/b over http, from 127\.0\.0\.1\n\nChecks, in order:\n {2}passes/,
  );
});

test("several credentials are assumed to be right, malformed ones are not", async () => {
  const explainer = await explainerOf("shop");
  const basic = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString("base64")}` });
  const good = await explained(explainer, "GET /catalogue/v2/items", { headers: basic("bob:password") });
  assert.equal(good.outcome.kind, "forwarded");
  assert.deepEqual(
    good.charges.map(({ level, key }) => [level, key]),
    [
      ["api", "api:/catalogue/v2:2.0"],
      ["subscription", "sub:9:anonymous:/catalogue/v2:2.0"],
    ],
  );
  for (const text of ["no colon", "bob:"]) {
    const { outcome } = await explained(explainer, "GET /catalogue/v2/items", { headers: basic(text) });
    assert.ok(outcome.kind === "refused" && outcome.check === "authenticate", text);
  }
});

test("several backends, and the way in which one is chosen", async () => {
  const explainer = await explainerOf("resilience");
  const { outcome } = await explained(explainer, "GET /resilience/even");
  assert.ok(outcome.kind === "forwarded");
  assert.equal(outcome.choice, "least-requests");
  assert.deepEqual(
    outcome.urls.map(({ url }) => url),
    ["https://a.test/even", "https://b.test/even", "https://c.test/even"],
  );
});

test("a client certificate is assumed to be mapped to the API", async () => {
  const explainer = await explainerOf("certificates");
  const without = await explained(explainer, "GET /partners/certificate", { scheme: "https" });
  assert.ok(without.outcome.kind === "refused" && without.outcome.check === "authenticate");
  const certificate = Buffer.from("any");
  const shown = await explained(explainer, "GET /partners/certificate", { scheme: "https", certificate });
  assert.equal(shown.outcome.kind, "forwarded");
  assert.ok(shown.assumptions.some((text) => text.startsWith("the client certificate is one")));
});

test("a key in the query is repeated nowhere, and cookies are not shown", async () => {
  const explainer = await explainerOf("access");
  const key = token({ sub: "secret" });
  const two = await explained(explainer, `GET /access/two-keys?a=b&key=${key}`, { headers: { "X-Key": key } });
  assert.equal(two.outcome.kind, "forwarded");
  assert.equal(two.request.target, "/access/two-keys?a=b&key=***");
  assert.ok(two.outcome.kind === "forwarded");
  assert.equal(two.outcome.urls[0]?.url, "https://backend.test/access/two-keys?a=b");
  const cookie = await explained(explainer, "GET /access/cookie", { headers: { Cookie: `session=abc; sid=${key}` } });
  assert.ok(cookie.outcome.kind === "forwarded");
  assert.deepEqual(
    cookie.outcome.headers.added.filter(({ name }) => name === "Cookie"),
    [{ name: "Cookie" }],
  );
});

test("a proof of possession is judged by the host that the client calls", async () => {
  const explainer = await explainerOf("possession");
  const { Prover } = await import("../../../explained/credentials.ts");
  const prover = new Prover();
  const bound = token({ scope: "read", cnf: { jkt: prover.thumbprint } });
  const asked = (url: string) =>
    explained(explainer, "GET /accounts/mine", {
      headers: {
        Host: "api.test",
        Authorization: `DPoP ${bound}`,
        DPoP: prover.proof("GET", url, bound, "once", {}),
      },
    });
  for (let i = 0; i < 2; i++) assert.equal((await asked("http://api.test/accounts/mine")).outcome.kind, "forwarded");
  const { outcome } = await asked("http://evil.test/accounts/mine");
  assert.ok(outcome.kind === "refused");
  assert.equal(outcome.reason, "dpop: for another target");
});

test("one thing after another: what was asked before has no part in it", async () => {
  const explainer = await explainerOf("access");
  const once = async () => {
    const { charges, assumptions, outcome } = await explained(explainer, "GET /access/bearer", {
      headers: { Authorization: `Bearer ${token({})}` },
    });
    return { charges, assumptions, outcome };
  };
  const first = await once();
  await explained(explainer, "GET /access/open");
  // Its tier is 2PerDay.
  for (let i = 0; i < 3; i++) assert.deepEqual(await once(), first);
  assert.equal(first.charges.length, 1);
});
