import { type MapMessage, textIn } from "./amqp-message.ts";
import { TopicConsumer } from "./amqp-topic.ts";
import { brokersFrom } from "./broker-settings.ts";
import { CountedReport } from "./counted-report.ts";
import { refuseKnownUser } from "./known-defaults.ts";
import { log } from "./log.ts";
import { isRecord } from "./record.ts";
import { Refresher } from "./refresher.ts";
import { basic, type ServiceClient, serviceClientFor } from "./service-client.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { type HubData, readEvent, readItem, SubscriptionStore, type Trace } from "./subscription-store.ts";

/** `missing`: the hub knows of no such subscription. `away`: it cannot be asked. */
export type HubAnswer = Extract<Trace, { kind: "found" }> | "missing" | "away";

interface AskedApi {
  readonly name: string;
  readonly version: string;
  readonly basePath: string;
}

export interface HubOptions {
  readonly client: ServiceClient;
  /** Value of `Authorization`. */
  readonly authorization: string;
  /** Of other tenants nothing is taken. */
  readonly tenant: string;
  readonly refreshMs: number;
  /** Makes the consumer, which calls back. */
  readonly events: (calls: {
    readonly onMessage: (message: MapMessage) => void;
    readonly onGarbage: () => void;
    readonly onGap: () => void;
  }) => TopicConsumer;
}

/** How long the hub's "there is none" holds. */
const absentMs = 30_000;
const maxAbsent = 10_000;
/** Look-ups at the same time; more are answered as if the hub were away. */
const maxLookUps = 64;
/** After a failure nothing is looked up for so long. */
const restMs = 1_000;
/** What everything is loaded with while events do not come. */
const withoutEventsMs = 30_000;

/** Paths of the hub's lists, below its context (S-SUB-08). */
const paths: Readonly<Record<keyof HubData, string>> = {
  subscriptions: "/subscriptions",
  apis: "/apis",
  keys: "/application-key-mappings",
  applications: "/applications",
};

/**
 * Applications and their subscriptions as API Manager's event hub has them. All is loaded at the start, with retries until
 * it is there, again from time to time, and whenever events may have been missed; events change it in between. What is not
 * known is looked up when a request needs it, once however many requests wait, and not again for 30 seconds where there is
 * none. While the hub is away what was loaded last goes on; what it does not answer is then undecidable, not wrong.
 */
export class EventHub {
  readonly #options: HubOptions;
  readonly #store = new SubscriptionStore();
  readonly #refresher: Refresher;
  readonly #events: TopicConsumer;
  readonly #absent = new Map<string, number>();
  readonly #lookUps = new Map<string, Promise<"there" | "absent" | "away">>();
  #restUntil = 0;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#refresher = new Refresher({
      name: "event hub",
      refresh: () => this.#loadAll(),
      periodMs: () => (this.#events.state.connected ? options.refreshMs : Math.min(options.refreshMs, withoutEventsMs)),
    });
    const reload = (): void => this.#refresher.soon();
    this.#events = options.events({
      onMessage: (message) => this.#receive(message),
      onGarbage: reload,
      onGap: reload,
    });
    this.#events.start();
    this.#refresher.start();
  }

  /** Whether everything has been loaded once. */
  get ready(): boolean {
    return this.#refresher.ready;
  }

  /** Another number whenever answers may have changed. */
  get version(): number {
    return this.#store.version;
  }

  /** A promise only where something has to be looked up. */
  find(consumerKey: string, api: AskedApi): HubAnswer | Promise<HubAnswer> {
    if (!this.ready) return "away";
    const trace = this.#store.trace(consumerKey, api);
    if (trace.kind === "found") return trace;
    return this.#isAbsent(queryOf(trace, consumerKey, api).path) ? "missing" : this.#findAnew(consumerKey, api);
  }

  async close(): Promise<void> {
    this.#refresher.close();
    await this.#events.close();
    await this.#options.client.close();
  }

  /** Each step that leads no further is looked up. */
  async #findAnew(consumerKey: string, api: AskedApi): Promise<HubAnswer> {
    const asked = new Set<string>();
    for (;;) {
      const trace = this.#store.trace(consumerKey, api);
      if (trace.kind === "found") return trace;
      const query = queryOf(trace, consumerKey, api);
      if (this.#isAbsent(query.path)) return "missing";
      // What was answered is not what was asked for.
      if (asked.has(query.path)) {
        this.#setAbsent(query.path);
        return "missing";
      }
      asked.add(query.path);
      if ((await this.#lookUp(query)) === "away") return "away";
    }
  }

  #lookUp(query: Query): Promise<"there" | "absent" | "away"> {
    let running = this.#lookUps.get(query.path);
    if (running === undefined) {
      if (this.#lookUps.size >= maxLookUps || Date.now() < this.#restUntil) return Promise.resolve("away");
      running = this.#ask(query).finally(() => this.#lookUps.delete(query.path));
      this.#lookUps.set(query.path, running);
    }
    return running;
  }

  async #ask({ list, path }: Query): Promise<"there" | "absent" | "away"> {
    try {
      for (let tries = 0; tries < 3; tries++) {
        const before = this.#store.changes;
        const items = await this.#list(list, path);
        // An event that came meanwhile may say otherwise.
        if (this.#store.changes !== before) continue;
        if (items.length > 0) {
          this.#store.put({ [list]: items });
          return "there";
        }
        this.#setAbsent(path);
        return "absent";
      }
    } catch (error) {
      this.#restUntil = Date.now() + restMs;
      log().warn({ reason: (error as Error).message }, "event hub: look-up failed");
    }
    return "away";
  }

  async #loadAll(): Promise<void> {
    this.#store.beginLoad();
    let data: HubData | undefined;
    try {
      const [subscriptions, apis, keys, applications] = await Promise.all([
        this.#list("subscriptions"),
        this.#list("apis"),
        this.#list("keys"),
        this.#list("applications"),
      ]);
      data = { subscriptions, apis, keys, applications };
      this.#absent.clear();
    } finally {
      this.#store.endLoad(data);
    }
  }

  /** What cannot be read of a list is left out: who is not in it is not let in. */
  async #list<K extends keyof HubData>(list: K, path: string = paths[list]): Promise<HubData[K]> {
    const headers = { accept: "application/json", authorization: this.#options.authorization };
    const reply = await this.#options.client.request("GET", path, { headers });
    if (reply.status !== 200) throw new Error(`status ${reply.status}`);
    let envelope: unknown;
    try {
      envelope = JSON.parse(reply.body.toString("utf8"));
    } catch {
      throw new Error("not JSON");
    }
    if (!isRecord(envelope) || !Array.isArray(envelope.list)) throw new Error("not a list");
    const read: (item: unknown) => unknown = readItem[list];
    const items = envelope.list.map((item) => read(item)).filter((item) => item !== undefined);
    const unreadable = envelope.list.length - items.length;
    if (unreadable > 0) log().warn({ list, unreadable }, "event hub: items that cannot be read");
    return items as unknown as HubData[K];
  }

  #receive(message: MapMessage): void {
    const type = textIn(message, "eventType") ?? "";
    const time = Number(textIn(message, "timestamp") ?? Number.NaN);
    const change = readEvent(type, Number.isFinite(time) ? time : Date.now(), eventIn(message), this.#options.tenant);
    if (change === "ignored") return log().debug({ type: shown(type) }, "event hub: event without meaning here");
    if (change !== "malformed") return this.#store.change(change);
    log().warn({ type: shown(type) }, "event hub: event that cannot be read");
    this.#refresher.soon();
  }

  #isAbsent(path: string): boolean {
    return (this.#absent.get(path) ?? 0) > Date.now();
  }

  #setAbsent(path: string): void {
    this.#absent.delete(path);
    if (this.#absent.size >= maxAbsent) this.#absent.delete(this.#absent.keys().next().value as string);
    this.#absent.set(path, Date.now() + absentMs);
  }
}

interface Query {
  readonly list: keyof HubData;
  readonly path: string;
}

function queryOf(trace: Exclude<Trace, { kind: "found" }>, consumerKey: string, api: AskedApi): Query {
  switch (trace.kind) {
    case "no-key":
      return query("keys", { consumerKey });
    case "no-application":
      return query("applications", { appId: trace.applicationId });
    case "no-api":
      return query("apis", { context: api.basePath, version: api.version });
    case "no-subscription":
      return query("subscriptions", { apiId: trace.apiId, appId: trace.applicationId });
  }
}

function query(list: keyof HubData, parameters: Readonly<Record<string, string>>): Query {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return { list, path: `${paths[list]}?${pairs.join("&")}` };
}

/** The event itself, JSON in base64. */
function eventIn(message: MapMessage): unknown {
  try {
    return JSON.parse(Buffer.from(textIn(message, "event") ?? "", "base64").toString("utf8"));
  } catch {
    return undefined;
  }
}

/** A word of ours, or none of what was sent. */
function shown(type: string): string {
  return /^[A-Z_]{1,60}$/.test(type) ? type : "?";
}

const prefix = "apim.eventHub";

/**
 * The event hub of `[apim.eventHub]` (S-SUB-07). Undefined when something is wrong, which is reported. Its user, whose name
 * ends with the tenant, is also that of brokers whose URLs name no other.
 */
export async function eventHubFrom(settings: Settings, findings: SettingsReport): Promise<EventHub | undefined> {
  const report = new CountedReport(findings);
  // The documentation of the original had the other spelling.
  const spellings = [`${prefix}.serviceUrl`, `${prefix}.service_url`] as const;
  const key = spellings.find((name) => (settings.string(name) ?? "") !== "") ?? spellings[0];
  const base = (settings.string(key) || "https://localhost:9443").replace(/\/+$/, "");
  const context = (settings.string(`${prefix}.internalDataContext`) ?? "").replace(/^\/+|\/+$/g, "");
  const limits = { timeoutMs: 15_000, maxBytes: 64 * 1024 * 1024, connections: 8 };
  const client = await serviceClientFor(settings, report, key, `${base}/${context}`, limits);
  const username = settings.string(`${prefix}.username`) || "admin";
  const password = settings.string(`${prefix}.password`) || "admin";
  await refuseKnownUser(settings, report, settings.nameOf(`${prefix}.password`), userOf(username), password);
  const endpoints = `${prefix}.eventListeningEndpoints`;
  const access = await brokersFrom(settings, report, endpoints, { username, password, instead: false });
  // Credentials that are refused go nowhere.
  if (client === undefined || access === undefined || report.hasErrors) return undefined;
  return new EventHub({
    client,
    authorization: basic(username, password),
    tenant: username.includes("@") ? username.slice(username.lastIndexOf("@") + 1) : "carbon.super",
    refreshMs: 1000 * (settings.number("castgate.eventHub.refreshSeconds") ?? 300),
    events: (calls) => new TopicConsumer({ ...access, topic: "notification", ...calls }),
  });
}

function userOf(username: string): string {
  const at = username.lastIndexOf("@");
  return at < 0 ? username : username.slice(0, at);
}
