import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { listening, program, startService } from "./debian-services.ts";
import { freePort } from "./gateway-under-test.ts";

/** A real forward proxy on loopback that wants Basic credentials and tunnels to any port. */
export interface Tinyproxy {
  readonly port: number;
  /** First lines of the requests that it got, those for tunnels too. */
  requests(): string[];
  stop(): Promise<void>;
}

const server = program("tinyproxy");

/** Why its tests are skipped; false: they are not. */
export const noTinyproxy: string | false =
  server === undefined ? "needs tinyproxy: apt-get install tinyproxy-bin" : false;

export async function startTinyproxy(username: string, password: string): Promise<Tinyproxy> {
  if (server === undefined) throw new Error(noTinyproxy || "not installed");
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-tinyproxy-"));
  const port = await freePort();
  const log = path.join(folder, "log");
  const config = path.join(folder, "tinyproxy.conf");
  const lines = [
    `Port ${port}`,
    "Listen 127.0.0.1",
    "Allow 127.0.0.1",
    `BasicAuth ${username} ${password}`,
    `LogFile "${log}"`,
    "LogLevel Connect",
    "Timeout 60",
    "MaxClients 200",
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const service = startService(server, ["-d", "-c", config]);
  await listening(port, service);
  return {
    port,
    requests() {
      if (!existsSync(log)) return [];
      return [...readFileSync(log, "utf8").matchAll(/Request \(file descriptor \d+\): (.*)/g)].map(
        ([, line = ""]) => line,
      );
    },
    async stop() {
      await service.end("SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
