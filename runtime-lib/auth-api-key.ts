import { AddressList } from "./address-list.ts";
import { type Api, configureApis } from "./api.ts";
import { apiKeyType } from "./api-key-type.ts";
import type { Caller } from "./caller.ts";
import { cookieValue } from "./cookies.ts";
import type { Exchange } from "./exchange.ts";
import { shareFailures } from "./failed-logins.ts";
import { checkClaims, parseJwt, skewOf, type VerificationKey, verifySignature } from "./jwt.ts";
import { callerOfClaims } from "./jwt-caller.ts";
import { identityOfCaller, loggedIdentity } from "./logged-identity.ts";
import type { RuntimeModule } from "./module.ts";
import { queryValue } from "./query.ts";
import { isRecord } from "./record.ts";
import { RefererList } from "./referer-list.ts";
import type { Failure, Scheme, Verified } from "./scheme.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { loadTrustStore, type TrustStore } from "./tls-stores.ts";
import { trustedKey } from "./trusted-key.ts";
import { VerifiedCache, type VerifiedCredential } from "./verified-cache.ts";

/** Where a key may stand, as the definition's `apiKey` schemes say. */
export interface ApiKeyPlace {
  readonly in: "header" | "query" | "cookie";
  readonly name: string;
}

/**
 * Self-contained API keys: signed tokens of one issuer (S-KEY-01 to 05). The first place that holds something is the
 * one that counts. Every failure is 900901; keys never reach the backend. A key has an end, and opens only the APIs that
 * it names unless `validateAllowedAPIs` is false.
 */
export function apiKey(api: Api, places: readonly ApiKeyPlace[]): Scheme {
  return new ApiKey(api, places);
}

/** Loads the issuer's certificate at start. */
export const apiKeyModule: RuntimeModule = { name: "api-key", configure };

/** A verified key with what must be looked at on each request. */
interface VerifiedKey extends VerifiedCredential {
  /** APIs it opens; undefined: any (S-KEY-03). */
  readonly allowed: readonly { readonly name: unknown; readonly version: unknown }[] | undefined;
  /** Addresses it may be used from, and pages; undefined: any (S-SEC-04). */
  readonly addresses: AddressList | undefined;
  readonly referers: RefererList | undefined;
}

interface State {
  readonly compatibility: "wso2-3.2" | "standard";
  readonly issuer: string;
  /** Undefined: not asked for. */
  readonly audience: readonly string[] | undefined;
  readonly key: VerificationKey | undefined;
  readonly skewMs: number;
  readonly validateAllowedApis: boolean;
  readonly cache: VerifiedCache<VerifiedKey>;
}

let state: State = {
  compatibility: "standard",
  issuer: "",
  audience: undefined,
  key: undefined,
  skewMs: 0,
  validateAllowedApis: true,
  cache: new VerifiedCache(1, 0),
};

class ApiKey implements Scheme {
  readonly kind = "api-key";
  readonly #api: Api;
  readonly #places: readonly ApiKeyPlace[];

  constructor(api: Api, places: readonly ApiKeyPlace[]) {
    this.#api = api;
    this.#places = places.map((place) =>
      place.in === "header" ? { in: "header", name: place.name.toLowerCase() } : place,
    );
    const withheld = { header: api.keyHeaders, query: api.keyParameters, cookie: api.keyCookies };
    for (const { in: place, name } of this.#places) withheld[place].add(name);
  }

  present(x: Exchange): boolean {
    return this.#find(x) !== undefined;
  }

  verify(x: Exchange): Verified {
    const text = this.#find(x) ?? "";
    const found = state.cache.get(text) ?? verifyAnew(text);
    return found.ok ? this.#judge(x, found) : found;
  }

  known(x: Exchange): Verified | undefined {
    const found = state.cache.get(this.#find(x) ?? "");
    const outcome = found && this.#judge(x, found);
    return outcome?.ok ? outcome : undefined;
  }

  /** Whether a good key is one for this request. */
  #judge(x: Exchange, found: VerifiedKey): Verified {
    if (found.allowed !== undefined && !found.allowed.some((one) => this.#isAllowed(one)))
      return notHere(found.caller, "api-key: not for this API");
    if (found.addresses !== undefined && !found.addresses.holds(x.clientAddress))
      return notHere(found.caller, "api-key: not from this address");
    if (found.referers !== undefined && !found.referers.holds(x.header("referer")))
      return notHere(found.caller, "api-key: not from this page");
    return found;
  }

  #find(x: Exchange): string | undefined {
    for (const place of this.#places) {
      const value = valueAt(x, place);
      if (value !== undefined && value !== "") return value;
    }
    return undefined;
  }

  #isAllowed({ name, version }: { readonly name: unknown; readonly version: unknown }): boolean {
    return name === this.#api.name && (version === this.#api.version || version === "*");
  }
}

function valueAt(x: Exchange, { in: place, name }: ApiKeyPlace): string | undefined {
  if (place === "header") return x.header(name);
  return place === "query" ? queryValue(x.path.query, name) : cookieValue(x.headerValues("cookie"), name);
}

function verifyAnew(text: string): VerifiedKey | Failure {
  const jwt = parseJwt(text.trim());
  if (typeof jwt === "string") return invalid(`api-key: ${jwt}`);
  if (!isKeyType(text.trim())) return invalid("api-key: type");
  if (state.key === undefined) return invalid("api-key: no certificate");
  if (!verifySignature(jwt, state.key)) return invalid("api-key: signature");
  const now = Date.now();
  const { payload: claims } = jwt;
  const wrong = (reason: string): Failure => ({
    ...invalid(reason),
    ...loggedIdentity(claims.iss, claims.consumerKey),
  });
  // The original's keys have no audience: one that has is held to it, in `standard` every one.
  const audience = claims.aud === undefined && state.compatibility === "wso2-3.2" ? undefined : state.audience;
  const end = checkClaims(claims, { issuer: state.issuer, audience, skewMs: state.skewMs }, now);
  if (typeof end === "string") return wrong(`api-key: ${end}`);
  const addresses = listOf(claims.permittedIP, AddressList.parse);
  if (addresses === "malformed") return wrong("api-key: permittedIP");
  const referers = listOf(claims.permittedReferer, RefererList.parse);
  if (referers === "malformed") return wrong("api-key: permittedReferer");
  const caller = callerOfClaims(claims, "api-key", state.compatibility, text.trim());
  if (caller === undefined) return wrong("api-key: keytype");
  const verified: VerifiedKey = {
    ok: true,
    // A key's audience is whom it is for, not the client that it was issued to.
    caller: { ...caller, consumerKey: typeof claims.consumerKey === "string" ? claims.consumerKey : "" },
    until: Math.min(end, state.key.notAfter, state.cache.latest(now)),
    allowed: state.validateAllowedApis ? allowedOf(claims.subscribedAPIs ?? claims.allowedAPIs) : undefined,
    addresses,
    referers,
  };
  state.cache.add(text, verified);
  return verified;
}

/** Only what was made as an API key, or says as little as the original's keys do: `JWT`, or nothing (S-SEC-02, S-STS-03). */
function isKeyType(text: string): boolean {
  const { typ } = JSON.parse(Buffer.from(text.slice(0, text.indexOf(".")), "base64url").toString("utf8"));
  return typ === undefined || (typeof typ === "string" && ["jwt", apiKeyType].includes(typ.toLowerCase()));
}

/** API Manager's claims `permittedIP` and `permittedReferer`; the original ignored them (S-KEY-06). */
function listOf<T>(claim: unknown, parse: (text: string) => T | undefined): T | undefined | "malformed" {
  if (claim === undefined || claim === null || claim === "") return undefined;
  return (typeof claim === "string" ? parse(claim) : undefined) ?? "malformed";
}

function allowedOf(claim: unknown): { name: unknown; version: unknown }[] {
  return Array.isArray(claim) ? claim.filter(isRecord).map(({ name, version }) => ({ name, version })) : [];
}

/** A good key, not for this request. */
function notHere(caller: Caller, reason: string): Failure {
  return { ...invalid(reason), ...identityOfCaller(caller) };
}

function invalid(reason: string): Failure {
  return { ok: false, code: 900901, reason };
}

const stockAlias = "ballerina";

async function configure(settings: Settings, report: SettingsReport): Promise<void> {
  configureApis(settings);
  shareFailures();
  const trust = await loadTrustStore(
    settings,
    "listenerConfig.trustStorePath",
    "listenerConfig.trustStorePassword",
    report,
  );
  const issuer = settings.string("apikey.tokenConfigs.issuer") ?? "";
  const name = "apikey.tokenConfigs.issuer";
  if (issuer === "") report.error(name, "must not be empty");
  // One issuer for both would let an access token pass as an API key, and the other way round (S-SEC-02).
  if (settings.tables("jwtTokenConfig").some((table) => table.string("issuer") === issuer))
    report.error(name, "is also the issuer of access tokens; API keys need one of their own");
  const audience = settings.strings("apikey.tokenConfigs.audience");
  if (audience?.length === 0 || audience?.includes(""))
    report.error("apikey.tokenConfigs.audience", "must not be empty; remove it to accept any audience");
  const explicit = settings.boolean("apikey.tokenConfigs.validateAllowedAPIs");
  if (explicit === false)
    report.warn(
      "apikey.tokenConfigs.validateAllowedAPIs",
      "is false: a key for one API opens every API that takes keys",
    );
  state = {
    compatibility: settings.compatibility,
    issuer,
    audience,
    key: keyOf(settings, trust, report),
    skewMs: skewOf(settings),
    validateAllowedApis: explicit ?? true,
    cache: new VerifiedCache(
      settings.number("caching.tokenCacheCapacity") ?? 10_000,
      (settings.number("caching.tokenCacheExpiryTime") ?? 900_000) * 1000,
    ),
  };
}

/** The certificate that signs keys. The original's default is a stock one: only `--allow-known-defaults` brings it back. */
function keyOf(settings: Settings, trust: TrustStore | undefined, report: SettingsReport): VerificationKey | undefined {
  const name = "apikey.tokenConfigs.certificateAlias";
  const alias = settings.string(name) ?? "";
  if (alias !== "") return trustedKey(settings, trust, alias, name, report);
  if (settings.compatibility === "wso2-3.2" && settings.allowKnownDefaults && trust?.certificate(stockAlias)) {
    report.warn(name, `is not set: "${stockAlias}" is trusted (allowed by --allow-known-defaults)`);
    return trustedKey(settings, trust, stockAlias, name, report);
  }
  return void report.error(name, "an operation takes API keys, but no certificate for them is set");
}
