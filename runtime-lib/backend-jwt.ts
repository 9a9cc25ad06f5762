import type { Api } from "./api.ts";
import { addBackendFields } from "./backend-fields.ts";
import { backendClaims } from "./backend-jwt-claims.ts";
import type { Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";
import { skewOf } from "./jwt.ts";
import { JwtSigner, loadSigningKey, type SigningKey } from "./jwt-signer.ts";
import { log } from "./log.ts";
import type { RuntimeModule } from "./module.ts";
import { RenewedTexts } from "./renewed-texts.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { type UserClaims, userClaimsOf } from "./user-claims.ts";

/**
 * Tells backends who calls, by a signed token in a header field (S-BJW-01 to 09): the `backendJwt` of the caller's own token,
 * or one that is made here for callers with an access token. Never for Basic, API keys, client certificates and public
 * operations. What cannot be made, be it that the key manager is away, is 500/900900: a backend that relies on the field never
 * sees a request without it (the original forwarded it, S-BJW-10). A client's own field is always dropped.
 */
export const backendJwtModule: RuntimeModule = {
  name: "backend-jwt",
  configure: (settings, report) => configure(settings, report),
  close: () => state.generator?.users?.close(),
};

interface State {
  /** As it is written to backends. */
  readonly header: string;
  /** Undefined: nothing is made, and only `backendJwt` passes. */
  readonly generator: Generator | undefined;
}

interface Generator {
  readonly signer: JwtSigner;
  readonly issuer: string;
  readonly audience: string | readonly string[] | undefined;
  readonly dialect: string;
  readonly restricted: ReadonlySet<string>;
  readonly lifetimeMs: number;
  /** Undefined: each request gets a token of its own. */
  readonly made: RenewedTexts | undefined;
  readonly users: UserClaims | undefined;
}

let state: State = { header: "", generator: undefined };
let added = false;

const nothing: readonly string[] = [];

/** The field for one request; undefined when it cannot be made. A promise only for a token that has to be made. */
function fieldsFor(
  _x: Exchange,
  api: Api,
  caller: Caller,
): readonly string[] | undefined | Promise<readonly string[] | undefined> {
  const scheme: string = caller.scheme;
  const { claims } = caller;
  if (claims === undefined || (scheme !== "jwt" && scheme !== "opaque")) return nothing;
  const own = scheme === "jwt" ? claims.backendJwt : undefined;
  if (own !== undefined) return fieldOf(typeof own === "string" && fieldText.test(own) ? own : undefined);
  const { generator } = state;
  if (generator === undefined) return nothing;
  if (generator.made === undefined) return make(generator, api, caller).then(fieldOf);
  const text = generator.made.get(claims, variantOf(api, caller), () => make(generator, api, caller));
  return typeof text === "string" ? fieldOf(text) : text.then(fieldOf);
}

const fieldText = /^[\x21-\x7e]+$/;

function fieldOf(text: string | undefined): readonly string[] | undefined {
  return text === undefined ? undefined : [state.header, text];
}

/** What a token says beside the claims of its caller: one of them may call several APIs, and its subscription may change. */
function variantOf(api: Api, { keyType, application }: Caller): string {
  const { id, tier, subscriptions } = application;
  let variant = `${api.basePath}\n${keyType}\n${id}\n${tier}`;
  for (const one of subscriptions) if (one.name === api.name) variant += `\n${one.version}\n${one.tier}`;
  return variant;
}

/** Never rejects: what went wrong is logged without a word of the caller, and nothing is forwarded. */
async function make(generator: Generator, api: Api, caller: Caller): Promise<string | undefined> {
  try {
    const users = (await generator.users?.claimsOf(caller)) ?? {};
    const nowSeconds = Math.floor(Date.now() / 1000);
    return await generator.signer.sign(
      backendClaims(api, caller, users, {
        issuer: generator.issuer,
        audience: generator.audience ?? api.name,
        dialect: generator.dialect,
        restricted: generator.restricted,
        issuedAt: nowSeconds,
        expires: nowSeconds + Math.floor(generator.lifetimeMs / 1000),
      }),
    );
  } catch (error) {
    const { name, message } = error as Error;
    log().warn({ api: api.name, reason: name === "ServiceAway" ? message : name }, "backend JWT not made");
    return undefined;
  }
}

const table = "jwtGeneratorConfig";
const builtInGenerator = "org.wso2.micro.gateway.jwt.generator.MGWJWTGeneratorImpl";

async function configure(settings: Settings, report: SettingsReport): Promise<void> {
  const on = settings.boolean(`${table}.jwtGeneratorEnabled`) === true;
  await state.generator?.users?.close();
  state = {
    header: settings.string("jwtConfig.header") ?? "X-JWT-Assertion",
    generator: on ? await generatorOf(settings, report) : undefined,
  };
  if (added) return;
  added = true;
  addBackendFields(fieldsFor);
}

async function generatorOf(settings: Settings, report: SettingsReport): Promise<Generator | undefined> {
  const impl = settings.string(`${table}.generatorImpl`) ?? "";
  if (impl !== "" && impl !== builtInGenerator)
    report.error(
      `${table}.generatorImpl`,
      `names a Java class that cannot be loaded; remove it, or write ${builtInGenerator}, which is built in`,
    );
  const issuer = settings.string(`${table}.issuer`) ?? "";
  refuseSharedIssuer(settings, issuer, report);
  const audience = settings.strings(`${table}.audience`)?.filter((one) => one !== "") ?? [];
  const cached = settings.boolean(`${table}.jwtGeneratorCaching.tokenCacheEnable`) !== false;
  const lifetimeKey = cached ? `${table}.jwtGeneratorCaching.tokenCacheExpiryTime` : `${table}.tokenExpiry`;
  const lifetimeMs = settings.number(lifetimeKey) ?? 900_000;
  const skewMs = skewOf(settings);
  if (cached && skewMs * 2 > lifetimeMs)
    report.warn(lifetimeKey, "is less than twice the clock skew: tokens are renewed after half of their life");
  const users = await userClaimsOf(settings, report);
  const signingKey = await signingKeyOf(settings, report);
  if (signingKey === undefined) return undefined;
  const { key, certificate, algorithm } = signingKey;
  return {
    signer: new JwtSigner(key, certificate, algorithm, { typ: "JWT" }),
    issuer,
    audience: audience.length > 1 ? audience : audience[0],
    dialect: (settings.string(`${table}.claimDialect`) ?? "").replace(/\/+$/, ""),
    restricted: new Set(settings.strings(`${table}.restrictedClaims`) ?? []),
    lifetimeMs,
    made: cached
      ? new RenewedTexts({
          capacity: settings.number(`${table}.jwtGeneratorCaching.tokenCacheCapacity`) ?? 10_000,
          keepMs: lifetimeMs - Math.min(skewMs, lifetimeMs / 2),
        })
      : undefined,
    users,
  };
}

/** Backends see these tokens: none of them may be good for calling the gateway in its caller's name (S-SEC-02). */
function refuseSharedIssuer(settings: Settings, issuer: string, report: SettingsReport): void {
  const name = `${table}.issuer`;
  if (issuer === "") return report.error(name, "must not be empty");
  const shared =
    settings.tables("jwtTokenConfig").some((one) => one.string("issuer") === issuer) ||
    settings.string("apikey.tokenConfigs.issuer") === issuer;
  if (shared)
    report.error(name, "is also the issuer of credentials; what backends are shown needs an issuer of its own");
}

const algorithms = { sha256withrsa: "RS256", sha256withecdsa: "ES256" } as const;
/** The alias that the original looks for (S-BJW-04). */
const originalAlias = "ballerina";

async function signingKeyOf(settings: Settings, report: SettingsReport): Promise<SigningKey | undefined> {
  const algorithmKey = `${table}.signingAlgorithm`;
  const word = settings.string(algorithmKey)?.toLowerCase();
  if (word === "none")
    return void report.error(algorithmKey, "must not be NONE: backends could not tell who has written it");
  const wanted = word === undefined ? undefined : algorithms[word as keyof typeof algorithms];
  if (word !== undefined && wanted === undefined)
    return void report.error(algorithmKey, "must be SHA256withRSA or SHA256withECDSA");
  const aliasKey = `${table}.privateKeyAlias`;
  const alias = settings.string(aliasKey) || (settings.compatibility === "wso2-3.2" ? originalAlias : "");
  if (alias === "")
    return void report.error(aliasKey, "is required: it names the key in the listener's key store that signs");
  if (settings.path("listenerConfig.keyStorePath") === undefined)
    return void report.error("listenerConfig.keyStorePath", `is required: "${alias}" in it signs backend JWTs`);
  const found = await loadSigningKey(
    settings,
    {
      storePath: "listenerConfig.keyStorePath",
      storePassword: "listenerConfig.keyStorePassword",
      alias,
      aliasKey,
      certificateAlias: settings.string(`${table}.certificateAlias`) || undefined,
      certificateAliasKey: `${table}.certificateAlias`,
    },
    report,
  );
  if (found !== undefined && wanted !== undefined && found.algorithm !== wanted)
    return void report.error(algorithmKey, `does not fit the key "${alias}", which signs with ${found.algorithm}`);
  return found;
}
