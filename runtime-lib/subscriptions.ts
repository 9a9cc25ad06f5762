import type { Api } from "./api.ts";
import type { Caller } from "./caller.ts";
import { addCallerCheck } from "./caller-checks.ts";
import { type EventHub, eventHubFrom, type HubAnswer } from "./event-hub.ts";
import type { RuntimeModule } from "./module.ts";
import { isRecord } from "./record.ts";
import type { Failure, Verified } from "./scheme.ts";
import type { Settings, SettingsReport } from "./settings.ts";

/**
 * Whether the application that a token was issued to has subscribed to the API, and with which tiers (S-SUB-*). A token that
 * names its `application` is judged by its own `subscribedAPIs`; all others, opaque ones among them, by the event hub's data.
 * Users of Basic, API keys and certificates have no subscriptions of this kind.
 *
 * While the hub's data is not there yet, or it does not answer about a key that it has not told of: 503 with 900900 where
 * subscriptions are checked; where they are not, the request goes on with the tiers that the token names. Data that was
 * loaded once goes on while the hub is away.
 */
export const subscriptionModule: RuntimeModule = {
  name: "event-hub",
  configure: (settings, report) => configure(settings, report),
  waitingFor: () => (state.hub === undefined || state.hub.ready ? undefined : "subscriptions of the event hub"),
  close: () => state.hub?.close(),
};

interface State {
  readonly compatibility: "wso2-3.2" | "standard";
  /** Whether subscriptions are checked, by issuer (S-SUB-01). */
  readonly byIssuer: ReadonlyMap<unknown, boolean>;
  /** For opaque tokens, and issuers that do not say. */
  readonly everywhere: boolean;
  readonly hub: EventHub | undefined;
}

/** One process serves one gateway. */
let state: State = { compatibility: "standard", byIssuer: new Map(), everywhere: true, hub: undefined };
let added = false;

const notSubscribed: Failure = { ok: false, code: 900908, reason: "subscription: none" };
const blocked: Failure = { ok: false, code: 900907, reason: "subscription: blocked" };
const onHold: Failure = { ok: false, code: 900909, reason: "subscription: on hold" };
const unknownState: Failure = { ok: false, code: 900908, reason: "subscription: in no state that allows it" };
const noHub: Failure = { ok: false, code: 900901, reason: "subscription: no event hub" };
const noClient: Failure = { ok: false, code: 900900, reason: "subscription: the token names no client" };
const hubAway: Failure = { ok: false, code: 900900, status: 503, reason: "subscription: event hub away" };

function check(_x: unknown, api: Api, caller: Caller): Verified | Promise<Verified> {
  const { scheme, consumerKey } = caller;
  if (scheme !== "jwt" && scheme !== "opaque") return { ok: true, caller };
  const checked = (scheme === "jwt" ? state.byIssuer.get(caller.claims?.iss) : undefined) ?? state.everywhere;
  if (scheme === "jwt" && isRecord(caller.claims?.application))
    return !checked || isNamed(caller, api) ? { ok: true, caller } : notSubscribed;
  const { hub } = state;
  if (hub === undefined || consumerKey === "") {
    if (!checked) return { ok: true, caller };
    // S-SUB-05.
    if (scheme === "jwt") return notSubscribed;
    return hub === undefined || state.compatibility === "standard" ? noHub : noClient;
  }
  const known = completed.get(caller)?.get(api);
  if (known !== undefined && known.version === hub.version && known.hub === hub) return known.verified;
  const answer = hub.find(consumerKey, api);
  if (!(answer instanceof Promise)) return judge(answer, hub, api, caller, checked);
  return answer.then((settled) => judge(settled, hub, api, caller, checked));
}

/** S-SUB-02. */
function isNamed({ application }: Caller, { name, version }: Api): boolean {
  return application.subscriptions.some((one) => one.name === name && (one.version === version || one.version === "*"));
}

function judge(answer: HubAnswer, hub: EventHub, api: Api, caller: Caller, checked: boolean): Verified {
  if (answer === "away") return checked ? hubAway : { ok: true, caller };
  if (answer === "missing") return checked ? notSubscribed : { ok: true, caller };
  const { key, application, subscription } = answer;
  const failure = checked ? failureOf(subscription.state, key.keyType) : undefined;
  if (failure !== undefined) return failure;
  const verified = {
    ok: true,
    caller: {
      ...caller,
      // Those of the token alone.
      quotas: undefined,
      keyType: key.keyType,
      application: {
        id: application.id,
        name: application.name,
        tier: application.tier,
        subscriptions: [{ name: api.name, version: api.version, tier: subscription.tier }],
      },
    },
  } as const;
  remember(caller, api, { hub, version: hub.version, verified });
  return verified;
}

/** S-SUB-04, and what the original does wrong: a subscription that is blocked for production allows sandbox keys. */
function failureOf(name: string, keyType: "PRODUCTION" | "SANDBOX"): Failure | undefined {
  switch (name) {
    case "UNBLOCKED":
    case "TIER_UPDATE_PENDING":
      return undefined;
    case "PROD_ONLY_BLOCKED":
      return keyType === "SANDBOX" ? undefined : blocked;
    case "BLOCKED":
      return blocked;
    case "ON_HOLD":
      return onHold;
    default:
      return unknownState;
  }
}

interface Completed {
  readonly hub: EventHub;
  readonly version: number;
  readonly verified: Verified;
}

/** A token that is used again brings the same caller, and gets the same completed one: quotas are looked up by it. */
const completed = new WeakMap<Caller, WeakMap<Api, Completed>>();

function remember(caller: Caller, api: Api, found: Completed): void {
  const known = completed.get(caller);
  if (known === undefined) completed.set(caller, new WeakMap([[api, found]]));
  else known.set(api, found);
}

async function configure(settings: Settings, report: SettingsReport): Promise<void> {
  const everywhere = settings.boolean("security.validateSubscriptions") === true;
  const byIssuer = new Map<unknown, boolean>();
  for (const table of settings.tables("jwtTokenConfig")) {
    const own = table.boolean("validateSubscription");
    const issuer = table.string("issuer");
    // Of several tables for one issuer the stricter word counts.
    if (own !== undefined) byIssuer.set(issuer, own || byIssuer.get(issuer) === true);
  }
  await state.hub?.close();
  const enabled = settings.boolean("apim.eventHub.enable") === true;
  if (!enabled)
    report.warn(
      "apim.eventHub.enable",
      "is off: where subscriptions are checked, tokens that do not name their application are refused",
    );
  const hub = enabled ? await eventHubFrom(settings, report) : undefined;
  state = { compatibility: settings.compatibility, byIssuer, everywhere, hub };
  if (!added) addCallerCheck("subscription", check);
  added = true;
}
