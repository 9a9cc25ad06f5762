import type { Api } from "../../../runtime-lib/api.ts";
import { apiKey } from "../../../runtime-lib/auth-api-key.ts";
import { basic } from "../../../runtime-lib/auth-basic.ts";
import { dpop } from "../../../runtime-lib/auth-dpop.ts";
import { bearerJwt, type TokenScheme } from "../../../runtime-lib/auth-jwt.ts";
import { mutualTls } from "../../../runtime-lib/auth-mutual-tls.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { shownCertificate } from "../../../runtime-lib/client-certificate.ts";
import { cookieValue } from "../../../runtime-lib/cookies.ts";
import type { Exchange } from "../../../runtime-lib/exchange.ts";
import { checkClaims, parseJwt } from "../../../runtime-lib/jwt.ts";
import { callerOfClaims } from "../../../runtime-lib/jwt-caller.ts";
import { queryValue } from "../../../runtime-lib/query.ts";
import { classOf, credentialOf, type Failure, type Scheme, type Verified } from "../../../runtime-lib/scheme.ts";
import type { ApiKeyLocation } from "../../model/gateway-model.ts";
import type { SchemePlan } from "../../model/gateway-plan.ts";
import type { Compatibility } from "../../model/names.ts";
import type { RemoteIssuer } from "./run-time-settings.ts";

/** What credentials are judged by. */
export interface CredentialFacts {
  readonly compatibility: Compatibility;
  /** There are settings with issuers, users and certificates. Otherwise what is well-formed counts as right. */
  readonly known: boolean;
  readonly remoteIssuers: readonly RemoteIssuer[];
  /** Opaque tokens are a key manager's to judge. */
  readonly introspects: boolean;
  readonly skewMs: number;
  /** Told of what had to be taken for granted to accept a credential. */
  readonly assume: (text: string) => void;
}

/** A scheme as generated `shared.ts` declares it, or what stands in for it where nothing is known that decides. */
export function schemeOf(plan: SchemePlan, api: Api, facts: CredentialFacts): Scheme {
  switch (plan.kind) {
    case "oauth2": {
      const tokens = new ReviewedTokens(api, facts);
      return plan.dpop === undefined ? tokens : dpop(api, tokens, plan.dpop);
    }
    case "basic":
      return facts.known ? basic(api) : new AssumedUser(api, facts);
    case "api-key": {
      const scheme = apiKey(api, plan.locations);
      return facts.known ? scheme : new AssumedKey(scheme, plan.locations, facts);
    }
    case "mutual-tls": {
      const scheme = mutualTls(api, plan.presence);
      return facts.known ? scheme : new AssumedCertificate(scheme, facts);
    }
  }
}

/** Tokens: verified where their issuer's key is at hand, else taken for good when they are well-formed and not expired. */
class ReviewedTokens implements TokenScheme {
  readonly kind = "jwt";
  readonly #tokens: TokenScheme;
  readonly #facts: CredentialFacts;
  readonly #api: Api;

  constructor(api: Api, facts: CredentialFacts) {
    this.#api = api;
    this.#facts = facts;
    this.#tokens = bearerJwt(api);
  }

  present(x: Exchange): boolean {
    return this.#tokens.present(x);
  }

  verify(x: Exchange): Verified | Promise<Verified> {
    return this.verifyField(x.header(this.#api.authHeader) ?? "");
  }

  verifyField(value: string): Verified | Promise<Verified> {
    if (classOf(value) !== "bearer") return wrong("jwt: not a bearer token");
    const token = credentialOf(value);
    const { known, remoteIssuers: remote, introspects } = this.#facts;
    if (token !== "" && token.split(".", 3).length < 3 && introspects) return this.#opaque();
    const jwt = parseJwt(token);
    if (typeof jwt === "string") return wrong(`jwt: ${jwt}`);
    const issuer = remote.find(({ issuer: name }) => name === jwt.payload.iss);
    if (known && issuer === undefined) return this.#tokens.verifyField(value);
    const rules = {
      issuer: String(jwt.payload.iss),
      audience: issuer?.audience,
      skewMs: this.#facts.skewMs,
      consumerKeyClaim: issuer?.consumerKeyClaim,
    };
    const end = checkClaims({ ...jwt.payload, iss: rules.issuer }, rules, Date.now());
    if (typeof end === "string") return wrong(`jwt: ${end}`);
    const caller = callerOfClaims(jwt.payload, "jwt", this.#facts.compatibility, token, rules.consumerKeyClaim);
    if (caller === undefined) return wrong("jwt: keytype");
    this.#facts.assume(
      issuer === undefined
        ? "the token's issuer, audience and signature are accepted (--config names issuers)"
        : `the token's signature is right: its keys are at ${issuer.url}, and nothing is fetched`,
    );
    return { ok: true, caller };
  }

  knownField(): undefined {
    return undefined;
  }

  #opaque(): Verified {
    this.#facts.assume("the key manager vouches for the opaque token, and for every scope that is asked for");
    return { ok: true, caller: callerWithAllScopes("", "opaque") };
  }
}

/** Without the users, every user exists and knows the password. */
class AssumedUser implements Scheme {
  readonly kind = "basic";
  readonly #api: Api;
  readonly #users: Scheme;
  readonly #facts: CredentialFacts;

  constructor(api: Api, facts: CredentialFacts) {
    this.#api = api;
    this.#users = basic(api);
    this.#facts = facts;
  }

  present(x: Exchange): boolean {
    return this.#users.present(x);
  }

  async verify(x: Exchange): Promise<Verified> {
    const outcome = await this.#users.verify(x);
    // What is malformed is refused whoever the users are, and so is an empty password.
    if (outcome.ok || outcome.code !== 900911) return outcome;
    const bytes = Buffer.from(credentialOf(x.header(this.#api.authHeader) ?? ""), "base64");
    const colon = bytes.indexOf(0x3a);
    if (colon === bytes.length - 1) return outcome;
    const name = bytes.toString("utf8", 0, colon);
    this.#facts.assume(
      "there is such a user, with this password and every scope that is asked for (--config has users)",
    );
    return { ok: true, caller: callerWithAllScopes(name, "basic") };
  }
}

class AssumedKey implements Scheme {
  readonly kind = "api-key";
  readonly #scheme: Scheme;
  readonly #places: readonly ApiKeyLocation[];
  readonly #facts: CredentialFacts;

  constructor(scheme: Scheme, places: readonly ApiKeyLocation[], facts: CredentialFacts) {
    this.#scheme = scheme;
    this.#places = places;
    this.#facts = facts;
  }

  present(x: Exchange): boolean {
    return this.#scheme.present(x);
  }

  verify(x: Exchange): Verified {
    const text = this.#places.map((place) => valueAt(x, place)).find((value) => value !== undefined && value !== "");
    const jwt = parseJwt((text ?? "").trim());
    if (typeof jwt === "string") return wrong(`api-key: ${jwt}`);
    const { compatibility, skewMs } = this.#facts;
    const issuer = String(jwt.payload.iss);
    const end = checkClaims({ ...jwt.payload, iss: issuer }, { issuer, audience: undefined, skewMs }, Date.now());
    if (typeof end === "string") return wrong(`api-key: ${end}`);
    const caller = callerOfClaims(jwt.payload, "api-key", compatibility, text);
    if (caller === undefined) return wrong("api-key: keytype");
    this.#facts.assume("the API key is the gateway's own, and opens this API from here (--config names its issuer)");
    return { ok: true, caller };
  }
}

function valueAt(x: Exchange, { in: place, name }: ApiKeyLocation): string | undefined {
  if (place === "header") return x.header(name.toLowerCase());
  return place === "query" ? queryValue(x.path.query, name) : cookieValue(x.headerValues("cookie"), name);
}

class AssumedCertificate implements Scheme {
  readonly kind = "mutual-tls";
  readonly asksFor: NonNullable<Scheme["asksFor"]>;
  readonly #scheme: Scheme;
  readonly #facts: CredentialFacts;

  constructor(scheme: Scheme, facts: CredentialFacts) {
    this.#scheme = scheme;
    this.asksFor = scheme.asksFor ?? [];
    this.#facts = facts;
  }

  present(): boolean {
    return true;
  }

  verify(x: Exchange): Verified | Promise<Verified> {
    if (shownCertificate(x).kind !== "certificate") return this.#scheme.verify(x);
    this.#facts.assume("the client certificate is one that the settings map to this API (--config says which)");
    return { ok: true, caller: { ...callerWithAllScopes("Unknown", "mutual-tls"), scopes: new Set() } };
  }
}

/** Somebody of whom it is not known which scopes are held. */
function callerWithAllScopes(name: string, scheme: "basic" | "opaque" | "mutual-tls"): Caller {
  return {
    name,
    scheme,
    scopes: new Set(),
    scopesApply: false,
    keyType: "PRODUCTION",
    application: { id: scheme === "opaque" ? "__unknown__" : "anonymous", tier: "Unlimited", subscriptions: [] },
    claims: undefined,
    consumerKey: "",
    revocationIds: [],
  };
}

function wrong(reason: string): Failure {
  return { ok: false, code: 900901, reason };
}
