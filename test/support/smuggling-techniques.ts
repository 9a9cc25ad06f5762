/**
 * Ways to make two HTTP/1.1 parsers disagree where a request ends, which it is, or whom it is for. Written from what is
 * publicly known of such attacks (RFC 9112 section 11.2, and the research into desynchronisation since 2005), one row a
 * technique. Text is Latin-1.
 */
export interface Technique {
  readonly name: string;
  /** What the client sends. A pause lies between the parts. */
  readonly parts: readonly string[];
  /** All parts as one. */
  readonly bytes: string;
  /**
   * The gateway's own answer when nobody stands before it: the statuses in order. Two times 200 means that the second
   * request was there for everybody to see. `-` is no answer, just the end of the connection. After `or` stands what is
   * as safe: bytes that are no request may cost the answers to those just before them. `(node)` and
   * `(wire)` are what one engine alone does: for the first a request that asks for an upgrade is the last one.
   */
  readonly answer: string;
}

type Row = readonly [name: string, parts: string | readonly string[], answer: string];

/** `target`: a path that is served. `hidden`: one that is served too, and that nobody asked for in the open. */
export function smugglingTechniques(target: string, hidden: string): readonly Technique[] {
  const inner = `GET ${hidden} HTTP/1.1\r\nHost: gw.test\r\n\r\n`;
  const hex = (text: string) => text.length.toString(16);
  const chunked = (text: string) => `${hex(text)}\r\n${text}\r\n0\r\n\r\n`;
  const ask = (method: string, fields: string, body: string, path = target) =>
    `${method} ${path} HTTP/1.1\r\nHost: gw.test\r\n${fields}\r\n${body}`;
  const post = (fields: string, body: string) => ask("POST", fields, body);
  const coded = (body: string) => post("Transfer-Encoding: chunked\r\n", body);
  const L = inner.length;
  const after = `0\r\n\r\n${inner}`;

  const rows: Row[] = [
    // Two lengths at once.
    ["CL.TE", post(`Content-Length: ${after.length}\r\nTransfer-Encoding: chunked\r\n`, after), "400"],
    ["TE.CL", post(`Transfer-Encoding: chunked\r\nContent-Length: 4\r\n`, chunked(inner)), "400"],
    ["CL 0 and TE", post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", chunked(inner)), "400"],
    ["TE and CL 0", post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", chunked(inner)), "400"],
    [
      "CL between two TE",
      post(`Transfer-Encoding: chunked\r\nContent-Length: ${L}\r\nTransfer-Encoding: chunked\r\n`, after),
      "400",
    ],
    [
      "CL.TE that asks for the end",
      post(`Connection: close\r\nContent-Length: ${after.length}\r\nTransfer-Encoding: chunked\r\n`, after),
      "400",
    ],
    [
      "CL.TE of HTTP/1.0",
      `POST ${target} HTTP/1.0\r\nHost: gw.test\r\nConnection: keep-alive\r\nContent-Length: ${after.length}\r\nTransfer-Encoding: chunked\r\n\r\n${after}`,
      "400",
    ],
    [
      "TE of HTTP/1.0",
      `POST ${target} HTTP/1.0\r\nHost: gw.test\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n${after}`,
      "501",
    ],
    ["CL.CL, first larger", post(`Content-Length: ${L}\r\nContent-Length: 0\r\n`, inner), "400"],
    ["CL.CL, second larger", post(`Content-Length: 0\r\nContent-Length: ${L}\r\n`, inner), "400"],
    ["CL twice the same", post(`Content-Length: ${L}\r\nContent-Length: ${L}\r\n`, inner), "400"],
  ];

  // One length in a spelling that somebody may not take for one, or for another number.
  for (const [name, value, answer] of [
    ["plus", `+${L}`, "400"],
    ["minus", `-${L}`, "400"],
    ["minus nought", "-0", "400"],
    ["leading noughts", `000${L}`, "200"],
    ["octal", `0o${L.toString(8)}`, "400"],
    ["hexadecimal", `0x${hex(inner)}`, "400"],
    ["fraction", `${L}.0`, "400"],
    ["exponent", `${L}e0`, "400"],
    ["list of the same", `${L}, ${L}`, "400"],
    ["list of different ones", `0, ${L}`, "400"],
    ["inner space", `${String(L)[0]} ${String(L).slice(1)}`, "400"],
    ["underscore", `${String(L)[0]}_${String(L).slice(1)}`, "400"],
    ["quoted", `"${L}"`, "400"],
    ["empty", "", "400"],
    ["a word", "many", "400"],
    ["NUL after it", `${L}\0`, "400"],
    ["vertical tab before it", `\x0b${L}`, "400"],
    ["no-break space before it", `\xa0${L}`, "400"],
    ["form feed after it", `${L}\f`, "400"],
    ["bare CR after it", `${L}\rX`, "400"],
    ["tabs around it", `\t${L}\t`, "400 or 200"],
    ["spaces around it", `  ${L}  `, "200"],
    ["more than 64 bits", `184467440737095516${16 + L}`, "400"],
    ["more than 32 bits", `${4_294_967_296 + L}`, "413"],
    ["folded", `\r\n ${L}`, "400"],
    ["folded number", `0\r\n ${L}`, "400"],
    ["comment", `${L};x`, "400"],
  ] as const) {
    rows.push([`CL, ${name}`, post(`Content-Length: ${value}\r\n`, inner), answer]);
  }
  for (const [name, line, answer] of [
    ["space before the colon", `Content-Length : ${L}`, "400"],
    ["tab before the colon", `Content-Length\t: ${L}`, "400"],
    ["space within the name", `Content Length: ${L}`, "400"],
    ["underscore", `Content_Length: ${L}`, "200 200"],
    ["no space after the colon", `Content-Length:${L}`, "200"],
    ["upper case", `CONTENT-LENGTH: ${L}`, "200"],
    ["folded into the field before", `X: y\r\n Content-Length: ${L}`, "400"],
    ["bare CR before it", `X: y\rContent-Length: ${L}`, "400"],
    ["bare LF before it", `X: y\nContent-Length: ${L}`, "400"],
    ["NUL in the name", `Content\0-Length: ${L}`, "400"],
    ["named by Connection", `Connection: content-length\r\nContent-Length: ${L}`, "200"],
    ["no colon", `Content-Length ${L}`, "400"],
    ["8-bit character in the name", `Cont\xe9nt-Length: ${L}`, "400"],
    ["backslash in the name", `Content\\Length: ${L}`, "400"],
    ["junk word before the colon", `Content-Length x: ${L}`, "400"],
    ["percent-encoded name", `Content-%4cength: ${L}`, "200 200"],
    ["before the Host", `Content-Length: ${L}\r\nX-A: 1`, "200"],
  ] as const) {
    rows.push([`CL field, ${name}`, post(`${line}\r\n`, inner), answer]);
  }

  // TE.TE: a coding that one takes for chunked and another does not. Alone, and with a length that says otherwise.
  for (const [name, line, alone, both] of [
    ["x before", "Transfer-Encoding: xchunked", "501 or 400", "400"],
    ["x after", "Transfer-Encoding: chunkedx", "501 or 400", "400"],
    ["cut short", "Transfer-Encoding: chunk", "501 or 400", "400"],
    ["double quotes", 'Transfer-Encoding: "chunked"', "501 or 400", "400"],
    ["single quotes", "Transfer-Encoding: 'chunked'", "501 or 400", "400"],
    ["space before the colon", "Transfer-Encoding : chunked", "400", "400"],
    ["tab before the colon", "Transfer-Encoding\t: chunked", "400", "400"],
    ["vertical tab before the colon", "Transfer-Encoding\x0b: chunked", "400", "400"],
    ["NUL before the colon", "Transfer-Encoding\0: chunked", "400", "400"],
    ["no space", "Transfer-Encoding:chunked", "200 200", "400"],
    ["two spaces", "Transfer-Encoding:  chunked", "200 200", "400"],
    ["tab before the value", "Transfer-Encoding:\tchunked", "200 200", "400"],
    ["tab after the value", "Transfer-Encoding: chunked\t", "- or 400", "400"],
    [
      "tab after the value, and an upgrade",
      "Connection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\t",
      "501 or 400 or 200 or -",
      "501 or 400",
    ],
    ["space after the value", "Transfer-Encoding: chunked ", "200 200", "400"],
    ["vertical tab before the value", "Transfer-Encoding: \x0bchunked", "400", "400"],
    ["vertical tab after the value", "Transfer-Encoding: chunked\x0b", "400", "400"],
    ["form feed before the value", "Transfer-Encoding: \fchunked", "400", "400"],
    ["form feed after the value", "Transfer-Encoding: chunked\f", "400", "400"],
    ["NUL before the value", "Transfer-Encoding: \0chunked", "400", "400"],
    ["NUL after the value", "Transfer-Encoding: chunked\0", "400", "400"],
    ["DEL after the value", "Transfer-Encoding: chunked\x7f", "400", "400"],
    ["no-break space before the value", "Transfer-Encoding:\xa0chunked", "501 or 400", "400"],
    ["byte FF before the value", "Transfer-Encoding:\xffchunked", "501 or 400", "400"],
    ["CR after the value", "Transfer-Encoding: chunked\r", "400", "400"],
    ["CR before the value", "Transfer-Encoding: \rchunked", "400", "400"],
    ["8-bit character in the value", "Transfer-Encoding: ch\x96nked", "501 or 400", "400"],
    ["8-bit character in the name", "Transf\x82r-Encoding: chunked", "400", "400"],
    ["upper case", "TRANSFER-ENCODING: CHUNKED", "200 200", "400"],
    ["mixed case", "tRANSFER-eNCODING: cHuNkEd", "200 200", "400"],
    ["underscore", "Transfer_Encoding: chunked", "200 400 or -", "200"],
    ["space in the name", "Transfer Encoding: chunked", "400", "400"],
    ["backslash in the name", "Transfer\\Encoding: chunked", "400", "400"],
    ["percent-encoded name", "Transfer-%45ncoding: chunked", "200 400 or -", "200"],
    ["CR in the name", "Tra\rnsfer-Encoding: chunked", "400", "400"],
    ["junk word before the colon", "Transfer-Encoding x: chunked", "400", "400"],
    ["no colon", "Transfer-Encoding chunked", "400", "400"],
    ["Content-Encoding instead", "Content-Encoding: chunked", "200 400 or -", "200"],
    ["parameter", "Transfer-Encoding: chunked;q=1", "501 or 400", "400"],
    ["semicolon", "Transfer-Encoding: chunked;", "501 or 400", "400"],
    ["comma after", "Transfer-Encoding: chunked,", "400", "400"],
    ["comma before", "Transfer-Encoding: ,chunked", "501 or 400", "400"],
    ["identity after", "Transfer-Encoding: chunked, identity", "400", "400"],
    ["identity before", "Transfer-Encoding: identity, chunked", "501", "400"],
    ["identity around", "Transfer-Encoding: identity, chunked, identity", "400", "400"],
    ["unknown coding before", "Transfer-Encoding: cow, chunked", "501", "400"],
    ["unknown coding after", "Transfer-Encoding: chunked, cow", "400", "400"],
    ["gzip before", "Transfer-Encoding: gzip, chunked", "501", "400"],
    ["chunked twice in one field", "Transfer-Encoding: chunked, chunked", "400", "400"],
    ["chunked twice in two fields", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "400", "400"],
    ["identity in a field before", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "501 or 400", "400"],
    ["identity in a field after", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "400", "400"],
    ["unknown coding in a field before", "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked", "501 or 400", "400"],
    ["empty field before", "Transfer-Encoding:\r\nTransfer-Encoding: chunked", "501 or 400", "400"],
    ["empty", "Transfer-Encoding:", "501 or 400", "400"],
    ["identity alone", "Transfer-Encoding: identity", "501 or 400", "400"],
    ["folded value", "Transfer-Encoding:\r\n chunked", "400", "400"],
    ["value folded with a tab", "Transfer-Encoding:\r\n\tchunked", "400", "400"],
    ["value after a bare LF", "Transfer-Encoding:\n chunked", "400", "400"],
    ["colon after a bare LF", "Transfer-Encoding\n : chunked", "400", "400"],
    ["colon after CRLF", "Transfer-Encoding\r\n: chunked", "400", "400"],
    ["vertical tab on a line of its own", "Transfer-Encoding:\n\x0bchunked", "400", "400"],
    ["folded into the field before", "Foo: bar\r\n Transfer-Encoding: chunked", "400", "400"],
    ["folded with a tab into the field before", "Foo: bar\r\n\tTransfer-Encoding: chunked", "400", "400"],
    ["behind a bare CR", "Foo: bar\rTransfer-Encoding: chunked", "400", "400"],
    ["behind a bare LF", "Foo: bar\nTransfer-Encoding: chunked", "400", "400"],
    ["behind CRLF CR", "Foo: bar\r\n\rTransfer-Encoding: chunked", "400", "400"],
    ["behind LF LF", "Foo: bar\n\nTransfer-Encoding: chunked", "400", "400"],
    ["named by Connection", "Connection: transfer-encoding\r\nTransfer-Encoding: chunked", "200 200", "400"],
    ["an equals sign for the colon", "Transfer-Encoding= chunked", "400", "400"],
    ["two colons", "Transfer-Encoding:: chunked", "501 or 400", "400"],
    ["nothing but LF at its end", "Transfer-Encoding: chunked\nX: y", "400", "400"],
  ] as const) {
    rows.push([`TE alone, ${name}`, post(`${line}\r\n`, after), alone]);
    rows.push([`TE with CL, ${name}`, post(`Content-Length: ${after.length}\r\n${line}\r\n`, after), both]);
  }

  // Chunks: sizes, extensions and line ends that are read differently.
  for (const [name, bytes, answer] of [
    ["plain", chunked(inner), "200"],
    ["upper case size", `${hex(inner).toUpperCase()}\r\n${inner}\r\n0\r\n\r\n`, "200"],
    ["leading noughts", `0000${hex(inner)}\r\n${inner}\r\n0\r\n\r\n`, "200"],
    ["0x", `0x${hex(inner)}\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["plus", `+${hex(inner)}\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["minus", `-${hex(inner)}\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["minus nought", `-0\r\n\r\n${inner}`, "- or 400"],
    ["underscore", `${hex(inner)[0]}_${hex(inner).slice(1)}\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["space before the size", ` ${hex(inner)}\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["space after the size", `${hex(inner)} \r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["tab after the size", `${hex(inner)}\t\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["no size", `\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["size of one more", `${(L + 1).toString(16)}\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["size of one less", `${(L - 1).toString(16)}\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["size that wraps 32 bits", `1000000${hex(inner).padStart(2, "0")}\r\n${inner}\r\n0\r\n\r\n`, "408"],
    ["size that wraps 64 bits", `100000000000000${hex(inner).padStart(2, "0")}\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["size of 64 bits", `ffffffffffffffff\r\n${inner}`, "408"],
    ["size of 63 bits", `7fffffffffffffff\r\n${inner}`, "408"],
    ["size of 68 bits", `fffffffffffffffff\r\n${inner}`, "- or 400"],
    ["comma in the size", `${hex(inner)},0\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["NUL in the size", `0\0${hex(inner)}\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["bare LF after the size", `${hex(inner)}\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["bare CR after the size", `${hex(inner)}\r${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["CR CR LF after the size", `${hex(inner)}\r\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["bare LF after the data", `${hex(inner)}\r\n${inner}\n0\r\n\r\n`, "- or 400"],
    ["bare CR after the data", `${hex(inner)}\r\n${inner}\r0\r\n\r\n`, "- or 400"],
    ["nothing after the data", `${hex(inner)}\r\n${inner}0\r\n\r\n`, "- or 400"],
    ["two letters after the data", `${hex(inner)}\r\n${inner}XX0\r\n\r\n`, "- or 400"],
    ["extension", `${hex(inner)};a=b\r\n${inner}\r\n0\r\n\r\n`, "200"],
    ["quoted extension", `${hex(inner)};a="b;c"\r\n${inner}\r\n0\r\n\r\n`, "200"],
    ["empty extension", `${hex(inner)};\r\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["extension of nothing but a bare LF", `${hex(inner)};\n${inner}\r\n0\r\n\r\n`, "- or 400"],
    ["extension with a bare LF", `5;a\nhello\r\n0\r\n\r\n${inner}`, "- or 400"],
    ["extension with a bare LF that hides a chunk", `5;\n01234\r\n2e\r\n0\r\n\r\n${inner}`, "- or 400"],
    ["extension with a bare CR", `5;a\rX\r\nhello\r\n0\r\n\r\n${inner}`, "- or 400"],
    ["extension with CR CR LF", `5;a\r\r\nhello\r\n0\r\n\r\n${inner}`, "- or 400"],
    ["extension with NUL", `5;a\0\r\nhello\r\n0\r\n\r\n${inner}`, "- or 400"],
    ["extension with an 8-bit character", `5;\xe9\r\nhello\r\n0\r\n\r\n${inner}`, "- or 400"],
    ["extension with a line break in quotes", `5;a="\r\n0\r\n\r\n${inner}"\r\nhello\r\n0\r\n\r\n`, "- or 400"],
    ["extension with a bare LF in quotes", `5;a="\n"\r\nhello\r\n0\r\n\r\n${inner}`, "- or 400"],
    ["extension with a backslash before the quote's end", `5;a="\\"\r\nhello\r\n0\r\n\r\n${inner}`, "- or 400"],
    ["extension without a semicolon", `5 a=b\r\nhello\r\n0\r\n\r\n${inner}`, "- or 400"],
    ["space before the extension", `5 ;a=b\r\nhello\r\n0\r\n\r\n`, "- or 400"],
    ["end without its CRLF", `5\r\nhello\r\n0\r\n${inner}`, "- or 400"],
    ["end with bare LFs", `5\r\nhello\r\n0\n\n${inner}`, "- or 400"],
    ["end with one bare LF", `5\r\nhello\r\n0\r\n\n${inner}`, "- or 400"],
    ["end with bare CRs", `5\r\nhello\r\n0\r\r${inner}`, "- or 400"],
    ["end with a letter", `5\r\nhello\r\n0\r\nX${inner}`, "- or 400"],
    ["end in many noughts", `5\r\nhello\r\n00000000000000000000\r\n\r\n`, "200"],
    ["end with an extension", `5\r\nhello\r\n0;a\r\n\r\n`, "200"],
    ["end with an extension and a bare LF", `5\r\nhello\r\n0;a\n\r\n${inner}`, "- or 400"],
    ["nothing after the end", `5\r\nhello\r\n0\r\n\r\n${inner}`, "200 200"],
  ] as const) {
    rows.push([`chunk, ${name}`, coded(bytes), answer]);
  }

  // Trailers that would be fields if they were merged.
  for (const [name, line, answer] of [
    ["Content-Length", `Content-Length: ${L}`, "- or 400"],
    ["Transfer-Encoding", "Transfer-Encoding: chunked", "- or 400"],
    ["Host", "Host: other.test", "200 200"],
    ["Authorization", "Authorization: Bearer x", "200 200"],
    ["X-Forwarded-For", "X-Forwarded-For: 192.0.2.66", "200 200"],
    ["Connection: close", "Connection: close", "200 200 or 200 or -"],
    ["folded", "X-T: a\r\n b", "- or 400"],
    ["space before the colon", "X-T : a", "- or 400"],
    ["bare LF", "X-T: a\nX-U: b", "- or 400"],
    ["no colon", `GET ${hidden} HTTP/1.1`, "- or 400"],
    ["NUL", "X-T: \0", "- or 400"],
    ["Expect", "Expect: 100-continue", "200 200"],
  ] as const) {
    rows.push([`trailer, ${name}`, coded(`5\r\nhello\r\n0\r\n${line}\r\n\r\n${inner}`), answer]);
  }

  // Bodies where some expect none (CL.0), and none where some expect one (0.CL).
  for (const method of ["GET", "HEAD", "OPTIONS", "DELETE"]) {
    rows.push([`${method} with a body`, ask(method, `Content-Length: ${L}\r\n`, inner), "200"]);
    rows.push([`${method} with chunks`, ask(method, "Transfer-Encoding: chunked\r\n", chunked(inner)), "200"]);
  }
  const gated = (fields: string, body: string) => ask("POST", fields, body, "/nowhere");
  rows.push(
    ["TRACE with a body", ask("TRACE", `Content-Length: ${L}\r\n`, inner), "200"],
    ["no length at all", post("", inner), "200 200"],
    ["a length of nought", post("Content-Length: 0\r\n", inner), "200 200"],
    ["a body for a path that nobody serves", gated(`Content-Length: ${L}\r\n`, inner), "404"],
    ["chunks for a path that nobody serves", gated("Transfer-Encoding: chunked\r\n", chunked(inner)), "404"],
    [
      "bad chunks for a path that nobody serves",
      gated("Transfer-Encoding: chunked\r\n", `zz\r\n${inner}`),
      "404 or 400",
    ],
    [
      "a body for a path that is answered without reading it",
      ask("POST", `Content-Length: ${L}\r\n`, inner, "/health"),
      "200",
    ],
    ["a body for a refused target", ask("POST", `Content-Length: ${L}\r\n`, inner, `${target}/../x`), "400"],
    [
      "chunks for a refused target",
      ask("POST", "Transfer-Encoding: chunked\r\n", chunked(inner), `${target}//x`),
      "400",
    ],
    ["a body larger than is allowed", post("Content-Length: 10000000000\r\n", inner), "413"],
    [
      "a body for a refused Host",
      `POST ${target} HTTP/1.1\r\nHost: a b\r\nContent-Length: ${L}\r\n\r\n${inner}`,
      "400",
    ],
    [
      "a body for a target that is too long",
      ask("POST", `Content-Length: ${L}\r\n`, inner, `${target}?${"a".repeat(5_000)}`),
      "414",
    ],
    [
      "a body behind fields that are too long",
      post(`X: ${"a".repeat(9_000)}\r\nContent-Length: ${L}\r\n`, inner),
      "431",
    ],
  );

  // The line that says what is asked.
  const line = (text: string, fields = "Host: gw.test\r\n") => `${text}\r\n${fields}\r\n`;
  for (const [name, bytes, answer] of [
    ["HTTP/0.9", `GET ${target}\r\n`, "408"],
    ["version 0.9", line(`GET ${target} HTTP/0.9`), "400"],
    ["version without a dot", line(`GET ${target} HTTP/11`), "400"],
    ["version with one number", line(`GET ${target} HTTP/1`), "400"],
    ["version 1.2", line(`GET ${target} HTTP/1.2`), "400"],
    ["version 2.0", line(`GET ${target} HTTP/2.0`), "400"],
    ["version with a nought more", line(`GET ${target} HTTP/01.1`), "400"],
    ["version in lower case", line(`GET ${target} http/1.1`), "400"],
    ["other protocol", line(`GET ${target} ICE/1.0`), "400"],
    ["two spaces", line(`GET  ${target} HTTP/1.1`), "200"],
    ["tabs", line(`GET\t${target}\tHTTP/1.1`), "400"],
    ["space in the target", line(`GET ${target} x HTTP/1.1`), "400"],
    ["space after the version", line(`GET ${target} HTTP/1.1 `), "400"],
    ["second version", line(`GET ${target} HTTP/1.1 HTTP/1.1`), "400"],
    ["NUL in the target", line(`GET ${target}\0 HTTP/1.1`), "400"],
    ["bare CR in the target", line(`GET ${target}\r HTTP/1.1`), "400"],
    ["bare LF for its end", `GET ${target} HTTP/1.1\nHost: gw.test\r\n\r\n`, "400"],
    ["bare CR for its end", `GET ${target} HTTP/1.1\rHost: gw.test\r\n\r\n`, "400"],
    ["bare LFs everywhere", `GET ${target} HTTP/1.1\nHost: gw.test\n\n${inner}`, "400"],
    ["bare LF for the last line end", `GET ${target} HTTP/1.1\r\nHost: gw.test\r\n\n${inner}`, "400"],
    ["CR CR LF", `GET ${target} HTTP/1.1\r\r\nHost: gw.test\r\n\r\n`, "400"],
    ["method in lower case", line(`get ${target} HTTP/1.1`), "400"],
    ["unknown method", line(`SMUGGLE ${target} HTTP/1.1`), "400"],
    ["no method", line(`${target} HTTP/1.1`), "400"],
    ["empty lines before it", `\r\n\r\n${line(`GET ${target} HTTP/1.1`)}`, "200"],
    ["space before it", ` ${line(`GET ${target} HTTP/1.1`)}`, "400"],
    ["preface of HTTP/2", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${inner}`, "400"],
    ["TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"],
    ["space before the first field", `GET ${target} HTTP/1.1\r\n Host: gw.test\r\n\r\n`, "400"],
    ["folded first field", `GET ${target} HTTP/1.1\r\n X: y\r\nHost: gw.test\r\n\r\n`, "400"],
    ["tunnel", line(`CONNECT gw.test:80 HTTP/1.1`) + inner, "400"],
    ["tunnel to a path", line(`CONNECT ${target} HTTP/1.1`) + inner, "400"],
    ["8-bit character in the target", line(`GET ${target}\xff HTTP/1.1`), "400"],
    [
      "whole request in the target",
      line(`GET ${target} HTTP/1.1\r\nHost: gw.test\r\n\r\n${inner} HTTP/1.1`),
      "200 200 400 or -",
    ],
  ] as const) {
    rows.push([`request line, ${name}`, bytes, answer]);
  }

  // Whom it is for.
  for (const [name, bytes, answer] of [
    ["two", line(`GET ${target} HTTP/1.1`, "Host: gw.test\r\nHost: other.test\r\n"), "400"],
    ["the same twice", line(`GET ${target} HTTP/1.1`, "Host: gw.test\r\nHost: gw.test\r\n"), "400"],
    ["none", line(`GET ${target} HTTP/1.1`, ""), "400"],
    ["two in one", line(`GET ${target} HTTP/1.1`, "Host: gw.test, other.test\r\n"), "400"],
    ["user", line(`GET ${target} HTTP/1.1`, "Host: gw.test@other.test\r\n"), "400"],
    ["path", line(`GET ${target} HTTP/1.1`, "Host: gw.test/x\r\n"), "400"],
    ["second port", line(`GET ${target} HTTP/1.1`, "Host: gw.test:80:81\r\n"), "400"],
    ["space before the colon", line(`GET ${target} HTTP/1.1`, "Host : gw.test\r\n"), "400"],
    ["folded", line(`GET ${target} HTTP/1.1`, "Host:\r\n gw.test\r\n"), "400"],
    ["NUL", line(`GET ${target} HTTP/1.1`, "Host: gw.test\0.other.test\r\n"), "400"],
    ["CR", line(`GET ${target} HTTP/1.1`, "Host: gw.test\r.other.test\r\n"), "400"],
    ["second in the target", line(`GET http://other.test${target} HTTP/1.1`), "400"],
    ["same in the target", line(`GET http://gw.test${target} HTTP/1.1`), "400"],
    [
      "second, with an underscore for a hyphen",
      line(`GET ${target} HTTP/1.1`, "Host: gw.test\r\nX_Forwarded_Host: other.test\r\n"),
      "200",
    ],
    ["second, named by Connection", line(`GET ${target} HTTP/1.1`, "Host: gw.test\r\nConnection: host\r\n"), "200"],
    ["second, folded", line(`GET ${target} HTTP/1.1`, "X: y\r\n Host: other.test\r\nHost: gw.test\r\n"), "400"],
  ] as const) {
    rows.push([`Host, ${name}`, bytes, answer]);
  }

  // Asking before sending.
  for (const [name, value, answer] of [
    ["plain", "100-continue", "100 200 or 200"],
    ["other case", "100-Continue", "100 200 or 200"],
    ["with a word before", "y 100-continue", "100 200 or 200"],
    ["in a list", "x, 100-continue", "100 200 or 200"],
    ["unknown", "200-ok", "417"],
    ["empty", "", "417"],
    ["longer", "100-continued", "417"],
    ["with a NUL", "100-continue\0", "400"],
    ["folded", "\r\n 100-continue", "400"],
  ] as const) {
    rows.push([`Expect, ${name}`, post(`Expect: ${value}\r\nContent-Length: ${L}\r\n`, inner), answer]);
  }
  rows.push(
    [
      "Expect, twice",
      post(`Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: ${L}\r\n`, inner),
      "100 200 or 200",
    ],
    [
      "Expect, with chunks",
      post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", chunked(inner)),
      "100 200 or 200",
    ],
    ["Expect, without a body", ask("GET", "Expect: 100-continue\r\n", inner), "200 200 or 200"],
    ["Expect, space before the colon", post(`Expect : 100-continue\r\nContent-Length: ${L}\r\n`, inner), "400"],
    ["Expect, for a path that nobody serves", gated(`Expect: 100-continue\r\nContent-Length: ${L}\r\n`, inner), "404"],
    [
      "Expect, refused and sent all the same",
      [gated(`Expect: 100-continue\r\nContent-Length: ${L}\r\n`, ""), inner],
      "404",
    ],
    ["Expect, unknown and sent all the same", [post(`Expect: x\r\nContent-Length: ${L}\r\n`, ""), inner], "417"],
    // Whose body is there before the checks are through is not asked for it.
    [
      "Expect, sent after the head",
      [post(`Expect: 100-continue\r\nContent-Length: ${L}\r\n`, ""), inner],
      "100 200 or 200",
    ],
  );

  // What belongs to one connection.
  for (const [name, fields, body, answer] of [
    ["close before more", "Connection: close\r\n", inner, "200"],
    ["close in a list", "Connection: x, close\r\n", inner, "200"],
    [
      "h2c",
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
      inner,
      "200 200 (wire) or 200 (node)",
    ],
    ["h2c with a body", `Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: ${L}\r\n`, inner, "200"],
    [
      "websocket",
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==\r\nSec-WebSocket-Version: 13\r\n",
      inner,
      "200 200 (wire) or 200 (node)",
    ],
    [
      "websocket of a bad version",
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n",
      inner,
      "200 200 (wire) or 200 (node)",
    ],
    ["Upgrade without Connection", "Upgrade: websocket\r\n", inner, "200 200 (wire) or 200 (node)"],
    ["own address dropped", "Connection: x-forwarded-for, x-request-id, via\r\n", "", "200"],
    ["credentials dropped", "Connection: authorization\r\nAuthorization: Bearer x\r\n", "", "200"],
    ["Proxy-Connection", "Proxy-Connection: close\r\n", inner, "200 200 or 200 or -"],
    ["field with a bare CR", "X: a\rY: b\r\n", inner, "400"],
    ["field with a bare LF", "X: a\nY: b\r\n", inner, "400"],
    ["field with a NUL", "X: a\0b\r\n", inner, "400"],
    ["field with CR LF encoded", "X: a%0d%0aY: b\r\n", inner, "200 200"],
    ["field with 8-bit line breaks", "X: a\x8a\x8dY: b\r\n", inner, "200 200"],
    ["nameless field", ": y\r\n", inner, "400"],
    ["field that is a request line", `GET ${hidden} HTTP/1.1: y\r\n`, inner, "400"],
  ] as const) {
    rows.push([`connection, ${name}`, ask("GET", fields, body), answer]);
  }

  rows.push([
    "connection, h2c before a body that comes in another read",
    [ask("GET", "Connection: Upgrade\r\nUpgrade: h2c\r\n", gated(`Content-Length: ${L}\r\n`, "")), inner],
    "200 404 (wire) or 200 (node)",
  ]);

  // Time between the parts: whoever gives up early must not read the rest as something else.
  rows.push(
    ["pause before the body", [post(`Content-Length: ${L}\r\n`, ""), inner], "200"],
    ["pause within the body", [post(`Content-Length: ${L}\r\n`, inner.slice(0, 4)), inner.slice(4)], "200"],
    [
      "pause within a chunk size",
      [coded(hex(inner)[0] as string), `${hex(inner).slice(1)}\r\n${inner}\r\n0\r\n\r\n`],
      "200",
    ],
    [
      "pause between CR and LF of the head",
      [`${post(`Content-Length: ${L}\r\n`, "").slice(0, -1)}`, `\n${inner}`],
      "200",
    ],
    ["pause between CR and LF of a chunk", [coded(`${hex(inner)}\r`), `\n${inner}\r\n0\r\n\r\n`], "200"],
    ["pause before a body that nobody reads", [gated(`Content-Length: ${L}\r\n`, ""), inner], "404"],
    ["pause after a body too long", [post("Content-Length: 10000000000\r\n", ""), inner], "413"],
    ["pause between two requests", [post("Content-Length: 0\r\n", ""), inner], "200 200"],
    ["pause before a body that HEAD has not", [ask("HEAD", `Content-Length: ${L}\r\n`, ""), inner], "200"],
  );

  return rows.map(([name, parts, answer]) => {
    const all = typeof parts === "string" ? [parts] : parts;
    return { name, parts: all, bytes: all.join(""), answer };
  });
}
