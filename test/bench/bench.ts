import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Credentials, makeCredentials } from "./credentials.ts";
import { freePorts } from "./gateway-process.ts";
import { type ProxyPorts, writeBackendConfig } from "./peer-configs.ts";
import { loadCore, PinnedProcess } from "./pinned-process.ts";

/** What the parts of one run share: a folder for their files, ports, keys and tokens, and the backend. */
export interface Bench {
  readonly folder: string;
  readonly ports: ProxyPorts;
  readonly credentials: Credentials;
  /** Progress, on standard error. */
  say(text: string): void;
  /** How many requests the backend has answered so far, this one included. */
  backendRequests(): Promise<number>;
  /** Stops the backend and removes the folder. */
  close(): Promise<void>;
}

/** Makes the folder, takes ports, and starts the backend on the load core. */
export async function openBench(say: (text: string) => void): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), "castgate-bench-"));
  const ports = { ...(await freePorts()), backend: 0 };
  do ports.backend = (await freePorts()).http;
  while (ports.backend === ports.http || ports.backend === ports.https);
  const backend = new PinnedProcess(["nginx", "-c", writeBackendConfig(join(folder, "backend"), ports.backend)], {
    core: loadCore,
  });
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // There are keys in it: it goes however this process ends.
  process.once("exit", remove);
  const close = async () => {
    await backend.stop();
    process.off("exit", remove);
    remove();
  };
  try {
    const credentials = makeCredentials(join(folder, "keys"));
    await backend.listening(ports.backend);
    return { folder, ports, credentials, say, backendRequests: () => requestsOf(ports.backend), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The third number of nginx's status page: connections accepted, handled, requests. */
async function requestsOf(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/status`, { headers: { connection: "close" } });
  return Number(/^\s*\d+ \d+ (\d+)/m.exec(await answer.text())?.[1]);
}
