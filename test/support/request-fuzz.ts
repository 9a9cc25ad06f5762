import { connect } from "node:net";
import fc from "fast-check";
import {
  type NotedRequest,
  type ObservedServer,
  observedEngine,
  type ReferenceView,
  referenceServer,
} from "./observed-servers.ts";
import { requestBytes } from "./request-bytes.ts";
import { type ClientView, type Judgement, judge } from "./request-judge.ts";
import { ServerEnds } from "./server-ends.ts";
import { randomNumbers } from "./target-fuzz.ts";
import type { TestedEngine } from "./tested-engines.ts";

export interface RequestFuzzOptions {
  readonly engine: TestedEngine;
  readonly count: number;
  readonly seed: number;
  /** Stops after so many milliseconds, whatever the count. */
  readonly longest?: number;
  /** Called after each ten thousandth. */
  readonly onProgress?: (done: number) => void;
}

export interface RequestFuzzReport {
  /** Connections that were compared. */
  readonly cases: number;
  /**
   * How they ended for node:http: `taken`, `refused`, `broken off`, and how they were written. `read late`: the next piece was
   * written although one of the servers had not read the last.
   */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Where ours was stricter on purpose. */
  readonly explained: Readonly<Record<string, number>>;
  /** For each kind of difference the bytes, as short as they could be made, three times at most. */
  readonly mismatches: readonly string[];
  readonly mismatchCount: number;
}

interface Comparison {
  readonly outcome: string;
  readonly readLate: boolean;
  readonly judgement: Judgement;
}

const connections = 64;
const batch = 5_000;
/** Turns of the event loop. What is expected comes sooner; more that comes after it, within these. */
const turnsAfterAll = 5;
const turnsAtMost = 500;

/**
 * Sends random bytes to one of our engines and to a plain node:http server, over sockets, whole, in pieces or byte by
 * byte, and compares what both make of them.
 */
export async function fuzzRequests(options: RequestFuzzOptions): Promise<RequestFuzzReport> {
  const { engine, count, seed, longest = Number.POSITIVE_INFINITY, onProgress } = options;
  const pair = await ServerPair.start(engine);
  const random = randomNumbers(seed);
  const outcomes: Record<string, number> = {};
  const explained: Record<string, number> = {};
  const add = (to: Record<string, number>, key: string) => {
    to[key] = (to[key] ?? 0) + 1;
  };
  const suspects: string[][] = [];
  const until = performance.now() + longest;
  let done = 0;
  // Most connections end with an error or two that nobody reads.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    for (let from = 0; from < count && performance.now() < until; from += batch) {
      const cases = fc.sample(requestBytes(), { seed: (seed + from) | 0, numRuns: Math.min(batch, count - from) });
      const slots = Array.from({ length: connections }, async (_, slot) => {
        for (let bytes = cases.pop(); bytes !== undefined && performance.now() < until; bytes = cases.pop()) {
          const [way, pieces] = inPieces(bytes, random);
          const compared = await pair.compare(pieces, addressOf(slot));
          add(outcomes, way);
          add(outcomes, compared.outcome);
          if (compared.readLate) add(outcomes, "read late");
          for (const reason of compared.judgement.explained) add(explained, reason);
          if (compared.judgement.mismatch !== undefined) suspects.push(pieces);
          if (++done % 10_000 === 0) onProgress?.(done);
        }
      });
      await Promise.all(slots);
    }
    const mismatches: string[] = [];
    let mismatchCount = 0;
    const kinds = new Map<string, number>();
    for (const pieces of suspects) {
      const { mismatch } = (await pair.compare(pieces, addressOf(0))).judgement;
      if (mismatch === undefined) continue;
      mismatchCount++;
      const kind = kindOf(mismatch);
      const known = kinds.get(kind) ?? 0;
      kinds.set(kind, known + 1);
      if (known < 3) mismatches.push(await shortest(pair, pieces, kind));
    }
    for (const [kind, number] of kinds) if (number > 3) mismatches.push(`${number} times in all: ${kind}`);
    return { cases: done, outcomes, explained, mismatches, mismatchCount };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    await pair.close();
  }
}

/** A client's address on loopback; each has its own, by which servers know it. */
function addressOf(slot: number): string {
  return `127.0.7.${slot + 1}`;
}

function inPieces(bytes: string, random: () => number): [way: string, pieces: string[]] {
  const choice = random();
  if (choice < 0.08 && bytes.length < 800) return ["byte by byte", [...bytes]];
  if (choice > 0.4) return ["whole", [bytes]];
  const cuts = Array.from({ length: 1 + Math.floor(random() * 5) }, () => Math.floor(random() * bytes.length));
  cuts.sort((a, b) => a - b);
  const pieces = [0, ...cuts].map((start, i) => bytes.slice(start, cuts[i] ?? bytes.length));
  return ["in pieces", pieces.filter((piece) => piece !== "")];
}

/**
 * Later versions of Node have an llhttp that takes a tab after a value that decides about framing, and no empty
 * Transfer-Encoding. That of `wire` is the same on every Node.
 */
function orOtherParser(judgement: Judgement, bytes: string): Judgement {
  const { mismatch, explained } = judgement;
  if (mismatch === undefined || process.versions.llhttp?.startsWith("9.3.")) return judgement;
  const tab = /\n(?:content-length|transfer-encoding|connection):[^\r\n]*\t[ \t]*\r?\n/i.test(bytes);
  if (tab && /was not taken|refused what|^answers/.test(mismatch)) {
    return { mismatch: undefined, explained: [...explained, "llhttp of this Node takes a tab after a value"] };
  }
  if (/\ntransfer-encoding:[ \t]*\r?\n/i.test(bytes) && /^answers/.test(mismatch)) {
    return { mismatch: undefined, explained: [...explained, "llhttp of this Node refuses an empty Transfer-Encoding"] };
  }
  return judgement;
}

/** `Upgrade` in another spelling, of the same length and as unlikely as can be. */
function disguise(pieces: readonly string[]): readonly string[] {
  const bytes = pieces.join("").replace(/(u)(p)(?=grade)/gi, (_, u: string, p: string) => u + (p === "p" ? "q" : "Q"));
  let at = 0;
  return pieces.map((piece) => {
    at += piece.length;
    return bytes.slice(at - piece.length, at);
  });
}

function undisguised(view: ReferenceView): ReferenceView {
  const back = (text: string) =>
    text.replace(/(u)(q)(?=grade)/gi, (_, u: string, q: string) => u + (q === "q" ? "p" : "P"));
  const requests = view.requests.map((request) => ({
    ...request,
    target: back(request.target),
    rawHeaders: request.rawHeaders.map(back),
    body: back(request.body),
  }));
  return { ...view, requests };
}

/** Conditions that are looked at once in each turn of the event loop, all of them in one go. */
class Turns {
  #waiting: { readonly condition: () => boolean; left: number; readonly resolve: () => void }[] = [];
  readonly #turn = (): void => {
    const asked = this.#waiting;
    this.#waiting = [];
    for (const one of asked) {
      if (--one.left <= 0 || one.condition()) one.resolve();
      else this.#waiting.push(one);
    }
    if (this.#waiting.length > 0) setImmediate(this.#turn);
  };

  /** Waits until it holds, or for so many turns. */
  until(condition: () => boolean, atMost = turnsAtMost): Promise<void> | undefined {
    if (condition()) return undefined;
    return new Promise((resolve) => {
      if (this.#waiting.length === 0) setImmediate(this.#turn);
      this.#waiting.push({ condition, left: atMost, resolve });
    });
  }
}

class ServerPair {
  readonly #engine: TestedEngine;
  readonly #reference: ObservedServer<ReferenceView>;
  readonly #ours: ObservedServer<NotedRequest[]>;
  readonly #turns = new Turns();
  readonly #ends = new ServerEnds();

  private constructor(
    engine: TestedEngine,
    reference: ObservedServer<ReferenceView>,
    ours: ObservedServer<NotedRequest[]>,
  ) {
    this.#engine = engine;
    this.#reference = reference;
    this.#ours = ours;
  }

  static async start(engine: TestedEngine): Promise<ServerPair> {
    return new ServerPair(engine, await referenceServer(), await observedEngine(engine));
  }

  async compare(pieces: readonly string[], address: string): Promise<Comparison> {
    // node:http drops what comes in one read with a request that asks for an upgrade, if nobody listens for those. The
    // gateway ignores the wish; to see what the bytes mean then, it is hidden from the reference.
    const { readLate } = await this.#send(this.#reference.port, address, disguise(pieces), () => true);
    const reference = undisguised(this.#reference.view(address));
    this.#reference.forget(address);
    const bytes = pieces.join("");
    const judged = (client: ClientView): Judgement => {
      const judgement = judge(this.#engine, reference, this.#ours.view(address), client);
      return this.#engine === "wire" ? orOtherParser(judgement, bytes) : judgement;
    };
    const client = await this.#send(this.#ours.port, address, pieces, (soFar) => judged(soFar).mismatch === undefined);
    const judgement = judged(client);
    this.#ours.forget(address);
    const { error } = reference;
    const outcome = error === undefined ? "taken" : error === "HPE_INVALID_EOF_STATE" ? "broken off" : "refused";
    return { outcome, readLate: readLate || client.readLate, judgement };
  }

  async close(): Promise<void> {
    this.#ends.close();
    await this.#ours.close();
    await this.#reference.close();
  }

  /** One connection from its start to its end, which the client brings about once it saw what it expects. */
  #send(
    port: number,
    address: string,
    pieces: readonly string[],
    asExpected: (soFar: ClientView) => boolean,
  ): Promise<ClientView & { readonly readLate: boolean }> {
    return new Promise((resolve, reject) => {
      const view = { received: "", refused: false, reset: false, hung: false, readLate: false };
      let finished = false;
      const socket = connect({ port, host: "127.0.0.1", localAddress: address, noDelay: true, allowHalfOpen: true });
      const watchdog = setTimeout(() => {
        view.hung = true;
        socket.destroy();
      }, 10_000);
      socket.setEncoding("latin1").on("data", (text: string) => {
        view.received += text;
      });
      socket.on("end", () => {
        view.refused ||= !finished;
        socket.end();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "EADDRNOTAVAIL") reject(error);
        view.refused ||= !finished;
        view.reset = true;
      });
      socket.on("close", () => {
        clearTimeout(watchdog);
        this.#ends.forget(address);
        resolve(view);
      });
      const until = (condition: () => boolean) => this.#turns.until(() => socket.destroyed || condition());
      socket.on("connect", async () => {
        const over = () => view.refused || this.#ends.of(address)?.destroyed === true;
        let written = 0;
        const read = () => over() || (this.#ends.of(address)?.bytesRead ?? 0) >= written;
        for (let i = 0; i < pieces.length && !socket.writableEnded && !socket.destroyed; i++) {
          // What follows a refusal must not break the connection either; how it is cut no longer matters.
          const piece = over() ? pieces.slice(i).join("") : (pieces[i] as string);
          if (piece !== pieces[i]) i = pieces.length;
          socket.write(piece, "latin1");
          written += piece.length;
          await until(read);
          view.readLate ||= !read();
        }
        await until(() => asExpected(view));
        await this.#turns.until(() => false, turnsAfterAll);
        finished = true;
        socket.end();
      });
    });
  }
}

/** A difference without what belongs to the one case. */
function kindOf(mismatch: string): string {
  return mismatch.replace(/ (?:[[{"/]|request ).*/s, "");
}

/** Joins pieces and drops bytes that a difference of this kind does not need. */
async function shortest(pair: ServerPair, found: readonly string[], kind: string): Promise<string> {
  let attempts = kind.includes("open") ? 10 : 250;
  const differs = async (candidate: readonly string[]) => {
    if (attempts-- <= 0) return undefined;
    const { mismatch } = (await pair.compare(candidate, addressOf(0))).judgement;
    return mismatch !== undefined && kindOf(mismatch) === kind ? mismatch : undefined;
  };
  let pieces = [...found];
  for (let size = pieces.length; size > 1; size = Math.ceil(size / 2)) {
    for (let at = 0; at + 1 < pieces.length; ) {
      const joined = [...pieces.slice(0, at), pieces.slice(at, at + size).join(""), ...pieces.slice(at + size)];
      if ((await differs(joined)) !== undefined) pieces = joined;
      at++;
    }
    if (size === 2) break;
  }
  for (const i of pieces.keys()) {
    for (let size = (pieces[i] as string).length; size > 0; size >>= 1) {
      for (let at = 0; at < (pieces[i] as string).length; ) {
        const piece = pieces[i] as string;
        const candidate = pieces.with(i, piece.slice(0, at) + piece.slice(at + size));
        if ((await differs(candidate)) !== undefined) pieces = candidate;
        else at += size;
      }
    }
  }
  const left = pieces.filter((piece) => piece !== "");
  attempts = 1;
  return `${left.map((piece) => JSON.stringify(piece)).join(" + ")}: ${(await differs(left)) ?? `not always: ${kind}`}`;
}
