import { createRequire } from "node:module";
import { HttpParser } from "../../runtime-lib/wire/llhttp.ts";
import { readBuffer } from "../../runtime-lib/wire/read-buffer.ts";

/**
 * node --import tsx test/bench/parser.ts
 *
 * Nanoseconds to read the head of a request, with 2 and with 12 header fields, into method, target and a list of fields:
 * ours beside Node's private binding (where there is one), in interleaved rounds.
 */
const rounds = 15;
const perRound = 100_000;

const few = "GET /v1/pets/17 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer abcdef\r\n\r\n";
const many =
  "GET /v1/pets/17?limit=10 HTTP/1.1\r\nHost: gateway.example.com\r\nConnection: keep-alive\r\n" +
  `Authorization: Bearer ${"abcdefghij".repeat(30)}\r\nAccept: application/json, text/plain, */*\r\n` +
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36\r\n" +
  "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\nCache-Control: no-cache\r\n" +
  "Origin: https://shop.example.com\r\nReferer: https://shop.example.com/\r\nCookie: session=0123456789abcdef\r\n" +
  "X-Request-ID: 7b3c9a52-0d52-4a77-9a3b-0b6f0a4c1f11\r\n\r\n";

/** Reads the head of so many bytes in the read buffer. */
type ReadHead = (size: number) => number;

function ours(): ReadHead {
  const parser = new HttpParser("request");
  return (size) => {
    parser.execute(readBuffer, 0, size);
    return parser.rawHeaders.length + parser.target.length + parser.method.length;
  };
}

/** Node's binding behind its public wrapper is the one that node:http uses; it is going away. */
function nodes(): ReadHead | undefined {
  try {
    const { HTTPParser, methods } = createRequire(import.meta.url)("_http_common");
    const parser = new HTTPParser();
    parser.initialize(HTTPParser.REQUEST, {});
    let length = 0;
    parser[HTTPParser.kOnHeadersComplete | 0] = (
      _major: number,
      _minor: number,
      headers: string[],
      method: number,
      url: string,
    ) => {
      length = headers.length + url.length + methods[method].length;
      return 0;
    };
    return (size) => {
      parser.execute(readBuffer.subarray(0, size));
      return length;
    };
  } catch {
    return undefined;
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

/** Time of the processor, not of the clock: others may use the machine as well. */
function measure(read: ReadHead, size: number, expected: number): number {
  const started = process.cpuUsage();
  for (let i = 0; i < perRound; i++) if (read(size) !== expected) throw new Error("read wrongly");
  return (process.cpuUsage(started).user * 1_000) / perRound;
}

const candidates = new Map<string, ReadHead>([["wire", ours()]]);
const binding = nodes();
if (binding !== undefined) candidates.set("node", binding);
for (const [name, text] of [
  ["2 fields", few],
  ["12 fields", many],
] as const) {
  const bytes = Buffer.from(text, "latin1");
  bytes.copy(readBuffer);
  const expected = ours()(bytes.length);
  const times = new Map([...candidates.keys()].map((key) => [key, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [key, read] of candidates) {
      const time = measure(read, bytes.length, expected);
      if (round >= 2) times.get(key)?.push(time);
    }
  }
  const line = [...times].map(
    ([key, values]) => `${key} ${median(values).toFixed(0)} ns (least ${Math.min(...values).toFixed(0)})`,
  );
  const [first, second] = [...times.values()].map(median) as [number, number | undefined];
  const ratio = second === undefined ? "" : `; ${(first / second).toFixed(2)} of node's`;
  process.stdout.write(`${process.version}, ${name} (${bytes.length} bytes): ${line.join(", ")}${ratio}\n`);
}
