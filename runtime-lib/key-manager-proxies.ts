import { credentialRules } from "./api.ts";
import type { OpenPool } from "./backend.ts";
import type { Exchange } from "./exchange.ts";
import {
  addressIsLimited,
  countFailure,
  secondsToNextMinute,
  shareFailures,
  tooManyFailures,
} from "./failed-logins.ts";
import { forwardProxy } from "./forward-proxy.ts";
import { log } from "./log.ts";
import type { RuntimeModule, Service } from "./module.ts";
import { relayHeadFor } from "./relay-head.ts";
import { methodNotAllowed, refuse } from "./respond.ts";
import { serviceUrlFlaw } from "./service-client.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { serviceTls } from "./tls-options.ts";
import { type Member, memberAt } from "./upstream.ts";

/**
 * Stands in for the key manager towards clients (S-LSN-13): `POST /token`, `POST /revoke`, `GET /authorize`, `GET /userinfo`
 * and all below them go to `{keyManager.serverUrl}/{tokenContext}` with the path and query as they came. The client's
 * credentials are for the key manager, which judges them; the gateway reads, keeps and logs none. On the token listener, and
 * with `castgate.keyManagerProxies.onApiListener` on that of the APIs too, as the original had it.
 *
 * Whoever has too many credentials refused there is turned away here with 429, like after failed log-ins at an API. While the
 * key manager is away: S-ERR-40 as a 500 in `wso2-3.2`; 502, 503 or 504 with the same body in `standard`.
 */
export const keyManagerProxiesModule: RuntimeModule = {
  name: "key-manager-proxies",
  configure: (settings, report, openPool) => configure(settings, report, openPool),
  services: () => (keyManager === undefined ? [] : servicesOf(keyManager, onApiListener)),
  async close() {
    await keyManager?.target.pool.close();
    keyManager = undefined;
  },
};

/** Undefined: there is none to speak for. */
let keyManager: Member | undefined;
let onApiListener = false;

interface Proxy {
  readonly segment: string;
  readonly method: "GET" | "POST";
  /** Statuses by which the key manager says that a credential was wrong. */
  readonly wrong: readonly number[];
  readonly outageBody: Uint8Array;
}

/** RFC 6749 section 5.2: a wrong password or code is 400 at the token endpoint; a wrong client, or a wrong token elsewhere, 401. */
const proxies: readonly Proxy[] = [
  proxy("token", "POST", "token", [400, 401]),
  proxy("revoke", "POST", "revoke", [401]),
  proxy("authorize", "GET", "authorize", [401]),
  proxy("userinfo", "GET", "user info", [401]),
];

/** `called` is what the original's body calls the endpoint (S-ERR-40). */
function proxy(segment: string, method: Proxy["method"], called: string, wrong: readonly number[]): Proxy {
  const outageBody = Buffer.from(`{"error":"error occurred while invoking the ${called} endpoint"}`);
  return { segment, method, wrong, outageBody };
}

function servicesOf(member: Member, everywhere: boolean): readonly Service[] {
  const listeners = everywhere ? (["token", "api"] as const) : (["token"] as const);
  return listeners.flatMap((listener) =>
    proxies.map((one) => ({
      listener,
      segment: one.segment,
      methods: [one.method],
      handle: (x: Exchange) => forwarded(x, one, member),
    })),
  );
}

async function forwarded(x: Exchange, { method, wrong, outageBody }: Proxy, member: Member): Promise<void> {
  // With %2F in the path, the key manager might see another endpoint than the one that is let through: 400.
  if (!x.under("/")) return;
  if (x.method !== method)
    return methodNotAllowed(x, [method], x.faults.compatibility === "wso2-3.2" ? "text" : "fault");
  if (addressIsLimited(x)) {
    const { code, reason } = tooManyFailures;
    x.refusal = { status: 429, code, reason, retryAfterSeconds: secondsToNextMinute() };
    return refuse(x);
  }
  for (const name of credentialRules.alsoWithheld) x.withheld.push(name);
  x.outageBody = outageBody;
  await x.relay(member.target, relayHeadFor(x, member));
  if (wrong.includes(x.status) && countFailure(x.clientAddress))
    log().warn({ client: x.clientAddress }, "too many failed log-ins at the key manager");
}

async function configure(settings: Settings, report: SettingsReport, openPool: OpenPool): Promise<void> {
  keyManager = undefined;
  shareFailures();
  onApiListener = settings.boolean("castgate.keyManagerProxies.onApiListener") === true;
  const name = settings.nameOf("keyManager.serverUrl");
  const url = settings.string("keyManager.serverUrl") ?? "";
  if (url === "") return report.error(name, "is required: requests to /token and its like are sent there");
  const flaw = serviceUrlFlaw(url);
  if (flaw !== undefined) return report.error(name, flaw);
  const context = (settings.string("keyManager.tokenContext") ?? "oauth2").replace(/^\/+|\/+$/g, "");
  if (!/^[A-Za-z0-9._~/-]*$/.test(context))
    return report.error(settings.nameOf("keyManager.tokenContext"), "must be a path");
  const proxy = forwardProxy(settings, report, "enableInternalServices");
  if (proxy === "wrong") return;
  const { origin, pathname } = new URL(url);
  const base = `${origin}${pathname.replace(/\/+$/, "")}`;
  keyManager = await memberAt(context === "" ? base : `${base}/${context}`, settings, openPool, {
    timeoutMs: 1000 * (settings.number("castgate.keyManagerTimeoutSeconds") ?? 5),
    proxy,
    tls: url.toLowerCase().startsWith("https:") ? await serviceTls(settings, report) : undefined,
  });
}
