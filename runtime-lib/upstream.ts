import type { BackendTls, OpenPool, TargetOptions } from "./backend.ts";
import type { Exchange, RelayTarget } from "./exchange.ts";
import type { RuntimeModule } from "./module.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { backendTls } from "./tls-options.ts";

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
  /** Requests without side effects that may be on their way on one connection at the same time; 1 unless given. */
  readonly pipelining?: number;
  /** Sends Basic credentials; the password comes from the setting `<key>_basic_password` (R-EP-06). */
  readonly basicUsername?: string;
}

/** One backend URL, ready to use. */
export interface Member {
  readonly target: RelayTarget;
  /** Path of the endpoint URL without a trailing slash (R-RTE-04): what the request's remainder is appended to. */
  readonly basePath: string;
  /** Query of the endpoint URL, with its `?`; `""` when there is none. */
  readonly baseQuery: string;
  /** `Basic ...` for the backend, not the client's. */
  readonly authorization: string | undefined;
}

/** Upstreams that generated code has declared. Filled while gateway.ts is loaded, opened by `upstreamModule`. */
const declared: DeclaredUpstream[] = [];

/** The members of an upstream: URLs as the definition has them until `upstreamModule` has applied the settings. */
export class DeclaredUpstream {
  readonly options: UpstreamOptions;
  readonly urls: readonly string[];
  members: readonly Member[] = [];

  constructor(options: UpstreamOptions, urls: readonly string[]) {
    this.options = options;
    this.urls = urls;
    declared.push(this);
  }
}

/** Binds endpoint URLs, credentials and TLS material at start (T-OVR-01 to 06, R-EP-06, R-EP-07, R-EP-10). */
export const upstreamModule: RuntimeModule = {
  name: "upstream",
  async configure(settings, report, openPool) {
    const pools = new Pools(settings, report, openPool);
    for (const upstream of declared) {
      upstream.members = await membersOf(upstream, settings, report, pools);
    }
    opened = pools;
  },
  async close() {
    await opened?.close();
  },
};

let opened: Pools | undefined;

async function membersOf(
  upstream: DeclaredUpstream,
  settings: Settings,
  report: SettingsReport,
  pools: Pools,
): Promise<readonly Member[]> {
  const { key, timeoutMs, pipelining = 1, basicUsername } = upstream.options;
  const username = settings.override(`${key}_basic_username`) ?? basicUsername;
  const given = settings.override(`${key}_basic_password`);
  const password = given ?? "";
  if (username !== undefined && given === undefined) {
    report.warn(`${key}_basic_password`, "is not set: the backend gets an empty password");
  }
  if (username === undefined && given !== undefined) {
    report.warn(`${key}_basic_password`, "is set without a user name: no credentials are sent");
  }
  const members: Member[] = [];
  for (const [index, compiled] of upstream.urls.entries()) {
    const name = `${key}_endpoint_${index}`;
    const override = settings.override(name);
    const url = parseEndpoint(override ?? compiled);
    if (url === undefined) {
      report.error(name, "must be an absolute http or https URL without user, password and fragment");
      continue;
    }
    if (basicUsername === undefined && settings.override(`${key}_basic_username`) !== undefined && index === 0) {
      report.warn(`${key}_basic_username`, "the definition asks for no Basic credentials; they are sent all the same");
    }
    members.push({
      target: await pools.open(url.origin, timeoutMs, pipelining),
      basePath: basePathOf(url, settings.compatibility === "wso2-3.2"),
      baseQuery: url.search,
      authorization:
        username === undefined
          ? undefined
          : `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`,
    });
  }
  return members;
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
  { timeoutMs, tls }: { readonly timeoutMs: number; readonly tls: BackendTls | undefined },
): Promise<Member> {
  const { origin, pathname } = new URL(url);
  const pool = await openPool({ ...poolLimits(settings), origin, timeoutMs, tls });
  return { target: { origin, pool }, basePath: pathname.replace(/\/$/, ""), baseQuery: "", authorization: undefined };
}

/** `[httpClients]`: how many connections an origin gets, and how long its answers may be. */
function poolLimits(settings: Settings): Omit<TargetOptions, "origin" | "timeoutMs" | "tls"> {
  const connections = settings.number("httpClients.poolConfig.maxActiveConnections") ?? -1;
  const maxHeaderSize = settings.number("httpClients.responseLimits.maxHeaderSize") ?? 8192;
  return {
    connections: connections > 0 ? connections : undefined,
    idleConnections: settings.number("httpClients.poolConfig.maxIdleConnections") ?? 100,
    waitMs: settings.number("httpClients.poolConfig.waitTimeInMillis") ?? 30_000,
    maxHeaderSize: maxHeaderSize < 0 ? largestHeaderSize : maxHeaderSize,
    maxBodySize: settings.number("httpClients.responseLimits.maxEntityBodySize") ?? -1,
  };
}

/** What -1 stands for, and the most that the setting may say. */
const largestHeaderSize = 1_048_576;

/** One pool for each origin, time limit and depth of pipelining, shared by all upstreams. */
class Pools {
  readonly #settings: Settings;
  readonly #report: SettingsReport;
  readonly #openPool: OpenPool;
  readonly #pools = new Map<string, RelayTarget>();
  #tls: Promise<BackendTls> | undefined;

  constructor(settings: Settings, report: SettingsReport, openPool: OpenPool) {
    this.#settings = settings;
    this.#report = report;
    this.#openPool = openPool;
  }

  async open(origin: string, timeoutMs: number, pipelining: number): Promise<RelayTarget> {
    const name = `${timeoutMs} ${pipelining} ${origin}`;
    const known = this.#pools.get(name);
    if (known !== undefined) return known;
    const settings = this.#settings;
    this.#tls ??= origin.startsWith("https:") ? backendTls(settings, this.#report) : undefined;
    const tls = origin.startsWith("https:") ? await this.#tls : undefined;
    const pool = await this.#openPool({ ...poolLimits(settings), origin, timeoutMs, pipelining, tls });
    const target = { origin, pool };
    this.#pools.set(name, target);
    return target;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(({ pool }) => pool.close()));
  }
}
