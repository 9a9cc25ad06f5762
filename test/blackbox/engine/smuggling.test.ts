import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { program } from "../../support/debian-services.ts";
import { eventually, type GatewayProcess, leftOver, startGateway } from "../../support/engine-process.ts";
import { haproxyBefore, nginxBackend, nginxBefore, type ProxyProcess } from "../../support/proxies.ts";
import { smugglingTechniques, type Technique } from "../../support/smuggling-techniques.ts";
import { type TestedEngine, testedEngines } from "../../support/tested-engines.ts";

/**
 * Every technique against the real gateway: alone, behind nginx and behind haproxy, before node:http and before nginx.
 * After each a marker follows on the same connection and on another one: it must be answered as itself. Nothing may reach
 * a backend that no gateway logged, and nothing a gateway that the proxy before it did not log.
 */

interface Seen {
  readonly id: string;
  readonly method: string;
  readonly path: string;
}

/** node:http as a backend: answers with method and target, notes what is wrong with the fields. */
class NodeBackend {
  readonly seen: Seen[] = [];
  readonly faults: string[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const { method = "", url = "", rawHeaders } = request;
      const values = (name: string) =>
        rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
      const codings = values("transfer-encoding");
      const [id = ""] = values("x-request-id");
      this.seen.push({ id, method, path: url.split("?", 1)[0] as string });
      if (
        values("host").length !== 1 ||
        values("x-request-id").length !== 1 ||
        values("content-length").length + codings.length > 1 ||
        codings.some((coding) => coding !== "chunked") ||
        values("expect").length + values("upgrade").length > 0 ||
        values("authorization").length > 0 ||
        rawHeaders.some((text) => /[\0\r\n]/.test(text))
      ) {
        this.faults.push(`${method} ${url} ${JSON.stringify(rawHeaders)}`);
      }
      const answer = () => response.end(`${method} ${url}`);
      request.on("end", answer).resume();
    });
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      if (error.code?.startsWith("HPE_") && error.code !== "HPE_INVALID_EOF_STATE") this.faults.push(error.message);
      socket.destroy();
    });
  }

  static async start(): Promise<NodeBackend> {
    const backend = new NodeBackend();
    await new Promise<void>((resolve) => backend.#server.listen(0, "127.0.0.1", resolve));
    return backend;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when all that was sent to it is in `seen`: those who send must have ended. */
  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const base = { node: "/v1/pets", nginx: "/query" } as const;
type Behind = keyof typeof base;
const fronts = ["nobody", "nginx", "haproxy"] as const;
type Front = (typeof fronts)[number];
const missing = (["nginx", "haproxy"] as const).filter((name) => program(name) === undefined);
const skip = missing.length > 0 ? `not installed: ${missing.join(", ")}` : false;
const atOnce = 24;

for (const engine of testedEngines) {
  describe(`smuggling past engine ${engine}`, { skip }, () => {
    /** One for each that comes before it: each has to tell what came through its own. */
    const gateways: Partial<Record<Front, GatewayProcess>> = {};
    const proxies: Partial<Record<Front, ProxyProcess>> = {};
    let nodeBehind: NodeBackend;
    let nginxBehind: ProxyProcess;

    before(async () => {
      nodeBehind = await NodeBackend.start();
      nginxBehind = await nginxBackend();
      for (const front of fronts) {
        const args = [
          `--engine=${engine}`,
          `--echo_prod_endpoint_0=http://127.0.0.1:${nodeBehind.port}`,
          `--query_prod_endpoint_0=http://127.0.0.1:${nginxBehind.port}`,
          "--castgate.accessLog=true",
          "--listenerConfig.maxEntityBodySize=1000000",
          "--castgate.headerTimeoutSeconds=3",
          "--castgate.requestTimeoutSeconds=4",
          // Longer than the proxies keep theirs: an end that crosses a request would look like a desynchronisation.
          "--castgate.idleTimeoutSeconds=90",
        ];
        // A backend on a busy machine is slow, not away.
        const gateway = await startGateway(args, { TEST_BACKEND_TIMEOUT_MS: "60000" });
        gateways[front] = gateway;
        if (front === "nginx") proxies[front] = await nginxBefore(gateway.port);
        if (front === "haproxy") proxies[front] = await haproxyBefore(gateway.port);
      }
    });
    after(async () => {
      for (const proxy of Object.values(proxies)) await proxy.stop();
      for (const gateway of Object.values(gateways)) await gateway.stop();
      await nginxBehind?.stop();
      await nodeBehind?.stop();
    });

    /** Requests in the access log, by their ids. A line is written after the answer, and takes its time to be here. */
    const logged = (front: Front): [string, Seen][] =>
      (gateways[front]?.log ?? [])
        .filter(({ msg }) => msg === "access")
        .map(({ id, method, path }) => [id, { id, method, path }] as [string, Seen]);
    const seen = (behind: Behind): Seen[] =>
      behind === "node"
        ? nodeBehind.seen
        : nginxBehind.log().map(({ id, method, target }) => ({ id, method, path: target.split("?", 1)[0] as string }));
    /** What is at a backend, and in no gateway's log as the same request. */
    const straysBehind = (behind: Behind): Seen[] => {
      const known = new Map(fronts.flatMap(logged));
      return seen(behind).filter(({ id, method, path }) => {
        const entry = known.get(id);
        return entry?.method !== method || restOf(entry.path, behind) !== path;
      });
    };
    /** What is in the gateway's log, and not in the one of the proxy before it as the same request. */
    const straysBefore = (front: Front): Seen[] => {
      const forwarded = new Map((proxies[front] as ProxyProcess).log().map((entry) => [entry.id, entry]));
      return logged(front).flatMap(([id, request]) => {
        const entry = forwarded.get(id);
        const { method, path } = request;
        // A refused target is not repeated in the log.
        const same = entry?.method === method && (path === "-" || entry.target.split("?", 1)[0] === path);
        return same ? [] : [request];
      });
    };
    const twice = (behind: Behind): string[] => {
      const ids = seen(behind).map(({ id }) => id);
      return ids.filter((id, i) => ids.indexOf(id) !== i);
    };

    // They wait for time limits and silence most of the time.
    describe("all techniques", { concurrency: 3 }, () => {
      for (const front of fronts) {
        for (const behind of ["node", "nginx"] as const) {
          test(`${front} before it, ${behind === "node" ? "node:http" : "nginx"} behind it`, async () => {
            const gateway = gateways[front] as GatewayProcess;
            const { port } = proxies[front] ?? gateway;
            const table = smugglingTechniques(`${base[behind]}/a`, `${base[behind]}/hidden`);
            const wrong: string[] = [];
            let markers = 0;
            const queue = table.entries();
            const worker = async () => {
              for (const [index, technique] of queue) {
                const exact = front === "nobody" && behind === "node";
                wrong.push(...(await attempt(engine, port, technique, `${base[behind]}/marker-${index}`, exact)));
                const probe = `${base[behind]}/probe-${index}`;
                const text = await probed(port, probe);
                const expected = `GET ${probe.slice(base[behind].length)}`;
                if (text !== expected) wrong.push(`${technique.name}: the next client got ${JSON.stringify(text)}`);
                markers++;
              }
            };
            await Promise.all(Array.from({ length: atOnce }, worker));
            assert.deepEqual(wrong, []);
            assert.equal(markers, table.length);
            assert.deepEqual(await leftOver(() => straysBehind(behind)), [], "at the backend, and in no gateway's log");
            assert.deepEqual(twice(behind), [], "twice at the backend");
            assert.deepEqual(nodeBehind.faults, []);
            if (front !== "nobody") {
              const strays = await leftOver(() => straysBefore(front));
              assert.deepEqual(strays, [], "at the gateway, and not in the log of the proxy before it");
            }
            assert.equal(gateway.child.exitCode, null, gateway.stderr());
          });
        }
      }
    });

    test("nothing came later either: all that reached a backend until everybody had ended was logged", async () => {
      for (const proxy of Object.values(proxies)) await proxy.stop();
      // Their logs are complete once they have ended.
      for (const gateway of Object.values(gateways)) assert.equal(await gateway.stop(), 0, gateway.stderr());
      await nodeBehind.stop();
      // nginx is done with what the gateways sent when it has answered somebody who comes after them.
      await fetch(`http://127.0.0.1:${nginxBehind.port}/last`, { headers: { connection: "close" } });
      const isLast = ({ path }: Seen) => path === "/last";
      await eventually("nginx has logged the last one", () => seen("nginx").some(isLast));
      assert.deepEqual(straysBehind("node"), []);
      assert.deepEqual(
        straysBehind("nginx").filter((request) => !isLast(request)),
        [],
      );
      for (const behind of ["node", "nginx"] as const) assert.deepEqual(twice(behind), []);
      assert.deepEqual(nodeBehind.faults, []);
    });
  });
}

function restOf(path: string, behind: Behind): string {
  return path.slice(base[behind].length) || "/";
}

/** Sends a technique, then a marker on the same connection. What is wrong with the answers. */
async function attempt(
  engine: TestedEngine,
  port: number,
  technique: Technique,
  marker: string,
  exact: boolean,
): Promise<string[]> {
  const { name, parts, answer } = technique;
  const client = await Client.open(port);
  for (const [i, part] of parts.entries()) {
    if (i > 0) await client.quiet();
    client.write(part);
  }
  const allowed = answer.split(" or ").map((each) => each.replace(` (${engine})`, ""));
  const fits = ({ answers }: Client) => allowed.includes(answers.join(" ") || "-");
  if (exact) await client.until(() => client.ended || (client.answers.length > 0 && fits(client)));
  else await client.quiet();
  const wrong: string[] = [];
  if (exact && !fits(client)) wrong.push(`${name}: ${client.answers.join(" ") || "-"} instead of ${answer}`);
  // The marker may be part of a body that is still to come, or follow the end: then there is no answer to it. Its own is
  // the last there is.
  client.write(`GET ${marker} HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n`);
  await client.quiet();
  client.end();
  const own = `GET /${marker.split("/").at(-1)}`;
  const [, ...afterOwn] = client.received.split(own);
  if (afterOwn.length > 1 || (afterOwn[0] ?? "").includes("HTTP/1.")) {
    wrong.push(`${name}: more after the answer to the marker: ${JSON.stringify(client.received)}`);
  }
  return wrong;
}

/** The body of the answer to a request on a connection of its own. */
async function probed(port: number, target: string): Promise<string | undefined> {
  const client = await Client.open(port);
  client.write(`GET ${target} HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n`);
  await client.until(() => client.ended);
  return client.received.split("\r\n\r\n")[1];
}

const quietMs = 150;

class Client {
  received = "";
  ended = false;
  readonly #socket;
  #wake = (): void => {};

  private constructor(port: number) {
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.setEncoding("latin1").on("data", (text: string) => {
      this.received += text;
      this.#wake();
    });
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.ended = true;
      this.#wake();
    });
  }

  static async open(port: number): Promise<Client> {
    const client = new Client(port);
    await new Promise((resolve) => client.#socket.once("connect", resolve));
    return client;
  }

  /** Statuses in order. */
  get answers(): string[] {
    return [...this.received.matchAll(/HTTP\/1\.[01] (\d\d\d) /g)].map(([, status]) => status as string);
  }

  write(text: string): void {
    if (!this.#socket.destroyed && this.#socket.writable) this.#socket.write(text, "latin1");
  }

  end(): void {
    this.#socket.destroy();
  }

  /** Until a condition holds, at most for some seconds. */
  async until(condition: () => boolean): Promise<void> {
    let late = false;
    const deadline = setTimeout(() => {
      late = true;
      this.#wake();
    }, 8_000);
    while (!condition() && !late) await new Promise<void>((resolve) => (this.#wake = resolve));
    clearTimeout(deadline);
  }

  /** Until nothing came for a while. */
  async quiet(): Promise<void> {
    for (let length = -1; length !== this.received.length && !this.ended; ) {
      length = this.received.length;
      await new Promise((resolve) => setTimeout(resolve, quietMs));
    }
  }
}
