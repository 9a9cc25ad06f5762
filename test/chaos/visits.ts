import { createHash } from "node:crypto";
import { Agent, type IncomingMessage, request } from "node:http";
import { generator } from "../soak/load.ts";
import { contentOf } from "./content.mjs";
import type { Outcome, Visit } from "./judge.ts";
import { type Endpoint, endpoints } from "./setup.ts";

/** Longer than all attempts of an endpoint take with their timeouts. */
const hungMs = 30_000;

export interface Tokens {
  readonly good: string;
  readonly bad: string;
}

/** Clients that send one request after the other, for as long as they are let. Who sends what when is decided by the seed. */
export class Clients {
  readonly visits: Visit[] = [];
  readonly #port: number;
  readonly #tokens: Tokens;
  readonly #seed: number;
  readonly count: number;
  #id = 0;
  #agent = new Agent();

  constructor(port: number, tokens: Tokens, seed: number, count: number) {
    this.#port = port;
    this.#tokens = tokens;
    this.#seed = seed;
    this.count = count;
  }

  /** `seconds` of load. All requests are over when it settles, and all connections are closed. */
  async run(seconds: number, round: number): Promise<void> {
    const until = Date.now() + seconds * 1000;
    this.#agent = new Agent({ keepAlive: true });
    const client = async (number: number) => {
      const random = generator(this.#seed * 1_000_003 + round * 1_009 + number);
      while (Date.now() < until) {
        this.visits.push(await this.#visit(random));
        await pause(random() * 60);
      }
    };
    await Promise.all(Array.from({ length: this.count }, (_, number) => client(number)));
    this.#agent.destroy();
  }

  async #visit(random: () => number): Promise<Visit> {
    const id = ++this.#id;
    const endpoint = endpoints[Math.floor(random() * endpoints.length)] as Endpoint;
    const method = random() < 0.4 ? "POST" : "GET";
    const size = sizeOf(random);
    const sent = method === "POST" ? sizeOf(random) : 0;
    const chunked = random() < 0.3;
    const keeps = random() < 0.8;
    const leavesAfter = random() < 0.06 ? random() * 80 : undefined;
    const draw = random();
    const token = endpoint.name !== "secured" ? undefined : draw < 0.7 ? "good" : draw < 0.85 ? "bad" : "none";
    const headers: Record<string, string | number> = { "X-Chaos-Id": id };
    if (token === "good" || token === "bad") headers.Authorization = `Bearer ${this.#tokens[token]}`;
    if (method === "POST" && !chunked) headers["Content-Length"] = sent;
    const begun = Date.now();
    const outcome = await this.#ask(id, {
      path: `/${endpoint.name}/x?size=${size}`,
      method,
      headers,
      size,
      sent,
      keeps,
      leavesAfter,
    });
    return { id, endpoint, method, ...(token !== undefined && { token }), begun, ended: Date.now(), outcome };
  }

  #ask(id: number, asked: Asked): Promise<Outcome> {
    const { path, method, headers, sent, keeps, leavesAfter } = asked;
    const body = contentOf(id, sent);
    return new Promise((resolve) => {
      let head = false;
      const agent = keeps ? this.#agent : (false as const);
      const outgoing = request({ host: "127.0.0.1", port: this.#port, path, method, headers, agent });
      const broken = (error: Error) =>
        end({
          kind: "broken",
          head,
          reused: outgoing.reusedSocket,
          message: `${(error as NodeJS.ErrnoException).code} ${error.message}`,
        });
      const end = (outcome: Outcome) => {
        clearTimeout(hung);
        clearTimeout(leaving);
        resolve(outcome);
      };
      const leave = (outcome: Outcome) => {
        end(outcome);
        outgoing.destroy();
      };
      const hung = setTimeout(() => leave({ kind: "hung" }), hungMs);
      const leaving = leavesAfter === undefined ? undefined : setTimeout(() => leave({ kind: "left" }), leavesAfter);
      outgoing.on("error", broken);
      outgoing.on("response", (incoming) => {
        head = true;
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", broken);
        incoming.on("end", () => end(outcomeOf(id, incoming, Buffer.concat(chunks), body, asked.size)));
      });
      // In pieces, so that the gateway may have passed on some of it when something happens.
      for (let at = 0; at < sent; at += 40_000) outgoing.write(body.subarray(at, at + 40_000));
      outgoing.end();
    });
  }
}

interface Asked {
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string | number>;
  readonly size: number;
  readonly sent: number;
  readonly keeps: boolean;
  readonly leavesAfter: number | undefined;
}

function outcomeOf(
  id: number,
  { statusCode = 0, headers }: IncomingMessage,
  body: Buffer,
  sent: Buffer,
  size: number,
): Outcome {
  const field = (name: string): string | undefined => headers[name]?.toString();
  const backend = field("x-backend");
  return {
    kind: "answer",
    answer: {
      status: statusCode,
      backend,
      endpoint: field("x-endpoint"),
      echo: field("x-echo"),
      sent: field("x-sum") === createHash("sha1").update(sent).digest("hex"),
      whole: body.equals(contentOf(id, size)),
      text: backend === undefined ? body.toString("utf8", 0, 500) : "",
    },
  };
}

function sizeOf(random: () => number): number {
  const kind = random();
  return Math.floor(random() * (kind < 0.6 ? 2_000 : kind < 0.9 ? 50_000 : 300_000));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
