import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { request as httpRequest } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import {
  type CompiledProject,
  compileProject,
  type GatewayOptions,
  type RunningGateway,
  startGateway,
} from "../../support/gateway-under-test.ts";
import { type Identity, identity, identityOf } from "../../support/self-signed.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

/** Real TLS clients against the bundle of `fixtures/certificates`. The numbers are those of the original's facts. */

const server = identity("gateway", { type: 2, value: "localhost" });
const partner = identity("partner");
const visitor = identity("visitor");
const proxy = identity("proxy");
const stranger = identity("stranger");
const expired = identityOf("expired", { fromDays: -10, toDays: -5 });
const early = identityOf("early", { fromDays: 5, toDays: 10 });
const issuedBy = identityOf("partner", { issuer: partner });

const mapping = `
[[mutualSSLConfig.api.certificates]]
name = "PARTNERS"
version = "1.0.0"
aliasList = ["partner", "expired", "early"]
[[mutualSSLConfig.api.certificates]]
name = "Visitors"
version = "1.0.0"
aliasList = "visitor"
[b7a.users.bob]
password = "@sha256:{5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8}"
scopes = "read"
`;
const trust = {
  partner: partner.cert,
  visitor: visitor.cert,
  proxy: proxy.cert,
  expired: expired.cert,
  early: early.cert,
};

const originalTail = ', error="invalid token" , error_description="The access token expired"';
const oauth2 = 'OAuth2 realm="WSO2 API Microgateway"';
const mutual = `Mutual SSL realm="WSO2 API Microgateway" ${oauth2}`;

interface Answer {
  readonly status: number;
  /** Of the fault, or 0. */
  readonly code: number;
  readonly challenge: string | undefined;
  readonly protocol: string;
  readonly reused: boolean;
  readonly session: Buffer | undefined;
}

interface Call {
  readonly as?: Identity | undefined;
  readonly headers?: RequestOptions["headers"];
  readonly method?: string;
  readonly plain?: boolean;
  readonly tls?: ConnectionOptions;
}

let project: CompiledProject;
let backend: StubBackend;
const issuer = new TestIssuer("https://issuer.test");
const token = { authorization: `Bearer ${issuer.token()}` };
const reader = { authorization: `Bearer ${issuer.token({ scope: "read" })}` };
const bob = { authorization: `Basic ${Buffer.from("bob:password").toString("base64")}` };

before(async () => {
  backend = await StubBackend.start();
  project = await compileProject(path.join(import.meta.dirname, "../../../fixtures/certificates"));
});
after(async () => {
  await backend.stop();
  project.remove();
});

function start(settings: string, more: Partial<GatewayOptions> = {}): Promise<RunningGateway> {
  return startGateway(project, { issuer, backend, tls: { server, trust }, settings: settings + mapping, ...more });
}

function send(gateway: RunningGateway, target: string, call: Call = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const common = { path: target, headers: call.headers, method: call.method ?? "GET", agent: false } as const;
    const secure: RequestOptions & ConnectionOptions = {
      ...common,
      host: "localhost",
      family: 4,
      port: gateway.httpsPort,
      ca: server.cert,
      ...(call.as && { key: call.as.key, cert: call.as.cert }),
      ...call.tls,
    };
    const req = call.plain
      ? httpRequest({ ...common, host: "127.0.0.1", port: new URL(gateway.origin).port })
      : httpsRequest(secure);
    let session: Buffer | undefined;
    req.on("socket", (socket) => {
      socket.on("session", (ticket: Buffer) => {
        session ??= ticket;
      });
    });
    req.on("response", (res) => {
      res.on("error", reject);
      const socket = res.socket as Partial<TLSSocket>;
      const protocol = socket.getProtocol?.() ?? "";
      const reused = socket.isSessionReused?.() ?? false;
      let body = "";
      res.on("data", (chunk) => {
        body += chunk;
      });
      res.on("end", () => {
        const status = res.statusCode ?? 0;
        const code = status === 200 ? 0 : JSON.parse(body).fault.code;
        resolve({ status, code, challenge: res.headers["www-authenticate"], protocol, reused, session });
      });
    });
    req.on("error", reject);
    req.end();
  });
}

/** The status, or the code of the fault; the backend sees what is let in, and only that. */
async function outcome(gateway: RunningGateway, target: string, call: Call = {}): Promise<number> {
  backend.seen.length = 0;
  const { status, code } = await send(gateway, target, call);
  assert.equal(backend.seen.length, status === 200 ? 1 : 0);
  return status === 200 ? 200 : code;
}

function pem(of: Identity): string {
  return encodeURIComponent(of.cert);
}

function item(of: Identity): string {
  return `:${new X509Certificate(of.cert).raw.toString("base64")}:`;
}

describe("certificates of the handshake", () => {
  let gateway: RunningGateway;
  before(async () => {
    gateway = await start("");
  });
  after(() => gateway.stop());

  const orders = "/partners/orders";
  const either = "/partners/either";
  const list = "/visitors/list";
  const cases: readonly (readonly [what: string, target: string, call: Call, expected: number])[] = [
    ["S-SEL-09: both are there", orders, { as: partner, headers: token }, 200],
    ["S-SEL-09: only the certificate", orders, { as: partner }, 900902],
    ["S-SEL-09: only the token", orders, { headers: token }, 900901],
    ["S-SEL-09: neither", orders, {}, 900902],
    ["S-SEL-09: a wrong token", orders, { as: partner, headers: { authorization: "Bearer a.b.c" } }, 900901],
    ["S-SEL-09: a user instead of the token", orders, { as: partner, headers: bob, method: "POST" }, 200],
    ["S-SEL-09: a user without certificate", orders, { headers: bob, method: "POST" }, 900901],
    ["S-SEL-09: the scope is still needed", orders, { as: partner, headers: token, method: "POST" }, 900910],
    ["S-MTL-02: trusted, and mapped to another API", orders, { as: visitor, headers: token }, 900901],
    ["S-MTL-02: trusted, and not mapped", orders, { as: proxy, headers: token }, 900901],
    ["S-MTL-03: unknown", orders, { as: stranger, headers: token }, 900901],
    ["S-MTL-03: of the same name, and signed by a known one", orders, { as: issuedBy, headers: token }, 900901],
    ["S-MTL-06: expired", orders, { as: expired, headers: token }, 900901],
    ["S-MTL-06: not valid yet", orders, { as: early, headers: token }, 900901],
    ["over plain http there is none", orders, { headers: token, plain: true }, 900901],
    ["S-SEL-10: the certificate alone, no scopes", either, { as: partner }, 200],
    [
      "S-SEL-10: the certificate, and a token that is not looked at",
      either,
      { as: partner, headers: { authorization: "Bearer a.b.c" } },
      200,
    ],
    ["S-SEL-10: the token alone", either, { headers: reader }, 200],
    ["S-SEL-10: the token alone, over plain http", either, { headers: reader, plain: true }, 200],
    ["S-SEL-10: the token needs its scope", either, { headers: token }, 900910],
    ["S-SEL-10: a wrong certificate beside a good token", either, { as: stranger, headers: reader }, 200],
    ["S-SEL-10: neither", either, {}, 900901],
    ["S-SEL-10: a wrong certificate", either, { as: visitor }, 900901],
    ["S-SEL-07: disabled security asks for no certificate", "/partners/open", { as: stranger }, 200],
    ["S-MTL-05: optional, none", list, { headers: token }, 200],
    ["S-MTL-05: optional, none, over plain http", list, { headers: bob, plain: true }, 200],
    ["S-MTL-05: optional, the right one", list, { as: visitor, headers: token }, 200],
    ["S-MTL-05: optional, unknown", list, { as: stranger, headers: token }, 900901],
    ["S-MTL-05: optional, not mapped", list, { as: partner, headers: bob }, 900901],
    ["S-MTL-05: optional is not enough alone", list, { as: visitor }, 900902],
  ];
  for (const [what, target, call, expected] of cases) {
    test(what, async () => assert.equal(await outcome(gateway, target, call), expected));
  }

  test("S-MTL-05, S-ERR-R4: the challenge asks for a certificate where it is mandatory and not usable", async () => {
    const challenges: readonly (readonly [string, Call, string])[] = [
      [orders, { headers: token }, mutual],
      [orders, { as: stranger, headers: token }, mutual],
      [orders, { as: partner }, oauth2],
      [orders, {}, oauth2],
      [orders, { as: partner, headers: { authorization: "Bearer a.b.c" } }, oauth2],
      [either, {}, mutual],
      [list, { as: stranger, headers: token }, `${oauth2} Basic Auth realm="WSO2 API Microgateway"`],
    ];
    for (const [target, call, expected] of challenges) {
      const { status, challenge } = await send(gateway, target, call);
      assert.deepEqual([status, challenge], [401, expected + originalTail]);
    }
  });

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`${version}: a resumed session keeps its certificate, one without gets none`, async () => {
      const tls = { minVersion: version, maxVersion: version };
      for (const [as, expected] of [
        [partner, 200],
        [undefined, 401],
        [visitor, 401],
      ] as const) {
        const first = await send(gateway, orders, { as, headers: token, tls });
        assert.deepEqual([first.status, first.protocol, first.reused], [expected, version, false]);
        const session = first.session;
        assert.ok(session !== undefined);
        const second = await send(gateway, orders, { headers: token, tls: { ...tls, session } });
        assert.deepEqual([second.status, second.protocol, second.reused], [expected, version, true]);
      }
    });
  }

  test("S-MTL-09: nobody passes off a field as a certificate, and no backend sees one", async () => {
    const fields = {
      "X-WSO2-CLIENT-CERTIFICATE": pem(partner),
      x_wso2_client_certificate: pem(partner),
      "Client-Cert": item(partner),
      "Client-Cert-Chain": item(partner),
      "X-Forwarded-For": "127.0.0.1",
    };
    for (const plain of [true, false]) {
      assert.equal(await outcome(gateway, orders, { headers: { ...token, ...fields }, plain }), 900901);
      assert.equal(await outcome(gateway, either, { headers: { ...fields }, plain }), 900901);
      assert.equal(await outcome(gateway, "/partners/open", { headers: fields, plain }), 200);
      const names = Object.keys(backend.seen[0]?.headers ?? {});
      assert.deepEqual(
        names.filter((name) => /cert/.test(name)),
        [],
      );
    }
    // A field of a stranger does not spoil a good handshake either.
    assert.equal(await outcome(gateway, orders, { as: partner, headers: { ...token, ...fields } }), 200);
  });

  test("RFC 8705: a bound token goes with its certificate", async () => {
    const bound = (of: Identity) => {
      const digest = new X509Certificate(of.cert).fingerprint256.replaceAll(":", "");
      const cnf = { "x5t#S256": Buffer.from(digest, "hex").toString("base64url") };
      return { authorization: `Bearer ${issuer.token({ cnf })}` };
    };
    assert.equal(await outcome(gateway, orders, { as: partner, headers: bound(partner) }), 200);
    assert.equal(await outcome(gateway, orders, { as: partner, headers: bound(visitor) }), 900901);
    assert.equal(await outcome(gateway, list, { as: visitor, headers: bound(visitor) }), 200);
    assert.equal(await outcome(gateway, list, { headers: bound(visitor) }), 900901);
    assert.equal(await outcome(gateway, list, { headers: bound(visitor), plain: true }), 900901);
    const forged = { ...bound(visitor), "Client-Cert": item(visitor), "X-WSO2-CLIENT-CERTIFICATE": pem(visitor) };
    assert.equal(await outcome(gateway, list, { headers: forged, plain: true }), 900901);
    const unknown = { authorization: `Bearer ${issuer.token({ cnf: { kid: "k" } })}` };
    assert.equal(await outcome(gateway, list, { headers: unknown }), 900901);
  });

  test("the log tells reasons, and nothing of the certificates", async () => {
    await send(gateway, orders, { as: stranger, headers: token });
    assert.match(gateway.log(), /mutual-tls: unknown certificate/);
    assert.doesNotMatch(gateway.log(), /BEGIN|MII|stranger/);
  });
});

test("without a table of certificates, or with an alias that nobody has, the gateway does not start", async () => {
  const tls = { server, trust };
  const none = startGateway(project, { issuer, backend, tls });
  await assert.rejects(none, /ended with 78:[\s\S]*error: mutualSSLConfig\.api\.certificates: operations ask for/);
  const { partner: _, ...others } = trust;
  const unknown = startGateway(project, { issuer, backend, tls: { server, trust: others }, settings: mapping });
  await assert.rejects(
    unknown,
    /ended with 78:[\s\S]*aliasList: listenerConfig\.trustStorePath has no certificate "partner"/,
  );
});

describe("every client must show a certificate that is trusted", () => {
  const authority = identity("authority");
  const certified = identityOf("certified", { issuer: authority });
  let gateway: RunningGateway;
  before(async () => {
    gateway = await start('[mutualSSLConfig]\nsslVerifyClient = "require"\n', {
      tls: { server, trust: { ...trust, partner: certified.cert, authority: authority.cert } },
    });
  });
  after(() => gateway.stop());

  test("S-MTL-03: the authority of a certificate lets it past the handshake, and no further", async () => {
    const other = identityOf("certified", { issuer: authority });
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const tls = { minVersion: version, maxVersion: version };
      assert.equal(await outcome(gateway, "/partners/orders", { as: certified, headers: token, tls }), 200);
      assert.equal(await outcome(gateway, "/partners/orders", { as: other, headers: token, tls }), 900901);
    }
  });

  test("S-ERR-38: others do not get past the handshake", async () => {
    for (const as of [undefined, stranger, identityOf("certified", { issuer: stranger }), expired]) {
      await assert.rejects(send(gateway, "/partners/orders", { as, headers: token }));
    }
  });
});

describe("S-MTL-04: a trusted proxy, and handshakes are checked", () => {
  let gateway: RunningGateway;
  before(async () => {
    gateway = await start('[castgate]\ntrustedProxies = ["127.0.0.1"]\n');
  });
  after(() => gateway.stop());

  const orders = "/partners/orders";
  const as = (of: Identity) => ({ ...token, "X-WSO2-CLIENT-CERTIFICATE": pem(of) });
  const cases: readonly (readonly [what: string, target: string, call: Call, expected: number])[] = [
    ["the field is mapped, the proxy is trusted", orders, { as: proxy, headers: as(partner) }, 200],
    ["the field is mapped, the proxy shows nothing", orders, { headers: as(partner) }, 900901],
    [
      "the field is mapped, the proxy shows nothing, over plain http",
      orders,
      { headers: as(partner), plain: true },
      900901,
    ],
    ["the field is mapped, the proxy is unknown", orders, { as: stranger, headers: as(partner) }, 900901],
    ["the field is not mapped, the proxy's own would be", orders, { as: partner, headers: as(visitor) }, 900901],
    ["the field is unknown", orders, { as: proxy, headers: as(stranger) }, 900901],
    ["no field: that of the handshake counts", orders, { as: partner, headers: token }, 200],
    ["no field: that of the handshake is not mapped", orders, { as: proxy, headers: token }, 900901],
    ["an empty field is none", orders, { as: partner, headers: { ...token, "X-WSO2-CLIENT-CERTIFICATE": "" } }, 200],
    ["optional: the field", "/visitors/list", { as: proxy, headers: as(visitor) }, 200],
    ["optional: a wrong field", "/visitors/list", { as: proxy, headers: as(partner) }, 900901],
    ["optional: the proxy shows nothing", "/visitors/list", { headers: as(visitor) }, 900901],
  ];
  for (const [what, target, call, expected] of cases) {
    test(what, async () => assert.equal(await outcome(gateway, target, call), expected));
  }
});

describe("S-MTL-04: a trusted proxy, and handshakes are not looked at", () => {
  let gateway: RunningGateway;
  before(async () => {
    gateway = await start(
      '[castgate]\ntrustedProxies = ["127.0.0.1"]\n[mutualSSLConfig]\nisClientCertificateValidationEnabled = false\n',
    );
  });
  after(() => gateway.stop());

  const orders = "/partners/orders";
  const field = (value: string | readonly string[]) => ({ ...token, "X-WSO2-CLIENT-CERTIFICATE": value as string });
  const cases: readonly (readonly [what: string, target: string, call: Call, expected: number])[] = [
    ["the field alone", orders, { headers: field(pem(partner)) }, 200],
    ["the field alone, over plain http", orders, { headers: field(pem(partner)), plain: true }, 200],
    ["the field as bare base64", orders, { headers: field(encodeURIComponent(item(partner).slice(1, -1))) }, 200],
    ["the field, whatever the handshake", orders, { as: stranger, headers: field(pem(partner)) }, 200],
    ["the field is not mapped", orders, { headers: field(pem(visitor)) }, 900901],
    ["S-MTL-06: the field is expired", orders, { headers: field(pem(expired)) }, 900901],
    ["S-MTL-06: the field is not valid yet", orders, { headers: field(pem(early)) }, 900901],
    ["S-MTL-06: the field is no certificate", orders, { headers: field("%zz") }, 900901],
    ["S-MTL-06: the field is no base64", orders, { headers: field("no base64!") }, 900901],
    ["two certificates in it", orders, { headers: field(pem(partner) + pem(partner)) }, 900901],
    ["two fields", orders, { headers: field([pem(partner), pem(partner)]) }, 900901],
    ["Client-Cert is not the field", orders, { headers: { ...token, "Client-Cert": item(partner) } }, 900901],
    ["no field, mandatory: a handshake does not help", orders, { as: partner, headers: token }, 900901],
    ["no field, optional: a wrong handshake does not matter", "/visitors/list", { as: stranger, headers: token }, 200],
    ["optional: a wrong field", "/visitors/list", { headers: field(pem(partner)) }, 900901],
  ];
  for (const [what, target, call, expected] of cases) {
    test(what, async () => assert.equal(await outcome(gateway, target, call), expected));
  }
});

describe("RFC 9440: the proxy sends Client-Cert", () => {
  let gateway: RunningGateway;
  before(async () => {
    gateway = await start(
      '[castgate]\ntrustedProxies = ["127.0.0.1"]\n[mutualSSLConfig]\nisClientCertificateValidationEnabled = false\ncertificateHeaderName = "Client-Cert"\n',
    );
  });
  after(() => gateway.stop());

  const orders = "/partners/orders";
  const cases: readonly (readonly [what: string, call: Call, expected: number])[] = [
    ["a byte sequence", { headers: { ...token, "Client-Cert": item(partner) } }, 200],
    ["another certificate", { headers: { ...token, "Client-Cert": item(visitor) } }, 900901],
    ["PEM", { headers: { ...token, "Client-Cert": pem(partner) } }, 900901],
    ["no colons", { headers: { ...token, "Client-Cert": item(partner).slice(1, -1) } }, 900901],
    [
      "the original's field is not looked at",
      { headers: { ...token, "X-WSO2-CLIENT-CERTIFICATE": pem(partner) } },
      900901,
    ],
  ];
  for (const [what, call, expected] of cases) {
    test(what, async () => assert.equal(await outcome(gateway, orders, call), expected));
  }
});
