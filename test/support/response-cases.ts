import fc from "fast-check";

/** Answers of backends, right, wrong and in between, as bytes (latin1). */

export interface ResponseCase {
  readonly method: "GET" | "HEAD" | "POST";
  readonly bytes: string;
  /** Where the bytes are cut into segments; in any order, some beyond the end. */
  readonly cuts: readonly number[] | "all";
}

const often = <T>(usual: T, others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const interim = fc.constantFrom(
  "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
  "HTTP/1.1 102 Processing\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n",
  "HTTP/1.0 102 Processing\r\n\r\n",
);

const version = often("HTTP/1.1", [
  "HTTP/1.0",
  "HTTP/0.9",
  "HTTP/2.0",
  "HTTP/1.2",
  "http/1.1",
  "HTTP/1.10",
  "ICY",
  "HTTP /1.1",
]);
const status = often("200", [
  "204",
  "304",
  "404",
  "500",
  "205",
  "101",
  "199",
  "099",
  "600",
  "999",
  "20",
  "2000",
  "2x0",
  "",
  "+20",
]);
const reason = often(" OK", [
  "",
  " ",
  "  OK",
  " Not So\tGood",
  " caf\u00e9",
  " a\u0001b",
  " a\rb",
  "OK",
  " \u0000",
  " 200 OK",
]);
const lineEnd = fc.oneof(
  { weight: 60, arbitrary: fc.constant("\r\n") },
  { weight: 1, arbitrary: fc.constantFrom("\n", "\r", "\r\r\n", "\r\n ", "\n\r", " \r\n", "\u0000\r\n") },
);

const harmless = fc.constantFrom(
  "Content-Type: text/plain",
  "X: y",
  "x:y",
  "X:\t y \t",
  "X:",
  "X: a\tb",
  "X: caf\u00e9",
  "Connection: close",
  "Connection: keep-alive",
  "Connection: keep-alive, X",
  "Connection: X, Content-Type",
  "Connection: upgrade",
  "Upgrade: h2c",
  "Keep-Alive: timeout=5, max=7",
  "Keep-Alive: timeout=1",
  "Proxy-Authenticate: Basic",
  "TE: trailers",
  "Trailer: X",
  "X-Request-ID: theirs",
  "Set-Cookie: a=b",
  "Set-Cookie: c=d",
  "Date: Thu, 01 Jan 1970 00:00:00 GMT",
  `X-Long: ${"y".repeat(300)}`,
  `X-Longer: ${"y".repeat(2_000)}`,
);
/** Wrong, or about the framing and so in conflict with the one that there is. */
const harmful = fc.constantFrom(
  "X: \u007f",
  "X: \u0001",
  "X: \u0000",
  "X : y",
  " X: y",
  "X\u00e9: y",
  "X y: z",
  ": y",
  "X",
  "X: y\r\n folded",
  "X: y\rZ: z",
  "X: y\nZ: z",
  "Content-Length: 3",
  "Content-Length: 0",
  "Content-Length: 05",
  "Content-Length: +3",
  "Content-Length: -1",
  "Content-Length: 3, 3",
  "Content-Length: 3 3",
  "Content-Length: 0x3",
  "Content-Length:",
  "Content-Length: 99999999999999999999",
  "Content-Length: 18446744073709551617",
  "content-length: 2",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: Chunked",
  "Transfer-Encoding: identity",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: chunked, gzip",
  "Transfer-Encoding: chunked, chunked",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding:",
  "transfer-encoding : chunked",
);
const field = fc.oneof({ weight: 8, arbitrary: harmless }, { weight: 1, arbitrary: harmful });

const fields = fc.array(fc.tuple(field, lineEnd), { maxLength: 6 });
const text = fc.constantFrom(
  "",
  "a",
  "abc",
  "0\r\n\r\n",
  "HTTP/1.1 200 OK\r\n\r\n",
  "\u00ff\u0000\r\n",
  "x".repeat(700),
);

const chunk = fc
  .tuple(text, often("", [";x", ";x=y", '; x="y\\""', ";\u0001", " ", "\t;", ";x=\r"]), lineEnd, lineEnd)
  .map(([data, extension, end, dataEnd]) =>
    data === "" ? "" : `${data.length.toString(16)}${extension}${end}${data}${dataEnd}`,
  );

const chunks = fc
  .tuple(
    fc.array(chunk, { maxLength: 4 }),
    often("0\r\n\r\n", [
      "0\r\nX: t\r\n\r\n",
      "0\r\nX: t\r\nY:\r\nX: caf\u00e9 u \r\n\r\n",
      "0\r\nX: t\r\nVary: x\r\nSet-Cookie: a=b\r\nContent-Type: y\r\n\r\n",
      "0\r\nConnection: close\r\nX: t\r\n\r\n",
      "0\r\nX: \u0001\r\n\r\n",
      "0\r\nContent-Length: 3\r\n\r\n",
      "00\r\n\r\n",
      "0\n\n",
      "0",
      "",
      "0\r\n\r",
      "g\r\n\r\n",
      "-1\r\n\r\n",
      "0;x\r\n\r\n",
      "ffffffffffffffffff\r\n",
      "0\r\nX\r\n\r\n",
    ]),
  )
  .map(([parts, last]) => parts.join("") + last);

/** A head, and a body that mostly keeps its promise. */
const message = fc.oneof(
  fc.tuple(fields, text, often(0, [-1, 1, 5])).map(([list, body, off]) => ({
    list: [...list, [`Content-Length: ${Math.max(0, body.length + off)}`, "\r\n"] as [string, string]],
    body,
  })),
  fc.tuple(fields, chunks).map(([list, body]) => ({
    list: [["Transfer-Encoding: chunked", "\r\n"] as [string, string], ...list],
    body,
  })),
  fc.tuple(fields, text).map(([list, body]) => ({ list, body })),
);

const trail = often("", ["\r\n", "\n", "x", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"]);

const whole = fc
  .tuple(fc.array(interim, { maxLength: 2 }), version, status, reason, lineEnd, message, lineEnd, trail)
  .map(
    ([interims, v, s, r, end, { list, body }, last, rest]) =>
      `${interims.join("")}${v} ${s}${r}${end}${list.map(([line, lineEnds]) => line + lineEnds).join("")}${last}${body}${rest}`,
  );

interface Change {
  readonly at: number;
  readonly kind: "cut" | "drop" | "insert" | "replace" | "double";
  readonly byte: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  kind: fc.constantFrom("cut", "drop", "drop", "insert", "insert", "replace", "replace", "double"),
  byte: fc.oneof(fc.constantFrom(0, 9, 10, 13, 32, 48, 49, 58, 59, 127, 255), fc.integer({ min: 0, max: 255 })),
});

function changed(bytes: string, { at, kind, byte }: Change): string {
  const i = Math.floor(at * bytes.length);
  const before = bytes.slice(0, i);
  const after = bytes.slice(i);
  if (kind === "cut") return before;
  if (kind === "drop") return before + after.slice(1);
  if (kind === "double") return before + after.slice(0, 1) + after;
  return before + String.fromCharCode(byte) + (kind === "insert" ? after : after.slice(1));
}

export const responseCase: fc.Arbitrary<ResponseCase> = fc.record({
  method: fc.constantFrom("GET", "GET", "GET", "HEAD", "POST"),
  bytes: fc
    .tuple(whole, fc.oneof(fc.constant([]), fc.constant([]), fc.array(change, { minLength: 1, maxLength: 3 })))
    .map(([bytes, changes]) => changes.reduce(changed, bytes)),
  cuts: fc.oneof(
    { weight: 8, arbitrary: fc.array(fc.nat(600), { minLength: 1, maxLength: 6 }) },
    { weight: 1, arbitrary: fc.constant("all" as const) },
  ),
});
