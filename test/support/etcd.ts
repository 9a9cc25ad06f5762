import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { program, type ServiceProcess, startService, until } from "./debian-services.ts";
import { freePort } from "./gateway-under-test.ts";

/** A real etcd on loopback with both of its APIs, and with its data in a folder of its own. */
export interface Etcd {
  readonly url: string;
  /** A call of its JSON or v2 API; the body of the answer, whatever its status. */
  call(
    method: string,
    path: string,
    body?: object | URLSearchParams,
    headers?: Record<string, string>,
  ): Promise<string>;
  /** Puts a key over the v3 API. */
  put(key: string, value: string, token?: string): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const server = program("etcd");

/** Why its tests are skipped; false: they are not. */
export const noEtcd: string | false = server === undefined ? "needs etcd: apt-get install etcd-server" : false;

export async function startEtcd(): Promise<Etcd> {
  if (server === undefined) throw new Error(noEtcd || "not installed");
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-etcd-"));
  const [port, peerPort] = await Promise.all([freePort(), freePort()]);
  const url = `http://127.0.0.1:${port}`;
  const peers = `http://127.0.0.1:${peerPort}`;
  const args = [
    "--enable-v2=true",
    `--data-dir=${folder}/data`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
    "--logger=zap",
    "--log-level=error",
  ];
  let running: ServiceProcess | undefined;
  const start = async (): Promise<void> => {
    const started = startService(server, args);
    running = started;
    await until(
      () => isHealthy(url),
      () => `etcd does not start:\n${started.output()}`,
      started,
    );
  };
  const kill = async (): Promise<void> => {
    await running?.end("SIGKILL");
    running = undefined;
  };
  const call: Etcd["call"] = async (method, target, body, headers = {}) => {
    const response = await fetch(`${url}${target}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: body instanceof URLSearchParams ? body : JSON.stringify(body) }),
    });
    return response.text();
  };
  await start();
  return {
    url,
    call,
    async put(key, value, token) {
      const text = (plain: string): string => Buffer.from(plain, "utf8").toString("base64");
      const headers: Record<string, string> = token === undefined ? {} : { authorization: token };
      await call("POST", "/v3/kv/put", { key: text(key), value: text(value) }, headers);
    },
    kill,
    start,
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await (await fetch(`${url}/health`)).text()).includes("true");
  } catch {
    return false;
  }
}
