import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { type CompiledProject, freePort, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { ask, compileParts, definition, get } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const apis = {
  pets: definition(
    "Pets",
    { security: [{ token: [] }, { user: [] }, { key: [] }] },
    { "/x": get(), "/public": get({ "x-wso2-disable-security": true }) },
  ),
};
const policies = {
  applicationPolicies: [{ Team: { count: 9999, unitTime: 1, timeUnit: "day" } }],
  subscriptionPolicies: ["Default", "Gold", "Unauthenticated"].map((name) => ({
    [name]: { count: 9999, unitTime: 1, timeUnit: "day" },
  })),
};
const dialect = "http://wso2.org/claims";

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  const original = compatibility === "wso2-3.2";
  describe(`backend JWTs, ${compatibility}`, () => {
    const issuer = new TestIssuer("https://issuer.test");
    const password = "a password";
    let backend: StubBackend;
    let project: CompiledProject;
    let gateway: RunningGateway;

    before(async () => {
      const features = original ? [] : ["backend-jwt"];
      [backend, project] = await Promise.all([
        StubBackend.start(),
        compileParts("callers", { compatibility, features, apis, policies }),
      ]);
      const store = path.join(project.folder, "own.pem");
      writeFileSync(store, issuer.privateKeyPem + issuer.certificatePem);
      gateway = await startGateway(project, {
        issuer,
        backend,
        settings: `[b7a.users.carol]
password = "@sha256:{${createHash("sha256").update(password).digest("hex")}}"
[jwtGeneratorConfig]
jwtGeneratorEnabled = true
privateKeyAlias = "own"
restrictedClaims = ["secret"]
`,
        args: [`--listenerConfig.httpsPort=${await freePort()}`, `--listenerConfig.keyStorePath=${store}`],
      });
    });
    after(async () => {
      await gateway?.stop();
      await backend?.stop();
      project?.remove();
    });
    beforeEach(() => {
      backend.seen.length = 0;
    });

    /** What the backend is told of the caller. */
    async function told(headers: Readonly<Record<string, string>>, at = "/pets/x"): Promise<string | undefined> {
      const answer = await ask(gateway.origin + at, { headers: { "x-jwt-assertion": "mine", ...headers } });
      assert.equal(answer.status, 200, answer.body);
      assert.equal(backend.seen.length, 1);
      const [seen] = backend.seen.splice(0);
      return seen?.headers["x-jwt-assertion"] as string | undefined;
    }
    const bearer = (claims: object) => ({ authorization: `Bearer ${issuer.token({ ...claims })}` });

    function claimsOf(token: string | undefined): { header: Record<string, unknown>; claims: Record<string, unknown> } {
      const [header = "", claims = "", signature = ""] = (token ?? "").split(".");
      const key = createPublicKey(issuer.certificatePem);
      assert.ok(verify("sha256", Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, "base64url")));
      const decoded = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
      return { header: decoded(header), claims: decoded(claims) };
    }

    test("S-BJW-02: the one that the caller's token brings passes as it is", async () => {
      assert.equal(await told(bearer({ backendJwt: "made.by.others" })), "made.by.others");
    });

    test("S-BJW-05: who calls what, in the dialect", async () => {
      const { header, claims } = claimsOf(
        await told(
          bearer({
            sub: "alice",
            keytype: "PRODUCTION",
            application: { id: 7, uuid: "u-7", name: "Shop", tier: "Team", owner: "bob@acme.test" },
            subscribedAPIs: [{ name: "Pets", version: "1.0.0", subscriptionTier: "Gold" }],
          }),
        ),
      );
      assert.equal(header.alg, "RS256");
      assert.equal(header.typ, "JWT");
      const { iat, exp, jti, aud, ...others } = claims;
      assert.equal(Number(exp) - Number(iat), 900);
      assert.equal(typeof jti, "string");
      assert.equal(aud, "Pets", "S-SEC-10: the original wrote none");
      assert.deepEqual(others, {
        iss: "wso2.org/products/am",
        sub: "alice",
        [`${dialect}/enduser`]: "alice",
        [`${dialect}/applicationid`]: "7",
        [`${dialect}/applicationUUId`]: "u-7",
        [`${dialect}/subscriber`]: "bob@acme.test",
        [`${dialect}/applicationname`]: "Shop",
        [`${dialect}/applicationtier`]: "Team",
        [`${dialect}/apiname`]: "Pets",
        [`${dialect}/enduserTenantDomain`]: "acme.test",
        [`${dialect}/apicontext`]: "/pets",
        [`${dialect}/version`]: "1.0.0",
        [`${dialect}/tier`]: "Gold",
        [`${dialect}/keytype`]: "PRODUCTION",
        [`${dialect}/usertype`]: "Application_User",
      });
    });
    test("S-BJW-05: what is not known is left out", async () => {
      const { claims } = claimsOf(await told(bearer({ sub: "alice" })));
      const { iat, exp, jti, aud, ...others } = claims;
      assert.ok(iat && exp && jti && aud);
      assert.deepEqual(Object.keys(others).sort(), [
        `${dialect}/apicontext`,
        `${dialect}/apiname`,
        `${dialect}/enduser`,
        `${dialect}/keytype`,
        `${dialect}/usertype`,
        `${dialect}/version`,
        "iss",
        "sub",
      ]);
    });

    test("S-BJW-06: other claims pass but for those restricted; the gateway's own word wins", async () => {
      const mine = {
        colour: "blue",
        scopes: ["a"],
        secret: "x",
        tierInfo: { a: 1 },
        [`${dialect}/enduser`]: "mallory",
      };
      const { claims } = claimsOf(await told(bearer({ sub: "alice", ...mine })));
      assert.equal(claims.colour, "blue");
      assert.deepEqual(claims.scopes, ["a"]);
      assert.equal(claims.secret, undefined);
      assert.equal(claims.tierInfo, undefined);
      assert.equal(claims[`${dialect}/enduser`], "alice");
    });

    test("S-BJW-03, S-BJW-10: none for others, and never the client's own", async () => {
      const basic = `Basic ${Buffer.from(`carol:${password}`).toString("base64")}`;
      assert.equal(await told({ authorization: basic }), undefined);
      assert.equal(await told({ "x-key": issuer.token({ iss: "https://issuer.test/apikey" }) }), undefined);
      assert.equal(await told({}, "/pets/public"), undefined);
    });
  });
}
