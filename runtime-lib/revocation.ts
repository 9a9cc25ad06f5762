import { type MapMessage, textIn } from "./amqp-message.ts";
import { TopicConsumer } from "./amqp-topic.ts";
import { brokersFrom } from "./broker-settings.ts";
import type { Caller } from "./caller.ts";
import { addCallerCheck } from "./caller-checks.ts";
import { CountedReport } from "./counted-report.ts";
import { refuseKnownUser } from "./known-defaults.ts";
import { log } from "./log.ts";
import type { RuntimeModule } from "./module.ts";
import { Refresher } from "./refresher.ts";
import {
  EtcdKeysList,
  EtcdRangeList,
  type ListCredentials,
  RestList,
  type RevocationList,
} from "./revocation-lists.ts";
import { revocationEnd, revocationIdsOf } from "./revocation-notice.ts";
import { RevokedIds } from "./revoked-ids.ts";
import type { Failure, Verified } from "./scheme.ts";
import { type ServiceClient, serviceClientFor } from "./service-client.ts";
import type { Settings, SettingsReport } from "./settings.ts";

/**
 * Refuses revoked credentials (S-REV-08: 900901/401), tokens and API keys alike, on every request. What is revoked comes
 *
 * - from a list that another system keeps (`[tokenRevocationConfig.persistent]`: API Manager or etcd), read at the start, then
 *   every `castgate.revocation.refreshSeconds`, and at once when events may have been missed;
 * - from events of a broker (`[tokenRevocationConfig.realtime]`), which are kept until the credential ends.
 *
 * While these are away: before the first valid list (without one: before the broker is heard for the first time) `/readyz`
 * says so, and `castgate.revocation.onUnavailable` decides about credentials that could be revoked: `deny`, the default,
 * answers 503 with 900900; `allow` lets them in. The same holds while there is no room for an id. Later on, what was
 * known last goes on, and the log says that the source is away; the list is then read more often while no events come.
 */
export const revocationModule: RuntimeModule = {
  name: "revocation",
  configure: (settings, report) => configure(settings, report),
  waitingFor: () => state?.waitingFor(),
  close: () => state?.close(),
};

/** One process serves one gateway. */
let state: Revocation | undefined;

const revoked: Failure = { ok: false, code: 900901, reason: "revoked" };
const undecided: Failure = { ok: false, code: 900900, status: 503, reason: "revocation: not known what is revoked" };

/** What a list is read with while events do not come. */
const withoutEventsMs = 10_000;

interface Sources {
  readonly list: RevocationList | undefined;
  readonly client: ServiceClient | undefined;
  /** Makes the consumer, which calls back. */
  readonly events: ((calls: EventCalls) => TopicConsumer) | undefined;
}

interface EventCalls {
  readonly onMessage: (message: MapMessage) => void;
  readonly onGarbage: () => void;
  readonly onGap: () => void;
}

export interface RevocationRules {
  readonly denyUnknown: boolean;
  readonly refreshMs: number;
  readonly capacity: number;
}

/** What is revoked, as far as the sources have said. */
export class Revocation {
  readonly #rules: RevocationRules;
  readonly #sources: Sources;
  readonly #told: RevokedIds;
  #listed: ReadonlySet<string> = new Set();
  readonly #refresher: Refresher | undefined;
  readonly #events: TopicConsumer | undefined;
  readonly #sweeper: NodeJS.Timeout;
  #heard = false;

  constructor(rules: RevocationRules, sources: Sources) {
    this.#rules = rules;
    this.#sources = sources;
    this.#told = new RevokedIds(rules.capacity);
    const { list } = sources;
    if (list !== undefined) {
      this.#refresher = new Refresher({
        name: "revoked tokens",
        refresh: async () => {
          this.#listed = (await list.fetch()) ?? this.#listed;
        },
        periodMs: () =>
          this.#events?.state.connected === false ? Math.min(rules.refreshMs, withoutEventsMs) : rules.refreshMs,
      });
    }
    this.#events = sources.events?.({
      onMessage: (message) => this.#receive(message),
      onGarbage: () => this.#refresher?.soon(),
      onGap: () => {
        this.#heard = true;
        this.#refresher?.soon();
      },
    });
    this.#sweeper = setInterval(() => this.#told.sweep(Date.now()), 60_000).unref();
    this.#refresher?.start();
    this.#events?.start();
  }

  /** Costs two look-ups for each of the credential's ids. */
  check(caller: Caller): Verified {
    const ids = caller.revocationIds;
    for (const id of ids) if (this.#told.has(id) || this.#listed.has(id)) return revoked;
    if (ids.length > 0 && this.#rules.denyUnknown && !this.#decided) return undecided;
    return { ok: true, caller };
  }

  waitingFor(): string | undefined {
    return this.#known ? undefined : "what is revoked";
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#refresher?.close();
    await this.#events?.close();
    await this.#sources.client?.close();
  }

  get #known(): boolean {
    return this.#refresher === undefined ? this.#heard : this.#refresher.ready;
  }

  get #decided(): boolean {
    return this.#known && this.#told.overflowUntil === 0;
  }

  #receive(message: MapMessage): void {
    const text = textIn(message, "revokedToken");
    if (text === undefined) {
      log().warn("a revocation that names no token");
      return this.#refresher?.soon();
    }
    const now = Date.now();
    // Newer API Managers say both; the later one is the safer one.
    const ends = ["ttl", "expiryTime"]
      .filter((name) => message.has(name))
      .map((name) => revocationEnd(message.get(name), now));
    const end = ends.length === 0 ? revocationEnd(undefined, now) : Math.max(...ends);
    if (end <= now) return;
    for (const id of revocationIdsOf(text)) {
      if (!this.#told.add(id, end)) log().error("no room for a revoked token: raise castgate.revocation.capacity");
    }
  }
}

async function configure(settings: Settings, findings: SettingsReport): Promise<void> {
  const report = new CountedReport(findings);
  const rules: RevocationRules = {
    denyUnknown: settings.string("castgate.revocation.onUnavailable") !== "allow",
    refreshMs: 1000 * (settings.number("castgate.revocation.refreshSeconds") ?? 60),
    capacity: settings.number("castgate.revocation.capacity") ?? 1_000_000,
  };
  const lists = await listFrom(settings, report, rules.capacity);
  const events = await eventsFrom(settings, report);
  if (lists === "wrong" || events === "wrong") return;
  if (lists === undefined)
    report.warn(
      "tokenRevocationConfig.persistent.enablePersistentStorageRetrieval",
      "is off: what was revoked before this start, or while the broker was away, is not known",
    );
  if (!rules.denyUnknown)
    report.warn(
      "castgate.revocation.onUnavailable",
      "is allow: revoked tokens are let in until it is known what is revoked",
    );
  await state?.close();
  // Credentials that are refused go nowhere.
  if (report.hasErrors) return;
  const first = state === undefined;
  state = new Revocation(rules, { list: lists?.list, client: lists?.client, events });
  if (first) addCallerCheck("revocation", (_x, _api, caller) => state?.check(caller) ?? undecided);
}

const realtime = "tokenRevocationConfig.realtime";
const persistent = "tokenRevocationConfig.persistent";

async function eventsFrom(settings: Settings, report: SettingsReport): Promise<Sources["events"] | "wrong"> {
  if (settings.boolean(`${realtime}.enableRealtimeMessageRetrieval`) !== true) return undefined;
  const topic = settings.string(`${realtime}.jmsConnectionTopic`) || "tokenRevocation";
  const access = await brokersFrom(settings, report, `${realtime}.jmsConnectionProviderUrl`, {
    username: settings.string(`${realtime}.jmsConnectionUsername`),
    password: settings.string(`${realtime}.jmsConnectionPassword`),
    instead: true,
  });
  return access === undefined ? "wrong" : (calls) => new TopicConsumer({ ...access, topic, ...calls });
}

/** Time and size that a list may take. */
const listLimits = { timeoutMs: 15_000, maxBytes: 256 * 1024 * 1024, connections: 1 };

async function listFrom(
  settings: Settings,
  report: SettingsReport,
  capacity: number,
): Promise<{ readonly list: RevocationList; readonly client: ServiceClient } | undefined | "wrong"> {
  if (settings.boolean(`${persistent}.enablePersistentStorageRetrieval`) !== true) return undefined;
  const type = (settings.string(`${persistent}.type`) ?? "default").toLowerCase();
  if (type !== "default" && type !== "etcd") {
    report.error(settings.nameOf(`${persistent}.type`), "must be default or etcd; there are no hooks for other stores");
    return "wrong";
  }
  // The older name wins where both stand (S-REV-05).
  const key = `${persistent}.${(settings.string(`${persistent}.hostname`) ?? "") === "" ? "endpointURL" : "hostname"}`;
  const standard = type === "etcd" ? "https://127.0.0.1:2379/v2/keys/jti/" : "https://localhost:9443/internal/data/v1";
  const url = settings.string(key) || standard;
  const etcd = type === "etcd" ? etcdPlace(url) : undefined;
  const client = await serviceClientFor(settings, report, key, etcd?.base ?? url, listLimits);
  const login = await loginFrom(settings, report, type === "etcd");
  if (client === undefined || login === "wrong") return "wrong";
  if (etcd === undefined)
    return { client, list: new RestList(client, login ?? { username: "", password: "" }, capacity) };
  if (etcd.folder === undefined) return { client, list: new EtcdKeysList(client, login, capacity) };
  return { client, list: new EtcdRangeList(client, etcd.folder, login, capacity) };
}

/**
 * Which API of etcd a URL means: with `/v2/keys` in it the old one, else v3, where the path names the folder of the keys
 * (`https://etcd:2379/jti`; `/v3/keys` in front of it is dropped; `jti` if there is no path).
 */
function etcdPlace(url: string): { readonly base: string; readonly folder: string | undefined } {
  const [, origin = url, path = ""] = /^([a-z]+:\/\/[^/?#]*)([^?#]*)$/i.exec(url) ?? [];
  if (path.includes("/v2/keys")) return { base: url, folder: undefined };
  const folder = path.replace(/^\/v3\/(?:keys|kv\/range)(?=\/|$)/, "").replace(/^\/+|\/+$/g, "");
  return { base: origin, folder: folder === "" ? "jti" : folder };
}

/** API Manager's list wants a user always, etcd only if it has some. */
async function loginFrom(
  settings: Settings,
  report: SettingsReport,
  optional: boolean,
): Promise<ListCredentials | undefined | "wrong"> {
  const username = settings.string(`${persistent}.username`) ?? "";
  const password = settings.string(`${persistent}.password`) ?? "";
  if (username === "" && password === "" && optional) return undefined;
  // What the original takes when nothing is set is what everybody knows.
  const login = username === "" && password === "" ? { username: "admin", password: "admin" } : { username, password };
  if (login.username === "" || login.password === "") {
    report.error(settings.nameOf(`${persistent}.${login.username === "" ? "username" : "password"}`), "is required");
    return "wrong";
  }
  await refuseKnownUser(settings, report, settings.nameOf(`${persistent}.password`), login.username, login.password);
  return login;
}
