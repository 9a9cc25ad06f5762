import type { Caller } from "./caller.ts";
import { refuseKnownUser } from "./known-defaults.ts";
import { isRecord } from "./record.ts";
import { basic, ServiceAway, type ServiceClient, serviceClientFor } from "./service-client.ts";
import type { Settings, SettingsReport } from "./settings.ts";

type Claims = Readonly<Record<string, unknown>>;

/**
 * What the key manager knows of a user (S-BJW-09), for issuers and opaque tokens whose settings ask for it. Its certificate
 * and host name are verified. Kept per user for `castgate.userClaimsCacheSeconds`; requests at the same time share one call;
 * after a failure the next second's requests fail at once, so that a key manager that is away is not piled upon.
 */
export class UserClaims {
  readonly #client: ServiceClient;
  readonly #authorization: string;
  readonly #ttlMs: number;
  readonly #issuers: ReadonlySet<unknown>;
  readonly #ofOpaque: boolean;
  readonly #cutsTenant: boolean;
  #young = new Map<string, Entry>();
  #old = new Map<string, Entry>();

  constructor(options: UserClaimsOptions) {
    this.#client = options.client;
    this.#authorization = options.authorization;
    this.#ttlMs = options.ttlMs;
    this.#issuers = new Set(options.issuers);
    this.#ofOpaque = options.ofOpaque;
    this.#cutsTenant = options.cutsTenant;
  }

  /** By the claim's URI; undefined when nobody asked for this caller's. Rejects with `ServiceAway`. */
  claimsOf(caller: Caller): Promise<Claims> | undefined {
    const scheme: string = caller.scheme;
    const wanted = scheme === "jwt" ? this.#issuers.has(caller.claims?.iss) : scheme === "opaque" && this.#ofOpaque;
    if (!wanted || caller.name === "") return undefined;
    const name = this.#cutsTenant ? withoutTenant(caller.name) : caller.name;
    const known = this.#young.get(name) ?? this.#old.get(name);
    if (known !== undefined && known.until > Date.now()) return known.claims;
    const entry: Entry = { claims: this.#fetch(name), until: Date.now() + this.#ttlMs };
    entry.claims.catch(() => {
      entry.until = Math.min(entry.until, Date.now() + retryMs);
    });
    if (this.#young.size >= mostUsers / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, entry);
    return entry.claims;
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #fetch(username: string): Promise<Claims> {
    const answer = await this.#client.request("POST", "/keymanager-operations/user-info/claims/generate", {
      headers: { authorization: this.#authorization, "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ username }),
      // It only reads.
      repeatable: true,
    });
    if (answer.status !== 200) throw new ServiceAway(`user claims: status ${answer.status}`, false);
    let reply: unknown;
    try {
      reply = JSON.parse(answer.body.toString("utf8"));
    } catch {
      throw new ServiceAway("user claims: not JSON", false);
    }
    if (!isRecord(reply) || !Array.isArray(reply.list)) throw new ServiceAway("user claims: no list", false);
    const pairs = reply.list
      .filter(isRecord)
      .flatMap(({ uri, value }) => (typeof uri === "string" ? [[uri, value]] : []));
    return Object.fromEntries(pairs);
  }
}

export interface UserClaimsOptions {
  readonly client: ServiceClient;
  readonly authorization: string;
  readonly ttlMs: number;
  /** Issuers of JWTs whose users are asked about. */
  readonly issuers: readonly string[];
  /** Whether users of opaque tokens are. */
  readonly ofOpaque: boolean;
  /** Whether the key manager is asked about `alice` for `alice@acme.test`, whoever else is an alice there. */
  readonly cutsTenant: boolean;
}

interface Entry {
  readonly claims: Promise<Claims>;
  until: number;
}

const mostUsers = 10_000;
const retryMs = 1_000;

/** `alice@carbon.super` is `alice` for the original's key manager (S-BJW-09); a name without a tenant is itself. */
function withoutTenant(name: string): string {
  const at = name.lastIndexOf("@");
  return at <= 0 ? name : name.slice(0, at);
}

const builtInRetrievers: readonly string[] = [
  "org.wso2.micro.gateway.jwt.generator.MGWClaimRetrieverImpl",
  "org.wso2.micro.gateway.jwt.generator.DefaultMGWClaimRetriever",
];
const table = "jwtGeneratorConfig.claimRetrieval";
const flag = "remoteUserClaimRetrievalEnabled";

/** The retriever that the settings ask for; undefined when they ask for none, or wrongly, which is reported. */
export async function userClaimsOf(settings: Settings, report: SettingsReport): Promise<UserClaims | undefined> {
  const issuers = settings.tables("jwtTokenConfig").filter((one) => one.boolean(flag) === true);
  const ofOpaque = settings.boolean(`keyManager.${flag}`) === true;
  const asked = issuers.map((one) => one.nameOf(flag)).concat(ofOpaque ? [`keyManager.${flag}`] : []);
  const impl = settings.string(`${table}.retrieverImpl`) ?? "";
  if (impl === "") {
    for (const name of asked)
      report.warn(name, `has no effect without ${table}.retrieverImpl = "${builtInRetrievers[0]}"`);
    return undefined;
  }
  if (!builtInRetrievers.includes(impl))
    return void report.error(
      `${table}.retrieverImpl`,
      `names a Java class that cannot be loaded; remove it, or write ${builtInRetrievers[0]}, which is built in`,
    );
  if (asked.length === 0) return undefined;
  const urlKey = settings.string(`${table}.configuration.serverUrl`)
    ? `${table}.configuration.serverUrl`
    : "keyManager.serverUrl";
  const url = settings.string(urlKey) ?? "";
  if (url === "") return void report.error(urlKey, "is required: users' claims are asked for there");
  const own = settings.string(`${table}.configuration.username`) !== undefined;
  const from = own ? `${table}.configuration` : "apim.credentials";
  const user = settings.string(`${from}.username`) ?? "";
  const password = settings.string(`${from}.password`) ?? "";
  if (user === "")
    return void report.error(`${from}.username`, "is required: the key manager asks who wants users' claims");
  if (password === "") return void report.error(`${from}.password`, "is required with the user's name");
  await refuseKnownUser(settings, report, `${from}.password`, user, password);
  const client = await serviceClientFor(settings, report, urlKey, url, { timeoutMs: 5_000, maxBytes: 262_144 });
  if (client === undefined) return undefined;
  return new UserClaims({
    client,
    authorization: basic(user, password),
    ttlMs: 1000 * (settings.number("castgate.userClaimsCacheSeconds") ?? 300),
    issuers: issuers.map((one) => one.string("issuer") ?? ""),
    ofOpaque,
    cutsTenant: settings.compatibility === "wso2-3.2",
  });
}
