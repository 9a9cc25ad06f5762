import { type Broker, brokersOf, isExposed } from "./amqp-url.ts";
import { refuseKnownUser } from "./known-defaults.ts";
import { nodeTls } from "./node-tls.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { loadTrustStore } from "./tls-stores.ts";

/** What a topic's consumer needs to know of the brokers. */
export interface BrokerAccess {
  readonly brokers: readonly Broker[];
  readonly ca: () => readonly string[] | undefined;
  readonly heartbeatSeconds: number;
}

/** Where the original looks for a broker when nobody says anything. */
const originalUrl = "amqp://admin:admin@carbon/carbon?brokerlist='tcp://localhost:5672'";

export interface BrokerLogin {
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Counts instead of what the URLs say; otherwise only for those that say nothing, or what the original shipped. */
  readonly instead: boolean;
}

/**
 * The brokers of `key`, each as the user of `login` or of its URL. Undefined when something is wrong, which is
 * reported. Trust for `amqps` is the listener's trust store beside the authorities of Node (S-LSN-09).
 */
export async function brokersFrom(
  settings: Settings,
  report: SettingsReport,
  key: string,
  login: BrokerLogin,
): Promise<BrokerAccess | undefined> {
  const name = settings.nameOf(key);
  const set = settings.strings(key)?.filter((text) => text !== "") ?? [];
  const found = brokersOf(set.length === 0 ? [originalUrl] : set);
  if (typeof found === "string") return void report.error(name, found);
  const brokers = found.map((broker) => (login.instead || isUnsaid(broker) ? withLogin(broker, login) : broker));
  for (const user of new Set(brokers.map(({ username, password }) => JSON.stringify([username, password])))) {
    const [username, password] = JSON.parse(user) as [string, string];
    await refuseKnownUser(settings, report, name, username, password);
  }
  if (brokers.some(isExposed)) {
    const flaw = "speaks to a broker without TLS: the password and all messages can be read on the way; use amqps";
    if (settings.compatibility === "standard") report.error(name, flaw);
    else report.warn(name, flaw);
  }
  const trust = await loadTrustStore(
    settings,
    "listenerConfig.trustStorePath",
    "listenerConfig.trustStorePassword",
    report,
  );
  return {
    brokers,
    ca: () => (trust === undefined ? undefined : [...nodeTls().rootCertificates, ...trust.ca]),
    heartbeatSeconds: settings.number("castgate.amqpHeartbeatSeconds") ?? 10,
  };
}

function isUnsaid({ username, password }: Broker): boolean {
  return username === "" || (username === "admin" && password === "admin");
}

function withLogin(broker: Broker, { username, password }: BrokerLogin): Broker {
  return { ...broker, username: username || broker.username, password: password || broker.password };
}
