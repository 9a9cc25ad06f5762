import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign, X509Certificate } from "node:crypto";
import { request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type CompiledProject,
  compileProject,
  type Ports,
  type RunningGateway,
  startGateway,
} from "../../support/gateway-under-test.ts";
import { type Identity, identity } from "../../support/self-signed.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

/** Proofs of possession (RFC 9449) against the bundle of `fixtures/possession`. */

const server = identity("gateway", { type: 2, value: "localhost" });
const client = identity("client");
const issuer = new TestIssuer("https://issuer.test");
const algs = "ES256 ES384 ES512 EdDSA PS256 PS384 PS512 RS256 RS384 RS512";

const mapping = `
[[mutualSSLConfig.api.certificates]]
name = "Accounts"
version = "1.0.0"
aliasList = ["client"]
[[mutualSSLConfig.api.certificates]]
name = "Profiles"
version = "1.0.0"
aliasList = ["client"]
`;

/** A client's key. */
class Prover {
  readonly key: KeyObject;
  readonly jwk: Record<string, unknown>;
  readonly thumbprint: string;
  readonly #alg: string;

  constructor(alg: "ES256" | "RS256" | "EdDSA" = "ES256", modulusLength = 2048) {
    const pair =
      alg === "ES256"
        ? generateKeyPairSync("ec", { namedCurve: "P-256" })
        : alg === "RS256"
          ? generateKeyPairSync("rsa", { modulusLength })
          : generateKeyPairSync("ed25519");
    this.#alg = alg;
    this.key = pair.privateKey;
    this.jwk = pair.publicKey.export({ format: "jwk" }) as Record<string, unknown>;
    const required =
      alg === "ES256" ? ["crv", "kty", "x", "y"] : alg === "RS256" ? ["e", "kty", "n"] : ["crv", "kty", "x"];
    const canonical = JSON.stringify(Object.fromEntries(required.map((name) => [name, this.jwk[name]])));
    this.thumbprint = createHash("sha256").update(canonical).digest("base64url");
  }

  /** A token that is bound to this key. */
  token(claims: Record<string, unknown> = {}): string {
    return issuer.token({ scope: "read", cnf: { jkt: this.thumbprint }, ...claims });
  }

  /** A proof for `GET url` with the token; undefined members are left out. */
  proof(
    url: string,
    token: string,
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
  ): string {
    const head = { typ: "dpop+jwt", alg: this.#alg, jwk: this.jwk, ...header };
    const ath = createHash("sha256").update(token).digest("base64url");
    const body = { jti: randomUUID(), htm: "GET", htu: url, iat: Math.floor(Date.now() / 1000), ath, ...claims };
    const input = [head, body].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    const key = this.#alg === "ES256" ? { key: this.key, dsaEncoding: "ieee-p1363" as const } : this.key;
    const signature = sign(this.#alg === "EdDSA" ? undefined : "sha256", Buffer.from(input), key);
    return `${input}.${signature.toString("base64url")}`;
  }
}

interface Answer {
  readonly status: number;
  readonly code: number;
  readonly challenge: string;
  readonly nonce: string | undefined;
}

let project: CompiledProject;
let backend: StubBackend;
const prover = new Prover();

before(async () => {
  backend = await StubBackend.start();
  project = await compileProject(path.join(import.meta.dirname, "../../../fixtures/possession"));
});
after(async () => {
  await backend.stop();
  project.remove();
});

/** `more` are lines of `[castgate]`. */
function start(more = "", origins = ownOrigins): Promise<RunningGateway> {
  const tls = { server, trust: { client: client.cert } };
  const settings = ({ port, httpsPort }: Ports) =>
    `[castgate]\n${origins.replaceAll("HTTPS", String(httpsPort)).replaceAll("PORT", String(port))}\n${more}${mapping}`;
  return startGateway(project, { issuer, backend, tls, settings });
}

/** That of a listener that the tests use, and one behind which the gateway may stand. */
const ownOrigins = 'publicOrigins = ["http://127.0.0.1:PORT", "https://localhost:HTTPS", "http://api.test"]';

function send(gateway: RunningGateway, target: string, headers: OutgoingHttpHeaders, as?: Identity): Promise<Answer> {
  backend.seen.length = 0;
  return new Promise((resolve, reject) => {
    const common = { path: target, headers, agent: false } as const;
    const req =
      as === undefined
        ? httpRequest({ ...common, host: "127.0.0.1", port: new URL(gateway.origin).port })
        : httpsRequest({
            ...common,
            host: "localhost",
            family: 4,
            port: gateway.httpsPort,
            ca: server.cert,
            key: as.key,
            cert: as.cert,
          });
    req.on("response", (res) => {
      res.on("error", reject);
      let body = "";
      res.on("data", (chunk) => {
        body += chunk;
      });
      res.on("end", () => {
        const status = res.statusCode ?? 0;
        assert.equal(backend.seen.length, status === 200 ? 1 : 0);
        const code = status === 200 ? 0 : JSON.parse(body).fault.code;
        const challenge = res.headers["www-authenticate"] ?? "";
        resolve({ status, code, challenge, nonce: res.headers["dpop-nonce"] as string | undefined });
      });
    });
    req.on("error", reject);
    req.end();
  });
}

/** What a client sends: a token, and a proof for it. */
function fields(token: string, proof: string | readonly string[]): OutgoingHttpHeaders {
  return { authorization: `DPoP ${token}`, dpop: proof as string };
}

describe("an API that requires proofs", () => {
  let gateway: RunningGateway;
  let url: string;
  const mine = "/accounts/mine";
  const token = prover.token();
  before(async () => {
    gateway = await start();
    url = gateway.origin + mine;
  });
  after(() => gateway.stop());

  test("a proof of each kind of key lets its token in, and stays here", async () => {
    for (const one of [prover, new Prover("RS256"), new Prover("EdDSA")]) {
      const own = one.token();
      const { status } = await send(gateway, mine, fields(own, one.proof(url, own)));
      assert.equal(status, 200);
      const { authorization, dpop } = backend.seen[0]?.headers ?? {};
      assert.deepEqual([authorization, dpop], [undefined, undefined]);
    }
  });

  test("the word is read without case, the target without query, case of the host and default port", async () => {
    const headers = { authorization: `dpop ${token}`, dpop: prover.proof(`${url}?page=2`, token) };
    assert.equal((await send(gateway, `${mine}?page=1`, headers)).status, 200);
    assert.equal(
      (await send(gateway, mine, fields(token, prover.proof(`http://Api.Test:80/%61ccounts/mine#x`, token)))).status,
      200,
    );
  });

  test("a proof that was made for another host is not good here under that host's name (RFC 9449 section 4.3)", async () => {
    for (const host of ["other.test", "other.test:80", "127.0.0.1"]) {
      const stolen = prover.proof(`http://${host}${mine}`, token);
      const answer = await send(gateway, mine, { ...fields(token, stolen), host, "x-forwarded-host": host });
      assert.deepEqual([answer.status, answer.code], [401, 900901]);
      // Whose word Host is does not matter, in the other direction either.
      assert.equal((await send(gateway, mine, { ...fields(token, prover.proof(url, token)), host })).status, 200);
    }
  });

  const now = () => Math.floor(Date.now() / 1000);
  const other = new Prover();
  const weak = new Prover("RS256", 1024);
  const large = new Prover("RS256", 5120);
  const proofs: readonly (readonly [what: string, make: () => string | readonly string[]])[] = [
    ["none", () => []],
    ["two", () => [prover.proof(url, token), prover.proof(url, token)]],
    ["no JWS", () => "proof"],
    ["typ is another", () => prover.proof(url, token, {}, { typ: "JWT" })],
    ["typ is missing", () => prover.proof(url, token, {}, { typ: undefined })],
    ["alg is none", () => `${prover.proof(url, token, {}, { alg: "none" }).replace(/[^.]*$/, "")}AA`],
    ["alg is symmetric", () => prover.proof(url, token, {}, { alg: "HS256" })],
    ["alg does not fit the key", () => prover.proof(url, token, {}, { alg: "ES384" })],
    ["crit", () => prover.proof(url, token, {}, { crit: ["b64"] })],
    ["no key", () => prover.proof(url, token, {}, { jwk: undefined })],
    ["a private key", () => prover.proof(url, token, {}, { jwk: prover.key.export({ format: "jwk" }) })],
    ["a symmetric key", () => prover.proof(url, token, {}, { jwk: { kty: "oct", k: "AAAA" } })],
    ["a key for encryption", () => prover.proof(url, token, {}, { jwk: { ...prover.jwk, use: "enc" } })],
    ["a weak key", () => weak.proof(url, token)],
    ["a key that is too large", () => large.proof(url, token)],
    ["signed by another key", () => other.proof(url, token, {}, { jwk: prover.jwk })],
    [
      "a changed claim",
      () => prover.proof(url, token).replace(/\.[^.]*\./, `.${other.proof(url, token).split(".")[1]}.`),
    ],
    ["htm is another", () => prover.proof(url, token, { htm: "POST" })],
    ["htm is of another case", () => prover.proof(url, token, { htm: "get" })],
    ["htm is missing", () => prover.proof(url, token, { htm: undefined })],
    ["htu is another path", () => prover.proof(`${gateway.origin}/accounts/both`, token)],
    ["htu is a path only", () => prover.proof(mine, token)],
    ["htu is another scheme", () => prover.proof(url.replace("http:", "https:"), token)],
    ["htu is another host", () => prover.proof(`http://other.test${mine}`, token)],
    ["htu is another port", () => prover.proof(`http://127.0.0.1:1${mine}`, token)],
    ["htu is what a stranger says the client sees", () => prover.proof(`https://api.test${mine}`, token)],
    ["htu holds a user", () => prover.proof(url.replace("://", "://127.0.0.1@"), token)],
    ["htu with dots", () => prover.proof(`${gateway.origin}/accounts/x/../mine`, token)],
    ["htu is missing", () => prover.proof(url, token, { htu: undefined })],
    ["iat is too old", () => prover.proof(url, token, { iat: now() - 90 })],
    ["iat is in the future", () => prover.proof(url, token, { iat: now() + 60 })],
    ["iat is a text", () => prover.proof(url, token, { iat: String(now()) })],
    ["iat is missing", () => prover.proof(url, token, { iat: undefined })],
    ["jti is missing", () => prover.proof(url, token, { jti: undefined })],
    ["jti is empty", () => prover.proof(url, token, { jti: "" })],
    ["jti is too long", () => prover.proof(url, token, { jti: "x".repeat(257) })],
    ["jti is no text", () => prover.proof(url, token, { jti: 1 })],
    ["ath is of another token", () => prover.proof(url, prover.token({ jti: "2" }))],
    ["ath is missing", () => prover.proof(url, token, { ath: undefined })],
    ["of a key that the token is not bound to", () => other.proof(url, token)],
  ];
  for (const [what, make] of proofs) {
    test(`refused: ${what}`, async () => {
      const forwarded = { "x-forwarded-proto": "https", "x-forwarded-host": "api.test" };
      const answer = await send(gateway, mine, { ...fields(token, make()), ...forwarded });
      assert.deepEqual([answer.status, answer.code], [401, 900901]);
      assert.equal(answer.challenge, `DPoP realm="castgate", algs="${algs}", error="invalid_dpop_proof"`);
    });
  }

  test("a proof is good once", async () => {
    const jti = randomUUID();
    const proof = prover.proof(url, token, { jti });
    const statuses = await Promise.all([1, 2, 3, 4].map(() => sendOnly(fields(token, proof))));
    assert.deepEqual(statuses.sort(), [200, 401, 401, 401]);
    assert.equal(await sendOnly(fields(token, prover.proof(url, token, { jti }))), 401, "nor its jti in another proof");
    const another = new Prover();
    const own = another.token();
    assert.equal(await sendOnly(fields(own, another.proof(url, own, { jti }))), 200, "others have jtis of their own");

    async function sendOnly(headers: OutgoingHttpHeaders): Promise<number> {
      return (await fetch(url, { headers: headers as Record<string, string> })).status;
    }
  });

  test("a proof that was refused has not been used", async () => {
    const proof = prover.proof(url, token, { htm: "GET" });
    assert.equal((await send(gateway, "/accounts/both", fields(token, proof), client)).status, 401);
    assert.equal((await send(gateway, mine, fields(token, proof))).status, 200);
  });

  test("no other token is taken, and no token at all is missing credentials", async () => {
    const plain = { authorization: `Bearer ${issuer.token({ scope: "read" })}` };
    const unbound = issuer.token({ scope: "read" });
    const bearer = { authorization: `Bearer ${token}`, dpop: prover.proof(url, token) };
    assert.deepEqual(await codeAndChallenge(plain), [900901, "invalid_dpop_proof"]);
    assert.deepEqual(await codeAndChallenge(bearer), [900901, "invalid_dpop_proof"]);
    assert.deepEqual(await codeAndChallenge(fields(unbound, prover.proof(url, unbound))), [
      900901,
      "invalid_dpop_proof",
    ]);
    assert.deepEqual(await codeAndChallenge({ authorization: "DPoP" }), [900901, "invalid_token"]);
    assert.deepEqual(await codeAndChallenge(fields("a.b.c", prover.proof(url, "a.b.c"))), [900901, "invalid_token"]);
    const expired = prover.token({ exp: 1 });
    assert.deepEqual(await codeAndChallenge(fields(expired, prover.proof(url, expired))), [900901, "invalid_token"]);
    assert.deepEqual(await codeAndChallenge({ dpop: prover.proof(url, token) }), [900902, undefined]);

    async function codeAndChallenge(headers: OutgoingHttpHeaders): Promise<unknown[]> {
      const { code, challenge } = await send(gateway, mine, headers);
      assert.match(challenge, /^DPoP realm="castgate", algs="ES256 [A-Z0-9a-z ]+"(, error="\w+")?$/);
      return [code, /error="(\w+)"/.exec(challenge)?.[1]];
    }
  });

  test("scopes hold as ever, and the challenge stays with the scheme", async () => {
    const writer = prover.token({ scope: "write" });
    const { code, challenge } = await send(gateway, mine, fields(writer, prover.proof(url, writer)));
    assert.equal(code, 900910);
    assert.equal(challenge, 'DPoP realm="castgate", error="insufficient_scope", scope="read"');
  });

  test("beside a certificate both are needed (OpenAPI mutualTLS)", async () => {
    const target = "/accounts/both";
    const secure = `https://localhost:${gateway.httpsPort}${target}`;
    const writer = prover.token({ scope: "write" });
    const good = () => fields(writer, prover.proof(secure, writer));
    assert.equal((await send(gateway, target, good(), client)).status, 200);
    assert.equal((await send(gateway, target, { authorization: `Bearer ${writer}` }, client)).code, 900901);
    assert.equal((await send(gateway, target, {}, client)).code, 900902);
    const plain = fields(writer, prover.proof(gateway.origin + target, writer));
    const refused = await send(gateway, target, plain);
    assert.equal(refused.code, 900901);
    assert.equal(refused.challenge, `ClientCertificate realm="castgate", DPoP realm="castgate", algs="${algs}"`);
    assert.equal((await send(gateway, "/accounts/certificate-or-user", {}, client)).status, 200);
    assert.equal((await send(gateway, "/accounts/certificate-or-user", {})).code, 900901);
  });

  test("what needs no token does not get the proof either", async () => {
    assert.equal((await send(gateway, "/accounts/open", fields(token, "anything"))).status, 200);
    assert.equal(backend.seen[0]?.headers.dpop, undefined);
  });

  test("a bound token is nowhere a bearer token", async () => {
    assert.equal((await send(gateway, "/plain/token", { authorization: `Bearer ${token}` })).code, 900901);
    const proof = prover.proof(`${gateway.origin}/plain/token`, token);
    assert.equal((await send(gateway, "/plain/token", { authorization: `Bearer ${token}`, dpop: proof })).code, 900901);
    assert.equal((await send(gateway, "/plain/token", fields(token, proof))).code, 900901);
    assert.equal((await send(gateway, "/plain/token", { authorization: `Bearer ${issuer.token()}` })).status, 200);
  });

  test("where proofs are optional, tokens that are not bound pass without", async () => {
    const target = "/profiles/token";
    const secure = `https://localhost:${gateway.httpsPort}${target}`;
    assert.equal((await send(gateway, target, { authorization: `Bearer ${issuer.token()}` }, client)).status, 200);
    assert.equal((await send(gateway, target, fields(token, prover.proof(secure, token)), client)).status, 200);
    const refused = await send(gateway, target, { authorization: `Bearer ${token}` }, client);
    assert.equal(refused.code, 900901);
    assert.match(
      refused.challenge,
      /^ClientCertificate .*, DPoP .*error="invalid_token", Bearer .*error="invalid_token"$/,
    );
    assert.equal((await send(gateway, target, fields(token, prover.proof(`${secure}x`, token)), client)).code, 900901);
  });

  test("a mandatory certificate closes what no requirement closes", async () => {
    assert.equal((await send(gateway, "/profiles/closed", {})).code, 900901);
    assert.equal((await send(gateway, "/profiles/closed", {}, client)).status, 200);
  });

  test("a token may be bound to a key and a certificate", async () => {
    const digest = createHash("sha256").update(new X509Certificate(client.cert).raw).digest("base64url");
    const both = prover.token({ cnf: { jkt: prover.thumbprint, "x5t#S256": digest } });
    const secure = `https://localhost:${gateway.httpsPort}${mine}`;
    assert.equal((await send(gateway, mine, fields(both, prover.proof(secure, both)), client)).status, 200);
    assert.equal((await send(gateway, mine, fields(both, prover.proof(url, both)))).code, 900901);
  });

  test("neither token nor proof is in the log", async () => {
    const proof = prover.proof(url, token, { htm: "POST" });
    await send(gateway, mine, fields(token, proof));
    assert.match(gateway.log(), /dpop: for another method/);
    for (const secret of [token, proof, prover.thumbprint]) assert.ok(!gateway.log().includes(secret));
  });
});

test("several processes do not know each other's proofs: such a start is refused", async () => {
  const tls = { server, trust: { client: client.cert } };
  const started = startGateway(project, {
    issuer,
    backend,
    tls,
    settings: `[castgate]\npublicOrigins = ["https://api.test"]\n${mapping}`,
    args: ["--workers", "2"],
  });
  await assert.rejects(
    started,
    /ended with 78:[\s\S]*error: --workers: used proofs of possession are known in one process/,
  );
});

test("without the gateway's own origins, proofs could not be judged: such a start is refused", async () => {
  const tls = { server, trust: { client: client.cert } };
  await assert.rejects(
    startGateway(project, { issuer, backend, tls, settings: mapping }),
    /ended with 78:[\s\S]*error: castgate\.publicOrigins: is required: an API takes proofs of possession/,
  );
});

describe("behind a trusted proxy", () => {
  let gateway: RunningGateway;
  before(async () => {
    gateway = await start('trustedProxies = ["127.0.0.1"]\n', 'publicOrigins = ["https://api.test"]');
  });
  after(() => gateway.stop());

  test("htu is what the client sees, as the settings say it", async () => {
    const mine = "/accounts/mine";
    const token = prover.token();
    const forwarded = { "x-forwarded-proto": "https", "x-forwarded-host": "api.test" };
    const outside = { ...fields(token, prover.proof(`https://api.test${mine}`, token)), ...forwarded };
    assert.equal((await send(gateway, mine, outside)).status, 200);
    const said = { ...forwarded, "x-forwarded-host": "other.test" };
    const elsewhere = { ...fields(token, prover.proof(`https://other.test${mine}`, token)), ...said };
    assert.equal((await send(gateway, mine, elsewhere)).code, 900901);
    const inside = { ...fields(token, prover.proof(gateway.origin + mine, token)), ...forwarded };
    assert.equal((await send(gateway, mine, inside)).code, 900901);
  });
});

describe("nonces", () => {
  let gateway: RunningGateway;
  before(async () => {
    gateway = await start("dpopNonce = true\n");
  });
  after(() => gateway.stop());

  test("a proof without the gateway's nonce is asked for one, and passes with it", async () => {
    const mine = "/accounts/mine";
    const url = gateway.origin + mine;
    const token = prover.token();
    const asked = await send(gateway, mine, fields(token, prover.proof(url, token)));
    assert.deepEqual([asked.status, asked.code], [401, 900901]);
    assert.equal(asked.challenge, `DPoP realm="castgate", algs="${algs}", error="use_dpop_nonce"`);
    assert.match(asked.nonce ?? "", /^[\w-]{32}$/);
    const good = await send(gateway, mine, fields(token, prover.proof(url, token, { nonce: asked.nonce })));
    assert.deepEqual([good.status, good.nonce], [200, undefined]);
    const forged = await send(gateway, mine, fields(token, prover.proof(url, token, { nonce: "x".repeat(32) })));
    assert.equal(forged.status, 401);
    const long = await send(gateway, mine, fields(token, prover.proof(url, token, { nonce: "é".repeat(32) })));
    assert.equal(long.status, 401);
  });
});
