import { type AddressInfo, createServer } from "node:net";
import { openPool } from "../../../runtime-lib/wire/backend-wire.ts";
import { RecordingSink } from "./raw-backend.ts";

/** Sends requests whose sinks throw, others between them, and prints what became of all. */

let caught = 0;
process.on("uncaughtException", () => {
  caught++;
});

const server = createServer((socket) => {
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    const path = chunk.toString("latin1").split(" ")[1];
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    if (path === "/whole") socket.write(`${head}ok`);
    else socket.write(path === "/data" ? `${head}o` : head);
  });
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const pool = await openPool({
  origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  timeoutMs: 10_000,
  connections: undefined,
  waitMs: 10_000,
  maxHeaderSize: 8_192,
  maxBodySize: -1,
  tls: undefined,
});

async function ask(path: string, throwsAt: string | undefined): Promise<RecordingSink> {
  const sink = new RecordingSink();
  sink.onEvent = (event) => {
    if (event === throwsAt) throw new Error("a bug");
  };
  pool.send(sink, "GET", { path, headers: [] }, undefined);
  return sink.done;
}

const told: Record<string, string[]> = { whole: [], data: [], flush: [] };
let others = 0;
for (let round = 0; round < 3; round++) {
  const asked = Object.keys(told).map(async (at) => {
    told[at]?.push((await ask(`/${at}`, at)).why);
  });
  const rest = Array.from({ length: 10 }, async () => {
    if ((await ask("/whole", undefined)).outcome === "200 ok") others++;
  });
  await Promise.all([...asked, ...rest]);
}
process.stdout.write(JSON.stringify({ ...told, others, caught }));
process.exit(0);
