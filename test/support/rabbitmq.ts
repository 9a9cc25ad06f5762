import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import amqp from "amqplib";
import { listening, program, type ServiceProcess, startService, until } from "./debian-services.ts";
import { freePort } from "./gateway-under-test.ts";
import type { Identity } from "./self-signed.ts";

/** A real RabbitMQ on loopback, with files in a folder of its own, and with an epmd of its own. */
export interface RabbitMq {
  readonly port: number;
  /** Undefined without an identity. */
  readonly tlsPort: number | undefined;
  readonly username: string;
  readonly password: string;
  /** Ends it as a crash would; what it has kept on disk stays. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same ports. */
  start(): Promise<void>;
  /** Publishes to a topic, as message brokers of JMS do. `timestamp`: when that was, as the message says. */
  publish(topic: string, body: Buffer | string, contentType?: string, timestamp?: number): Promise<void>;
  stop(): Promise<void>;
}

const server = program("rabbitmq-server", "/usr/lib/rabbitmq/bin");
const epmd = program("epmd");

/** Why its tests are skipped; false: they are not. */
export const noRabbitMq: string | false =
  server?.startsWith("/usr/lib/rabbitmq/") === true && epmd !== undefined
    ? false
    : "needs RabbitMQ: apt-get install rabbitmq-server";

export async function startRabbitMq(identity?: Identity): Promise<RabbitMq> {
  if (server === undefined || epmd === undefined) throw new Error(noRabbitMq || "not installed");
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-rabbitmq-"));
  const [port, tlsPort, epmdPort, distPort] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const username = "gateway";
  const password = "correct horse";
  for (const part of ["home", "mnesia", "log"]) mkdirSync(path.join(folder, part));
  const tls = identity === undefined ? "" : tlsLines(folder, tlsPort, identity);
  writeFileSync(
    path.join(folder, "rabbitmq.conf"),
    `listeners.tcp.default = 127.0.0.1:${port}\ndefault_user = ${username}\ndefault_pass = ${password}\n${tls}`,
  );
  writeFileSync(path.join(folder, "enabled_plugins"), "[].\n");
  const env: NodeJS.ProcessEnv = {
    HOME: path.join(folder, "home"),
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `test${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_MNESIA_BASE: path.join(folder, "mnesia"),
    RABBITMQ_LOG_BASE: path.join(folder, "log"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_CONFIG_FILE: path.join(folder, "rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, "enabled_plugins"),
    RABBITMQ_CONF_ENV_FILE: path.join(folder, "none"),
    // One scheduler that does not spin: the machine is shared with the test.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 1:1 +sbwt none -start_epmd false",
  };
  const names = startService(epmd, ["-port", String(epmdPort), "-address", "127.0.0.1"], env);
  await listening(epmdPort, names);

  let broker: ServiceProcess | undefined;
  const start = async (): Promise<void> => {
    const started = startService(server, [], env);
    broker = started;
    await until(
      () => canLogIn(),
      () => `RabbitMQ does not start:\n${started.output()}`,
      started,
    );
  };
  const url = { hostname: "127.0.0.1", port, username, password };
  const canLogIn = async (): Promise<boolean> => {
    try {
      const connection = await amqp.connect(url, { timeout: 2_000 });
      await connection.close();
      return true;
    } catch {
      return false;
    }
  };
  const kill = async (): Promise<void> => {
    await broker?.end("SIGKILL");
    broker = undefined;
  };
  await start();
  return {
    port,
    tlsPort: identity === undefined ? undefined : tlsPort,
    username,
    password,
    kill,
    start,
    async publish(topic, body, contentType = "jms/map-message", timestamp) {
      const connection = await amqp.connect(url);
      const channel = await connection.createConfirmChannel();
      channel.publish("amq.topic", topic, Buffer.from(body), { contentType, ...(timestamp && { timestamp }) });
      await channel.waitForConfirms();
      await connection.close();
    },
    async stop() {
      await kill();
      await names.end("SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function tlsLines(folder: string, port: number, { key, cert }: Identity): string {
  const keyFile = path.join(folder, "key.pem");
  const certFile = path.join(folder, "cert.pem");
  writeFileSync(keyFile, key, { mode: 0o600 });
  writeFileSync(certFile, cert);
  return [
    `listeners.ssl.default = 127.0.0.1:${port}`,
    `ssl_options.cacertfile = ${certFile}`,
    `ssl_options.certfile = ${certFile}`,
    `ssl_options.keyfile = ${keyFile}`,
    "ssl_options.verify = verify_none",
    "",
  ].join("\n");
}

/** A map as JMS clients of Qpid and WSO2 write it; values are texts. */
export function jmsMap(entries: Readonly<Record<string, string>>): Buffer {
  const count = Buffer.alloc(4);
  count.writeInt32BE(Object.keys(entries).length);
  const parts = Object.entries(entries).map(([name, value]) => Buffer.from(`${name}\0\x0a${value}\0`, "utf8"));
  return Buffer.concat([count, ...parts]);
}
