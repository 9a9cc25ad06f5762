import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Caller } from "../../../runtime-lib/caller.ts";
import type { Refusal } from "../../../runtime-lib/exchange.ts";
import {
  allow,
  backendFault,
  fault,
  forbidden,
  methodNotAllowed,
  noEndpoint,
  notBuilt,
  policyMissing,
  refuse,
  tooManyRequests,
  unknownApi,
  unknownResource,
} from "../../../runtime-lib/respond.ts";
import type { Denied } from "../../../runtime-lib/throttle.ts";
import { fieldOf, RecordedExchange } from "../../support/recorded-exchange.ts";

const caller: Caller = {
  name: "ann",
  scheme: "jwt",
  scopes: new Set(),
  scopesApply: true,
  keyType: "PRODUCTION",
  application: { id: "1", tier: "Unlimited", subscriptions: [] },
  claims: {},
  consumerKey: "",
  revocationIds: [],
};

const denied: Denied = {
  allowed: false,
  level: "resource",
  code: 900802,
  tier: { tier: "10PerMin", count: 10, windowMs: 60_000 },
  retryAfterSeconds: 17,
};

function refused(
  code: number,
  compatibility: "wso2-3.2" | "standard",
  challenges?: readonly ("oauth2" | "basic")[],
  more: Partial<Refusal> = {},
) {
  const x = new RecordedExchange({ compatibility });
  x.refusal = { status: 401, code, reason: "test", ...(challenges && { challenges }), ...more };
  refuse(x);
  return x;
}

describe("bodies byte for byte (S-ERR-R1, R2)", () => {
  const bodies: readonly (readonly [code: number, status: number, body: string])[] = [
    [
      900900,
      500,
      '{"fault":{"code":900900, "message":"Unclassified Authentication Failure", "description":"Unclassified Authentication Failure. Unclassified Authentication Failure"}}',
    ],
    [
      900901,
      401,
      '{"fault":{"code":900901, "message":"Invalid Credentials", "description":"Invalid Credentials. Make sure you have given the correct access token"}}',
    ],
    [
      900902,
      401,
      '{"fault":{"code":900902, "message":"Missing Credentials", "description":"Missing Credentials. Make sure your API request provides required credentials"}}',
    ],
    [
      900908,
      403,
      '{"fault":{"code":900908, "message":"Resource forbidden ", "description":"Resource forbidden . Unclassified Authentication Failure"}}',
    ],
    [
      900911,
      401,
      '{"fault":{"code":900911, "message":"Invalid Credentials", "description":"Invalid Credentials. Make sure you have given the correct username and password"}}',
    ],
    [
      900912,
      401,
      '{"fault":{"code":900912, "message":"Invalid Format", "description":"Invalid Format. Make sure you have given the credentials in correct format with \\":\\" character"}}',
    ],
    [
      900917,
      401,
      '{"fault":{"code":900917, "message":"Invalid Authentication scheme", "description":"Invalid Authentication scheme. API can not be used with this authentication scheme"}}',
    ],
  ];
  for (const [code, status, body] of bodies) {
    test(String(code), () => {
      for (const compatibility of ["wso2-3.2", "standard"] as const) {
        const x = refused(code, compatibility, ["oauth2"]);
        assert.equal(x.answer?.status, status);
        assert.equal(x.answer?.body, body);
        assert.deepEqual(fieldOf(x, "content-type"), ["application/json"]);
        assert.equal(x.refusal?.status, status);
      }
    });
  }

  test("a code that nobody knows is a 500, never an open door", () => {
    assert.equal(refused(123, "wso2-3.2").answer?.status, 500);
  });

  test("no refusal noted: 401", () => {
    const x = new RecordedExchange();
    refuse(x);
    assert.equal(x.answer?.status, 401);
  });

  test("key source away: 503, not the client's fault (S-SEC-12)", () => {
    const x = refused(0, "wso2-3.2", ["oauth2"]);
    assert.equal(x.answer?.status, 503);
    assert.deepEqual(fieldOf(x, "retry-after"), ["5"]);
    assert.deepEqual(fieldOf(x, "www-authenticate"), []);
  });
});

describe("WWW-Authenticate of a 401", () => {
  const tail = ', error="invalid token" , error_description="The access token expired"';
  const original: readonly (readonly [readonly ("oauth2" | "basic")[], string])[] = [
    [["oauth2"], `OAuth2 realm="WSO2 API Microgateway"${tail}`],
    [["basic"], `Basic Auth realm="WSO2 API Microgateway"${tail}`],
    [["oauth2", "basic"], `OAuth2 realm="WSO2 API Microgateway" Basic Auth realm="WSO2 API Microgateway"${tail}`],
    [[], tail],
  ];
  for (const [challenges, value] of original) {
    test(`wso2-3.2, ${challenges.join(" and ") || "API key only"} (S-ERR-R4)`, () => {
      assert.deepEqual(fieldOf(refused(900901, "wso2-3.2", challenges), "www-authenticate"), [value]);
    });
  }

  test("standard: RFC 6750 names the error only of a token that was offered and is wrong", () => {
    const basic = 'Basic realm="castgate", charset="UTF-8"';
    const of = (code: number, tokenOffered: boolean) =>
      fieldOf(refused(code, "standard", ["oauth2", "basic"], { tokenOffered }), "www-authenticate");
    for (const code of [900901, 900903, 900904, 900905])
      assert.deepEqual(of(code, true), [`Bearer realm="castgate", error="invalid_token", ${basic}`]);
    // A wrong key, a wrong password; a token that is fine beside what is missing, not enabled or blocked.
    for (const code of [900901, 900911]) assert.deepEqual(of(code, false), [`Bearer realm="castgate", ${basic}`]);
    for (const code of [900902, 900907, 900909, 900917])
      assert.deepEqual(of(code, true), [`Bearer realm="castgate", ${basic}`]);
    assert.deepEqual(fieldOf(refused(900901, "standard", []), "www-authenticate"), ['ApiKey realm="castgate"']);
  });
});

describe("a missing scope (S-ERR-11)", () => {
  const body =
    '{"fault":{"code":900910, "message":"The access token does not allow you to access the requested resource", "description":"The access token does not allow you to access the requested resource"}}';

  test("wso2-3.2 sends no challenge", () => {
    const x = new RecordedExchange();
    forbidden(x, caller, ["read:pets"]);
    assert.equal(x.answer?.status, 403);
    assert.equal(x.answer?.body, body);
    assert.deepEqual(fieldOf(x, "www-authenticate"), []);
    assert.equal(x.refusal?.code, 900910);
  });

  test("standard: insufficient_scope with the scopes that can stand in it", () => {
    const x = new RecordedExchange({ compatibility: "standard" });
    forbidden(x, caller, ["read:pets", 'bad"\r\nscope', "write:pets"]);
    assert.equal(x.answer?.body, body);
    const challenge = 'Bearer realm="castgate", error="insufficient_scope", scope="read:pets write:pets"';
    assert.deepEqual(fieldOf(x, "www-authenticate"), [challenge]);
    const opaque = new RecordedExchange({ compatibility: "standard" });
    forbidden(opaque, { ...caller, scheme: "opaque" }, ["read:pets", "write:pets"]);
    assert.deepEqual(fieldOf(opaque, "www-authenticate"), [challenge]);
  });
});

test("a scope that an alternative of its own misses: the same answer", () => {
  const x = refused(900910, "standard", ["oauth2"]);
  assert.equal(x.answer?.status, 403);
  assert.deepEqual(fieldOf(x, "www-authenticate"), ['Bearer realm="castgate", error="insufficient_scope"']);
  const named = refused(900910, "standard", ["oauth2"], { scopes: ["read", "write"] });
  const challenge = 'Bearer realm="castgate", error="insufficient_scope", scope="read write"';
  assert.deepEqual(fieldOf(named, "www-authenticate"), [challenge]);
  assert.deepEqual(fieldOf(refused(900910, "wso2-3.2", ["oauth2"]), "www-authenticate"), []);
});

describe("quota (S-ERR-16 to 22)", () => {
  test("wso2-3.2: the original's body, and Retry-After", () => {
    const x = new RecordedExchange();
    tooManyRequests(x, denied);
    assert.equal(x.answer?.status, 429);
    assert.equal(
      x.answer?.body,
      '{"fault":{"code":900802, "message":"Message throttled out", "description":"You have exceeded your quota"}}',
    );
    assert.deepEqual(fieldOf(x, "retry-after"), ["17"]);
    assert.deepEqual(fieldOf(x, "ratelimit"), []);
  });

  test("standard: RateLimit fields, hostile tier names made harmless", () => {
    const x = new RecordedExchange({ compatibility: "standard" });
    tooManyRequests(x, { ...denied, tier: { ...denied.tier, tier: 'a"b\\c\r\nd' } });
    assert.deepEqual(fieldOf(x, "ratelimit-policy"), ['"a\\"b\\\\c??d";q=10;w=60']);
    assert.deepEqual(fieldOf(x, "ratelimit"), ['"a\\"b\\\\c??d";r=0;t=17']);
  });

  test("an unknown tier of the caller is a 500, in both", () => {
    for (const compatibility of ["wso2-3.2", "standard"] as const) {
      const x = new RecordedExchange({ compatibility });
      tooManyRequests(x, { ...denied, code: 900809 });
      assert.equal(x.answer?.status, 500);
      assert.equal(
        x.answer?.body,
        '{"fault":{"code":900809, "message":"Internal server error occured", "description":"POLICY ENFORCEMENT ERROR"}}',
      );
      assert.deepEqual(fieldOf(x, "retry-after"), []);
    }
  });

  test("a tier of the operation that nobody defined", () => {
    const x = new RecordedExchange();
    policyMissing(x);
    assert.equal(x.answer?.status, 500);
    assert.equal(x.refusal?.code, 900809);
  });
});

describe("unknown paths and methods", () => {
  test("plain text (S-ERR-29 to 31)", () => {
    const api = new RecordedExchange({ path: "/nowhere/at%20all" });
    unknownApi(api, "text");
    assert.equal(api.answer?.status, 404);
    assert.equal(api.answer?.body, "no matching service found for path : /nowhere/at%20all");
    assert.deepEqual(fieldOf(api, "content-type"), ["text/plain"]);

    const resource = new RecordedExchange({ path: "/petstore/v1/nope", method: "POST" });
    unknownResource(resource, "text");
    assert.equal(resource.answer?.body, "no matching resource found for path : /petstore/v1/nope , method : POST");

    const method = new RecordedExchange({ path: "/petstore/v1/pet" });
    methodNotAllowed(method, ["PUT", "POST"], "text");
    assert.equal(method.answer?.status, 405);
    assert.equal(method.answer?.body, "Method not allowed");
    assert.deepEqual(fieldOf(method, "allow"), ["PUT, POST"]);
  });

  test("status report (S-ERR-33, 34)", () => {
    const x = new RecordedExchange();
    unknownResource(x, "status-report");
    assert.equal(
      x.answer?.body,
      '{"code":404, "type":"Status report", "message":"Runtime Error", "description":"No matching resource found for given API Request"}',
    );
    const y = new RecordedExchange();
    methodNotAllowed(y, ["GET"], "status-report");
    assert.equal(
      y.answer?.body,
      '{"code":405, "type":"Status report", "message":"Runtime Error", "description":"Method not allowed for given API resource"}',
    );
    assert.deepEqual(fieldOf(y, "allow"), ["GET"]);
  });

  test("fault JSON repeats nothing of the request", () => {
    const x = new RecordedExchange({ compatibility: "standard", path: "/<script>" });
    unknownApi(x, "fault");
    assert.equal(
      x.answer?.body,
      '{"fault":{"code":404, "message":"Not Found", "description":"No API is mounted at this path"}}',
    );
  });

  test("text from the request is bounded and holds no markup", () => {
    const x = new RecordedExchange({ path: `/<b>"\u0000\r\n${"a".repeat(5000)}` });
    unknownApi(x, "text");
    const body = x.answer?.body ?? "";
    assert.match(body, /^no matching service found for path : \/%3cb%3e%22%0%d%aa+\.\.\.$/);
    assert.ok(body.length < 1200);
  });

  test("OPTIONS that nobody declared (S-COR-09)", () => {
    const x = new RecordedExchange({ method: "OPTIONS" });
    allow(x, ["GET", "POST"]);
    assert.equal(x.answer?.status, 200);
    assert.equal(x.answer?.body, "");
    assert.deepEqual(fieldOf(x, "allow"), ["GET, POST, OPTIONS"]);
  });
});

describe("backends", () => {
  const body = '{"fault":{"code":101503, "message":"Runtime Error", "description":"Error connecting to the back end"}}';

  test("wso2-3.2: 500 whatever the cause (S-ERR-26)", () => {
    for (const failure of ["unreachable", "timeout", "unavailable"] as const) {
      const x = new RecordedExchange();
      backendFault(x, failure, "connect ECONNREFUSED");
      assert.equal(x.answer?.status, 500);
      assert.equal(x.answer?.body, body);
      assert.equal(x.refusal?.reason, "connect ECONNREFUSED");
    }
  });

  test("standard: 502, 504, 503 with Retry-After, same body", () => {
    const answers = (["unreachable", "timeout", "unavailable"] as const).map((failure) => {
      const x = new RecordedExchange({ compatibility: "standard" });
      backendFault(x, failure, "test");
      assert.equal(x.answer?.body, body);
      return [x.answer?.status, ...fieldOf(x, "retry-after")];
    });
    assert.deepEqual(answers, [[502], [504], [503, "5"]]);
  });

  test("no backend for keys of this type (S-ERR-28)", () => {
    const x = new RecordedExchange();
    noEndpoint(x, "SANDBOX");
    assert.equal(x.answer?.status, 403);
    assert.equal(
      x.answer?.body,
      '{"ERROR_CODE":"900901", "ERROR_MESSAGE":"Sandbox key offered to the API with no sandbox endpoint"}',
    );
  });

  test("what is not built answers 501 and says what", () => {
    const x = new RecordedExchange();
    notBuilt(x, ["circuit-breaker", "retry"]);
    assert.equal(x.answer?.status, 501);
    assert.equal(
      x.answer?.body,
      '{"fault":{"code":501, "message":"Not Implemented", "description":"This operation needs circuit-breaker, retry, which this gateway does not have"}}',
    );
  });

  test("statuses that the original never sent", () => {
    const x = new RecordedExchange();
    fault(x, 413, "The body is larger than allowed");
    assert.equal(
      x.answer?.body,
      '{"fault":{"code":413, "message":"Content Too Large", "description":"The body is larger than allowed"}}',
    );
    assert.deepEqual(x.refusal, { status: 413, code: 413, reason: "The body is larger than allowed" });
  });
});
