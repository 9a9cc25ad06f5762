/** Where a broker is, and as whom to speak to it. */
export interface Broker {
  readonly protocol: "amqp" | "amqps";
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** Decoded: `/`, `carbon`. */
  readonly vhost: string;
}

/**
 * The brokers that a setting names, in order. Each text holds one URL or several with commas between them:
 *
 * - `amqp://user:password@host:port/vhost`, `amqps://` for TLS; without a path, or with nothing behind its slash, the vhost is `/`;
 * - the form of the original: `amqp://user:password@clientId/vhost?brokerlist='tcp://host:port;tcp://host:port'`. The vhost is
 *   what stands in the path. `ssl='true'` anywhere in it means TLS for all of its brokers.
 *
 * A string instead of brokers says what is wrong, without any part of the text: it holds a password.
 */
export function brokersOf(texts: readonly string[]): readonly Broker[] | string {
  const brokers: Broker[] = [];
  for (const text of texts.flatMap((each) => each.split(/,\s*(?=amqps?:\/\/)/i))) {
    const found = /brokerlist\s*=/i.test(text) ? brokersOfList(text.trim()) : brokerOfUrl(text.trim());
    if (typeof found === "string") return found;
    brokers.push(...found);
  }
  return brokers.length === 0 ? "must name a broker: amqps://user:password@host:port/vhost" : brokers;
}

/** Whether what is said to a broker, the password to begin with, can be read on the way. */
export function isExposed({ protocol, host }: Broker): boolean {
  return protocol === "amqp" && !(host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host));
}

function brokerOfUrl(text: string): readonly Broker[] | string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return "must be a URL: amqps://user:password@host:port/vhost";
  }
  const protocol = protocolOf(url.protocol.slice(0, -1));
  if (protocol === undefined) return "must be an amqp or amqps URL";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (host === "") return "names no host";
  return [
    {
      protocol,
      host,
      port: url.port === "" ? defaultPort(protocol) : Number(url.port),
      username: decoded(url.username),
      password: decoded(url.password),
      vhost: decoded(url.pathname.slice(1)) || "/",
    },
  ];
}

function brokersOfList(text: string): readonly Broker[] | string {
  // A password of this form may hold an `@`; the client's name and the vhost do not.
  const found = /^amqp:\/\/(?:([^:@/]*)(?::(.*))?@)?([^/@?]*)\/([^?]*)\?(.*)$/is.exec(text);
  const [, username = "", password = "", , vhost = "", options = ""] = found ?? [];
  const list = /brokerlist\s*=\s*'?(.*)$/is.exec(options)?.[1];
  if (list === undefined) return "must be written as amqp://user:password@clientId/vhost?brokerlist='tcp://host:port'";
  const tls = /ssl\s*=\s*'?true\b/i.test(options);
  const brokers: Broker[] = [];
  for (const one of list.split(";")) {
    const [, transport, host, port] =
      /^\s*'?([a-z]+):\/\/(\[[0-9a-f:.]+\]|[^:/?'&\s[\]]+)(?::(\d{1,5}))?(?=$|[/?'&\s])/i.exec(one) ?? [];
    if (transport === undefined || host === undefined)
      return "has a brokerlist with an entry that is not tcp://host:port";
    const plain = transport.toLowerCase() === "tcp";
    if (!plain && !/^ssl$/i.test(transport)) return "has a brokerlist with another transport than tcp";
    const protocol = tls || !plain ? "amqps" : "amqp";
    if (Number(port ?? 0) > 65_535) return "has a brokerlist with a port above 65535";
    brokers.push({
      protocol,
      host: host.replace(/^\[|\]$/g, ""),
      port: port === undefined ? defaultPort(protocol) : Number(port),
      username: decoded(username),
      password: decoded(password),
      vhost: decoded(vhost) || "/",
    });
  }
  return brokers;
}

function protocolOf(text: string): "amqp" | "amqps" | undefined {
  return text === "amqp" || text === "amqps" ? text : undefined;
}

function defaultPort(protocol: "amqp" | "amqps"): number {
  return protocol === "amqps" ? 5671 : 5672;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
