import { addressNumber } from "./address-number.ts";
import { type MapMessage, textIn } from "./amqp-message.ts";
import { TopicConsumer } from "./amqp-topic.ts";
import { credentialRules } from "./api.ts";
import { type BrokerAccess, brokersFrom } from "./broker-settings.ts";
import type { Caller } from "./caller.ts";
import { CountedReport } from "./counted-report.ts";
import { DenyConditions } from "./deny-conditions.ts";
import { parametersOf, textOfClaim } from "./evaluated-conditions.ts";
import type { Exchange } from "./exchange.ts";
import { KeyTemplates } from "./key-templates.ts";
import { refuseKnownUser } from "./known-defaults.ts";
import { log } from "./log.ts";
import type { RuntimeModule } from "./module.ts";
import { isRecord } from "./record.ts";
import { Refresher } from "./refresher.ts";
import { basic, type ServiceClient, serviceClientFor } from "./service-client.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import type { Denied, Tier, Verdict } from "./throttle.ts";
import { ThrottleDecisions } from "./throttle-decisions.ts";
import { EventPublisher } from "./throttle-events.ts";
import { type ManagedOperation, manageThrottling, type ThrottleManager } from "./throttle-managed.ts";

/**
 * The original's throttling over many gateways (R-DTH-*): each request that is let in is told to a traffic manager, which
 * counts, and whose decisions come over a topic of a broker. Nothing is counted here, and which policies exist is not asked
 * (R-DTH-12). Deny conditions and templates of custom policies come the same way, and are read as lists at the start, then
 * every `castgate.trafficManager.refreshSeconds`, and whenever messages may have been missed.
 *
 * Before the lists are there: `/readyz` says so, and `castgate.trafficManager.onUnavailable` decides: `deny`, the default,
 * answers 503; `allow` lets requests in. Once they are, what was decided holds to its end, whoever is away; new decisions
 * are then not heard, so that nobody is refused who was not, and events are lost once their queue is full.
 */
export const trafficManagerModule: RuntimeModule = {
  name: "traffic-manager",
  configure: (settings, report) => configure(settings, report),
  waitingFor: () => state?.waitingFor(),
  close: () => state?.close(),
};

/** One process serves one gateway. */
let state: TrafficManager | undefined;

export interface TrafficManagerOptions {
  readonly denyUnknown: boolean;
  readonly refreshMs: number;
  /** What events tell of requests beside their keys (R-DTH-10). */
  readonly properties: { readonly headers: boolean; readonly query: boolean; readonly claims: boolean };
  readonly publisher: EventPublisher;
  /** Where the lists are, and the value of `Authorization` there. */
  readonly lists: { readonly client: ServiceClient; readonly authorization: string };
  /** Makes the consumer, which calls back. */
  readonly events: (calls: {
    readonly onMessage: (message: MapMessage, sentAt: number | undefined) => void;
    readonly onGarbage: () => void;
    readonly onGap: () => void;
  }) => TopicConsumer;
}

/** What the lists are read with while messages do not come. */
const withoutEventsMs = 30_000;

/** Who a request is counted for. */
interface Subject {
  readonly appId: string;
  readonly user: string;
  readonly appTier: string;
  readonly subscriptionTier: string;
  readonly tenant: string;
}

/** Decides by what a traffic manager has said, and tells it what was let in. */
export class TrafficManager implements ThrottleManager {
  readonly #options: TrafficManagerOptions;
  readonly #decisions = new ThrottleDecisions();
  readonly #templates = new KeyTemplates();
  readonly #refresher: Refresher;
  readonly #events: TopicConsumer;
  readonly #sweeper: NodeJS.Timeout;
  #deny = DenyConditions.none;
  #heard = false;
  /** Messages that came while lists were read, which may not hold them. */
  #meanwhile: { readonly message: MapMessage; readonly sentAt: number }[] | undefined;

  constructor(options: TrafficManagerOptions) {
    this.#options = options;
    this.#refresher = new Refresher({
      name: "traffic manager",
      refresh: () => this.#load(),
      periodMs: () => (this.#events.state.connected ? options.refreshMs : Math.min(options.refreshMs, withoutEventsMs)),
    });
    this.#events = options.events({
      onMessage: (message, sentAt) => this.#receive(message, sentAt),
      onGarbage: () => this.#refresher.soon(),
      onGap: () => {
        this.#heard = true;
        this.#refresher.soon();
      },
    });
    this.#sweeper = setInterval(() => this.#decisions.sweep(Date.now()), 60_000).unref();
    this.#refresher.start();
    this.#events.start();
  }

  /** In the order of section 3.4. */
  admit(x: Exchange, caller: Caller | undefined, operation: ManagedOperation): Verdict {
    if (this.#options.denyUnknown && !this.#refresher.ready) return unavailable;
    const now = Date.now();
    const open = caller === undefined || caller.scheme === "anonymous";
    // The original asked for tokens alone.
    if (this.#deny.any && (!open || x.faults.compatibility === "standard")) {
      if (this.#deny.denies(denySubject(x, caller, operation))) return blocked;
    }
    const subject = open ? clientOf(x) : subjectOf(caller, operation);
    const subscriptionKey = `${subject.appId}:${operation.apiSuffix}`;
    const appKey = `${subject.appId}:${subject.user}`;
    if (this.#decisions.size > 0) {
      const denied = this.#decided(x, caller, operation, subject, subscriptionKey, open ? undefined : appKey, now);
      if (denied !== undefined) return denied;
    }
    this.#tell(x, caller, operation, subject, subscriptionKey, appKey);
    return allowed;
  }

  waitingFor(): string | undefined {
    return this.#refresher.ready && this.#heard ? undefined : "the traffic manager's decisions";
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#refresher.close();
    await Promise.all([this.#events.close(), this.#options.publisher.close(), this.#options.lists.client.close()]);
  }

  /** Without an application's key, the custom policies come before the subscription. */
  #decided(
    x: Exchange,
    caller: Caller | undefined,
    operation: ManagedOperation,
    subject: Subject,
    subscriptionKey: string,
    appKey: string | undefined,
    now: number,
  ): Denied | undefined {
    const decisions = this.#decisions;
    const ofApi = decisions.untilFor(operation.apiKey, x, caller, now);
    if (ofApi > 0) return denied("api", 900800, operation.apiTier, ofApi, now);
    const ofResource = operation.hasApiTier ? 0 : decisions.untilFor(operation.resourceKey, x, caller, now);
    if (ofResource > 0) return denied("resource", 900802, operation.resourceTier, ofResource, now);
    const custom = (): Denied | undefined => this.#custom(x, operation, subject, now);
    const first = appKey === undefined ? custom() : undefined;
    if (first !== undefined) return first;
    const ofSubscription = decisions.until(subscriptionKey, now);
    const level = appKey === undefined ? "unauthenticated" : "subscription";
    if (ofSubscription > 0) return denied(level, 900804, subject.subscriptionTier, ofSubscription, now);
    if (appKey === undefined) return undefined;
    const ofApplication = decisions.until(appKey, now);
    if (ofApplication > 0) return denied("application", 900803, subject.appTier, ofApplication, now);
    return custom();
  }

  #custom(x: Exchange, operation: ManagedOperation, subject: Subject, now: number): Denied | undefined {
    if (!this.#templates.any) return undefined;
    const { api, resourceKey, apiKey, hasApiTier, tenant } = operation;
    const values = {
      resourceKey: hasApiTier ? apiKey : resourceKey,
      userId: subject.user,
      apiContext: api.basePath,
      apiVersion: api.version,
      appTenant: subject.tenant,
      apiTenant: tenant,
      appId: subject.appId,
      clientIp: x.clientAddress,
    };
    const until = this.#templates.until(values, (key) => this.#decisions.until(key, now));
    return until === 0 ? undefined : denied("custom", 900806, "custom", until, now);
  }

  #tell(
    x: Exchange,
    caller: Caller | undefined,
    operation: ManagedOperation,
    subject: Subject,
    subscriptionKey: string,
    appKey: string,
  ): void {
    const { api, apiKey, apiTier, hasApiTier, resourceKey, resourceTier, tenant } = operation;
    this.#options.publisher.publish({
      messageID: x.id,
      appKey,
      appTier: subject.appTier,
      apiKey,
      apiTier,
      subscriptionKey,
      subscriptionTier: subject.subscriptionTier,
      resourceKey: hasApiTier ? apiKey : resourceKey,
      resourceTier: hasApiTier ? apiTier : resourceTier,
      userId: subject.user,
      apiContext: api.basePath,
      apiVersion: api.version,
      appTenant: subject.tenant,
      apiTenant: tenant,
      appId: subject.appId,
      apiName: api.name,
      properties: JSON.stringify(this.#propertiesOf(x, caller)),
    });
  }

  #propertiesOf(x: Exchange, caller: Caller | undefined): Readonly<Record<string, string | number>> {
    const { headers, query, claims } = this.#options.properties;
    const properties: Record<string, string | number> = Object.create(null) as Record<string, string | number>;
    const put = (name: string, value: string): void => {
      properties[name] = value;
    };
    if (headers) putHeaders(x, put);
    if (query) {
      for (const [name, value] of parametersOf(x.path.query)) if (!x.withheldQuery.includes(name)) put(name, value);
    }
    if (claims) {
      for (const [name, claim] of Object.entries(caller?.claims ?? {})) {
        const text = textOfClaim(claim);
        if (text !== undefined) put(name, text);
      }
    }
    // Last: nobody else says where a request came from.
    const address = addressNumber(x.clientAddress);
    properties.ip = address?.family === 4 ? Number(address.value) : 0;
    properties.ipv6 = address?.family === 6 ? String(address.value) : 0;
    return properties;
  }

  async #load(): Promise<void> {
    this.#meanwhile = [];
    try {
      const [templates, lists] = await Promise.all([this.#json("/keyTemplates"), this.#json("/block")]);
      if (!Array.isArray(templates) || !templates.every((one) => typeof one === "string"))
        throw new Error("key templates: not a list of texts");
      const deny = DenyConditions.ofLists(lists);
      if (deny === undefined) throw new Error("deny conditions that cannot be read");
      this.#templates.replace(templates);
      this.#deny = deny;
      for (const { message, sentAt } of this.#meanwhile) this.#change(message, sentAt);
    } finally {
      this.#meanwhile = undefined;
    }
  }

  async #json(path: string): Promise<unknown> {
    const { client, authorization } = this.#options.lists;
    const reply = await client.request("GET", path, { headers: { accept: "application/json", authorization } });
    if (reply.status !== 200) throw new Error(`status ${reply.status}`);
    try {
      return JSON.parse(reply.body.toString("utf8"));
    } catch {
      throw new Error("not JSON");
    }
  }

  #receive(message: MapMessage, sent: number | undefined): void {
    const now = Date.now();
    if (textIn(message, "throttleKey") !== undefined) {
      if (!this.#decisions.receive(message, sent, now)) log().warn("traffic manager: decision that cannot be read");
      return;
    }
    const sentAt = sent ?? now;
    this.#meanwhile?.push({ message, sentAt });
    if (this.#change(message, sentAt)) return;
    log().warn("traffic manager: message that cannot be read");
    this.#refresher.soon();
  }

  #change(message: MapMessage, sentAt: number): boolean {
    const template = textIn(message, "keyTemplateValue");
    if (template !== undefined) {
      this.#templates.change(template, textIn(message, "keyTemplateState") === "add", sentAt);
      return true;
    }
    const deny = this.#deny.after(message);
    if (deny === undefined) return false;
    this.#deny = deny;
    return true;
  }
}

/** Keys, cookies and tokens are not a traffic manager's to know. */
function putHeaders(x: Exchange, put: (name: string, value: string) => void): void {
  const raw = x.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const lower = name.toLowerCase();
    if (lower === credentialRules.authHeader || secretFields.has(lower) || x.withheld.includes(lower)) continue;
    put(name, raw[i + 1] as string);
  }
}

const secretFields: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie", "dpop"]);

function subjectOf({ application, name, claims }: Caller, { api }: ManagedOperation): Subject {
  const fits = (one: { readonly name?: unknown; readonly version?: unknown }): boolean =>
    one.name === api.name && (one.version === api.version || one.version === "*");
  const named = Array.isArray(claims?.subscribedAPIs) ? claims.subscribedAPIs.filter(isRecord).find(fits) : undefined;
  const tenant = named?.subscriberTenantDomain;
  return {
    appId: application.id,
    user: name,
    appTier: application.tier || "Unlimited",
    subscriptionTier: application.subscriptions.find(fits)?.tier || "Default",
    tenant: typeof tenant === "string" && tenant !== "" ? tenant : "carbon.super",
  };
}

/** Nobody has logged in: the address stands for the application. */
function clientOf(x: Exchange): Subject {
  const tiers = { appTier: "Unlimited", subscriptionTier: "Unauthenticated" };
  return { appId: x.clientAddress, user: "anonymous", ...tiers, tenant: "carbon.super" };
}

function denySubject(x: Exchange, caller: Caller | undefined, { api, tenant }: ManagedOperation) {
  return {
    contexts: [api.basePath, `${api.basePath}/${api.version}`],
    tenant,
    address: x.clientAddress,
    application: caller && applicationOf(caller),
    user: caller?.name,
  };
}

/** `subscriber:application`, as deny conditions name it; undefined: the credential does not say. */
function applicationOf({ scheme, claims, application }: Caller): string | undefined {
  if (scheme === "basic") return "anonymous:anonymous";
  const claim = isRecord(claims?.application) ? claims.application : {};
  const name = claim.name ?? application.name;
  return typeof claim.owner === "string" && typeof name === "string" ? `${claim.owner}:${name}` : undefined;
}

const allowed: Verdict = { allowed: true, overQuota: false };
const blocked: Denied = { allowed: false, level: "deny", code: 900805, tier: unknownQuota(""), retryAfterSeconds: 0 };
const unavailable: Denied = { ...blocked, code: 503 };

function denied(level: Denied["level"], code: number, tier: string, until: number, now: number): Denied {
  const retryAfterSeconds = Math.max(1, Math.ceil((until - now) / 1000));
  return { allowed: false, level, code, tier: unknownQuota(tier), retryAfterSeconds };
}

function unknownQuota(tier: string): Tier {
  return { tier, count: 0, windowMs: 0 };
}

const prefix = "throttlingConfig";

async function configure(settings: Settings, findings: SettingsReport): Promise<void> {
  const report = new CountedReport(findings);
  refuseBinary(settings, report);
  if (settings.string("castgate.redis.url"))
    report.error(
      `${prefix}.enabledGlobalTMEventPublishing`,
      "has a traffic manager count, and castgate.redis.url has Redis count: switch one of them off",
    );
  const denyUnknown = settings.string("castgate.trafficManager.onUnavailable") !== "allow";
  if (!denyUnknown)
    report.warn(
      "castgate.trafficManager.onUnavailable",
      "is allow: who is denied or over a limit is let in until the traffic manager's lists have been read",
    );
  const publisher = await publisherFrom(settings, report);
  const lists = await listsFrom(settings, report);
  const access = await brokersFrom(settings, report, `${prefix}.jmsConnectionProviderUrl`, {
    username: settings.string(`${prefix}.jmsConnectionUsername`),
    password: settings.string(`${prefix}.jmsConnectionPassword`),
    instead: true,
  });
  await state?.close();
  state = undefined;
  manageThrottling(undefined);
  // Credentials that are refused go nowhere.
  if (publisher === undefined || lists === undefined || access === undefined || report.hasErrors) return;
  state = new TrafficManager({
    denyUnknown,
    refreshMs: 1000 * (settings.number("castgate.trafficManager.refreshSeconds") ?? 300),
    properties: {
      headers: settings.boolean(`${prefix}.enableHeaderConditions`) === true,
      query: settings.boolean(`${prefix}.enableQueryParamConditions`) === true,
      claims: settings.boolean(`${prefix}.enableJwtClaimConditions`) === true,
    },
    publisher,
    lists,
    events: (calls) => topicOf(access, calls),
  });
  manageThrottling(state);
}

function topicOf(access: BrokerAccess, calls: Parameters<TrafficManagerOptions["events"]>[0]): TopicConsumer {
  return new TopicConsumer({ ...access, topic: "throttleData", ...calls });
}

/** It was the original's default (R-DTH-02). */
function refuseBinary(settings: Settings, report: SettingsReport): void {
  const said = settings.boolean(`${prefix}.binary.enabled`);
  if (said === false || (said === undefined && settings.compatibility === "standard")) return;
  report.error(
    `${prefix}.binary.enabled`,
    `${said === undefined ? "is true unless it is set, and" : "is true:"} events over the binary protocol (tcp://...:9611) are not built; set it to false, and throttleEndpointUrl to the traffic manager's HTTP receiver`,
  );
}

async function publisherFrom(settings: Settings, report: SettingsReport): Promise<EventPublisher | undefined> {
  const key = `${prefix}.throttleEndpointUrl`;
  const url = settings.string(key) || "https://localhost:9443/endpoints";
  const concurrency = 16;
  const limits = { timeoutMs: 10_000, maxBytes: 65_536, connections: concurrency };
  const client = await serviceClientFor(settings, report, key, url, limits);
  const login = settings.string(`${prefix}.throttleEndpointbase64Header`) || "admin:admin";
  const colon = login.indexOf(":");
  const loginName = settings.nameOf(`${prefix}.throttleEndpointbase64Header`);
  if (colon < 1) return void report.error(loginName, "must be user:password, as it is: it is encoded when it is sent");
  const [user, password] = [login.slice(0, colon), login.slice(colon + 1)];
  await refuseKnownUser(settings, report, loginName, user, password);
  if (client === undefined) return undefined;
  const queueSize = settings.number("castgate.trafficManager.queueSize") ?? 10_000;
  return new EventPublisher({ client, authorization: basic(user, password), queueSize, concurrency });
}

async function listsFrom(
  settings: Settings,
  report: SettingsReport,
): Promise<TrafficManagerOptions["lists"] | undefined> {
  const key = `${prefix}.dataRetriever.serverUrl`;
  const url = settings.string(key) || "https://localhost:9443/internal/data/v1";
  const limits = { timeoutMs: 15_000, maxBytes: 64 * 1024 * 1024, connections: 2 };
  const client = await serviceClientFor(settings, report, key, url, limits);
  const user = settings.string(`${prefix}.dataRetriever.username`) || "admin";
  const password = settings.string(`${prefix}.dataRetriever.password`) || "admin";
  await refuseKnownUser(settings, report, settings.nameOf(`${prefix}.dataRetriever.password`), user, password);
  return client && { client, authorization: basic(user, password) };
}
