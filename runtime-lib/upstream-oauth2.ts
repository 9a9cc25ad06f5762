import { backOff } from "./back-off.ts";
import type { Exchange } from "./exchange.ts";
import { log } from "./log.ts";
import type { RuntimeModule } from "./module.ts";
import { monotonicMs } from "./monotonic.ts";
import { isRecord } from "./record.ts";
import { fault } from "./respond.ts";
import { basic, ServiceAway, type ServiceClient, serviceClientFor } from "./service-client.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import type { Upstream } from "./upstream.ts";
import { refuseBasicBeside, type SentField, sendField } from "./upstream-field.ts";

/** Where an endpoint's access tokens come from, as the definition has it. */
export interface TokenOptions {
  readonly tokenUrl: string;
  readonly scopes?: readonly string[];
}

/**
 * Sends an access token of the gateway's own to the backend (K-28; RFC 6749 section 4.4), in place of the client's `Authorization`.
 * One is asked for when the first request comes, renewed before it ends while requests go on with it, and given up when the
 * backend answers 401. While none can be had, requests are answered with 503, and the backend is not asked. Settings:
 * `<key>_oauth2_client_id`, `_client_secret`, and `_token_url` instead of the definition's.
 */
export function clientCredentials(upstream: Upstream, options: TokenOptions): Upstream {
  const made = new TokenUpstream(upstream, options);
  declared.push(made);
  return made;
}

/** Reads the credentials. Nobody is asked before the first request. */
export const oauth2Module: RuntimeModule = {
  name: "upstream-oauth2",
  async configure(settings, report) {
    for (const upstream of declared) upstream.source = await sourceFor(upstream, settings, report);
  },
  async close() {
    await Promise.all([...sources.values()].map((source) => source?.close()));
  },
};

const declared: TokenUpstream[] = [];
/** By key and options: endpoints of several APIs may have the same name. */
const sources = new Map<string, TokenSource | undefined>();

const limits = { timeoutMs: 5_000, maxBytes: 65_536, connections: 2 };
/** Of tokens whose issuer does not say how long they are good. */
const assumedSeconds = 300;
/** A token is renewed when so much of its life is left, at most the share. */
const renewalMs = 30_000;
const renewalShare = 0.2;
/** A token that a backend has refused is given up when it is older than this: another one may not help. */
const leastAgeMs = 10_000;
const firstRetryMs = 500;
const longestRetryMs = 10_000;

class TokenUpstream implements Upstream {
  readonly key: string;
  readonly options: TokenOptions;
  source: TokenSource | undefined;
  readonly #upstream: Upstream;

  constructor(upstream: Upstream, options: TokenOptions) {
    this.key = upstream.key;
    this.options = options;
    this.#upstream = upstream;
  }

  async send(x: Exchange): Promise<void> {
    const { source } = this;
    const token = source?.current ?? (await source?.next());
    if (token === undefined) return fault(x, 503, "No access token for the backend can be had");
    sendField(x, token);
    await this.#upstream.send(x);
    if (x.status === 401) source?.refused(token);
  }
}

class TokenSource {
  readonly #key: string;
  readonly #client: ServiceClient;
  readonly #authorization: string;
  readonly #body: string;
  #token: SentField | undefined;
  #madeAt = 0;
  #renewAt = 0;
  #endsAt = 0;
  #pending: Promise<SentField | undefined> | undefined;
  #failures = 0;
  #notBefore = 0;

  constructor(key: string, client: ServiceClient, id: string, secret: string, scopes: readonly string[]) {
    this.#key = key;
    this.#client = client;
    // RFC 6749 section 2.3.1.
    this.#authorization = basic(formEncoded(id), formEncoded(secret));
    const scope = scopes.length === 0 ? "" : `&scope=${formEncoded(scopes.join(" "))}`;
    this.#body = `grant_type=client_credentials${scope}`;
  }

  /** The token, while it is good; begins to renew it in time. */
  get current(): SentField | undefined {
    const now = monotonicMs();
    if (this.#token === undefined || now >= this.#endsAt) return undefined;
    if (now >= this.#renewAt) void this.next();
    return this.#token;
  }

  /** A new token; undefined: none can be had at the moment. All who ask meanwhile wait for the same one. */
  next(): Promise<SentField | undefined> {
    if (this.#pending === undefined && monotonicMs() < this.#notBefore) return Promise.resolve(undefined);
    this.#pending ??= this.#renew().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  refused(token: SentField): void {
    if (token === this.#token && monotonicMs() > this.#madeAt + leastAgeMs) this.#token = undefined;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #renew(): Promise<SentField | undefined> {
    try {
      const { token, seconds } = await this.#ask();
      const now = monotonicMs();
      const lifeMs = 1000 * seconds;
      this.#token = { name: "Authorization", value: `Bearer ${token}` };
      this.#madeAt = now;
      this.#endsAt = now + lifeMs;
      this.#renewAt = this.#endsAt - Math.min(renewalMs, lifeMs * renewalShare);
      if (this.#failures > 0) log().info({ endpoint: this.#key }, "access token for the backend again");
      this.#failures = 0;
      this.#notBefore = 0;
      return this.#token;
    } catch (error) {
      const reason = (error as Error).message;
      if (this.#failures === 0) log().error({ endpoint: this.#key, reason }, "no access token for the backend");
      const waitMs = backOff(this.#failures++, firstRetryMs, longestRetryMs);
      this.#notBefore = monotonicMs() + waitMs;
      // The one that is about to end goes on until it does.
      this.#renewAt = this.#notBefore;
      return undefined;
    }
  }

  /** Rejects with fixed texts. */
  async #ask(): Promise<{ readonly token: string; readonly seconds: number }> {
    const reply = await this.#client
      .request("POST", "", {
        headers: {
          authorization: this.#authorization,
          "content-type": "application/x-www-form-urlencoded",
          accept: "application/json",
        },
        body: this.#body,
      })
      .catch((error: unknown) => {
        throw new Error(error instanceof ServiceAway ? error.message : "failed");
      });
    if (reply.status !== 200) throw new Error(`status ${reply.status}`);
    const answer = parsed(reply.body);
    const { access_token: token, token_type: type = "Bearer", expires_in: expiresIn } = isRecord(answer) ? answer : {};
    if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) throw new Error("no access token in the answer");
    if (typeof type !== "string" || type.toLowerCase() !== "bearer") throw new Error("a token of another type");
    const seconds = expiresIn === undefined ? assumedSeconds : Number(expiresIn);
    if (!(seconds > 0)) throw new Error("a token that has ended");
    return { token, seconds: Math.min(seconds, 86_400) };
  }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new Error("not JSON");
  }
}

function formEncoded(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}

async function sourceFor(
  { key, options }: TokenUpstream,
  settings: Settings,
  report: SettingsReport,
): Promise<TokenSource | undefined> {
  const { tokenUrl, scopes = [] } = options;
  const identity = JSON.stringify([key, tokenUrl, scopes]);
  if (sources.has(identity)) return sources.get(identity);
  const required = (name: string): string => {
    const value = settings.override(`${key}_oauth2_${name}`) ?? "";
    if (value === "") report.error(`${key}_oauth2_${name}`, "is required: the backend is to get an access token");
    return value;
  };
  refuseBasicBeside(key, settings, report);
  const [id, secret] = [required("client_id"), required("client_secret")];
  const urlName = `${key}_oauth2_token_url`;
  const url = settings.override(urlName) ?? tokenUrl;
  const client = await serviceClientFor(settings, report, urlName, url, limits);
  const complete = client !== undefined && id !== "" && secret !== "";
  const source = complete ? new TokenSource(key, client, id, secret, scopes) : undefined;
  sources.set(identity, source);
  return source;
}
