import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import fc from "fast-check";
import { dropFields } from "../../runtime-lib/answer-fields.ts";
import type { BackendPool, TargetOptions } from "../../runtime-lib/backend.ts";
import { openPool as openUndici } from "../../runtime-lib/backend-undici.ts";
import { openPool as openWire } from "../../runtime-lib/wire/backend-wire.ts";
import { RecordingSink } from "../unit/wire/raw-backend.ts";
import { type ResponseCase, responseCase } from "./response-cases.ts";

/** The same bytes of a backend to our pool and to undici's: both must take them for the same answer, or both for none. */

/** What a pool makes of a backend's bytes. */
export interface ResponseOutcome {
  /** What the client would get; `refused` when that is a fault or a broken connection. */
  readonly answer: string;
  /** The same without white space at the end of values. */
  readonly trimmed: string;
  /** Reason of a refusal. */
  readonly why: string;
}

export interface ResponseReport {
  readonly cases: number;
  /** Those of which our pool made an answer. */
  readonly answered: number;
  /** Differences on purpose, and how often they were met. */
  readonly explained: Readonly<Record<string, number>>;
  readonly mismatchCount: number;
  /** The first few. */
  readonly mismatches: readonly string[];
}

/** Where the two differ on purpose; `test/property/wire-responses.test.ts` pins each. */
const explanations: readonly {
  readonly name: string;
  readonly holds: (wire: ResponseOutcome, undici: ResponseOutcome, bytes: string) => boolean;
}[] = [
  {
    name: "white space after a value is no part of it (RFC 9112 section 5)",
    holds: (wire, undici) => wire.why === "" && wire.answer === undici.trimmed,
  },
  {
    name: "nor does it count against the limit of a head",
    holds: (wire, undici, bytes) =>
      wire.why === "" && undici.why === "backend: HEADERS_OVERFLOW" && /[ \t]\r\n/.test(bytes),
  },
  {
    name: "a version other than 1.x is refused: the framing of HTTP/1.1 is not theirs",
    holds: (wire) => wire.why === "backend: HTTP_VERSION",
  },
  {
    name: "a transfer coding that nobody undoes is refused (RFC 9112 section 6.1)",
    holds: (wire) => wire.why === "backend: TRANSFER_CODING",
  },
  {
    name: "an interim answer that announces a body is refused (RFC 9110 section 15.2)",
    // llhttp reads the body, and may fail over it, before the head can be looked at.
    holds: (wire, _undici, bytes) =>
      wire.why === "backend: INTERIM_BODY" || (wire.why.startsWith("backend: HPE_") && interimBody.test(bytes)),
  },
  {
    name: "a length with 304 is that of the answer that was not sent (RFC 9110 section 8.6)",
    holds: (wire, undici) =>
      /^(?:103 .*\] )?304 /.test(wire.answer) && undici.why === "backend: RES_CONTENT_LENGTH_MISMATCH",
  },
];

const interimBody = /HTTP\/1\.\d 1\d\d[^\n]*\r\n(?:[^\r\n]+\r\n)*(?:transfer-encoding|content-length)/i;

const together = 32;
const shownMismatches = 20;

/** A backend that sends what it is told to, with a pool of each kind before it. */
export class ResponseComparison {
  readonly #server: Server;
  readonly #plans = new Map<number, readonly string[]>();
  #lastPlan = 0;
  #wire!: BackendPool;
  #undici!: BackendPool;

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      let head = "";
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => {
        head += chunk.toString("latin1");
        if (!head.includes("\r\n\r\n")) return;
        const pieces = this.#plans.get(Number(/^\w+ \/(\d+) /.exec(head)?.[1])) as readonly string[];
        head = "";
        let i = 0;
        const next = (): void => {
          if (i === pieces.length) return void socket.end();
          socket.write(pieces[i++] as string, "latin1");
          setImmediate(next);
        };
        next();
      });
    });
  }

  static async start(): Promise<ResponseComparison> {
    const comparison = new ResponseComparison();
    comparison.#server.listen(0, "127.0.0.1");
    await once(comparison.#server, "listening");
    const options: TargetOptions = {
      origin: `http://127.0.0.1:${(comparison.#server.address() as AddressInfo).port}`,
      timeoutMs: 60_000,
      connections: undefined,
      waitMs: 60_000,
      maxHeaderSize: 2_048,
      maxBodySize: 5_000,
      tls: undefined,
    };
    comparison.#wire = await openWire(options);
    comparison.#undici = await openUndici(options);
    return comparison;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#wire.close(), this.#undici.close()]);
    this.#server.close();
  }

  /** What becomes of these bytes, each piece in a segment of its own as far as the kernel lets us. */
  async outcomeOf(
    which: "wire" | "undici",
    method: ResponseCase["method"],
    pieces: readonly string[],
  ): Promise<ResponseOutcome> {
    const id = this.#lastPlan++;
    this.#plans.set(id, pieces);
    const sink = new RecordingSink();
    const pool = which === "wire" ? this.#wire : this.#undici;
    pool.send(sink, method, { path: `/${id}`, headers: [] }, undefined);
    await sink.done;
    this.#plans.delete(id);
    if (sink.failure !== undefined) return { answer: "refused", trimmed: "refused", why: sink.why };
    // An answer that is whole before it goes on promises nothing that does not come.
    if (sink.trailers.length === 0) dropFields(sink.fields, ["trailer"]);
    const trim = (list: readonly string[]): string[] => list.map((text) => text.replace(/[ \t]+$/, ""));
    const answer = (of: (list: readonly string[]) => readonly string[]): string => {
      const behind = sink.trailers.length === 0 ? "" : ` ${JSON.stringify(of(sink.trailers))}`;
      const before = sink.hints.map((hints) => `103 ${JSON.stringify(of(hints))} `).join("");
      return `${before}${sink.status} ${JSON.stringify([sink.reason, ...of(sink.fields), sink.body])}${behind}`;
    };
    return { answer: answer((list) => list), trimmed: answer(trim), why: "" };
  }

  /** Random cases, the same ones for the same seed. */
  async run(count: number, seed: number, onProgress?: (done: number) => void): Promise<ResponseReport> {
    const explained: Record<string, number> = {};
    const mismatches: string[] = [];
    let mismatchCount = 0;
    let answered = 0;
    let left = count;
    // Most answers are refused with an error or two whose stack nobody reads.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    for (let round = 0; left > 0; round++) {
      // In portions: a million at once would take all memory.
      const portion = fc.sample(responseCase, { numRuns: Math.min(left, 1_000), seed: seed + round });
      left -= portion.length;
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < portion.length) {
          const given = portion[next++] as ResponseCase;
          const [wire, inPieces, undici] = await this.#outcomes(given);
          if (wire.why === "") answered++;
          const whole = wire.answer === inPieces.answer;
          if (whole && wire.answer === undici.answer) continue;
          const explanation = whole ? explanations.find(({ holds }) => holds(wire, undici, given.bytes)) : undefined;
          if (explanation !== undefined) {
            explained[explanation.name] = (explained[explanation.name] ?? 0) + 1;
            continue;
          }
          mismatchCount++;
          if (mismatches.length < shownMismatches) mismatches.push(shown(given, wire, inPieces, undici));
        }
      };
      await Promise.all(Array.from({ length: together }, worker));
      onProgress?.(count - left);
    }
    Error.stackTraceLimit = stackTraceLimit;
    return { cases: count, answered, explained, mismatchCount, mismatches };
  }

  #outcomes({ method, bytes, cuts }: ResponseCase): Promise<[ResponseOutcome, ResponseOutcome, ResponseOutcome]> {
    // undici takes no interim 100 that nobody asked for. Another one shows how it reads what follows.
    const forUndici = bytes.replaceAll("HTTP/1.1 100 ", "HTTP/1.1 102 ");
    return Promise.all([
      this.outcomeOf("wire", method, inPieces(bytes, [])),
      this.outcomeOf("wire", method, inPieces(bytes, cuts)),
      this.outcomeOf("undici", method, inPieces(forUndici, [])),
    ]);
  }
}

function inPieces(bytes: string, cuts: ResponseCase["cuts"]): string[] {
  if (cuts === "all" && bytes.length < 300) return [...bytes];
  const at = cuts === "all" ? [bytes.length - 1] : [...cuts].sort((a, b) => a - b);
  const pieces: string[] = [];
  let from = 0;
  for (const to of [...at, bytes.length]) {
    if (to > from) pieces.push(bytes.slice(from, to));
    from = Math.max(from, to);
  }
  return pieces.filter((piece) => piece !== "");
}

function shown(given: ResponseCase, ...outcomes: readonly ResponseOutcome[]): string {
  const names = ["wire", "in pieces", "undici"];
  const lines = outcomes.map(({ answer, why }, i) => `${names[i]}: ${answer.slice(0, 300)} ${why}`);
  return [JSON.stringify(given).slice(0, 1_000), ...lines].join("\n");
}
