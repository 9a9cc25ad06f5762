import { X509Certificate } from "node:crypto";
import type { ApiModel, GatewayModel, OperationModel } from "../../compiler/model/gateway-model.ts";
import { httpMethods } from "../../compiler/model/names.ts";
import type { Identity } from "../support/self-signed.ts";
import { type Everybody, randomClaims, randomKey, randomToken } from "./credentials.ts";
import type { Random } from "./random.ts";
import type { RawRequest } from "./raw-request.ts";

/** A request that is being made. */
interface Draft {
  readonly id: string;
  readonly method: string;
  target: string;
  readonly isTls: boolean;
  readonly headers: [string, string][];
  certificate: Identity | undefined;
}

/** The operation that a request is made for, or was. */
interface Near {
  readonly api: ApiModel;
  readonly operation: OperationModel;
}

/** Makes requests that a gateway might get, most of them near something that it serves. */
export class RequestSource {
  readonly #random: Random;
  readonly #everybody: Everybody;
  readonly #apis: GatewayModel["apis"];
  readonly #facts: Parameters<typeof randomClaims>[1];
  readonly #keys: readonly { readonly in: string; readonly name: string }[];
  readonly #authHeaders: readonly string[];

  constructor(model: GatewayModel, everybody: Everybody, random: Random) {
    this.#random = random;
    this.#everybody = everybody;
    this.#apis = model.apis;
    const operations = model.apis.flatMap((api) => api.operations);
    const alternatives = operations.flatMap(({ access }) => (access.kind === "public" ? [] : access.anyOf));
    const scopes = new Set(alternatives.flatMap((one) => one.scopes?.names ?? []));
    const tiers = [...model.callerTiers.application, ...model.callerTiers.subscription];
    this.#facts = {
      scopes: [...scopes, "other"],
      tiers: tiers.map(({ name }) => name),
      apis: model.apis.map(({ title, version }) => ({ name: title, version })),
    };
    const places = alternatives.flatMap(({ allOf }) =>
      allOf.flatMap((scheme) => (scheme.kind === "api-key" ? scheme.locations : [])),
    );
    this.#keys = [...new Map(places.map((place) => [`${place.in} ${place.name}`, place])).values()];
    this.#authHeaders = ["Authorization", ...model.apis.flatMap(({ authHeader }) => authHeader ?? [])];
  }

  /** `id` stands in `X-Request-ID`. */
  next(id: string): RawRequest {
    const random = this.#random;
    const { method, target, near } = this.#methodAndTarget();
    const isTls = random.chance(0.3);
    // Those at 127.0.0.2 are proxies that every gateway trusts.
    const from = random.chance(0.3) ? "127.0.0.2" : "127.0.0.1";
    const request: Draft = { id, method, target, isTls, headers: [["Host", this.#host()]], certificate: undefined };
    request.headers.push(["X-Request-ID", id]);
    if (from === "127.0.0.2") this.#addForwarded(request.headers);
    if (isTls && random.chance(0.6)) request.certificate = this.#certificate();
    if (near !== undefined && random.chance(0.55)) this.#addFitting(request, near);
    else this.#addCredentials(request);
    const upgrades = near?.operation.upgrades !== undefined && random.chance(0.6);
    this.#addOthers(request.headers, upgrades);
    const body = upgrades && random.chance(0.8) ? "" : this.#addBody(request.headers);
    return {
      method,
      target: request.target,
      headers: request.headers,
      body,
      from,
      tls: isTls ? { certificate: request.certificate } : undefined,
    };
  }

  /** What one of the operation's alternatives asks for. */
  #addFitting(request: Draft, { api, operation }: Near): void {
    const random = this.#random;
    const { issuer, provers, certificates } = this.#everybody;
    if (operation.access.kind === "public") return;
    const { allOf, scopes } = random.of(operation.access.anyOf);
    const claims: Record<string, unknown> = { ...randomClaims(random, this.#facts), sub: "alice" };
    for (const name of ["nbf", "iat", "exp", "cnf", "aud"]) delete claims[name];
    if (random.chance(0.8)) claims.scope = (scopes?.names ?? []).join(" ");
    if (random.chance(0.8)) delete claims.keytype;
    if (random.chance(0.6)) {
      delete claims.application;
      delete claims.subscribedAPIs;
    }
    const header = api.authHeader ?? "Authorization";
    for (const scheme of allOf) {
      switch (scheme.kind) {
        case "oauth2":
          if (scheme.dpop === undefined) request.headers.push([header, `Bearer ${issuer.token(claims)}`]);
          else this.#addProof(request, claims, provers[0]);
          break;
        case "basic":
          request.headers.push([header, `Basic ${Buffer.from("bob:password").toString("base64")}`]);
          break;
        case "api-key": {
          const { in: place, name } = random.of(scheme.locations);
          const key = issuer.token({ ...claims, iss: `${issuer.name}/apikey` });
          if (place === "header") request.headers.push([name, key]);
          else if (place === "cookie") request.headers.push(["Cookie", `${name}=${key}`]);
          else request.target += `${request.target.includes("?") ? "&" : "?"}${name}=${key}`;
          break;
        }
        case "mutual-tls":
          if (request.isTls) request.certificate = certificates[random.of(["partner", "visitor", "client"])];
      }
    }
  }

  #host(): string {
    const random = this.#random;
    if (random.chance(0.97)) return random.of(["api.test", "api.test", "localhost:9090"]);
    return random.of(["", "a b", "api.test, evil.test", "user@api.test", "[::1]:80", "api.test:x"]);
  }

  #certificate(): Identity {
    return this.#random.of(Object.values(this.#everybody.certificates));
  }

  #methodAndTarget(): { method: string; target: string; near?: Near } {
    const random = this.#random;
    if (random.chance(0.04)) {
      const target = random.of([
        "/health",
        "/health/deep",
        "/livez",
        "/readyz",
        "/livez/x",
        "/apikey",
        "/token",
        "/",
        "",
        "*",
        "http://api.test/health",
        "/nowhere",
        "//",
        "/%",
        "health",
      ]);
      return { method: this.#method("GET"), target };
    }
    const api = random.of(this.#apis);
    const operation = random.of(api.operations);
    const base = api.basePath === "/" ? "" : api.basePath;
    let path = base + this.#path(operation.template);
    if (random.chance(0.15)) path = this.#mutated(path);
    if (random.chance(0.3)) path += this.#query();
    return { method: this.#method(operation.method), target: path, near: { api, operation } };
  }

  #method(declared: string): string {
    const random = this.#random;
    if (random.chance(0.85)) return declared;
    if (random.chance(0.85)) return random.of([...httpMethods, "OPTIONS", "TRACE", "PURGE", "PROPFIND"]);
    return random.of(["get", "FOO", "CONNECT", "GE T", "G\x01T", "SOURCE", "QUERY"]);
  }

  #path(template: string): string {
    return template
      .replace(/\{[^}]*\}/g, () => this.#segment())
      .replace(/\/\*$/, () =>
        this.#random.chance(0.2) ? "" : `/${this.#segment()}${this.#random.chance(0.4) ? "/x" : ""}`,
      )
      .replace(/[^\x21-\x7e]/g, (character) => encodeURIComponent(character));
  }

  #segment(): string {
    return this.#random.of([
      "7",
      "a",
      "mexico",
      "me",
      "a.json",
      "q1.pdf",
      "caf%C3%A9",
      "a%20b",
      "%61%62",
      "a%2Fb",
      "a;v=1",
      "~x",
      "a'b",
      "%3Cx%3E",
      "@me",
      "constructor",
      "__proto__",
      "meta",
      "-",
      "a,b",
    ]);
  }

  #mutated(path: string): string {
    const random = this.#random;
    const at = random.below(path.length);
    const insert = (text: string) => path.slice(0, at) + text + path.slice(at);
    switch (random.below(12)) {
      case 0:
        return `${path}/`;
      case 1:
        return insert("/");
      case 2:
        return `${path}/${random.of(["..", ".", "%2e%2e", "%2E", "..;", ".%2e", "..%2f"])}/x`;
      case 3:
        return insert(random.of(["%2F", "%2f", "%5C", "\\", "%00", "%zz", "%", ";a=b", "%3B", "%25", "#", "%23"]));
      case 4:
        return insert(random.of([" ", "\x80", "\xc3\xa9", "\x01", "\t", "\x7f", '"', "<", "{", "|", "^", "`"]));
      case 5: {
        const code = path.charCodeAt(at).toString(16);
        return at === 0 ? path : `${path.slice(0, at)}%${code}${path.slice(at + 1)}`;
      }
      case 6:
        return path.toUpperCase();
      case 7:
        return path.slice(0, at);
      case 8:
        return `${path}/${this.#segment()}`;
      case 9:
        return path.slice(path.indexOf("/", 1));
      case 10:
        return `/${path}`;
      default:
        return random.of([
          `http://api.test${path}`,
          path.slice(1),
          `${path}${"/x".repeat(2_100)}`,
          `${path}?${"y".repeat(4_100)}`,
        ]);
    }
  }

  #query(): string {
    return this.#random.of([
      "?",
      "?x=1",
      "?x=1&y=%C3%A9",
      "?version=v7&x=%20",
      "?version=v7",
      "?version=v&version=v12",
      "?a=b&a=c&&=",
      "?q=<>\"'",
      "?/../..",
      "?x=#frag",
      "?x=\x80",
      "?x=a b",
      "?%zz=%",
    ]);
  }

  #addForwarded(headers: [string, string][]): void {
    const random = this.#random;
    if (random.chance(0.8)) {
      headers.push([
        random.of(["X-Forwarded-For", "x-forwarded-for"]),
        random.of([
          "203.0.113.1",
          "203.0.113.9",
          "203.0.113.66",
          "203.0.114.7",
          "203.0.114.66",
          "192.0.2.77",
          "198.51.100.12",
          "2001:db8::7",
          "2001:db9:0:0:1:2:3:4",
          "203.0.113.5, 127.0.0.2",
          "unknown, 203.0.113.6",
          "203.0.113.7:1234",
          "[2001:db8::1]:99",
          "nonsense",
          "",
        ]),
      ]);
    }
    if (random.chance(0.2)) headers.push(["X-Forwarded-Proto", random.of(["https", "http", "gopher"])]);
    if (random.chance(0.2)) headers.push(["X-Forwarded-Host", random.of(["api.test", "ui.test"])]);
    if (random.chance(0.4)) {
      const pem = this.#certificate().cert;
      const der = new X509Certificate(pem).raw.toString("base64");
      const value = random.of([encodeURIComponent(pem), der, encodeURIComponent(der), "nonsense!", "", `:${der}:`]);
      headers.push([random.of(["X-WSO2-CLIENT-CERTIFICATE", "Client-Cert"]), value]);
    }
  }

  #addCredentials(request: Draft): void {
    const random = this.#random;
    const everybody = this.#everybody;
    const { headers } = request;
    const claims = randomClaims(random, this.#facts);
    for (let i = random.of([0, 1, 1, 1, 1, 1, 1, 2]); i > 0; i--) {
      const name = random.of(this.#authHeaders);
      const kind = random.below(20);
      if (kind < 10) {
        const word = random.chance(0.95) ? "Bearer" : random.of(["bearer", "BEARER", "Token", "Bearer:"]);
        headers.push([name, `${word} ${randomToken(random, everybody, claims)}`]);
      } else if (kind < 14) headers.push([name, this.#basic()]);
      else if (kind < 17) this.#addProof(request, claims, random.of(everybody.provers));
      else headers.push([name, random.of(["", " ", "Bearer", "Bearer ", "Basic", "Digest x=y", "DPoP", "\xe9"])]);
    }
    for (const { in: place, name } of random.some(this.#keys, 0.5)) {
      const key = randomKey(random, everybody, random.chance(0.5) ? claims : randomClaims(random, this.#facts));
      if (place === "header") headers.push([name, key]);
      if (place === "cookie") headers.push(["Cookie", `a=b; ${name}=${random.chance(0.9) ? key : ""}; c=d`]);
      if (place !== "query") continue;
      const spelt = random.chance(0.8) ? name : `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`;
      request.target += `${request.target.includes("?") ? "&" : "?"}${spelt}=${key}`;
    }
  }

  #basic(): string {
    const random = this.#random;
    const text = random.of([
      "bob:password",
      "bob:password",
      "bob:password",
      "mallory:password",
      "nobody:password",
      "bob:wrong",
      "bob:",
      "unknown:password",
      "no colon",
      ":",
      "",
      "b\xf6b:password",
    ]);
    const credential = Buffer.from(text, "latin1").toString("base64");
    return `${random.of(["Basic", "Basic", "Basic", "basic"])} ${random.chance(0.93) ? credential : `${credential}!`}`;
  }

  /** A token that is bound to a key, mostly to `prover`'s, with a proof by the first of them. */
  #addProof(
    { headers, method, target, id, isTls }: Draft,
    claims: Record<string, unknown>,
    bound: Everybody["provers"][number],
  ): void {
    const random = this.#random;
    const [prover] = this.#everybody.provers;
    const token = this.#everybody.issuer.token({ ...claims, cnf: { jkt: bound.thumbprint } });
    const [path = ""] = target.split("?", 1);
    const origin = random.chance(0.9) ? `http${isTls ? "s" : ""}://api.test` : "https://evil.test";
    const wrong = random.chance(0.8)
      ? {}
      : random.of([{ htm: "POST" }, { iat: 1 }, { jti: "" }, { ath: "x" }, { jti: "again" }, { htu: "nonsense" }]);
    headers.push(["Authorization", `${random.chance(0.9) ? "DPoP" : "Bearer"} ${token}`]);
    if (random.chance(0.95)) headers.push(["DPoP", prover.proof(method, origin + path, token, id, wrong)]);
    if (random.chance(0.03)) headers.push(["DPoP", "x"]);
  }

  #addOthers(headers: [string, string][], upgrades: boolean): void {
    const random = this.#random;
    if (random.chance(upgrades ? 0.7 : 0.3))
      headers.push([
        "Origin",
        random.of(["https://ui.test", "https://evil.test", "null", "http://api.test", "https://api.test", "x", ""]),
      ]);
    if (random.chance(0.12)) {
      headers.push(["Access-Control-Request-Method", random.of(["GET", "POST", "PUT", "TRACE", "a b", ""])]);
      if (random.chance(0.5))
        headers.push(["Access-Control-Request-Headers", random.of(["X-Key", "authorization, x-key", "*", "a b", ","])]);
    }
    if (upgrades || random.chance(0.12)) {
      headers.push(["Connection", random.of(["Upgrade", "Upgrade", "upgrade, close", "keep-alive", "X-Tenant"])]);
      if (random.chance(0.8)) headers.push(["Upgrade", random.of(["websocket", "WebSocket", "h2c", "x, websocket"])]);
      headers.push(["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="], ["Sec-WebSocket-Version", "13"]);
    }
    if (random.chance(0.2)) headers.push(["X-Tenant", random.of(["acme", "globex", "other", "x".repeat(2_000)])]);
    if (random.chance(0.15))
      headers.push(["domain", random.of(["shop.test", "a.stores.test", "https://evil.test", ""])]);
    if (random.chance(0.15)) headers.push(["Referer", random.of(["https://shop.test/x", "https://evil.test/", "x"])]);
    if (random.chance(0.1))
      headers.push([
        random.of(["Via", "via"]),
        random.of([
          "1.1 castgate",
          "1.1 a, 1.1 castgate, 1.1 castgate, 1.1 castgate, 1.1 castgate, 1.1 castgate",
          "1.0 x",
        ]),
      ]);
    if (random.chance(0.1))
      headers.push(["traceparent", random.of(["nonsense", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`])]);
    if (random.chance(0.1)) headers.push([random.of(["X-JWT-Assertion", "X_Forwarded_For", "Forwarded", "TE"]), "x"]);
    if (random.chance(0.03)) headers.push(["X-Odd", random.of(["\xe9", "\xe9", "a\tb", "", "\x01", "a\x00b"])]);
    if (random.chance(0.01)) headers.push(["X-Long", "x".repeat(random.of([7_900, 9_000, 13_000]))]);
    if (random.chance(0.01)) headers.push(["Host", "second.test"]);
    if (random.chance(0.01)) headers.push([random.of(["bad name", "", "b@d", "X-Odd "]), "x"]);
  }

  #addBody(headers: [string, string][]): string {
    const random = this.#random;
    if (random.chance(0.8)) return "";
    if (random.chance(0.05)) {
      headers.push(["Expect", random.of(["100-continue", "nonsense"])]);
    }
    switch (random.below(20)) {
      case 0:
        headers.push(["Transfer-Encoding", "chunked"]);
        return "3\r\nabc\r\n0\r\n\r\n";
      case 1:
        headers.push(["Transfer-Encoding", random.of(["gzip, chunked", "gzip", "chunked, chunked"])]);
        return "0\r\n\r\n";
      case 2:
        headers.push(["Content-Length", "3"], ["Transfer-Encoding", "chunked"]);
        return "0\r\n\r\n";
      case 3:
        headers.push(["Content-Length", random.of(["x", "-1", "3, 3", ""])]);
        return "abc";
      case 4:
        headers.push(["Content-Length", "5000"]);
        return "x".repeat(5_000);
      case 5:
        headers.push(["Content-Length", "0"]);
        return "";
      default:
        headers.push(["Content-Type", "text/plain"], ["Content-Length", "3"]);
        return "abc";
    }
  }
}
