import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const filler = Buffer.alloc(262_144, "x");

/** A backend that does what the path says, right or wrong. */
export async function startMisbehavingBackend(): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((incoming, outgoing) => {
    outgoing.on("error", () => undefined);
    const [kind = "", size = "0"] = (incoming.url ?? "").slice(1).split("/");
    behave(kind, Number(size), incoming, outgoing);
  });
  server.keepAliveTimeout = 2_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function behave(kind: string, size: number, incoming: IncomingMessage, outgoing: ServerResponse): void {
  switch (kind) {
    case "bytes":
      incoming.resume();
      outgoing.end(filler.subarray(0, size));
      return;
    case "chunks":
      incoming.resume();
      for (let left = size; left > 0; left -= 1_000) outgoing.write(filler.subarray(0, Math.min(1_000, left)));
      outgoing.end();
      return;
    case "echo":
      incoming.pipe(outgoing);
      return;
    case "empty":
      incoming.resume();
      outgoing.writeHead(204).end();
      return;
    case "think":
      incoming.resume();
      setTimeout(() => outgoing.end("late"), size);
      return;
    case "early":
      outgoing.end("early");
      return;
    case "reset":
      incoming.socket.resetAndDestroy();
      return;
    case "short":
      incoming.resume();
      outgoing.writeHead(200, { "content-length": "1000" }).write("not a thousand");
      setTimeout(() => incoming.socket.destroy(), 5);
      return;
    default:
      incoming.resume();
      outgoing.writeHead(404).end();
  }
}
