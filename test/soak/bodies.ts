import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { Writable } from "node:stream";
import { type GatewayProcess, startGateway } from "../support/engine-process.ts";

/** A body each way, with a length and in chunks, and what the gateway's memory came to meanwhile. */
export interface Transfer {
  readonly what: string;
  readonly seconds: number;
  /** MiB beyond what the gateway had before the first of them. */
  readonly extraMiB: number;
}

const mebibyte = Buffer.alloc(1_048_576, "x");

/** Sends and fetches bodies of this size through a gateway. Throws when a byte is missing. */
export async function largeBodies(mebibytes: number): Promise<readonly Transfer[]> {
  const total = mebibytes * mebibyte.length;
  const length = { "content-length": String(total) };
  const backend = createServer((req, res) => {
    if (req.url?.includes("small")) return res.writeHead(200, { "content-length": 0 }).end();
    if (req.method === "GET") {
      res.writeHead(200, req.url?.includes("chunked") ? {} : length);
      return write(res, mebibytes);
    }
    let bytes = 0;
    req.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    req.on("end", () => res.end(String(bytes)));
  });
  backend.requestTimeout = 0;
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  const { port } = backend.address() as AddressInfo;
  const gateway = await startGateway([
    `--echo_prod_endpoint_0=http://127.0.0.1:${port}`,
    "--castgate.requestTimeoutSeconds=3600",
  ]);
  try {
    // What any request makes it load and compile is no matter of size.
    for (const path of ["/v1/pets/small", "/v1/pets/small"]) await download(gateway, path, 0);
    const before = residentMiB(gateway);
    const transfers: Transfer[] = [];
    for (const [what, work] of [
      ["down, with a length", () => download(gateway, "/v1/pets/sized", total)],
      ["down, in chunks", () => download(gateway, "/v1/pets/chunked", total)],
      ["up, with a length", () => upload(gateway, length, mebibytes)],
      ["up, in chunks", () => upload(gateway, {}, mebibytes)],
    ] as const) {
      const started = performance.now();
      let most = 0;
      const watch = setInterval(() => {
        most = Math.max(most, residentMiB(gateway));
      }, 100);
      await work().finally(() => clearInterval(watch));
      const seconds = (performance.now() - started) / 1000;
      transfers.push({ what, seconds, extraMiB: Math.max(most, residentMiB(gateway)) - before });
    }
    return transfers;
  } finally {
    await gateway.stop();
    backend.closeAllConnections();
    backend.close();
  }
}

function residentMiB({ child }: GatewayProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1024;
}

function write(to: Writable, mebibytes: number): void {
  let sent = 0;
  const more = (): void => {
    while (sent < mebibytes) {
      sent++;
      if (!to.write(mebibyte)) return void to.once("drain", more);
    }
    to.end();
  };
  more();
}

function download(gateway: GatewayProcess, path: string, total: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const req = request({ port: gateway.port, host: "127.0.0.1", path }, (res) => {
      let bytes = 0;
      res.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      res.on("end", () => (bytes === total ? resolve() : reject(new Error(`${bytes} of ${total} bytes came`))));
      res.on("error", reject);
    });
    req.on("error", reject);
    req.end();
  });
}

function upload(gateway: GatewayProcess, headers: Record<string, string>, mebibytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = "/v1/pets/up";
    const req = request({ port: gateway.port, host: "127.0.0.1", path, method: "POST", headers }, (res) => {
      let text = "";
      res.setEncoding("latin1").on("data", (part: string) => {
        text += part;
      });
      res.on("end", () => {
        if (text === String(mebibytes * mebibyte.length)) resolve();
        else reject(new Error(`${text} bytes came`));
      });
      res.on("error", reject);
    });
    req.on("error", reject);
    write(req, mebibytes);
  });
}
