import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CorsRules, cors } from "../../../runtime-lib/cors.ts";
import { policyMissing } from "../../../runtime-lib/respond.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";

const rules: CorsRules = {
  allowOrigins: ["https://ui.test", "http://other.test:8080"],
  allowMethods: ["GET", "PUT"],
  allowHeaders: ["Authorization", "X-Trace"],
  exposeHeaders: ["X-CUSTOM-HEADER"],
  allowCredentials: true,
};
const any: CorsRules = {
  allowOrigins: [],
  allowMethods: [],
  allowHeaders: [],
  exposeHeaders: [],
  allowCredentials: false,
};

function decorated(headers: readonly string[], given: CorsRules = rules): readonly string[] {
  const x = new RecordedExchange({ headers });
  cors(given).decorate(x);
  return x.answerHeaders;
}

function preflight(
  headers: readonly string[],
  given: CorsRules = rules,
  compatibility: "wso2-3.2" | "standard" = "wso2-3.2",
) {
  const x = new RecordedExchange({ method: "OPTIONS", headers, compatibility });
  const crossOrigin = cors(given);
  crossOrigin.decorate(x);
  crossOrigin.preflight(x, ["GET", "PUT", "DELETE"]);
  return x.answer;
}

const failed = [
  ["Allow", "GET, PUT, DELETE, OPTIONS"],
  ["Vary", "Origin"],
];

describe("simple requests", () => {
  test("an allowed origin is echoed (S-COR-05), with Vary (S-SEC-14)", () => {
    assert.deepEqual(decorated(["Origin", "https://ui.test"]), [
      "Vary",
      "Origin",
      "Access-Control-Allow-Origin",
      "https://ui.test",
      "Access-Control-Allow-Credentials",
      "true",
      "Access-Control-Expose-Headers",
      "X-CUSTOM-HEADER",
    ]);
  });

  test("any other gets no field: case, port, null, none, two (S-COR-04, 06)", () => {
    for (const headers of [
      ["Origin", "https://UI.test"],
      ["Origin", "https://ui.test:8443"],
      ["Origin", "https://ui.test.evil.test"],
      ["Origin", "null"],
      ["Origin", "https://ui.test, https://ui.test"],
      ["Origin", "https://ui.test", "origin", "https://ui.test"],
      [],
    ]) {
      assert.deepEqual(decorated(headers), ["Vary", "Origin"]);
    }
  });

  test("no list, or * alone: any origin but null (S-COR-03); * among others is a name like any", () => {
    for (const allowOrigins of [[], ["*"]]) {
      assert.deepEqual(decorated(["Origin", "https://a.test"], { ...any, allowOrigins }), [
        "Vary",
        "Origin",
        "Access-Control-Allow-Origin",
        "https://a.test",
      ]);
      assert.deepEqual(decorated(["Origin", "null"], { ...any, allowOrigins }), ["Vary", "Origin"]);
    }
    assert.deepEqual(decorated(["Origin", "https://a.test"], { ...any, allowOrigins: ["*", "https://b.test"] }), [
      "Vary",
      "Origin",
    ]);
  });

  test("any origin never has credentials (S-SEC-14)", () => {
    const fields = decorated(["Origin", "https://a.test"], { ...any, allowCredentials: true });
    assert.ok(!fields.includes("Access-Control-Allow-Credentials"));
  });

  test("faults carry them too (S-COR-05)", () => {
    const x = new RecordedExchange({ headers: ["Origin", "https://ui.test"] });
    cors(rules).decorate(x);
    policyMissing(x);
    assert.equal(x.answer?.status, 500);
    assert.ok(x.answer?.headers.some(([name]) => name === "Access-Control-Allow-Origin"));
  });
});

describe("preflight", () => {
  test("success (S-COR-07, 08)", () => {
    const answer = preflight([
      "Origin",
      "https://ui.test",
      "Access-Control-Request-Method",
      "PUT",
      "Access-Control-Request-Headers",
      "authorization,  x-trace",
    ]);
    assert.deepEqual(answer, {
      status: 200,
      body: "",
      headers: [
        ["Access-Control-Allow-Origin", "https://ui.test"],
        ["Access-Control-Allow-Credentials", "true"],
        ["Access-Control-Allow-Methods", "PUT"],
        ["Access-Control-Allow-Headers", "authorization, x-trace"],
        ["Access-Control-Max-Age", "-1"],
        ["Vary", "Origin"],
      ],
    });
  });

  test("standard: 204, and the browser's own caching", () => {
    const answer = preflight(["Origin", "https://ui.test", "Access-Control-Request-Method", "GET"], rules, "standard");
    assert.equal(answer?.status, 204);
    assert.ok(!answer?.headers.some(([name]) => name === "Access-Control-Max-Age"));
  });

  test("how long a preflight is kept", () => {
    for (const compatibility of ["wso2-3.2", "standard"] as const) {
      const given = { ...rules, maxAgeSeconds: 600 };
      const asked = ["Origin", "https://ui.test", "Access-Control-Request-Method", "GET"];
      const answer = preflight(asked, given, compatibility);
      assert.ok(answer?.headers.some(([name, value]) => name === "Access-Control-Max-Age" && value === "600"));
      const refused = preflight(["Origin", "https://evil.test", ...asked.slice(2)], given, compatibility);
      assert.ok(!refused?.headers.some(([name]) => name === "Access-Control-Max-Age"));
    }
  });

  test("HEAD falls back to GET", () => {
    const answer = preflight(["Origin", "https://a.test", "Access-Control-Request-Method", "HEAD"], any);
    assert.ok(answer?.headers.some(([name, value]) => name === "Access-Control-Allow-Methods" && value === "HEAD"));
  });

  const refusals: readonly (readonly [why: string, headers: readonly string[]])[] = [
    ["no origin", ["Access-Control-Request-Method", "GET"]],
    ["null", ["Origin", "null", "Access-Control-Request-Method", "GET"]],
    ["foreign origin", ["Origin", "https://evil.test", "Access-Control-Request-Method", "GET"]],
    ["no method", ["Origin", "https://ui.test"]],
    [
      "two methods",
      ["Origin", "https://ui.test", "Access-Control-Request-Method", "GET", "Access-Control-Request-Method", "PUT"],
    ],
    ["method not on the path", ["Origin", "https://ui.test", "Access-Control-Request-Method", "POST"]],
    ["method not allowed", ["Origin", "https://ui.test", "Access-Control-Request-Method", "DELETE"]],
    ["method in another case", ["Origin", "https://ui.test", "Access-Control-Request-Method", "get"]],
    [
      "header not allowed",
      [
        "Origin",
        "https://ui.test",
        "Access-Control-Request-Method",
        "GET",
        "Access-Control-Request-Headers",
        "authorization, x-other",
      ],
    ],
    [
      "header that is no token",
      ["Origin", "https://ui.test", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "a b"],
    ],
  ];
  for (const [why, headers] of refusals) {
    test(`${why}: Allow, and no CORS field (S-COR-09)`, () => {
      assert.deepEqual(preflight(headers), { status: 200, body: "", headers: failed });
    });
  }
});
