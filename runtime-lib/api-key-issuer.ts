import { randomUUID } from "node:crypto";
import { AddressList } from "./address-list.ts";
import { Api } from "./api.ts";
import { apiKeyType } from "./api-key-type.ts";
import { basic, basicModule } from "./auth-basic.ts";
import { authenticate } from "./authenticate.ts";
import type { Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";
import { JwtSigner, loadSigningKey, type SigningKeyPlace } from "./jwt-signer.ts";
import { log } from "./log.ts";
import type { RuntimeModule } from "./module.ts";
import { isRecord } from "./record.ts";
import { RefererList } from "./referer-list.ts";
import { fault, methodNotAllowed, refuse } from "./respond.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { keyAliases } from "./tls-stores.ts";

/**
 * Makes API keys for users of `[b7a.users]` (S-STS-01 to 05): `POST /apikey` with Basic and, if wanted, a JSON body with
 * `validityTime` in seconds, `permittedIP` and `permittedReferer`; in `wso2-3.2` also `GET`. The answer is the bare key. Every
 * key has an end, an id, an audience and a type of its own, and opens the APIs of `[[apikey.issuer.api]]` and no others. In
 * `standard` a user needs the scope `castgate.apiKeyIssuer.scope`; in `wso2-3.2` where it is set.
 */
export const apiKeyIssuerModule: RuntimeModule = {
  name: "api-key-issuer",
  configure: (settings, report) => configure(settings, report),
  services: () =>
    state === undefined
      ? []
      : [{ listener: "api", segment: "apikey", methods: methodsOf(state.compatibility), handle }],
};

interface State {
  readonly compatibility: "wso2-3.2" | "standard";
  readonly signer: JwtSigner;
  readonly scope: string | undefined;
  /** Those of every key. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Undefined: the request must say how long. */
  readonly usualSeconds: number | undefined;
  readonly mostSeconds: number;
}

/** Undefined: there is no issuer. */
let state: State | undefined;

/** S-STS-01: always `Authorization`, whatever the APIs use. */
const service = new Api({
  name: "apikey",
  version: "",
  basePath: "/apikey",
  authHeader: "Authorization",
  challenges: ["basic"],
});
const byPassword = [[basic(service)]];

const longestBody = 4096;

async function handle(x: Exchange): Promise<void> {
  if (state === undefined) return fault(x, 503, "The API key issuer is not available");
  const { compatibility, scope } = state;
  const methods = methodsOf(compatibility);
  if (!methods.includes(x.method)) return methodNotAllowed(x, methods, "fault");
  const caller = await authenticate(x, service, byPassword);
  if (caller === undefined) return refused(x, compatibility);
  if (scope !== undefined && !caller.scopes.has(scope)) {
    x.refusal = { status: 403, code: 900910, reason: "api-key-issuer: scope missing" };
    return x.respond(403, ["Content-Type", "application/json", ...notKept], x.faults.byCode(900910).body);
  }
  const body = await x.wholeBody(longestBody);
  if (body === undefined) return fault(x, 413, "The body is too long");
  const wish = wishOf(state, body);
  if (typeof wish === "string") return fault(x, 400, wish);
  await issue(x, state, caller, wish);
}

function methodsOf(compatibility: State["compatibility"]): readonly string[] {
  return compatibility === "wso2-3.2" ? ["GET", "POST"] : ["POST"];
}

const notKept = ["Cache-Control", "no-store", "Pragma", "no-cache"];

async function issue(x: Exchange, { signer, claims }: State, caller: Caller, wish: Wish): Promise<void> {
  const issuedAt = Math.floor(Date.now() / 1000);
  const { seconds, ...restrictions } = wish;
  const jti = randomUUID();
  let key: string;
  try {
    key = await signer.sign({
      sub: caller.name,
      ...claims,
      ...restrictions,
      jti,
      iat: issuedAt,
      exp: issuedAt + seconds,
    });
  } catch {
    x.refusal = { status: 500, code: 500, reason: "api-key-issuer: signing failed" };
    const text = '{"error":"error occurred while generating API Key token"}';
    return x.respond(500, ["Content-Type", "application/json", ...notKept], text);
  }
  // The id is what the key can be revoked by; it opens nothing.
  log().info({ id: x.id, jti, seconds }, "API key issued");
  x.respond(200, ["Content-Type", "text/plain", "X-Content-Type-Options", "nosniff", ...notKept], key);
}

/** S-STS-05: the original's text, and fault JSON in `standard`. Nothing tells an unknown user from a wrong password. */
function refused(x: Exchange, compatibility: State["compatibility"]): void {
  const { status = 401, code = 900911 } = x.refusal ?? {};
  if (status === 429 || status === 503) return refuse(x);
  x.refusal = { reason: "", ...x.refusal, status: 401, code };
  const realm = compatibility === "wso2-3.2" ? "WSO2 API Microgateway" : "castgate";
  const headers = ["WWW-Authenticate", `Basic realm="${realm}", charset="UTF-8"`, ...notKept];
  if (compatibility === "wso2-3.2")
    return x.respond(401, ["Content-Type", "text/plain", ...headers], "Authentication failure.");
  x.respond(401, ["Content-Type", "application/json", ...headers], x.faults.byCode(code).body);
}

/** What a request asks of its key. */
interface Wish {
  readonly seconds: number;
  readonly permittedIP?: string;
  readonly permittedReferer?: string;
}

/**
 * S-STS-02, but never without an end: the settings' time, or less if less is asked for. Where they set none, it must be asked
 * for, and `castgate.apiKeyIssuer.maxValiditySeconds` bounds it. A string says what is wrong.
 */
function wishOf({ compatibility, usualSeconds, mostSeconds, claims }: State, body: Uint8Array): Wish | string {
  const asked = bodyOf(body);
  if (asked === undefined) return "The body must be a JSON object";
  const { validityTime, permittedIP, permittedReferer } = asked;
  if (validityTime !== undefined && !Number.isSafeInteger(validityTime))
    return "validityTime must be a whole number of seconds";
  // The original takes a time that is not positive for none.
  const positive = typeof validityTime === "number" && validityTime > 0 ? validityTime : undefined;
  if (validityTime !== undefined && positive === undefined && compatibility === "standard")
    return "validityTime must be greater than 0";
  const seconds = positive ?? usualSeconds;
  if (seconds === undefined) return "validityTime is required: the number of seconds for which the key is to be valid";
  const lists = [
    ["permittedIP", permittedIP, AddressList.parse],
    ["permittedReferer", permittedReferer, RefererList.parse],
  ] as const;
  for (const [name, value, parse] of lists) {
    if (value === undefined) continue;
    if (claims[name] !== undefined) return `${name} is set by the gateway`;
    if (typeof value !== "string" || parse(value) === undefined) return `${name} is malformed`;
  }
  return {
    seconds: Math.min(seconds, mostSeconds),
    ...(permittedIP === undefined ? {} : { permittedIP: permittedIP as string }),
    ...(permittedReferer === undefined ? {} : { permittedReferer: permittedReferer as string }),
  };
}

function bodyOf(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const text = Buffer.from(body).toString("utf8").trim();
  if (text === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const table = "apikey.issuer.tokenConfig";
/** The alias that the original signs with unless told otherwise (S-STS-04). */
const originalAlias = "ballerina";

async function configure(settings: Settings, report: SettingsReport): Promise<void> {
  state = undefined;
  const place = await placeOf(settings, report);
  if (place === undefined) return;
  await basicModule.configure(settings, report, noPools);
  const issuer = settings.string(`${table}.issuer`) ?? "";
  checkIssuer(settings, issuer, report);
  const scope = settings.string("castgate.apiKeyIssuer.scope") || undefined;
  if (scope === undefined && settings.compatibility === "standard")
    report.error("castgate.apiKeyIssuer.scope", "is required: who may have API keys made is not left to every user");
  const usual = settings.number(`${table}.validityTime`) ?? -1;
  const most = settings.number("castgate.apiKeyIssuer.maxValiditySeconds") ?? 31_536_000;
  if (usual > most)
    report.warn(`${table}.validityTime`, `is more than castgate.apiKeyIssuer.maxValiditySeconds: ${most} is used`);
  const found = await loadSigningKey(settings, place, report);
  if (found === undefined) return;
  state = {
    compatibility: settings.compatibility,
    // The original's `kid` is the alias (S-STS-03).
    signer: new JwtSigner(found.key, found.certificate, found.algorithm, { typ: apiKeyType, kid: place.alias }),
    scope,
    claims: {
      iss: issuer,
      ...audienceOf(settings, issuer),
      keytype: "PRODUCTION",
      ...restrictionsOf(settings, report),
    },
    usualSeconds: usual > 0 ? usual : undefined,
    mostSeconds: usual > 0 ? Math.min(usual, most) : most,
  };
}

/** Users are looked up, no backend is. */
const noPools = () => Promise.reject(new Error("the API key issuer has no backends"));

/** Where its key stands; undefined when it stays off, or is asked for and has none, which is reported. */
async function placeOf(settings: Settings, report: SettingsReport): Promise<SigningKeyPlace | undefined> {
  const original = settings.compatibility === "wso2-3.2";
  const asked = settings.boolean(`${table}.enabled`) === true;
  const own = settings.path(`${table}.keyStorePath`) !== undefined;
  const from = own ? table : "listenerConfig";
  const storePath = `${from}.keyStorePath`;
  const storePassword = `${from}.keyStorePassword`;
  const aliasKey = `${table}.certificateAlias`;
  const named = settings.string(aliasKey) || "";
  const alias = named === "" && original ? originalAlias : named;
  const place = { storePath, storePassword, alias, aliasKey };
  if (!asked && !own && named === "") {
    const held = await keyAliases(settings, storePath, storePassword);
    return held.includes(alias) ? place : undefined;
  }
  if (settings.path(storePath) === undefined)
    return void report.error(
      `${table}.keyStorePath`,
      "is required, or listenerConfig.keyStorePath: a key in it signs API keys",
    );
  if (alias === "") return void report.error(aliasKey, "is required: it names the key that signs API keys");
  return place;
}

/** Keys must be told from access tokens by their issuer, and are of use only where they are taken (S-SEC-02). */
function checkIssuer(settings: Settings, issuer: string, report: SettingsReport): void {
  const name = `${table}.issuer`;
  if (issuer === "") report.error(name, "must not be empty");
  if (settings.tables("jwtTokenConfig").some((one) => one.string("issuer") === issuer))
    report.error(name, "is also the issuer of access tokens; API keys need one of their own");
  if (issuer !== settings.string("apikey.tokenConfigs.issuer"))
    report.warn(name, "is not apikey.tokenConfigs.issuer: this gateway does not take the keys that it makes");
}

/** What is set, else what the gateway asks of keys, else the issuer, which is who takes them. */
function audienceOf(settings: Settings, issuer: string): { readonly aud: string | readonly string[] } {
  const asked = settings.strings(`${table}.audience`) ?? settings.strings("apikey.tokenConfigs.audience") ?? [];
  const named = asked.filter((one) => one !== "");
  return { aud: named.length > 1 ? named : (named[0] ?? issuer) };
}

function restrictionsOf(settings: Settings, report: SettingsReport): Readonly<Record<string, unknown>> {
  const allowedAPIs: { readonly name: string; readonly version: string }[] = [];
  for (const one of settings.tables("apikey.issuer.api")) {
    const name = one.string("name") ?? "";
    if (name === "") report.error(one.nameOf("name"), "is required");
    const versions = (one.strings("versions") ?? [])
      .map((version) => version.trim())
      .filter((version) => version !== "");
    for (const version of versions.length === 0 ? ["*"] : versions) allowedAPIs.push({ name, version });
  }
  if (allowedAPIs.length === 0)
    report.warn(
      "apikey.issuer.api",
      "is empty: the keys that are made open no API, unless validateAllowedAPIs is false",
    );
  const lists = [
    ["permittedIP", AddressList.parse, "must be addresses or networks in CIDR notation, with commas between"],
    ["permittedReferer", RefererList.parse, "must be patterns of URLs, with commas between"],
  ] as const;
  const permitted: Record<string, string> = {};
  for (const [name, parse, flaw] of lists) {
    const value = settings.string(`castgate.apiKeyIssuer.${name}`) ?? "";
    if (value === "") continue;
    if (parse(value) === undefined) report.error(`castgate.apiKeyIssuer.${name}`, flaw);
    permitted[name] = value;
  }
  return { allowedAPIs, ...permitted };
}
