import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { smugglingTechniques } from "./smuggling-techniques.ts";

/**
 * Bytes for the front door: HTTP/1.1 requests, mostly right, wrong at the places where parsers differ. All text is
 * Latin-1: one character is one byte.
 */

/** A thing that is usual most of the time, and odd now and then. */
function mostly<T>(usual: readonly T[], odd: readonly T[], weight: number): fc.Arbitrary<T> {
  return fc.oneof(
    { weight, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...odd, ...usual) },
  );
}

const method = mostly(
  ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"],
  [
    ..."CONNECT TRACE PRI SOURCE M-SEARCH PURGE QUERY LINK MKCOL PROPFIND get Get GE GETT POSTX FOO G\tET".split(" "),
    ...["", "GET\0", "\xc7ET", "GET\r", "\r\nGET", "\r\n\r\nGET", "\nGET", " GET", "\rGET", "DESCRIBE", "ANNOUNCE"],
  ],
  48,
);
const target = mostly(
  ["/", "/a", "/a/b?c=d", "/%41", "/a;b=c", "/?", "/a?b=/../c"],
  [
    ...["*", "http://gw.test/a", "http://other.test/a", "https://gw.test", "//a", "a", "gw.test:80", "/a#b", "/\xe9"],
    ...["/../a", "/%2e%2e/a", "/%2f", "/%00", "/a\\b", "/a\tb", "/a b", "", "/\x7f", "/a\0b", "/a\rb", "/a\nb", "?a"],
    ...[`/${"a".repeat(4095)}`, `/${"a".repeat(4096)}`, "/a?b=\xff", "/%zz", "/%", "http://", "http:///", "x://y/z"],
    ...["/a HTTP/1.1", "HTTP://GW.test/a", "http://user@gw.test/", "http://[::1]/a", "/a|b", "/\f", "/a\x0bb"],
  ],
  30,
);
const space = mostly([" "], ["  ", "\t", "", " \t", "\x0b", "\f", "\xa0", "\r", "\n", "\0", "\r\n "], 160);
const version = mostly(
  ["HTTP/1.1"],
  [
    ...[
      "HTTP/1.0",
      "HTTP/0.9",
      "HTTP/2.0",
      "HTTP/1.2",
      "HTTP/1.9",
      "HTTP/3.0",
      "HTTP/11",
      "HTTP/1",
      "HTTP/1.",
      "HTTP/.1",
    ],
    ...[
      "http/1.1",
      "Http/1.1",
      "HTTP/1.1 ",
      "HTTP/01.1",
      "HTTP/1.01",
      "HTTP 1.1",
      "HTTPS/1.1",
      "HTTP/1,1",
      "HTP/1.1",
      "",
    ],
    ...[
      "ICE/1.0",
      "RTSP/1.0",
      "HTTP/1.1\t",
      "HTTP/1.1 x",
      "HTTP/-1.1",
      "HTTP/1.1\0",
      "HTTP/9.9",
      "HTTP/2",
      "HTTP/1.0 ",
    ],
  ],
  36,
);
const lineEnd = mostly(["\r\n"], ["\n", "\r", "\r\r\n", "\n\r", " \r\n", "\t\r\n", "\0\r\n", "\r\n\r\n", "\r \n"], 240);
const colon = mostly(
  [": "],
  [":", " : ", "\t: ", ":\t", " :", ":  ", "", "=", ";", ":\r\n ", ":\x0b", ":\0", ":\xa0"],
  160,
);
const trail = mostly([""], [" ", "\t", "  ", "\x0b", "\0", "\r", "\r\n ", "\r\n\t", ",", ";", "\xa0", "\n"], 160);

/** The name and value of a field that decides nothing about framing. */
const plainField = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ["X-A", "1"],
      ["X-A", ""],
      ["Accept", "*/*"],
      ["User-Agent", "t/1 (x; y)"],
      ["X-Long", "y".repeat(300)],
      ["x_under_score", "1"],
      ["X!#$%&'*+.^`|~", "odd name"],
      ["X-Forwarded-For", "192.0.2.7"],
      ["Connection", "keep-alive"],
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ["Connection", "close"],
      ["Connection", "close, X-A"],
      ["Connection", "Keep-Alive, close"],
      ["Connection", "content-length"],
      ["Connection", "transfer-encoding, host"],
      ["connection", "upgrade"],
      ["Connection", "keep-alive"],
      ["Connection", "clos"],
      ["Connection", "closed"],
      ["Connection", "Upgrade, HTTP2-Settings"],
      ["Connection", ",,close,,"],
      ["Proxy-Connection", "close"],
      ["Keep-Alive", "timeout=5"],
      ["Upgrade", "websocket"],
      ["Upgrade", "h2c"],
      ["HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"],
      ["Expect", "100-continue"],
      ["Expect", "100-Continue"],
      ["Expect", "x 100-continue"],
      ["Expect", "100-continuex"],
      ["Expect", "200-ok"],
      ["Expect", ""],
      ["TE", "trailers"],
      ["Trailer", "X-T"],
      ["Transfer-Encoding ", "chunked"],
      ["Transfer_Encoding", "chunked"],
      ["Content_Length", "5"],
      ["Content-Encoding", "chunked"],
      ["X-A", "a\0b"],
      ["X-A", "a\x7fb"],
      ["X-A", "a\x01b"],
      ["X-A", "a\tb"],
      ["X-A", "\xe9\xff"],
      ["X-A", "a\rb"],
      ["X-A", "a\nb"],
      ["X-A", "a\r\n b"],
      ["X-A", "a\r\n\tb"],
      ["X-A", "\r\n b"],
      ["X-A", "\x0bb\f"],
      ["", "no name"],
      ["X A", "1"],
      ["X\tA", "1"],
      ["X\0A", "1"],
      ["X\xe9", "1"],
      ["(X)", "1"],
      ["X,A", "1"],
      [" X-A", "folded"],
      ["\tX-A", "folded"],
      ["X-Big", "y".repeat(8_300)],
      ["X-Request-ID", "from-client"],
      ["__proto__", "1"],
      ["constructor", "1"],
      ["Set-Cookie", "a=b"],
      ["Content-Type", "text/plain"],
      ["Content-Type", "text/html"],
    ),
  },
) as fc.Arbitrary<readonly [string, string]>;

const host = mostly(
  [["gw.test"]],
  [
    [],
    ["gw.test", "gw.test"],
    ["gw.test", "other.test"],
    ["gw.test:8080"],
    ["gw test"],
    ["gw.test,other.test"],
    ["user@gw.test"],
    [""],
    ["[::1]:1"],
    ["gw.test/x"],
    ["gw.test:80:80"],
    ["\xe9"],
  ],
  14,
);

const body = fc.constantFrom(
  "",
  "hello",
  "a",
  "0\r\n\r\n",
  "GET /inner HTTP/1.1\r\nHost: gw.test\r\n\r\n",
  "\r\n",
  "x".repeat(40),
);

/** Spellings of a length of `n` bytes; most of them wrong. */
const lengthSpellings: readonly ((n: number) => readonly (readonly [string, string])[])[] = [
  (n) => [["Content-Length", `+${n}`]],
  (n) => [["Content-Length", `-${n}`]],
  (n) => [["Content-Length", `0${n}`]],
  (n) => [["Content-Length", `00000000000000000000000000${n}`]],
  (n) => [["Content-Length", `0x${n.toString(16)}`]],
  (n) => [["Content-Length", `${n} `]],
  (n) => [["Content-Length", ` \t${n}\t `]],
  (n) => [["Content-Length", `${n}.0`]],
  (n) => [["Content-Length", `${n}e0`]],
  (n) => [["Content-Length", `${n},${n}`]],
  (n) => [["Content-Length", `${n}, ${n + 1}`]],
  (n) => [["Content-Length", `${n} ${n}`]],
  (n) => [["Content-Length", `${n}_0`]],
  (n) => [["Content-Length", `"${n}"`]],
  (n) => [["Content-Length", `\x0b${n}`]],
  (n) => [["Content-Length", `${n}\0`]],
  (n) => [["Content-Length", `${n}\r\n `]],
  (n) => [["Content-Length", `\r\n ${n}`]],
  (n) => [["Content-Length", `1\r\n ${n}`]],
  () => [["Content-Length", ""]],
  () => [["Content-Length", "x"]],
  () => [["Content-Length", "18446744073709551616"]],
  () => [["Content-Length", "18446744073709551615"]],
  () => [["Content-Length", "9007199254740993"]],
  () => [["Content-Length", "4294967296"]],
  (n) => [
    ["Content-Length", `${n}`],
    ["Content-Length", `${n}`],
  ],
  (n) => [
    ["Content-Length", `${n}`],
    ["content-length", `${n + 5}`],
  ],
  (n) => [
    ["Content-Length", "0"],
    ["Content-Length", `${n}`],
  ],
  (n) => [["CONTENT-LENGTH", `${n}`]],
  (n) => [["Content-Length ", `${n}`]],
  (n) => [["Content_Length", `${n}`]],
  (n) => [["Content-Length", `${n + 3}`]],
  (n) => [["Content-Length", `${Math.max(0, n - 1)}`]],
];

const codingSpellings: readonly (readonly (readonly [string, string])[])[] = [
  [["Transfer-Encoding", "Chunked"]],
  [["TRANSFER-ENCODING", "CHUNKED"]],
  [["transfer-encoding", "chunked "]],
  [["Transfer-Encoding", "\tchunked\t"]],
  [["Transfer-Encoding", "chunked,"]],
  [["Transfer-Encoding", ",chunked"]],
  [["Transfer-Encoding", ", chunked"]],
  [["Transfer-Encoding", "chunked, chunked"]],
  [["Transfer-Encoding", "chunked;q=1"]],
  [["Transfer-Encoding", "chunked; x"]],
  [["Transfer-Encoding", "gzip, chunked"]],
  [["Transfer-Encoding", "gzip,chunked"]],
  [["Transfer-Encoding", "chunked, gzip"]],
  [["Transfer-Encoding", "identity"]],
  [["Transfer-Encoding", "identity, chunked"]],
  [["Transfer-Encoding", "chunked, identity"]],
  [["Transfer-Encoding", "xchunked"]],
  [["Transfer-Encoding", "chunkedx"]],
  [["Transfer-Encoding", "chunk"]],
  [["Transfer-Encoding", "x chunked"]],
  [["Transfer-Encoding", "chunked x"]],
  [["Transfer-Encoding", '"chunked"']],
  [["Transfer-Encoding", "\x0bchunked"]],
  [["Transfer-Encoding", "chunked\x0b"]],
  [["Transfer-Encoding", "\0chunked"]],
  [["Transfer-Encoding", "chunked\0"]],
  [["Transfer-Encoding", "ch\xfcnked"]],
  [["Transfer-Encoding", "chun\rked"]],
  [["Transfer-Encoding", "\r\n chunked"]],
  [["Transfer-Encoding", "chunked\r\n "]],
  [["Transfer-Encoding", "chunked\r\n ,identity"]],
  [["Transfer-Encoding", ""]],
  [["Transfer-Encoding ", "chunked"]],
  [["Transfer-Encoding\t", "chunked"]],
  [["Transfer-Encoding\x0b", "chunked"]],
  [["\x0bTransfer-Encoding", "chunked"]],
  [["Transfer-\rEncoding", "chunked"]],
  [["Transfer Encoding", "chunked"]],
  [
    ["Transfer-Encoding", "chunked"],
    ["Transfer-Encoding", "chunked"],
  ],
  [
    ["Transfer-Encoding", "chunked"],
    ["Transfer-Encoding", "identity"],
  ],
  [
    ["Transfer-Encoding", "identity"],
    ["Transfer-Encoding", "chunked"],
  ],
  [
    ["Transfer-Encoding", "gzip"],
    ["Transfer-Encoding", "chunked"],
  ],
  [
    ["Transfer-Encoding", ""],
    ["Transfer-Encoding", "chunked"],
  ],
  [
    ["X-A", "x"],
    ["Transfer-encoding", "chunked"],
    ["Connection", "transfer-encoding"],
  ],
];

interface ChunkShape {
  readonly data: string;
  readonly size: number;
  readonly extension: string;
  readonly lineEnd: string;
  readonly dataEnd: string;
}

/** Ways to write a size: the first is the usual one. */
const sizeSpellings: readonly ((n: number) => string)[] = [
  (n) => n.toString(16),
  (n) => n.toString(16).toUpperCase(),
  (n) => `00${n.toString(16)}`,
  (n) => `0x${n.toString(16)}`,
  (n) => `+${n.toString(16)}`,
  (n) => `-${n.toString(16)}`,
  (n) => ` ${n.toString(16)}`,
  (n) => `${n.toString(16)} `,
  (n) => `${n.toString(16)}\t`,
  (n) => `${n.toString(16)}h`,
  (n) => `${n.toString(16)}_0`,
  (n) => (n + 1).toString(16),
  (n) => Math.max(0, n - 1).toString(16),
  (n) => `10000000000000000${n.toString(16)}`,
  (n) => `${"0".repeat(40)}${n.toString(16)}`,
  () => "ffffffffffffffff",
  () => "fffffffffffffffff",
  () => "7fffffffffffffff",
  () => "1fffffffffffff",
  () => "100000000",
  () => "",
  () => "zz",
  (n) => `${n.toString(16)}\0`,
  (n) => `\n${n.toString(16)}`,
  (n) => `"${n.toString(16)}"`,
];
const chunk: fc.Arbitrary<ChunkShape> = fc.record({
  data: fc.constantFrom("a", "hello", "0123456789abcdef0", "\r\n", "0\r\n\r\n", "GET /inner HTTP/1.1\r\n\r\n"),
  size: mostly([0], [...sizeSpellings.keys()], 16),
  extension: mostly(
    [""],
    [
      ...[";a", ";a=b", ';a="b"', ';a="\\""', ";a=b;c=d", ";", "; a", ";a =b", ";a= b", ";=b", ";a=", " ;a=b", "\t;a"],
      ...[
        ";a\n",
        ";a\r",
        ";\n",
        ";a=\n",
        ';a="\n"',
        ';a="\r\n',
        ";a\0",
        ";\xe9",
        ";a=\xe9",
        " a",
        "a;",
        ";a\x0b",
        ";\t",
      ],
      `;${"a".repeat(200)}`,
      `;a="${"b".repeat(200)}`,
    ],
    10,
  ),
  lineEnd: mostly(["\r\n"], ["\n", "\r", "\r\r\n", "\n\r", "", " \r\n", "\r\n\r\n", "\rX", "\0\r\n"], 24),
  dataEnd: mostly(["\r\n"], ["\n", "\r", "", "\r\r\n", "X", "\n\r", "\r\n\r\n", "XX", " \r\n"], 24),
});
const lastChunk = mostly(
  ["0\r\n\r\n"],
  [
    ...[
      "000\r\n\r\n",
      "0;a=b\r\n\r\n",
      "0\n\n",
      "0\r\n\n",
      "0\n\r\n",
      "0\r\r",
      "0\r\n",
      "0\r\n\r",
      "0 \r\n\r\n",
      "0x0\r\n\r\n",
      "",
    ],
    ...[
      "0\r\nX-T: 1\r\n\r\n",
      "0\r\nX-T: 1\r\nX-U:2\r\n\r\n",
      "0\r\nX-T : 1\r\n\r\n",
      "0\r\nX-T: 1\n\n",
      "0\r\nbad\r\n\r\n",
    ],
    ...["0\r\nContent-Length: 5\r\n\r\n", "0\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\nHost: other.test\r\n\r\n"],
    ...[
      "0\r\nAuthorization: x\r\n\r\n",
      "0\r\nX-T: a\r\n b\r\n\r\n",
      "0\r\n X: 1\r\n\r\n",
      "-0\r\n\r\n",
      "0\r\nX-T: \0\r\n\r\n",
    ],
    ...[
      "0\r\nGET /inner HTTP/1.1\r\n\r\n",
      "0\r\nConnection: close\r\n\r\n",
      "0\r\nX-T: \xe9\r\n\r\n",
      "0\r\nX T: 1\r\n\r\n",
    ],
    `0\r\n${"X-T: 1\r\n".repeat(60)}\r\n`,
    `0\r\nX-T: ${"y".repeat(9_000)}\r\n\r\n`,
  ],
  8,
);

interface Framing {
  readonly fields: readonly (readonly [string, string])[];
  readonly bytes: string;
}

const chunkedBytes = fc.tuple(fc.array(chunk, { maxLength: 3 }), lastChunk).map(
  ([chunks, last]) =>
    chunks
      .map(({ data, size, extension, lineEnd: end, dataEnd }) => {
        const written = (sizeSpellings[size] as (n: number) => string)(data.length);
        return `${written}${extension}${end}${data}${dataEnd}`;
      })
      .join("") + last,
);
const chunkedField: readonly (readonly [string, string])[] = [["Transfer-Encoding", "chunked"]];

/** How long the body is said to be, and the body. */
const framing: fc.Arbitrary<Framing> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ fields: [], bytes: "" }) },
  {
    weight: 4,
    arbitrary: body.map((bytes) => ({ fields: [["Content-Length", String(bytes.length)]] as const, bytes })),
  },
  { weight: 5, arbitrary: chunkedBytes.map((bytes) => ({ fields: chunkedField, bytes })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(body, fc.constantFrom(...lengthSpellings))
      .map(([bytes, spelt]) => ({ fields: spelt(bytes.length), bytes })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...codingSpellings), chunkedBytes)
      .map(([fields, bytes]) => ({ fields, bytes })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...codingSpellings, chunkedField),
        chunkedBytes,
        fc.constantFrom(...lengthSpellings, (n: number) => [["Content-Length", String(n)]] as const),
        fc.boolean(),
      )
      .map(([coding, bytes, spelt, codingFirst]) => ({
        fields: codingFirst ? [...coding, ...spelt(bytes.length)] : [...spelt(bytes.length), ...coding],
        bytes,
      })),
  },
);

const request: fc.Arbitrary<string> = fc
  .record({
    method,
    before: space,
    target,
    after: space,
    version,
    firstEnd: lineEnd,
    host,
    fields: fc.array(plainField, { maxLength: 3 }),
    framing,
    framingFirst: fc.boolean(),
    colons: fc.array(colon, { minLength: 4, maxLength: 4 }),
    trail,
    ends: fc.array(lineEnd, { minLength: 4, maxLength: 4 }),
  })
  .map((r) => {
    const hosts = r.host.map((value) => ["Host", value] as const);
    const fields = r.framingFirst
      ? [...r.framing.fields, ...hosts, ...r.fields]
      : [...hosts, ...r.fields, ...r.framing.fields];
    const lines = fields.map(
      ([name, value], i) => `${name}${r.colons[i % 4]}${value}${i === 1 ? r.trail : ""}${r.ends[i % 4]}`,
    );
    return `${r.method}${r.before}${r.target}${r.after}${r.version}${r.firstEnd}${lines.join("")}\r\n${r.framing.bytes}`;
  });

const inserted = [
  ..."\r\n|\n|\r|\0| |\t|:|,|;|\x0b|\f|\x7f|\xa0|\xe9|\xff|\r\n |\r\n\t|\r\n\r\n|0\r\n\r\n|0|1|f|x|-|+|_|\x85".split(
    "|",
  ),
  "Transfer-Encoding: chunked\r\n",
  "Content-Length: 3\r\n",
  "Content-Length: 0\r\n",
  "Host: other.test\r\n",
  "Connection: close\r\n",
  "Expect: 100-continue\r\n",
  "Upgrade: h2c\r\nConnection: Upgrade\r\n",
  "GET /inner HTTP/1.1\r\nHost: gw.test\r\n\r\n",
];

/** What may happen to bytes on the way, by somebody's hand. */
const mutation = fc.record({
  kind: fc.constantFrom(
    "insert",
    "insert",
    "replace",
    "delete",
    "delete two",
    "cut",
    "twice",
    "upper",
    "lower",
    "swap",
  ),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  what: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...inserted) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) },
  ),
});

function mutate(bytes: string, { kind, at, what }: { kind: string; at: number; what: string }): string {
  const i = Math.min(bytes.length, Math.floor(at * (bytes.length + 1)));
  switch (kind) {
    case "insert":
      return bytes.slice(0, i) + what + bytes.slice(i);
    case "replace":
      return bytes.slice(0, i) + what + bytes.slice(i + what.length);
    case "delete":
      return bytes.slice(0, i) + bytes.slice(i + 1);
    case "delete two":
      return bytes.slice(0, i) + bytes.slice(i + 2);
    case "cut":
      return bytes.slice(0, i);
    case "twice": {
      const end = bytes.indexOf("\r\n", i);
      return end === -1
        ? bytes + bytes.slice(i)
        : bytes.slice(0, end + 2) + bytes.slice(i, end + 2) + bytes.slice(end + 2);
    }
    case "upper":
      return bytes.slice(0, i) + bytes.slice(i, i + 12).toUpperCase() + bytes.slice(i + 12);
    case "lower":
      return bytes.slice(0, i) + bytes.slice(i, i + 12).toLowerCase() + bytes.slice(i + 12);
    default:
      return bytes.slice(0, i) + (bytes[i + 1] ?? "") + (bytes[i] ?? "") + bytes.slice(i + 2);
  }
}

/**
 * Whole requests that llhttp's own tests use, out of its markdown files in `../shared/vectors`. Empty when they are not
 * there.
 */
export function llhttpVectors(kind: "request" | "response" = "request"): string[] {
  const folder = path.join(import.meta.dirname, "../../../shared/vectors/llhttp", kind);
  if (!existsSync(folder)) return [];
  const found: string[] = [];
  for (const file of readdirSync(folder).sort()) {
    for (const [, block = ""] of readFileSync(path.join(folder, file), "utf8").matchAll(
      /^```http\n([\s\S]*?)^```$/gm,
    )) {
      found.push(asBytes(block));
    }
  }
  return found;
}

/** The notation of those files: a line break is CRLF, a backslash at the end of a line joins it, escapes are as in C. */
function asBytes(block: string): string {
  return block
    .replace(/\\(\r\n|\r|\n)/g, "")
    .replace(/\r\n|\r|\n/g, "\r\n")
    .replace(/\r\n$/, "")
    .replace(/\\r/g, "\r")
    .replace(/\\n/g, "\n")
    .replace(/\\t/g, "\t")
    .replace(/\\f/g, "\f")
    .replace(/\\x([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Random bytes of the front door, deterministic for a seed: from the grammar, from the corpus, and mutated. */
export function requestBytes(): fc.Arbitrary<string> {
  const corpus = [...smugglingTechniques("/a", "/inner").map(({ bytes }) => bytes), ...llhttpVectors()];
  const single = fc.oneof({ weight: 9, arbitrary: request }, { weight: 1, arbitrary: fc.constantFrom(...corpus) });
  const sequence = fc.oneof(
    { weight: 6, arbitrary: single },
    { weight: 3, arbitrary: fc.tuple(single, single).map(([a, b]) => a + b) },
    { weight: 1, arbitrary: fc.array(single, { minLength: 3, maxLength: 4 }).map((all) => all.join("")) },
  );
  return fc.oneof(
    { weight: 5, arbitrary: sequence },
    {
      weight: 2,
      arbitrary: fc
        .tuple(sequence, fc.array(mutation, { minLength: 1, maxLength: 3 }))
        .map(([bytes, mutations]) => mutations.reduce(mutate, bytes)),
    },
  );
}
