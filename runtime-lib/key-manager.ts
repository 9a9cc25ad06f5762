import { refuseKnownUser } from "./known-defaults.ts";
import { isRecord } from "./record.ts";
import { basic, ServiceAway, type ServiceClient, type ServiceReply, serviceClientFor } from "./service-client.ts";
import type { Settings, SettingsReport } from "./settings.ts";

/**
 * The key manager, and how the gateway identifies itself to it (S-OPQ-03): Basic, or an access token by client credentials,
 * by password or given directly, the last two with refresh if wanted; or not at all.
 */

/** What identifies the gateway in one call. */
interface Credential {
  /** Value of the field `Authorization`; undefined: none. */
  authorization(): string | undefined | Promise<string>;
  /** The key manager did not accept `authorization`. Whether asking for another one makes sense. */
  refused(authorization: string): boolean;
}

/** The key manager as the settings name it. */
export class KeyManager {
  readonly #client: ServiceClient;
  readonly #tokenClients: readonly ServiceClient[];
  readonly #credential: Credential;
  readonly #context: string;

  constructor(
    client: ServiceClient,
    tokenClients: readonly ServiceClient[],
    credential: Credential,
    tokenContext: string,
  ) {
    this.#client = client;
    this.#tokenClients = tokenClients;
    this.#credential = credential;
    this.#context = tokenContext;
  }

  /**
   * Posts a form to `{serverUrl}/{tokenContext}{path}` in the gateway's name. A token that is refused with 401 is replaced
   * once. Resolves with any answer; rejects with `ServiceAway` alone, also when no token is to be had.
   */
  async post(path: string, form: Readonly<Record<string, string>>): Promise<ServiceReply> {
    const first = await this.#credential.authorization();
    const reply = await this.#send(path, form, first);
    if (reply.status !== 401 || first === undefined || !this.#credential.refused(first)) return reply;
    return this.#send(path, form, await this.#credential.authorization());
  }

  /** Ends every call and connection. */
  async close(): Promise<void> {
    await Promise.all([this.#client, ...this.#tokenClients].map((client) => client.close()));
  }

  #send(
    path: string,
    form: Readonly<Record<string, string>>,
    authorization: string | undefined,
  ): Promise<ServiceReply> {
    return postForm(this.#client, `${this.#context}${path}`, form, authorization, true);
  }
}

function postForm(
  client: ServiceClient,
  path: string,
  form: Readonly<Record<string, string>>,
  authorization: string | undefined,
  repeatable: boolean,
): Promise<ServiceReply> {
  const headers: Record<string, string> = {
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
  };
  if (authorization !== undefined) headers.authorization = authorization;
  return client.request("POST", path, { headers, body: new URLSearchParams({ ...form }).toString(), repeatable });
}

/** The same in every call. */
class FixedCredential implements Credential {
  readonly #value: string | undefined;

  constructor(value: string | undefined) {
    this.#value = value;
  }

  authorization(): string | undefined {
    return this.#value;
  }

  refused(): boolean {
    return false;
  }
}

/** A client of the token endpoint (RFC 6749 section 2.3.1). */
interface OAuthClient {
  readonly endpoint: ServiceClient;
  readonly id: string;
  readonly secret: string;
  /** `credentialBearer`: whether id and secret go in the header, in the body, or not at all. */
  readonly sent: "header" | "body" | "none";
  /** In the header, both are form-encoded first; the original did not, and its key manager does not expect it. */
  readonly encoded: boolean;
  readonly scope: string;
}

interface TokenGrant {
  /** How a token is got anew; undefined: not at all, there is but the one given. */
  readonly fresh: { readonly client: OAuthClient; readonly form: Readonly<Record<string, string>> } | undefined;
  readonly refresh: OAuthClient | undefined;
  /** Those that the settings give. */
  readonly accessToken: string | undefined;
  readonly refreshToken: string | undefined;
}

/** A token is not used in its last seconds: it must still be good when it arrives. */
const marginMs = 30_000;

/**
 * An access token for the gateway itself, kept until shortly before its end and fetched by one call at a time, however
 * many wait for it. When it was refused or has ended: refresh, else the grant again.
 */
class AccessToken implements Credential {
  readonly #grant: TokenGrant;
  #authorization: string | undefined;
  #until = Number.POSITIVE_INFINITY;
  #refreshToken: string | undefined;
  #running: Promise<string> | undefined;

  constructor(grant: TokenGrant) {
    this.#grant = grant;
    this.#refreshToken = grant.refreshToken;
    if (grant.accessToken !== undefined) this.#authorization = `Bearer ${grant.accessToken}`;
  }

  authorization(): string | Promise<string> {
    if (this.#authorization !== undefined && Date.now() < this.#until) return this.#authorization;
    this.#running ??= this.#renew().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  refused(authorization: string): boolean {
    // Another call may have replaced it meanwhile.
    if (this.#authorization === authorization) {
      if (this.#grant.fresh === undefined && !this.#canRefresh()) return false;
      this.#authorization = undefined;
    }
    return true;
  }

  #canRefresh(): boolean {
    return this.#grant.refresh !== undefined && this.#refreshToken !== undefined;
  }

  async #renew(): Promise<string> {
    const { fresh, refresh } = this.#grant;
    const refreshToken = this.#refreshToken;
    if (refresh !== undefined && refreshToken !== undefined) {
      // A refresh token may be good for one use only: the call is not repeated.
      const form = { grant_type: "refresh_token", refresh_token: refreshToken };
      const reply = await askForToken(refresh, form, false);
      if (reply.status === 200) return this.#take(reply);
      if (reply.status < 400 || reply.status >= 500 || fresh === undefined) throw refusedBy(reply);
      this.#refreshToken = undefined;
    }
    if (fresh === undefined) throw new ServiceAway("token of the gateway: refused", false);
    const reply = await askForToken(fresh.client, fresh.form, true);
    if (reply.status !== 200) throw refusedBy(reply);
    return this.#take(reply);
  }

  #take(reply: ServiceReply): string {
    const answer = jsonObject(reply);
    const { access_token: token, token_type: type, expires_in: seconds, refresh_token: next } = answer ?? {};
    if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token))
      throw new ServiceAway("token of the gateway: none in the answer", false);
    if (typeof type === "string" && type.toLowerCase() !== "bearer")
      throw new ServiceAway("token of the gateway: not a bearer token", false);
    const lifeMs = 1000 * Number(seconds ?? Number.NaN);
    // Without a stated end: until it is refused.
    this.#until = lifeMs > 0 ? Date.now() + lifeMs - Math.min(marginMs, lifeMs / 10) : Number.POSITIVE_INFINITY;
    if (typeof next === "string" && next !== "") this.#refreshToken = next;
    this.#authorization = `Bearer ${token}`;
    return this.#authorization;
  }
}

function askForToken(
  client: OAuthClient,
  grant: Readonly<Record<string, string>>,
  repeatable: boolean,
): Promise<ServiceReply> {
  const form: Record<string, string> = { ...grant };
  if (client.scope !== "") form.scope = client.scope;
  let authorization: string | undefined;
  if (client.sent === "body") Object.assign(form, { client_id: client.id, client_secret: client.secret });
  else if (client.sent === "header") {
    const [id, secret] = client.encoded
      ? [formEncoded(client.id), formEncoded(client.secret)]
      : [client.id, client.secret];
    authorization = basic(id, secret);
  }
  return postForm(client.endpoint, "", form, authorization, repeatable);
}

function formEncoded(text: string): string {
  return new URLSearchParams({ "": text }).toString().slice(1);
}

function refusedBy({ status }: ServiceReply): ServiceAway {
  return new ServiceAway(`token of the gateway: status ${status}`, false);
}

/** The body as a JSON object; undefined when it is something else. */
export function jsonObject(reply: ServiceReply): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(reply.body.toString("utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const maxAnswer = 262_144;
const defaultUrl = "https://localhost:9443";

/**
 * The key manager that the settings name. Without a URL it is where the original looked for it, in `wso2-3.2` only.
 * Undefined when something is wrong, which is reported.
 */
export async function keyManagerFor(settings: Settings, report: SettingsReport): Promise<KeyManager | undefined> {
  const url = isSet(settings, "keyManager.serverUrl") ? (settings.string("keyManager.serverUrl") as string) : undefined;
  if (url === undefined && settings.compatibility === "standard")
    return void report.error(
      settings.nameOf("keyManager.serverUrl"),
      "is required: opaque tokens are asked about there",
    );
  const limits = {
    timeoutMs: 1000 * (settings.number("castgate.keyManagerTimeoutSeconds") ?? 5),
    maxBytes: maxAnswer,
  };
  const client = await serviceClientFor(settings, report, "keyManager.serverUrl", url ?? defaultUrl, limits);
  const tokenClients: ServiceClient[] = [];
  const endpoint = async (key: string): Promise<ServiceClient | undefined> => {
    if (!isSet(settings, key)) return void report.error(settings.nameOf(key), "is required");
    const made = await serviceClientFor(settings, report, key, settings.string(key) as string, limits);
    if (made !== undefined) tokenClients.push(made);
    return made;
  };
  const credential = await credentialOf(settings, report, endpoint);
  const context = (settings.string("keyManager.tokenContext") ?? "oauth2").replace(/^\/+|\/+$/g, "");
  if (!/^[A-Za-z0-9._~/-]*$/.test(context))
    return void report.error(settings.nameOf("keyManager.tokenContext"), "must be a path");
  if (client === undefined || credential === undefined) return undefined;
  return new KeyManager(client, tokenClients, credential, context === "" ? "" : `/${context}`);
}

type Endpoint = (key: string) => Promise<ServiceClient | undefined>;

const basicKeys = "keymanager.security.basic";
const oauth = "keymanager.security.oauth2";

/**
 * Basic before OAuth2 before none, as in the original. Its Basic was on unless switched off, with admin/admin: here it is
 * on when nothing is said only if OAuth2 is not, and needs a user.
 */
async function credentialOf(
  settings: Settings,
  report: SettingsReport,
  endpoint: Endpoint,
): Promise<Credential | undefined> {
  const oauthOn = settings.boolean(`${oauth}.enabled`) === true;
  const basicOn = settings.boolean(`${basicKeys}.enabled`) ?? (!oauthOn || isSet(settings, "keyManager.username"));
  if (basicOn) {
    if (oauthOn) report.warn(settings.nameOf(`${oauth}.enabled`), `is not looked at: ${basicKeys} is enabled too`);
    return basicCredential(settings, report);
  }
  if (oauthOn) return tokenCredential(settings, report, endpoint);
  report.warn(settings.nameOf(`${basicKeys}.enabled`), "the gateway does not identify itself to the key manager");
  return new FixedCredential(undefined);
}

async function basicCredential(settings: Settings, report: SettingsReport): Promise<Credential | undefined> {
  const keys = isSet(settings, "keyManager.username") ? "keyManager" : basicKeys;
  let user = settings.string(`${keys}.username`) || undefined;
  let password = settings.string(`${keys}.password`) || undefined;
  const neither = user === undefined && password === undefined;
  if (neither && settings.compatibility === "wso2-3.2" && settings.allowKnownDefaults) user = password = "admin";
  if (user === undefined || password === undefined) {
    const missing = user === undefined ? "username" : "password";
    const others = neither ? `, or set ${basicKeys}.enabled = false` : "";
    return void report.error(settings.nameOf(`${keys}.${missing}`), `is required by the key manager${others}`);
  }
  if (user.includes(":")) report.error(settings.nameOf(`${keys}.username`), "must not have a colon");
  await refuseKnownUser(settings, report, settings.nameOf(`${keys}.password`), user, password);
  return new FixedCredential(basic(user, password));
}

async function tokenCredential(
  settings: Settings,
  report: SettingsReport,
  endpoint: Endpoint,
): Promise<Credential | undefined> {
  const on = (grant: string): boolean => settings.boolean(`${oauth}.${grant}.enabled`) === true;
  const text = (key: string): string => settings.string(`${oauth}.${key}`) ?? "";
  const required = (key: string): string => {
    if (text(key) === "") report.error(settings.nameOf(`${oauth}.${key}`), "is required");
    return text(key);
  };
  const client = async (keys: string, urlKey: string): Promise<OAuthClient | undefined> => {
    // The original reads the first spelling, its documentation and template have the second.
    const id = text(`${keys}.client_id`) || required(`${keys}.clientId`);
    const made = await endpoint(urlKey);
    if (made === undefined) return undefined;
    const scope = (settings.strings(`${oauth}.${keys}.scopes`) ?? []).join(" ");
    const encoded = settings.compatibility === "standard";
    return { endpoint: made, id, secret: text(`${keys}.clientSecret`), sent: bearer(settings), encoded, scope };
  };
  const tokenUrl = `${oauth}.tokenUrl`;
  const refreshUrl = `${oauth}.refresh.refreshUrl`;
  const none = { fresh: undefined, refresh: undefined, accessToken: undefined, refreshToken: undefined };
  if (on("clientCredential")) {
    const made = await client("clientCredential", tokenUrl);
    return made && new AccessToken({ ...none, fresh: { client: made, form: { grant_type: "client_credentials" } } });
  }
  if (on("password")) {
    const username = required("password.username");
    const password = required("password.password");
    await refuseKnownUser(settings, report, settings.nameOf(`${oauth}.password.password`), username, password);
    const made = await client("password", tokenUrl);
    const refreshAt = on("refresh") ? await endpoint(refreshUrl) : undefined;
    if (made === undefined || (on("refresh") && refreshAt === undefined)) return undefined;
    // By the same client as the password grant, whose token it is.
    const scope = (settings.strings(`${oauth}.refresh.scopes`) ?? []).join(" ");
    const refresh = refreshAt && { ...made, endpoint: refreshAt, scope };
    return new AccessToken({
      ...none,
      fresh: { client: made, form: { grant_type: "password", username, password } },
      refresh,
    });
  }
  if (on("directToken")) {
    const accessToken = required("directToken.accessToken");
    if (!/^[\x21-\x7e]*$/.test(accessToken))
      report.error(settings.nameOf(`${oauth}.directToken.accessToken`), "must be one word of printable ASCII");
    if (!on("refresh")) return new AccessToken({ ...none, accessToken });
    const refreshToken = required("refresh.refreshToken");
    const refresh = await client("refresh", refreshUrl);
    return refresh && new AccessToken({ ...none, accessToken, refresh, refreshToken });
  }
  const grants = `${oauth}.clientCredential, .password and .directToken`;
  return void report.error(settings.nameOf(`${oauth}.enabled`), `is on, but none of ${grants} is enabled`);
}

function bearer(settings: Settings): OAuthClient["sent"] {
  switch (settings.string(`${oauth}.credentialBearer`)?.toUpperCase() ?? "AUTH_HEADER_BEARER") {
    case "AUTH_HEADER_BEARER":
      return "header";
    case "POST_BODY_BEARER":
      return "body";
    default:
      return "none";
  }
}

function isSet(settings: Settings, key: string): boolean {
  return (settings.string(key) ?? "") !== "";
}
