import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { RedisConnection, type Reply } from "../../runtime-lib/redis-connection.ts";
import { program, type ServiceProcess, startService, until } from "./debian-services.ts";
import { freePort } from "./gateway-under-test.ts";
import type { Identity } from "./self-signed.ts";

/** A real Redis on loopback that keeps nothing on disk. */
export interface Redis {
  readonly port: number;
  /** Undefined without an identity. */
  readonly tlsPort: number | undefined;
  /** Of the default user; everything needs it. */
  readonly password: string;
  /** One command on a connection of its own. */
  call(...command: string[]): Promise<Reply>;
  /** The same in another database than the first. */
  inDatabase(database: number, ...command: string[]): Promise<Reply>;
  /** Ends it as a crash would; what it has counted is gone. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same ports. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const server = program("redis-server") ?? program("valkey-server");

/** Why its tests are skipped; false: they are not. */
export const noRedis: string | false =
  server === undefined ? "needs Redis or Valkey: apt-get install redis-server" : false;

export async function startRedis(identity?: Identity): Promise<Redis> {
  if (server === undefined) throw new Error(noRedis || "not installed");
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-redis-"));
  const [port, tlsPort] = await Promise.all([freePort(), freePort()]);
  const password = "correct-horse";
  const config = [
    "bind 127.0.0.1",
    `port ${port}`,
    `requirepass ${password}`,
    'save ""',
    "appendonly no",
    `dir ${folder}`,
    "enable-debug-command yes",
  ];
  if (identity !== undefined) {
    writeFileSync(path.join(folder, "key.pem"), identity.key, { mode: 0o600 });
    writeFileSync(path.join(folder, "cert.pem"), identity.cert);
    config.push(`tls-port ${tlsPort}`, `tls-key-file ${folder}/key.pem`, `tls-cert-file ${folder}/cert.pem`);
    config.push(`tls-ca-cert-file ${folder}/cert.pem`, "tls-auth-clients no");
  }
  const file = path.join(folder, "redis.conf");
  writeFileSync(file, `${config.join("\n")}\n`);
  const place = {
    host: "127.0.0.1",
    port,
    tls: false,
    database: 0,
    username: undefined,
    password,
    ca: () => undefined,
  };
  const call = (...command: string[]): Promise<Reply> => inDatabase(0, ...command);
  const inDatabase = async (database: number, ...command: string[]): Promise<Reply> => {
    const connection = await RedisConnection.open({ ...place, database }, 5_000, () => undefined);
    try {
      return await connection.call(command, 20_000);
    } finally {
      connection.close();
    }
  };
  const answers = async (): Promise<boolean> => {
    try {
      return (await call("PING")) === "PONG";
    } catch {
      return false;
    }
  };
  let running: ServiceProcess | undefined;
  const start = async (): Promise<void> => {
    const started = startService(server, [file]);
    running = started;
    await until(answers, () => `Redis does not start:\n${started.output()}`, started);
  };
  const kill = async (): Promise<void> => {
    await running?.end("SIGKILL");
    running = undefined;
  };
  await start();
  return {
    port,
    tlsPort: identity === undefined ? undefined : tlsPort,
    password,
    call,
    inDatabase,
    kill,
    start,
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
