import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type { BackendPool, TargetOptions } from "../../runtime-lib/backend.ts";
import { openPool as openUndici } from "../../runtime-lib/backend-undici.ts";
import { openPool as openWire } from "../../runtime-lib/wire/backend-wire.ts";
import { type ResponseCase, responseCase } from "../support/response-fuzz.ts";
import { RecordingSink } from "../unit/wire/raw-backend.ts";

/**
 * The same bytes of a backend to our pool and to undici's: both must take them for the same answer, or both for none;
 * whole or in pieces makes no difference. `CASTGATE_CASES` says how many (3,000 unless given), `CASTGATE_SEED` which.
 */
const cases = Number(process.env.CASTGATE_CASES ?? 3_000);
const seed = Number(process.env.CASTGATE_SEED ?? 1);
const together = 16;

interface Outcome {
  /** What the client would get; `refused` when that is a fault or a broken connection. */
  readonly answer: string;
  /** The same without white space at the end of values. */
  readonly trimmed: string;
  readonly why: string;
}

/** Where we differ on purpose. Each is pinned by a test below. */
const explained: readonly {
  readonly name: string;
  readonly holds: (given: ResponseCase, wire: Outcome, undici: Outcome) => boolean;
}[] = [
  {
    name: "white space after a value is no part of it (RFC 9112 section 5)",
    holds: (_given, wire, undici) => wire.answer === wire.trimmed && wire.answer === undici.trimmed,
  },
  {
    name: "an interim 100 is skipped although nobody asked for it (RFC 9110 section 15.2)",
    holds: ({ bytes }, wire, undici) => wire.why === "" && undici.why === "backend: SOCKET" && / 100[ \r]/.test(bytes),
  },
  {
    name: "a version other than 1.x is refused: the framing of HTTP/1.1 is not theirs",
    holds: (_given, wire) => wire.why === "backend: HTTP_VERSION",
  },
  {
    name: "a transfer coding that nobody undoes is refused (RFC 9112 section 6.1)",
    holds: (_given, wire) => wire.why === "backend: TRANSFER_CODING",
  },
  {
    name: "an interim answer that announces a body is refused (RFC 9110 section 15.2)",
    holds: (_given, wire) => wire.why === "backend: INTERIM_BODY",
  },
  {
    name: "a length with 304 is that of the answer that was not sent (RFC 9110 section 8.6)",
    holds: ({ bytes }, wire, undici) =>
      wire.answer.startsWith("304 ") && undici.why.endsWith("CONTENT_LENGTH_MISMATCH") && /content-length/i.test(bytes),
  },
];

describe("answers of backends, to our client and to undici", { timeout: Math.max(300_000, cases * 40) }, () => {
  let server: Server;
  let wire: BackendPool;
  let undici: BackendPool;
  const plans: (readonly string[])[] = [];

  before(async () => {
    server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      let head = "";
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => {
        head += chunk.toString("latin1");
        if (!head.includes("\r\n\r\n")) return;
        const pieces = plans[Number(/^\w+ \/(\d+) /.exec(head)?.[1])] as readonly string[];
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
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const options: TargetOptions = {
      origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      timeoutMs: 60_000,
      connections: undefined,
      waitMs: 60_000,
      maxHeaderSize: 2_048,
      maxBodySize: 5_000,
      tls: undefined,
    };
    wire = await openWire(options);
    undici = await openUndici(options);
  });
  after(async () => {
    await Promise.all([wire?.close(), undici?.close()]);
    server?.close();
  });

  /** What a pool makes of the bytes. */
  async function outcomeOf(pool: BackendPool, method: string, pieces: readonly string[]): Promise<Outcome> {
    const id = plans.push(pieces) - 1;
    const sink = new RecordingSink();
    pool.send(sink, method, { path: `/${id}`, headers: [] }, undefined);
    await sink.done;
    plans[id] = [];
    if (sink.failure !== undefined) return { answer: "refused", trimmed: "refused", why: sink.why };
    const answerWith = (fields: readonly string[]) =>
      `${sink.status} ${JSON.stringify([sink.reason, ...fields, sink.body])}`;
    return {
      answer: answerWith(sink.fields),
      trimmed: answerWith(sink.fields.map((text) => text.replace(/[ \t]+$/, ""))),
      why: "",
    };
  }

  /** Undefined: as it should be. */
  async function differenceOf(given: ResponseCase): Promise<string | undefined> {
    const whole = given.bytes === "" ? [] : [given.bytes];
    const pieces = cut(given);
    const [ours, ourPieces, theirs] = await Promise.all([
      outcomeOf(wire, given.method, whole),
      outcomeOf(wire, given.method, pieces),
      outcomeOf(undici, given.method, whole),
    ]);
    if (ours.why === "") answered++;
    if (ours.answer !== ourPieces.answer) return show("whole", ours, "in pieces", ourPieces);
    if (ours.answer === theirs.answer) return undefined;
    for (const { name, holds } of explained) {
      if (holds(given, ours, theirs)) {
        counts.set(name, (counts.get(name) ?? 0) + 1);
        return undefined;
      }
    }
    return show("wire", ours, "undici", theirs);
  }

  const counts = new Map<string, number>();
  let answered = 0;

  for (const [name, bytes, ours, theirs] of [
    [
      "white space after values",
      "HTTP/1.1 204 No\r\nX: y \t\r\n\r\n",
      '204 ["No","X","y",""]',
      '204 ["No","X","y \\t",""]',
    ],
    ["an interim 100", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 204 No\r\n\r\n", '204 ["No",""]', "refused"],
    ["other versions", "HTTP/2.0 204 No\r\n\r\n", "refused", '204 ["No",""]'],
    ["other versions", "HTTP/0.9 204 No\r\n\r\n", "refused", '204 ["No",""]'],
    ["foreign codings", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", "refused", '200 ["OK","x"]'],
    [
      "interim bodies",
      "HTTP/1.1 103 E\r\nContent-Length: 1\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
      "refused",
      '204 ["No",""]',
    ],
    [
      "304 with a length",
      "HTTP/1.1 304 N\r\nContent-Length: 1\r\n\r\n",
      '304 ["N","Content-Length","1",""]',
      "refused",
    ],
  ] as const) {
    test(`a difference on purpose: ${name}, ${JSON.stringify(bytes.slice(0, 40))}`, async () => {
      assert.equal((await outcomeOf(wire, "GET", [bytes])).answer, ours);
      assert.equal((await outcomeOf(undici, "GET", [bytes])).answer, theirs);
    });
  }

  test("random and mutated ones", async (t) => {
    const differences: string[] = [];
    let left = cases;
    let round = 0;
    while (left > 0 && differences.length < 20) {
      // In portions: a million at once would take all memory.
      const portion = fc.sample(responseCase, { numRuns: Math.min(left, 2_000), seed: seed + round++ });
      left -= portion.length;
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < portion.length) {
          const given = portion[next++] as ResponseCase;
          const difference = await differenceOf(given);
          if (difference !== undefined) differences.push(`${JSON.stringify(given).slice(0, 1_000)}\n${difference}`);
        }
      };
      await Promise.all(Array.from({ length: together }, worker));
    }
    for (const [name, count] of counts) t.diagnostic(`${count}: ${name}`);
    t.diagnostic(`${cases - left} answers, seed ${seed}; ${answered} were taken`);
    assert.equal(differences.length, 0, differences.slice(0, 20).join("\n\n"));
    assert.ok(answered > (cases - left) / 10, "too few were answers");
  });
});

function cut({ bytes, cuts }: ResponseCase): string[] {
  if (cuts === "all" && bytes.length < 300) return [...bytes];
  if (cuts === "all") return [bytes.slice(0, -1), bytes.slice(-1)];
  const at = [...new Set(cuts.filter((i) => i > 0 && i < bytes.length))].sort((a, b) => a - b);
  const pieces: string[] = [];
  let from = 0;
  for (const to of [...at, bytes.length]) {
    if (to > from) pieces.push(bytes.slice(from, to));
    from = to;
  }
  return pieces;
}

function show(a: string, first: Outcome, b: string, second: Outcome): string {
  const brief = ({ answer, why }: Outcome) => `${answer.slice(0, 300)} ${why}`;
  return `${a}: ${brief(first)}\n${b}: ${brief(second)}`;
}
