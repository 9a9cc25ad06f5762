import { EtcdClient, type EtcdCredentials, type EtcdValue, etcdProblem } from "./etcd-client.ts";
import { refuseKnownUser } from "./known-defaults.ts";
import { log } from "./log.ts";
import type { RuntimeModule } from "./module.ts";
import { Refresher } from "./refresher.ts";
import { type ServiceClient, serviceClientFor } from "./service-client.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import type { EndpointSource, MovableEndpoint } from "./upstream.ts";

/**
 * Endpoint URLs that are kept in etcd (R-ETCD-01 to 08). Keys are read at the start and then watched, or, where etcd lets
 * nobody watch them, read again every `etcdtimer` milliseconds. Until a key has a value, requests go to the default URL;
 * afterwards to the last good value, whatever happens to etcd or the key: neither a vanished key nor a value that is no URL
 * moves an endpoint. Both stand in the log. `/readyz` waits for the first attempt to read, not for its success.
 */
export function etcd(key: string, url: string): EndpointSource {
  return { fallback: url, bind: (endpoint) => void bound.push({ endpoint, key }) };
}

/** Follows the keys of all endpoints that generated code has declared by `etcd`. */
export const etcdModule: RuntimeModule = {
  name: "upstream-etcd",
  configure: (settings, report) => configure(settings, report),
  waitingFor: () => state?.waitingFor(),
  close: () => state?.close(),
};

/** Endpoints that are open. Filled by `upstreamModule`, which is configured first. */
let bound: { readonly endpoint: MovableEndpoint; readonly key: string }[] = [];
/** One process serves one gateway. */
let state: EtcdEndpoints | undefined;

/** A watch has to be there by then; a key has to be answered. */
const limits = { timeoutMs: 5_000, maxBytes: 8 * 1024 * 1024, connections: 4 };
/** With a watch, keys are read again all the same: connections can die without a word. */
const watchedPeriodMs = 60_000;
/** Where etcd, or what stands before it, lets nobody watch: until the next attempt. */
const watchAgainMs = 300_000;

async function configure(settings: Settings, report: SettingsReport): Promise<void> {
  const endpoints = bound;
  bound = [];
  const found = endpoints.map(({ endpoint, key }) => {
    const override = settings.override(`${endpoint.key}_${endpoint.index}_etcdKey`);
    return { key: override ?? key, endpoint: new EtcdEndpoint(endpoint) };
  });
  const url = settings.string("etcdurl") ?? "";
  const basePath = settings.string("etcdbasepath") || "/v3";
  if (!basePath.startsWith("/")) report.error(settings.nameOf("etcdbasepath"), "must begin with a slash");
  if (url === "") {
    if (settings.compatibility === "standard") {
      if (endpoints.every(({ endpoint }) => endpoint.overridden)) return;
      return report.error(
        settings.nameOf("etcdurl"),
        "is required: endpoints come from etcd; or set each of them, as <name>_<prod|sand>_endpoint_<i>",
      );
    }
    return whenRunning(() => log().error("etcdurl is not set: endpoints from etcd stay at their default URLs"));
  }
  const client = await serviceClientFor(settings, report, "etcdurl", url, limits);
  const credentials = await credentialsFrom(settings, report);
  if (client === undefined || credentials === "wrong") return;
  const periodMs = settings.number("etcdtimer") ?? 10_000;
  const made = new EtcdEndpoints(found, client, new EtcdClient(client, basePath, credentials), periodMs);
  await state?.close();
  state = made;
  whenRunning(() => made.start());
}

/** A start that fails, and one that only checks, asks nobody: then there is nothing that this timer waits for. */
function whenRunning(begin: () => void): void {
  setTimeout(begin, 0).unref();
}

async function credentialsFrom(
  settings: Settings,
  report: SettingsReport,
): Promise<EtcdCredentials | undefined | "wrong"> {
  const username = settings.string("etcdusername") ?? "";
  const password = settings.string("etcdpassword") ?? "";
  if (username === "" && password === "") return undefined;
  if (username === "" || password === "") {
    report.error(settings.nameOf(username === "" ? "etcdusername" : "etcdpassword"), "is required beside the other");
    return "wrong";
  }
  await refuseKnownUser(settings, report, settings.nameOf("etcdpassword"), username, password);
  return { username, password };
}

/** One endpoint and what etcd has said of it. */
class EtcdEndpoint {
  readonly #endpoint: MovableEndpoint;
  #asked = false;
  /** What was last found, good or bad; undefined: no such key. */
  #found: string | undefined;
  /** It is where etcd has sent it, not at its default. */
  #placed = false;

  constructor(endpoint: MovableEndpoint) {
    this.#endpoint = endpoint;
  }

  get name(): string {
    return `${this.#endpoint.key}_endpoint_${this.#endpoint.index}`;
  }

  async take(value: string | undefined): Promise<void> {
    if (this.#asked && value === this.#found) return;
    this.#asked = true;
    this.#found = value;
    const endpoint = this.name;
    if (value === undefined) {
      const stays = this.#placed ? "its last good URL" : "its default URL";
      log().warn({ endpoint }, `etcd has no such key: the endpoint stays at ${stays}`);
      return;
    }
    if (await this.#endpoint.place(value)) {
      this.#placed = true;
      log().info({ endpoint }, "endpoint placed by etcd");
      return;
    }
    // The value may hold a credential, which is one way to be refused.
    const stays = this.#placed ? "its last good URL" : "its default URL";
    log().error({ endpoint }, `the value in etcd is no URL for requests: the endpoint stays at ${stays}`);
  }
}

class EtcdEndpoints {
  readonly #endpoints = new Map<string, EtcdEndpoint[]>();
  readonly #client: ServiceClient;
  readonly #etcd: EtcdClient;
  readonly #refresher: Refresher;
  readonly #ending = new AbortController();
  #asked = false;
  /** Keys are watched, or about to be. */
  #watching = false;
  #watchNotBefore = Number.NEGATIVE_INFINITY;
  /** Of the last change that a watch has brought: what was read before it counts no more. */
  #revision = 0;

  constructor(
    found: readonly { readonly key: string; readonly endpoint: EtcdEndpoint }[],
    client: ServiceClient,
    etcd: EtcdClient,
    periodMs: number,
  ) {
    for (const { key, endpoint } of found) {
      const others = this.#endpoints.get(key);
      if (others === undefined) this.#endpoints.set(key, [endpoint]);
      else others.push(endpoint);
    }
    this.#client = client;
    this.#etcd = etcd;
    this.#refresher = new Refresher({
      name: "endpoints from etcd",
      refresh: () => this.#read().finally(() => (this.#asked = true)),
      periodMs: () => (this.#watching ? Math.max(periodMs, watchedPeriodMs) : periodMs),
      leastGapMs: Math.min(periodMs, 1_000),
      longestRetryMs: Math.max(periodMs, 1_000),
    });
  }

  start(): void {
    this.#refresher.start();
  }

  waitingFor(): string | undefined {
    return this.#asked ? undefined : "endpoints from etcd";
  }

  async close(): Promise<void> {
    this.#ending.abort();
    this.#refresher.close();
    await this.#client.close();
  }

  async #read(): Promise<void> {
    const keys = [...this.#endpoints.keys()];
    let found: readonly EtcdValue[];
    try {
      found = await Promise.all(keys.map((key) => this.#etcd.get(key)));
    } catch (error) {
      throw new Error(etcdProblem(error));
    }
    await Promise.all(found.map((value, index) => this.#take(keys[index] as string, value)));
    if (!this.#watching && performance.now() >= this.#watchNotBefore && !this.#ending.signal.aborted) {
      void this.#watch(keys, 1 + Math.min(...found.map(({ revision }) => revision)));
    }
  }

  async #take(key: string, { value, revision }: EtcdValue): Promise<void> {
    if (revision < this.#revision) return;
    const endpoints = this.#endpoints.get(key) ?? [];
    await Promise.all(endpoints.map((endpoint) => endpoint.take(value?.trim())));
  }

  async #watch(keys: readonly string[], from: number): Promise<void> {
    this.#watching = true;
    let open = false;
    const ending = new AbortController();
    const end = () => ending.abort();
    const { signal } = this.#ending;
    signal.addEventListener("abort", end, { once: true });
    // Something between may hold the answer back until it is complete, which it never is.
    const impatience = setTimeout(end, limits.timeoutMs).unref();
    const watcher = {
      onOpen: () => {
        open = true;
        clearTimeout(impatience);
        log().info({ keys: keys.length }, "etcd is watched");
      },
      onChange: (key: string, found: EtcdValue) => {
        this.#revision = Math.max(this.#revision, found.revision);
        void this.#take(key, found);
      },
    };
    let reason = "ended";
    try {
      await this.#etcd.watch(keys, from, watcher, ending.signal);
    } catch (error) {
      reason = etcdProblem(error);
    }
    clearTimeout(impatience);
    signal.removeEventListener("abort", end);
    this.#watching = false;
    this.#revision = 0;
    if (signal.aborted) return;
    if (open) log().warn({ reason }, "etcd is not watched any more");
    else {
      log().warn({ reason }, "etcd cannot be watched: its keys are read from time to time");
      this.#watchNotBefore = performance.now() + watchAgainMs;
    }
    this.#refresher.soon();
  }
}
