/**
 * A backend that can be told to misbehave, as a process of its own: `backend.mjs NAME FOLDER PORTS`, where PORTS is JSON, the
 * port for each endpoint. Over IPC it is told its mood. What it sees of requests stands at once in `FOLDER/NAME.seen`: it may
 * be killed at any time.
 */
import { createHash } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { contentOf } from "./content.mjs";

const [name = "", folder = "", ports = "{}"] = process.argv.slice(2);
const seen = openSync(path.join(folder, `${name}.seen`), "a");
const note = (what, id, method, endpoint) => writeSync(seen, `${what} ${id} ${method} ${endpoint}\n`);
let mood = "well";
process.on("message", (message) => {
  mood = message;
  process.send(mood);
});
process.on("disconnect", () => process.exit());

const listening = Object.entries(JSON.parse(ports)).map(
  ([endpoint, port]) =>
    new Promise((resolve) => {
      const server = createServer((incoming, outgoing) => serve(endpoint, incoming, outgoing));
      server.keepAliveTimeout = 3_000;
      server.on("clientError", (_error, socket) => socket.destroy());
      // Few, so that the queue can be filled.
      server.listen({ host: "127.0.0.1", port, backlog: 32 }, resolve);
    }),
);
await Promise.all(listening);
process.send("listening");

function serve(endpoint, incoming, outgoing) {
  outgoing.on("error", () => undefined);
  incoming.on("error", () => undefined);
  const id = Number(incoming.headers["x-chaos-id"]);
  const size = Number(new URL(incoming.url, "http://a").searchParams.get("size"));
  const { method } = incoming;
  // Of this request, whatever comes meanwhile.
  const now = mood;
  note("head", id, method, endpoint);
  if (now === "reset") return incoming.socket.resetAndDestroy();
  const sum = createHash("sha1");
  incoming.on("data", (chunk) => sum.update(chunk));
  incoming.on("end", () => {
    note("whole", id, method, endpoint);
    const fields = { "X-Backend": name, "X-Endpoint": endpoint, "X-Echo": String(id), "X-Sum": sum.digest("hex") };
    if (now === "slow") setTimeout(() => answer(now, outgoing, fields, id, size), 100 + (id % 7) * 100);
    else if (now !== "silent") answer(now, outgoing, fields, id, size);
  });
}

function answer(mood, outgoing, fields, id, size) {
  const body = contentOf(id, size);
  const { socket } = outgoing;
  if (socket === null) return;
  switch (mood) {
    case "busy":
      outgoing.writeHead(503, { ...fields, "Content-Length": 0, ...(id % 2 === 0 && { "Retry-After": "1" }) }).end();
      return;
    case "drop":
      if (size === 0) return socket.destroy();
      outgoing.writeHead(200, id % 2 === 0 ? { ...fields, "Content-Length": size } : fields);
      outgoing.write(body.subarray(0, size >> 1), () => (id % 3 === 0 ? socket.resetAndDestroy() : socket.destroy()));
      return;
    case "lie": {
      // The whole answer, and one more that nobody has asked for.
      const head = Object.entries({ ...fields, "Content-Length": size }).map(
        ([name, value]) => `${name}: ${value}\r\n`,
      );
      const forged = "HTTP/1.1 200 OK\r\nX-Backend: forged\r\nX-Echo: 0\r\nContent-Length: 6\r\n\r\nforged";
      socket.write(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${head.join("")}\r\n`), body, Buffer.from(forged)]));
      setTimeout(() => socket.destroy(), 300);
      return;
    }
    default:
      if (id % 2 === 0) outgoing.writeHead(200, { ...fields, "Content-Length": size }).end(body);
      else {
        outgoing.writeHead(200, fields);
        for (let at = 0; at < size; at += 20_000) outgoing.write(body.subarray(at, at + 20_000));
        outgoing.end();
      }
  }
}
