import type { BackendPool, BackendTls, OpenPool, TargetOptions } from "./backend.ts";
import type { Exchange, RelayTarget } from "./exchange.ts";
import { type ForwardProxy, forwardProxy } from "./forward-proxy.ts";
import type { RuntimeModule } from "./module.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { backendTls, endpointTls } from "./tls-options.ts";

/** Backends of one environment, as `forward` uses them. */
export interface Upstream {
  /** `<name>_<prod|sand>`: prefix of the override settings (T-OVR-01). */
  readonly key: string;
  /** Sends the request on and its answer back. Settles when the exchange is answered. */
  send(x: Exchange): Promise<void>;
}

/** What single and balanced upstreams have in common. */
export interface UpstreamOptions {
  readonly key: string;
  /** Milliseconds (R-EP-11). */
  readonly timeoutMs: number;
  /** Milliseconds for a connection; the shorter of `timeoutMs` and 10 s unless given. */
  readonly connectMs?: number;
  /** Milliseconds for the head of an answer; `timeoutMs` unless given. */
  readonly headersMs?: number;
  /** Milliseconds between parts of its body; `timeoutMs` unless given. */
  readonly idleMs?: number;
  /** Requests without side effects that may be on their way on one connection at the same time; 1 unless given. */
  readonly pipelining?: number;
  /** Connections of its own (R-EP-10), with the original's defaults; unless given, those of `[httpClients.poolConfig]`. */
  readonly pool?: PoolOptions;
  /** False: requests go to the endpoint's URL as it is, with their query, whatever their path is (`address`, K-26). */
  readonly appendPath?: boolean;
  /** SHA-256 of public keys in base64, one of which each `https` URL must prove to have (K-30). Its chain and name are verified too. */
  readonly pins?: readonly string[];
  /** Sends Basic credentials; the password comes from the setting `<key>_basic_password` (R-EP-06). */
  readonly basicUsername?: string;
}

/** `poolConfig` of an endpoint, to each of its URLs. */
export interface PoolOptions {
  /** Connections at a time; any number unless given. */
  readonly maxActiveConnections?: number;
  /** Connections that are kept although nothing has used them for more than a second; 100 unless given. */
  readonly maxIdleConnections?: number;
  /** Longest wait for a connection to be free; 30,000 unless given. */
  readonly waitTimeInMillis?: number;
}

/** One backend URL, ready to use. */
export interface Member {
  readonly target: RelayTarget;
  /** Path of the endpoint URL without a trailing slash (R-RTE-04): what the request's remainder is appended to. */
  readonly basePath: string;
  /** Query of the endpoint URL, with its `?`; `""` when there is none. */
  readonly baseQuery: string;
  /** The request's path is not appended. */
  readonly fixed: boolean;
  /** `Basic ...` for the backend, not the client's. */
  readonly authorization: string | undefined;
}

/** An endpoint URL as generated code has it. */
export type EndpointUrl = string | EndpointSource;

/** Where the URL of an endpoint comes from that may change while the gateway runs. */
export interface EndpointSource {
  /** Holds until another one is found. */
  readonly fallback: string;
  /** Called at the start, before any request: the endpoint is at its fallback. */
  bind(endpoint: MovableEndpoint): void;
}

/** An endpoint whose URL may be replaced. */
export interface MovableEndpoint {
  /** `<name>_<prod|sand>`. */
  readonly key: string;
  readonly index: number;
  /** Its setting `<key>_endpoint_<index>` replaces the fallback. */
  readonly overridden: boolean;
  /**
   * Sends requests there from now on; those on their way are finished where they are. False: requests cannot be sent there, and
   * all is as it was.
   */
  place(url: string): Promise<boolean>;
}

/** Upstreams that generated code has declared. Filled while gateway.ts is loaded, opened by `upstreamModule`. */
const declared: DeclaredUpstream[] = [];

/** The members of an upstream: URLs as the definition has them until `upstreamModule` has applied the settings. */
export class DeclaredUpstream {
  readonly options: UpstreamOptions;
  readonly urls: readonly EndpointUrl[];
  /** Never changed in place: a request goes on with those that it began with. */
  members: readonly Member[] = [];

  constructor(options: UpstreamOptions, urls: readonly EndpointUrl[]) {
    this.options = options;
    this.urls = urls;
    declared.push(this);
  }
}

/** Binds endpoint URLs, credentials and TLS material at start (T-OVR-01 to 06, R-EP-06, R-EP-07, R-EP-10). */
export const upstreamModule: RuntimeModule = {
  name: "upstream",
  async configure(settings, report, openPool) {
    const proxy = forwardProxy(settings, report, "enable");
    const pools = new Pools(settings, report, openPool, proxy === "wrong" ? undefined : proxy);
    const moves = declared.some(({ urls }) => urls.some((url) => typeof url !== "string"));
    // It may become an https URL when nobody reads a report any more.
    if (moves) await pools.tls();
    else if ((settings.string("etcdurl") ?? "") !== "") {
      report.warn(settings.nameOf("etcdurl"), "has no effect: no endpoint of this gateway comes from etcd");
    }
    for (const upstream of declared) await new Binding(upstream, settings, pools).open(report);
    opened = pools;
  },
  async close() {
    await opened?.close();
  },
};

let opened: Pools | undefined;

/** An upstream and what the settings say of it. */
class Binding {
  readonly #upstream: DeclaredUpstream;
  readonly #settings: Settings;
  readonly #pools: Pools;
  #authorization: string | undefined;
  /** Undefined: that of all backends. */
  #tls: BackendTls | undefined;
  /** How often each member was placed: the last word counts, whatever takes longer. */
  readonly #moves: number[] = [];

  constructor(upstream: DeclaredUpstream, settings: Settings, pools: Pools) {
    this.#upstream = upstream;
    this.#settings = settings;
    this.#pools = pools;
  }

  async open(report: SettingsReport): Promise<void> {
    const { options, urls } = this.#upstream;
    this.#authorization = authorizationOf(options, this.#settings, report);
    this.#tls = await endpointTls(this.#settings, report, options.key, () => this.#pools.tls());
    const members: Member[] = [];
    const movable: (() => void)[] = [];
    for (const [index, compiled] of urls.entries()) {
      const name = `${options.key}_endpoint_${index}`;
      const override = this.#settings.override(name);
      const source = typeof compiled === "string" ? undefined : compiled;
      const url = parseEndpoint(override ?? source?.fallback ?? (compiled as string));
      if (url === undefined) {
        report.error(name, "must be an absolute http or https URL without user, password and fragment");
        continue;
      }
      if (options.pins !== undefined && url.protocol !== "https:") {
        report.warn(name, "is not https: nobody has to prove to have a pinned key");
      }
      members.push(await this.#member(url));
      const overridden = override !== undefined;
      const place = (text: string) => this.#place(index, text);
      if (source !== undefined) movable.push(() => source.bind({ key: options.key, index, overridden, place }));
    }
    this.#upstream.members = members;
    for (const bind of movable) bind();
  }

  async #place(index: number, text: string): Promise<boolean> {
    const url = parseEndpoint(text);
    if (url === undefined) return false;
    // Whoever may write to etcd must not get round the pins.
    if (this.#upstream.options.pins !== undefined && url.protocol !== "https:") return false;
    const move = (this.#moves[index] ?? 0) + 1;
    this.#moves[index] = move;
    const member = await this.#member(url);
    const upstream = this.#upstream;
    const old = upstream.members[index];
    if (old === undefined || this.#moves[index] !== move) {
      this.#pools.release(member.target);
      return true;
    }
    upstream.members = upstream.members.with(index, member);
    this.#pools.release(old.target);
    return true;
  }

  async #member(url: URL): Promise<Member> {
    const { options } = this.#upstream;
    const fixed = options.appendPath === false;
    return {
      target: await this.#pools.open(url.origin, options, this.#tls),
      fixed,
      basePath: fixed ? url.pathname : basePathOf(url, this.#settings.compatibility === "wso2-3.2"),
      baseQuery: url.search,
      authorization: this.#authorization,
    };
  }
}

/** Basic credentials for the backend, if it wants some (R-EP-06). */
function authorizationOf(
  { key, basicUsername }: UpstreamOptions,
  settings: Settings,
  report: SettingsReport,
): string | undefined {
  const set = settings.override(`${key}_basic_username`);
  const username = set ?? basicUsername;
  const given = settings.override(`${key}_basic_password`);
  if (username === undefined) {
    if (given !== undefined)
      report.warn(`${key}_basic_password`, "is set without a user name: no credentials are sent");
    return undefined;
  }
  if (given === undefined) report.warn(`${key}_basic_password`, "is not set: the backend gets an empty password");
  if (basicUsername === undefined) {
    report.warn(`${key}_basic_username`, "the definition asks for no Basic credentials; they are sent all the same");
  }
  return `Basic ${Buffer.from(`${username}:${given ?? ""}`, "utf8").toString("base64")}`;
}

/** The slash at its end goes, except before a query to which the original appends the request's path (R-RTE-01). */
function basePathOf({ pathname, search }: URL, original: boolean): string {
  return pathname.endsWith("/") && (search === "" || !original) ? pathname.slice(0, -1) : pathname;
}

/** A URL that requests can be sent to. Names are not resolved at start: a backend may come later. */
function parseEndpoint(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  if (url.username !== "" || url.password !== "" || url.hash !== "" || url.hostname === "") return undefined;
  return url;
}

/** A backend that no definition names: the gateway's own. `url` is well-formed and has no query. */
export async function memberAt(
  url: string,
  settings: Settings,
  openPool: OpenPool,
  { timeoutMs, tls, proxy }: Pick<TargetOptions, "timeoutMs" | "tls" | "proxy">,
): Promise<Member> {
  const { origin, pathname } = new URL(url);
  const pool = await openPool({ ...poolLimits(settings), origin, timeoutMs, tls, proxy });
  const basePath = pathname.replace(/\/$/, "");
  return { target: { origin, pool }, basePath, baseQuery: "", fixed: false, authorization: undefined };
}

/** `[httpClients]`: how many connections an origin gets, and how long its answers may be. */
function poolLimits(settings: Settings): Omit<TargetOptions, "origin" | "timeoutMs" | "tls" | "proxy"> {
  const connections = settings.number("httpClients.poolConfig.maxActiveConnections") ?? -1;
  const maxHeaderSize = settings.number("httpClients.responseLimits.maxHeaderSize") ?? 8192;
  const maxStatusLine = settings.number("httpClients.responseLimits.maxStatusLineLength") ?? 4096;
  return {
    ...(maxStatusLine >= 0 && { maxStatusLine }),
    connections: connections > 0 ? connections : undefined,
    idleConnections: settings.number("httpClients.poolConfig.maxIdleConnections") ?? 100,
    waitMs: settings.number("httpClients.poolConfig.waitTimeInMillis") ?? 30_000,
    maxHeaderSize: maxHeaderSize < 0 ? largestHeaderSize : maxHeaderSize,
    maxBodySize: settings.number("httpClients.responseLimits.maxEntityBodySize") ?? -1,
    resolveMs: 1000 * (settings.number("castgate.resolveSeconds") ?? 30),
  };
}

function ownLimits({ maxActiveConnections = -1, maxIdleConnections = 100, waitTimeInMillis = 30_000 }: PoolOptions) {
  return {
    connections: maxActiveConnections > 0 ? maxActiveConnections : undefined,
    idleConnections: maxIdleConnections,
    waitMs: waitTimeInMillis,
  };
}

/** What -1 stands for, and the most that the setting may say. */
const largestHeaderSize = 1_048_576;

/** One pool for each origin, its time limits and depth of pipelining, shared by all upstreams. */
class Pools {
  readonly #settings: Settings;
  readonly #report: SettingsReport;
  readonly #openPool: OpenPool;
  readonly #proxy: ForwardProxy | undefined;
  readonly #pools = new Map<string, SharedPool>();
  readonly #names = new Map<RelayTarget, string>();
  /** Those that no member uses any more, while they have connections. */
  readonly #retired = new Set<BackendPool>();
  #tls: Promise<BackendTls> | undefined;

  constructor(settings: Settings, report: SettingsReport, openPool: OpenPool, proxy: ForwardProxy | undefined) {
    this.#settings = settings;
    this.#report = report;
    this.#openPool = openPool;
    this.#proxy = proxy;
  }

  /** Trust and identity towards all backends. */
  tls(): Promise<BackendTls> {
    this.#tls ??= backendTls(this.#settings, this.#report);
    return this.#tls;
  }

  /** To be released again. */
  open(origin: string, options: UpstreamOptions, tls?: BackendTls): Promise<RelayTarget> {
    const { key, timeoutMs, connectMs, headersMs, idleMs: bodyMs, pipelining = 1, pool, pins } = options;
    const limits = { origin, timeoutMs, connectMs, headersMs, bodyMs, pipelining, pins, ...(pool && ownLimits(pool)) };
    const name = `${Object.values(limits).join(" ")}${pool === undefined && tls === undefined ? "" : ` of ${key}`}`;
    let shared = this.#pools.get(name);
    if (shared === undefined) {
      shared = { users: 0, target: this.#open(name, limits, tls) };
      this.#pools.set(name, shared);
    }
    shared.users++;
    return shared.target;
  }

  /** The member that it was opened for sends no more requests but those that have begun. */
  release(target: RelayTarget): void {
    const name = this.#names.get(target) as string;
    const shared = this.#pools.get(name) as SharedPool;
    if (--shared.users > 0) return;
    this.#pools.delete(name);
    this.#names.delete(target);
    const { pool } = target;
    this.#retired.add(pool);
    void pool.retire().then(() => this.#retired.delete(pool));
  }

  async close(): Promise<void> {
    const pools = [...this.#names.keys()].map(({ pool }) => pool);
    await Promise.all([...pools, ...this.#retired].map((pool) => pool.close()));
  }

  async #open(
    name: string,
    options: Pick<TargetOptions, "origin" | "timeoutMs"> & Partial<TargetOptions>,
    own: BackendTls | undefined,
  ): Promise<RelayTarget> {
    const tls = options.origin.startsWith("https:") ? (own ?? (await this.tls())) : undefined;
    const pool = await this.#openPool({ ...poolLimits(this.#settings), ...options, tls, proxy: this.#proxy });
    const target = { origin: options.origin, pool };
    this.#names.set(target, name);
    return target;
  }
}

interface SharedPool {
  users: number;
  readonly target: Promise<RelayTarget>;
}
