import { type Api, configureApis } from "./api.ts";
import { type ClaimMapping, claimMappingOf } from "./claim-mapping.ts";
import { trustProxyCertificates } from "./client-certificate.ts";
import type { Exchange } from "./exchange.ts";
import { shareFailures } from "./failed-logins.ts";
import { type ForwardProxy, forwardProxy } from "./forward-proxy.ts";
import { type FetchOptions, JwksSource, jwksUrlFlaw } from "./jwks.ts";
import { checkClaims, type ParsedJwt, parseJwt, skewOf, type VerificationKey, verifySignature } from "./jwt.ts";
import { callerOfClaims, clientIdOf } from "./jwt-caller.ts";
import { loggedIdentity } from "./logged-identity.ts";
import type { RuntimeModule } from "./module.ts";
import { nodeTls } from "./node-tls.ts";
import { opaqueTokens } from "./opaque-tokens.ts";
import { discoverJwksUrl } from "./openid-discovery.ts";
import { classOf, credentialOf, type Failure, type Scheme, type Verified } from "./scheme.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { loadTrustStore, type TrustStore } from "./tls-stores.ts";
import { trustedKey } from "./trusted-key.ts";
import { VerifiedCache, type VerifiedCredential } from "./verified-cache.ts";

/**
 * Self-contained tokens of the issuers in `[[jwtTokenConfig]]`. What is wrong with a token is always 900901 (S-JWT-13);
 * the reason goes to the log only. While a key source is away: tokens in the cache and of known keys pass, the others
 * get 503.
 */
export function bearerJwt(api: Api): TokenScheme {
  return new BearerJwt(api);
}

/** Judges tokens that stand behind another word than `Bearer` too. `value`: a field as it would be for a bearer token. */
export interface TokenScheme extends Scheme {
  verifyField(value: string): Verified | Promise<Verified>;
  /** What a look-up alone can say. */
  knownField(value: string): Verified | undefined;
}

/** Loads issuers and keys at start, keeps key sets fresh, and forgets verified tokens when keys change. */
export const jwtModule: RuntimeModule = {
  name: "jwt",
  configure: (settings, report) => configure(settings, report),
  waitingFor() {
    const waiting = state.issuers.find((issuer) => issuer.jwks?.ready === false && issuer.certificateKey === undefined);
    return waiting === undefined ? undefined : `keys of ${waiting.rules.issuer}`;
  },
  close() {
    for (const issuer of state.issuers) issuer.jwks?.close();
  },
};

interface Issuer {
  readonly rules: {
    readonly issuer: string;
    readonly audience: readonly string[] | undefined;
    readonly skewMs: number;
    readonly consumerKeyClaim: string | undefined;
  };
  readonly certificateKey: VerificationKey | undefined;
  readonly jwks: JwksSource | undefined;
  /** Undefined: claims are read as they are (S-JWT-10). */
  readonly mapping?: ClaimMapping | undefined;
}

interface State {
  readonly compatibility: "wso2-3.2" | "standard";
  readonly issuers: readonly Issuer[];
  readonly cache: VerifiedCache<VerifiedCredential>;
}

/** One process serves one gateway: the issuers are the same for all its APIs. */
let state: State = { compatibility: "standard", issuers: [], cache: new VerifiedCache(1, 0) };

class BearerJwt implements TokenScheme {
  readonly kind = "jwt";
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  present(x: Exchange): boolean {
    return classOf(x.header(this.#api.authHeader)) === "bearer";
  }

  verify(x: Exchange): Verified | Promise<Verified> {
    return this.verifyField(x.header(this.#api.authHeader) ?? "");
  }

  verifyField(value: string): Verified | Promise<Verified> {
    // Before anything of the token is read: what is in the cache was checked, byte for byte.
    return state.cache.get(value) ?? verifyAnew(value);
  }

  known(x: Exchange): Verified | undefined {
    return this.knownField(x.header(this.#api.authHeader) ?? "");
  }

  knownField(value: string): Verified | undefined {
    const kept = state.cache.get(value);
    if (kept !== undefined || opaqueTokens === undefined || classOf(value) !== "bearer") return kept;
    const token = credentialOf(value);
    return isOpaque(token) ? opaqueTokens.known?.(token) : undefined;
  }
}

function verifyAnew(value: string): Verified | Promise<Verified> {
  if (classOf(value) !== "bearer") return invalid("jwt: not a bearer token");
  const token = credentialOf(value);
  if (opaqueTokens !== undefined && isOpaque(token)) return opaqueTokens.verify(token);
  const jwt = parseJwt(token);
  if (typeof jwt === "string") return invalid(`jwt: ${jwt}`);
  const verified = tryIssuers(value, jwt);
  return "wait" in verified ? afterKeys(value, jwt, verified.wait) : verified;
}

/** Two dots make a JWT (S-SEL-14): whether it is one is then no question for the key manager. */
function isOpaque(token: string): boolean {
  return token !== "" && token.split(".", 3).length < 3;
}

/** The fetch that is waited for may have begun before the key was published; the one after it has not. */
async function afterKeys(value: string, jwt: ParsedJwt, wait: Promise<unknown>): Promise<Verified> {
  await wait;
  const again = tryIssuers(value, jwt);
  if (!("wait" in again)) return again;
  await again.wait;
  return tryIssuers(value, jwt, false) as Verified;
}

/** Issuers of one name are tried in order (S-JWT-14). `wait`: a key is missing and is being fetched, if that may be waited for. */
function tryIssuers(value: string, jwt: ParsedJwt, mayWait = true): Verified | { readonly wait: Promise<unknown> } {
  let failure: Failure | undefined;
  let waits: Promise<void>[] | undefined;
  for (const issuer of state.issuers) {
    if (jwt.payload.iss !== issuer.rules.issuer) continue;
    const key = keyFor(issuer, jwt);
    if (key === undefined) {
      const wait = mayWait ? issuer.jwks?.refreshForMissingKey(jwt.alg, jwt.kid) : undefined;
      if (wait !== undefined) waits = [...(waits ?? []), wait];
      failure = { ...(issuer.jwks?.away ? keysAway : invalid("jwt: unknown key")), issuer: issuer.rules.issuer };
      continue;
    }
    const outcome = verifyWith(issuer, key, jwt, value);
    if (outcome.ok) return outcome;
    failure = outcome;
  }
  if (waits !== undefined) return { wait: Promise.all(waits) };
  // Nobody's word, but the one thing that tells an operator what is missing.
  return failure ?? { ...invalid("jwt: unknown issuer"), ...loggedIdentity(jwt.payload.iss) };
}

/** A key set decides for tokens with `kid`, else the certificate (S-JWT-03); keys belong to their issuer alone. */
function keyFor({ jwks, certificateKey }: Issuer, { alg, kid }: ParsedJwt): VerificationKey | undefined {
  if (jwks === undefined || (kid === undefined && certificateKey !== undefined)) return certificateKey;
  return jwks.find(alg, kid);
}

function verifyWith(issuer: Issuer, key: VerificationKey, jwt: ParsedJwt, value: string): Verified {
  const { issuer: name, consumerKeyClaim } = issuer.rules;
  if (!key.algorithms.has(jwt.alg)) return { ...invalid("jwt: algorithm does not fit the key"), issuer: name };
  if (!verifySignature(jwt, key)) return { ...invalid("jwt: signature"), issuer: name };
  // From here on the token speaks for itself.
  const wrong = (reason: string): Failure => ({
    ...invalid(reason),
    ...loggedIdentity(name, clientIdOf(jwt.payload, state.compatibility, consumerKeyClaim)),
  });
  const now = Date.now();
  const end = checkClaims(jwt.payload, issuer.rules, now);
  if (typeof end === "string") return wrong(`jwt: ${end}`);
  const claims = issuer.mapping === undefined ? jwt.payload : issuer.mapping.apply(jwt.payload);
  if (claims === undefined) return wrong("jwt: claim mapping");
  const caller = callerOfClaims(claims, "jwt", state.compatibility, credentialOf(value), consumerKeyClaim);
  if (caller === undefined) return wrong("jwt: keytype");
  const verified = { ok: true, caller, until: Math.min(end, key.notAfter, state.cache.latest(now)) } as const;
  state.cache.add(value, verified);
  return verified;
}

const keysAway: Failure = { ok: false, code: 0, reason: "jwt: key source away" };

function invalid(reason: string): Failure {
  return { ok: false, code: 900901, reason };
}

async function configure(settings: Settings, report: SettingsReport): Promise<void> {
  configureApis(settings);
  shareFailures();
  for (const issuer of state.issuers) issuer.jwks?.close();
  const cache = new VerifiedCache<VerifiedCredential>(
    settings.number("caching.tokenCacheCapacity") ?? 10_000,
    (settings.number("caching.tokenCacheExpiryTime") ?? 900_000) * 1000,
  );
  const trust = await loadTrustStore(
    settings,
    "listenerConfig.trustStorePath",
    "listenerConfig.trustStorePassword",
    report,
  );
  trustProxyCertificates(trust);
  const skewMs = skewOf(settings);
  if (skewMs > 300_000) report.warn("server.timestampSkew", "more than five minutes lets expired tokens live on");
  const issuers: Issuer[] = [];
  for (const table of settings.tables("jwtTokenConfig")) {
    const issuer = issuerOf(table, settings, skewMs, trust, cache, report);
    if (issuer !== undefined) issuers.push(issuer);
  }
  if (settings.tables("jwtTokenConfig").length === 0) {
    const implied = impliedIssuer(settings, skewMs, trust, report);
    if (implied !== undefined) issuers.push(implied);
  }
  state = { compatibility: settings.compatibility, issuers, cache };
  // Not waited for: a start must not depend on another system. Until the keys are here, /readyz says so.
  for (const issuer of issuers) void issuer.jwks?.refresh();
}

function issuerOf(
  table: Settings,
  settings: Settings,
  skewMs: number,
  trust: TrustStore | undefined,
  cache: VerifiedCache<VerifiedCredential>,
  report: SettingsReport,
): Issuer | undefined {
  const issuer = table.string("issuer");
  if (issuer === undefined || issuer === "") return void report.error(table.nameOf("issuer"), "is required");
  const audience = table.strings("audience");
  // Not taken for "unchecked": an empty variable behind @env must not open the gateway.
  if (audience?.length === 0 || audience?.includes(""))
    return void report.error(table.nameOf("audience"), "must not be empty; remove it to accept any audience");
  if (audience === undefined)
    report.warn(table.nameOf("audience"), "is not set: tokens that this issuer made for others are accepted too");
  const alias = table.string("certificateAlias") ?? "";
  const url = table.string("jwksURL") ?? "";
  const discovery = table.string("discoveryURL") ?? "";
  if (alias === "" && url === "" && discovery === "")
    return void report.error(
      table.nameOf("issuer"),
      "has no key source: set certificateAlias, jwksURL or discoveryURL; unsigned tokens are never accepted",
    );
  if (url !== "" && discovery !== "")
    return void report.error(table.nameOf("discoveryURL"), "is set beside jwksURL: only one of them can name the keys");
  const certificateKey =
    alias === "" ? undefined : trustedKey(settings, trust, alias, table.nameOf("certificateAlias"), report);
  if (alias !== "" && certificateKey === undefined) return undefined;
  const source = url || discovery;
  const flaw = source === "" ? undefined : jwksUrlFlaw(source);
  if (flaw !== undefined) return void report.error(table.nameOf(url === "" ? "discoveryURL" : "jwksURL"), flaw);
  const proxy = source === "" ? undefined : forwardProxy(settings, report, "enableInternalServices");
  if (proxy === "wrong") return undefined;
  const discoveredFor = url === "" ? issuer : undefined;
  const jwks = source === "" ? undefined : keySet(source, settings, trust, cache, discoveredFor, proxy);
  const consumerKeyClaim = table.string("consumerKeyClaim") || undefined;
  const rules = { issuer, audience, skewMs, consumerKeyClaim };
  return { rules, certificateKey, jwks, mapping: claimMappingOf(table, report) };
}

/** `discoveredFor`: the URL is that of this issuer's metadata. */
function keySet(
  url: string,
  settings: Settings,
  trust: TrustStore | undefined,
  cache: VerifiedCache<VerifiedCredential>,
  discoveredFor: string | undefined,
  proxy: ForwardProxy | undefined,
): JwksSource {
  return new JwksSource(url, {
    timeoutMs: (settings.number("castgate.jwksTimeoutSeconds") ?? 5) * 1000,
    cacheMs: (settings.number("castgate.jwksCacheSeconds") ?? 300) * 1000,
    // As towards backends: the operator's certificates stand beside the authorities of Node.
    ca: trust === undefined ? undefined : [...nodeTls().rootCertificates, ...trust.ca],
    proxy,
    onRotation: () => cache.clear(),
    ...(discoveredFor !== undefined && {
      locate: (at: string, options: FetchOptions) => discoverJwksUrl(at, discoveredFor, options),
    }),
  });
}

const impliedIssuerName = "https://localhost:9443/oauth2/token";
const impliedAlias = "wso2apim310";

/**
 * Without any issuer the original trusted a stock certificate (S-JWT-01). That is a known default: only
 * `--allow-known-defaults` brings it back, and only where the trust store has that certificate.
 */
function impliedIssuer(
  settings: Settings,
  skewMs: number,
  trust: TrustStore | undefined,
  report: SettingsReport,
): Issuer | undefined {
  const name = "jwtTokenConfig";
  if (settings.compatibility === "wso2-3.2" && settings.allowKnownDefaults && trust?.certificate(impliedAlias)) {
    report.warn(name, `is not set: ${impliedIssuerName} is trusted (allowed by --allow-known-defaults)`);
    const certificateKey = trustedKey(settings, trust, impliedAlias, name, report);
    const rules = { issuer: impliedIssuerName, audience: undefined, skewMs, consumerKeyClaim: undefined };
    return { rules, certificateKey, jwks: undefined };
  }
  return void report.error(name, "an operation needs a token, but there is no issuer: add [[jwtTokenConfig]]");
}
