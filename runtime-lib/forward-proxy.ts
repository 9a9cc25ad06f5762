import type { Socket } from "node:net";
import type { Settings, SettingsReport } from "./settings.ts";

/** A forward proxy (`[httpClients.proxy]`, R-EP-09), spoken to in plain HTTP. */
export interface ForwardProxy {
  readonly host: string;
  readonly port: number;
  /** For Basic; undefined: it wants none. */
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/**
 * The proxy that the settings name: `enable` is for backends, `enableInternalServices` for what the gateway itself asks.
 * Undefined: straight there. `wrong`: it was reported.
 */
export function forwardProxy(
  settings: Settings,
  report: SettingsReport,
  purpose: "enable" | "enableInternalServices",
): ForwardProxy | undefined | "wrong" {
  const own = "httpClients.proxy";
  if (settings.boolean(`${own}.${purpose}`) !== true) return undefined;
  const host = settings.string(`${own}.host`) ?? "";
  const port = settings.number(`${own}.port`) ?? 0;
  if (host !== "" && port > 0) {
    const username = settings.string(`${own}.username`) || undefined;
    return { host, port, username, password: settings.string(`${own}.password`) };
  }
  const missing = host === "" ? `${own}.host` : `${own}.port`;
  const who = purpose === "enable" ? "backends" : "internal services";
  report.error(settings.nameOf(missing), `is required: ${who} are to be reached through a proxy`);
  return "wrong";
}

/** The value of `Proxy-Authorization`, if the proxy wants one. */
export function proxyAuthorization({ username, password = "" }: ForwardProxy): string | undefined {
  return username === undefined ? undefined : basic(username, password);
}

/** The value of a field for Basic authentication (RFC 7617). */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}

/** `host:port` of an origin, also where the port is that of its scheme. */
export function authorityOf(origin: string): string {
  const { protocol, hostname, port } = new URL(origin);
  return `${hostname}:${port || (protocol === "https:" ? "443" : "80")}`;
}

/**
 * Asks the proxy for a tunnel to `authority` (RFC 9110 section 9.3.6). `done` is called once, later: with an error that has a
 * code and repeats nothing, or with the tunnel. Calling what is returned gives up without a word.
 */
export function openTunnel(
  proxy: ForwardProxy,
  authority: string,
  timeoutMs: number,
  done: (error: Error | undefined, tunnel: Socket | undefined) => void,
): () => void {
  const headers: Record<string, string> = { host: authority };
  const authorization = proxyAuthorization(proxy);
  if (authorization !== undefined) headers["proxy-authorization"] = authorization;
  const asked = process.getBuiltinModule("node:http").request({
    host: proxy.host,
    port: proxy.port,
    method: "CONNECT",
    path: authority,
    headers,
    agent: false,
  });
  let settled = false;
  const settle = (): void => {
    settled = true;
    clearTimeout(timer);
  };
  const fail = (code: string): void => {
    if (settled) return;
    settle();
    asked.destroy();
    done(Object.assign(new Error("no tunnel"), { code }), undefined);
  };
  const timer = setTimeout(fail, timeoutMs, "PROXY_TIMEOUT");
  asked.on("error", () => fail("PROXY_UNREACHABLE"));
  asked.on("response", () => fail("PROXY_REFUSED"));
  asked.on("connect", (answer, socket, head) => {
    const { statusCode = 0 } = answer;
    if (settled || statusCode < 200 || statusCode > 299 || head.length > 0) {
      socket.destroy();
      return fail("PROXY_REFUSED");
    }
    settle();
    // The type that undici and node:http have in common.
    done(undefined, socket as Socket);
  });
  asked.end();
  return () => {
    if (settled) return;
    settle();
    asked.destroy();
  };
}
