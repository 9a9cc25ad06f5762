import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type Identity, identity, identityOf } from "../support/self-signed.ts";
import { TestIssuer } from "../support/test-issuer.ts";
import type { Random } from "./random.ts";

/** Whoever can be known to a gateway, and some who are not. Made once in a run. */
export class Everybody {
  readonly server = identity("gateway", { type: 2, value: "localhost" }, { type: 7, ip: "127.0.0.1" });
  readonly issuer = new TestIssuer("https://issuer.test");
  readonly foreigner = new TestIssuer("https://foreign.test");
  /** Says that it is the known issuer, and signs with its own key. */
  readonly impostor = new TestIssuer("https://issuer.test");
  readonly certificates: Readonly<Record<string, Identity>> = {
    partner: identity("partner"),
    visitor: identity("visitor"),
    client: identity("client"),
    proxy: identity("proxy"),
    expired: identityOf("expired", { fromDays: -10, toDays: -5 }),
    stranger: identity("stranger"),
  };
  readonly provers = [new Prover(), new Prover()] as const;

  /** In the trust store of every gateway. */
  get trusted(): Readonly<Record<string, string>> {
    const { stranger: _unknown, ...known } = this.certificates;
    return Object.fromEntries(Object.entries(known).map(([alias, { cert }]) => [alias, cert]));
  }
}

/** With them for every gateway; the passwords are `password`, `geheim` and `scrypted`. */
export const users = `[b7a.users.bob]
password = "@sha256:{5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8}"
scopes = "read,orders_write,stock_read"
[b7a.users."mallory"]
password = "@sha256:{5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8}"
[b7a.users.nobody]
password = "@sha256:{5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8}"
scopes = "write, orders admin"
`;

/** A client's key for proofs of possession (RFC 9449). */
export class Prover {
  readonly #key: KeyObject;
  readonly #jwk: Record<string, unknown>;
  readonly thumbprint: string;

  constructor() {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#key = pair.privateKey;
    const { crv, kty, x, y } = pair.publicKey.export({ format: "jwk" });
    this.#jwk = { crv, kty, x, y };
    this.thumbprint = createHash("sha256").update(JSON.stringify(this.#jwk)).digest("base64url");
  }

  /** `id` tells proofs apart. */
  proof(method: string, url: string, token: string, id: string, claims: Readonly<Record<string, unknown>>): string {
    const ath = createHash("sha256").update(token, "latin1").digest("base64url");
    const body = { jti: id, htm: method, htu: url, iat: Math.floor(Date.now() / 1000), ath, ...claims };
    const head = { typ: "dpop+jwt", alg: "ES256", jwk: this.#jwk };
    const input = [head, body].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    const signature = sign("sha256", Buffer.from(input), { key: this.#key, dsaEncoding: "ieee-p1363" });
    return `${input}.${signature.toString("base64url")}`;
  }
}

const day = 86_400;

/** Claims of which something may matter, scopes and tiers of the gateway among them. */
export function randomClaims(
  random: Random,
  {
    scopes,
    tiers,
    apis,
  }: {
    readonly scopes: readonly string[];
    readonly tiers: readonly string[];
    readonly apis: readonly { readonly name: string; readonly version: string }[];
  },
): Record<string, unknown> {
  const held = random.some(scopes, 0.7);
  const claims: Record<string, unknown> = {
    sub: random.of(["alice", "ann", "mallory", "c1", "", "a:b", "Ärzte"]),
    ...(random.chance(0.9) && { scope: random.chance(0.8) ? held.join(" ") : held }),
  };
  if (random.chance(0.3)) claims.keytype = random.of(["PRODUCTION", "SANDBOX", "SANDBOX", "OTHER", 7]);
  if (random.chance(0.4))
    claims.application = {
      id: random.of<unknown>([13, "14", "666", "", 1.5]),
      name: random.of(["app", "Spider"]),
      owner: random.of(["eve", "bob"]),
      ...(random.chance(0.7) && { tier: random.of([...tiers, "Unlimited", "NoSuch"]) }),
    };
  if (random.chance(0.4))
    claims.subscribedAPIs = random.some(apis, 0.7).map(({ name, version }) => ({
      name,
      version: random.of([version, "*", "9"]),
      subscriptionTier: random.of([...tiers, "Unlimited", "Default", "NoSuch"]),
    }));
  if (random.chance(0.3)) claims.client_id = random.of(["c1", "alice"]);
  if (random.chance(0.2)) claims.azp = random.of(["c1", "alice"]);
  if (random.chance(0.15)) claims.aut = random.of(["APPLICATION", "APPLICATION_USER"]);
  if (random.chance(0.15)) claims.department = random.of<unknown>(["sales", ["it", "sales"], 7]);
  if (random.chance(0.15)) claims.allowedDomains = random.of<unknown>([["shop.test"], "a.test *.stores.test", 7]);
  if (random.chance(0.05)) claims.nbf = Math.floor(Date.now() / 1000) + random.of([-day, day]);
  if (random.chance(0.05)) claims.iat = Math.floor(Date.now() / 1000) + random.of([-day, day]);
  if (random.chance(0.05)) claims.exp = Math.floor(Date.now() / 1000) - day;
  if (random.chance(0.05)) claims.aud = random.of<unknown>(["me", ["me", "you"]]);
  if (random.chance(0.03)) claims.cnf = random.of<unknown>([{ jkt: "x" }, { "x5t#S256": "y" }, {}, 7]);
  return claims;
}

/** A token in one of the ways in which tokens come: most are right. */
export function randomToken(
  random: Random,
  { issuer, foreigner, impostor }: Everybody,
  claims: Record<string, unknown>,
): string {
  if (random.chance(0.65)) return issuer.token(claims);
  const good = issuer.token(claims);
  switch (random.below(11)) {
    case 0:
      return foreigner.token(claims);
    case 1:
      return impostor.token(claims);
    case 2:
      return issuer.token({ ...claims, exp: Math.floor(Date.now() / 1000) - 7_200 });
    case 3: {
      const [head, , signature] = good.split(".");
      const body = Buffer.from(JSON.stringify({ iss: issuer.name, sub: "root", exp: 4e9 })).toString("base64url");
      return `${head}.${body}.${signature}`;
    }
    case 4:
      return `${good.slice(0, -6)}AAAAAA`;
    case 5:
      return issuer.token(claims, { alg: random.of(["none", "HS256", "RS512", "PS256", ""]) });
    case 6:
      return issuer.token(claims, { crit: ["x"] });
    case 7:
      return good.replace(".", random.of(["", "..", "%2E"]));
    case 8:
      return random.of(["opaque", "a.b", "a.b.c", "....", "e30.e30.e30", "\xff\xfe"]);
    case 9:
      return issuer.token({ ...claims, iss: random.of(["", "https://issuer.test/", 7]) });
    default:
      return issuer.token(claims, { kid: random.of<unknown>(["one", 1]) });
  }
}

/** An API key; as a token, but of the gateway's own issuer of keys. */
export function randomKey(random: Random, everybody: Everybody, claims: Record<string, unknown>): string {
  const { issuer } = everybody;
  if (random.chance(0.15)) return randomToken(random, everybody, claims);
  const more: Record<string, unknown> = { ...claims, iss: `${issuer.name}/apikey` };
  if (random.chance(0.15)) more.permittedIP = random.of<unknown>(["127.0.0.0/8", "192.0.2.1", "nonsense", 7, ""]);
  if (random.chance(0.1)) more.permittedReferer = random.of<unknown>(["shop.test/*", "https://shop.test/*", 7]);
  const key = issuer.token(more, random.chance(0.1) ? { typ: random.of(["apikey+jwt", "at+jwt", "JWT"]) } : {});
  return random.chance(0.9) ? key : `${key.slice(0, -4)}AAAA`;
}
