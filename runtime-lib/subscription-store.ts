import { isRecord } from "./record.ts";

/** Ids are texts here, also where the hub sends numbers. */

export interface HubSubscription {
  readonly applicationId: string;
  readonly apiId: string;
  /** The tier's name; empty: none is named. */
  readonly tier: string;
  /** S-SUB-04. */
  readonly state: string;
}

export interface HubApi {
  readonly id: string;
  readonly name: string;
  readonly version: string;
}

export interface HubKey {
  readonly consumerKey: string;
  readonly applicationId: string;
  readonly keyType: "PRODUCTION" | "SANDBOX";
}

export interface HubApplication {
  readonly id: string;
  readonly name: string;
  /** The tier's name; empty: none is named. */
  readonly tier: string;
}

export interface HubData {
  readonly subscriptions: readonly HubSubscription[];
  readonly apis: readonly HubApi[];
  readonly keys: readonly HubKey[];
  readonly applications: readonly HubApplication[];
}

/** From a consumer key to a subscription, as far as it leads. */
export type Trace =
  | {
      readonly kind: "found";
      readonly key: HubKey;
      readonly application: HubApplication;
      readonly subscription: HubSubscription;
    }
  | { readonly kind: "no-key" }
  | { readonly kind: "no-application"; readonly applicationId: string }
  | { readonly kind: "no-api" }
  | { readonly kind: "no-subscription"; readonly applicationId: string; readonly apiId: string };

/** One change, from an event: what is there now, or what has gone. */
export type Change = { readonly put: Partial<HubData> } | { readonly drop: keyof HubData; readonly id: string };

/** A change with what it is about and when it was made: an older one must not undo a newer one. */
export interface TimedChange {
  readonly about: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly change: Change;
}

/** Times of changes that are remembered. */
const maxTimes = 100_000;

/**
 * Applications, APIs, keys and subscriptions of an event hub, indexed by what requests bring. A whole load replaces all, so
 * that what the hub has deleted goes; changes that came while it was under way are made again afterwards.
 */
export class SubscriptionStore {
  #keys = new Map<string, HubKey>();
  #applications = new Map<string, HubApplication>();
  #apis = new Map<string, HubApi>();
  #apiIds = new Map<string, string>();
  #subscriptions = new Map<string, HubSubscription>();
  readonly #times = new Map<string, number>();
  #duringLoad: Change[] | undefined;
  #version = 0;
  #changes = 0;

  /** Another number whenever something may have changed. */
  get version(): number {
    return this.#version;
  }

  /** How many changes came from events: what was asked for before one of them may be outdated by it. */
  get changes(): number {
    return this.#changes;
  }

  trace(consumerKey: string, api: { readonly name: string; readonly version: string }): Trace {
    const key = this.#keys.get(consumerKey);
    if (key === undefined) return { kind: "no-key" };
    const { applicationId } = key;
    const application = this.#applications.get(applicationId);
    if (application === undefined) return { kind: "no-application", applicationId };
    const apiId = this.#apiIds.get(pair(api.name, api.version));
    if (apiId === undefined) return { kind: "no-api" };
    const subscription = this.#subscriptions.get(pair(applicationId, apiId));
    if (subscription === undefined) return { kind: "no-subscription", applicationId, apiId };
    return { kind: "found", key, application, subscription };
  }

  /** A load begins: what changes from now on is not in it, or may not be. */
  beginLoad(): void {
    this.#duringLoad = [];
  }

  /** The load that was begun has ended. Undefined: it failed, and everything stays. */
  endLoad(data: HubData | undefined): void {
    const later = this.#duringLoad ?? [];
    this.#duringLoad = undefined;
    if (data === undefined) return;
    this.#keys = new Map();
    this.#applications = new Map();
    this.#apis = new Map();
    this.#apiIds = new Map();
    this.#subscriptions = new Map();
    this.put(data);
    for (const change of later) this.#make(change);
  }

  /** Adds or replaces what was looked up. */
  put({ subscriptions = [], apis = [], keys = [], applications = [] }: Partial<HubData>): void {
    this.#version++;
    for (const one of keys) this.#keys.set(one.consumerKey, one);
    for (const one of applications) this.#applications.set(one.id, one);
    for (const one of apis) {
      this.#dropApi(one.id);
      this.#apis.set(one.id, one);
      this.#apiIds.set(pair(one.name, one.version), one.id);
    }
    for (const one of subscriptions) this.#subscriptions.set(pair(one.applicationId, one.apiId), one);
  }

  /** Makes a change, unless a newer one about the same is known. */
  change({ about, time, change }: TimedChange): void {
    if (time < (this.#times.get(about) ?? Number.NEGATIVE_INFINITY)) return;
    this.#times.delete(about);
    if (this.#times.size >= maxTimes) this.#times.delete(this.#times.keys().next().value as string);
    this.#times.set(about, time);
    this.#changes++;
    this.#duringLoad?.push(change);
    this.#make(change);
  }

  #make(change: Change): void {
    if ("put" in change) return this.put(change.put);
    this.#version++;
    const { drop, id } = change;
    if (drop === "keys") this.#keys.delete(id);
    else if (drop === "applications") this.#applications.delete(id);
    else if (drop === "apis") this.#dropApi(id);
    else this.#subscriptions.delete(id);
  }

  #dropApi(id: string): void {
    const known = this.#apis.get(id);
    if (known === undefined) return;
    this.#apis.delete(id);
    const name = pair(known.name, known.version);
    if (this.#apiIds.get(name) === id) this.#apiIds.delete(name);
  }
}

/** Two texts as one key; the length keeps apart what would look alike. */
function pair(first: string, second: string): string {
  return `${first.length}:${first}:${second}`;
}

/** Reads an item of the hub's lists (S-SUB-09); undefined: it is not one. */
export const readItem = {
  subscriptions: (item: unknown): HubSubscription | undefined => {
    if (!isRecord(item)) return undefined;
    const [applicationId, apiId] = [idOf(item.appId), idOf(item.apiId)];
    if (applicationId === "" || apiId === "" || textOf(item.subscriptionState) === "") return undefined;
    return { applicationId, apiId, tier: textOf(item.policyId), state: textOf(item.subscriptionState) };
  },
  apis: (item: unknown): HubApi | undefined => {
    if (!isRecord(item)) return undefined;
    const found = { id: idOf(item.apiId), name: textOf(item.name), version: textOf(item.version) };
    return found.id === "" || found.name === "" || found.version === "" ? undefined : found;
  },
  keys: (item: unknown): HubKey | undefined => {
    if (!isRecord(item)) return undefined;
    const { keyType } = item;
    const [consumerKey, applicationId] = [textOf(item.consumerKey), idOf(item.applicationId)];
    if (consumerKey === "" || applicationId === "") return undefined;
    return keyType === "PRODUCTION" || keyType === "SANDBOX" ? { consumerKey, applicationId, keyType } : undefined;
  },
  applications: (item: unknown): HubApplication | undefined => {
    if (!isRecord(item)) return undefined;
    const id = idOf(item.id);
    return id === "" ? undefined : { id, name: textOf(item.name), tier: textOf(item.policy) };
  },
} as const;

/**
 * Reads an event of the hub (S-SUB-10). `ignored`: it is about something that is compiled in here (policies), about another
 * tenant, or of a kind that changes no subscription. `malformed`: it should have been one of those that do.
 */
export function readEvent(
  type: string,
  time: number,
  event: unknown,
  tenant: string,
): TimedChange | "ignored" | "malformed" {
  const found = eventType.exec(type);
  if (found === null) return "ignored";
  if (!isRecord(event)) return "malformed";
  const { tenantDomain } = event;
  if (typeof tenantDomain === "string" && tenantDomain !== "" && tenantDomain !== tenant) return "ignored";
  const own = typeof event.timeStamp === "number" ? event.timeStamp : time;
  const deleted = found[2] !== "CREATE" && found[2] !== "UPDATE";
  switch (found[1]) {
    case "APPLICATION":
      return applicationEvent(event, own, deleted);
    case "API":
      return apiEvent(event, own, deleted);
    case "SUBSCRIPTIONS":
      return subscriptionEvent(event, own, deleted);
    default:
      return keyEvent(event, own, deleted);
  }
}

const eventType =
  /^(?:(APPLICATION_REGISTRATION|APPLICATION|API|SUBSCRIPTIONS)_(CREATE|UPDATE|DELETE)|REMOVE_APPLICATION_KEYMAPPING)$/;

function applicationEvent(event: Record<string, unknown>, time: number, deleted: boolean): TimedChange | "malformed" {
  const id = idOf(event.applicationId);
  if (id === "") return "malformed";
  const about = `application ${id}`;
  if (deleted) return { about, time, change: { drop: "applications", id } };
  const found = { id, name: textOf(event.applicationName), tier: textOf(event.applicationPolicy) };
  return { about, time, change: { put: { applications: [found] } } };
}

function apiEvent(event: Record<string, unknown>, time: number, deleted: boolean): TimedChange | "malformed" {
  const id = idOf(event.apiId);
  if (id === "") return "malformed";
  const about = `api ${id}`;
  if (deleted) return { about, time, change: { drop: "apis", id } };
  const found = readItem.apis({ apiId: id, name: event.apiName, version: event.apiVersion });
  return found === undefined ? "malformed" : { about, time, change: { put: { apis: [found] } } };
}

function subscriptionEvent(event: Record<string, unknown>, time: number, deleted: boolean): TimedChange | "malformed" {
  const [applicationId, apiId] = [idOf(event.applicationId), idOf(event.apiId)];
  if (applicationId === "" || apiId === "") return "malformed";
  const id = pair(applicationId, apiId);
  const about = `subscription ${id}`;
  if (deleted) return { about, time, change: { drop: "subscriptions", id } };
  const found = readItem.subscriptions({ ...event, appId: applicationId });
  return found === undefined ? "malformed" : { about, time, change: { put: { subscriptions: [found] } } };
}

function keyEvent(event: Record<string, unknown>, time: number, deleted: boolean): TimedChange | "malformed" {
  const id = textOf(event.consumerKey);
  if (id === "") return "malformed";
  const about = `key ${id}`;
  if (deleted) return { about, time, change: { drop: "keys", id } };
  const found = readItem.keys(event);
  return found === undefined ? "malformed" : { about, time, change: { put: { keys: [found] } } };
}

function idOf(value: unknown): string {
  return typeof value === "number" ? String(value) : textOf(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
