/** The head of a request to a backend, as text of latin1. */

/** Of methods whose requests are expected to have a body, an absent one is said to be empty (RFC 9110 section 8.6). */
export function expectsBody(method: string): boolean {
  switch (method) {
    case "POST":
    case "PUT":
    case "PATCH":
    case "QUERY":
    case "PROPFIND":
    case "PROPPATCH":
      return true;
    default:
      return false;
  }
}

/** What all requests to one origin have in common. */
export interface RequestLines {
  /** Before the path: `""`, or the origin where a proxy gets the request (RFC 9112 section 3.2.2). */
  readonly prefix: string;
  /** The end of the request line, `host`, `connection`, and what a proxy wants. */
  readonly text: string;
  /** Of lines, with that of the request, and the empty one. */
  readonly count: number;
}

export function requestLines(
  host: string,
  connection: "keep-alive" | "close" | "upgrade",
  proxy?: { readonly origin: string; readonly authorization: string | undefined },
): RequestLines {
  const text = ` HTTP/1.1\r\nhost: ${host}\r\nconnection: ${connection}\r\n`;
  const prefix = proxy?.origin ?? "";
  if (proxy?.authorization === undefined) return { prefix, text, count: 4 };
  return { prefix, text: `${text}proxy-authorization: ${proxy.authorization}\r\n`, count: 5 };
}

/**
 * The head of a request: `lines` are those of `requestLines`, `framing` a field line or `""`. Fields that say how the
 * message is framed or where it goes are left out of `fields`: they are said here alone. Undefined: it would be another
 * message than was meant, because a control character other than a tab, or a space in the method or the path, is in it.
 */
export function requestHead(
  method: string,
  path: string,
  lines: RequestLines,
  framing: string,
  fields: readonly string[],
): string | undefined {
  if (method === "" || method.includes(" ") || path.charCodeAt(0) !== 0x2f || path.includes(" ")) return undefined;
  let head = `${method} ${lines.prefix}${path}${lines.text}${framing}`;
  let lineCount = framing === "" ? lines.count : lines.count + 1;
  for (let i = 0; i < fields.length; i += 2) {
    const key = fields[i] as string;
    if (isOwn(key)) continue;
    head += `${key}: ${fields[i + 1]}\r\n`;
    lineCount++;
  }
  head += "\r\n";
  return controlCount(head) === 2 * lineCount ? head : undefined;
}

/** Written by the connection. */
function isOwn(key: string): boolean {
  switch (key.length) {
    case 4:
      return key.toLowerCase() === "host";
    case 10:
      return (key.charCodeAt(0) | 0x20) === 0x63 && key.toLowerCase() === "connection";
    case 14:
      return (key.charCodeAt(0) | 0x20) === 0x63 && key.toLowerCase() === "content-length";
    case 17:
      return (key.charCodeAt(0) | 0x20) === 0x74 && key.toLowerCase() === "transfer-encoding";
    default:
      return false;
  }
}

let scratch = new Uint8Array(16_384);
let bytes = Buffer.from(scratch.buffer);
let words = new Int32Array(scratch.buffer);

/**
 * How many bytes below 0x20, other than tabs, the text has once it is latin1: other characters are cut to their low byte
 * there. Four bytes at a time: a loop over characters costs twice as much.
 */
function controlCount(text: string): number {
  if (text.length + 3 > bytes.length) {
    scratch = new Uint8Array(1 << (32 - Math.clz32(text.length + 3)));
    bytes = Buffer.from(scratch.buffer);
    words = new Int32Array(scratch.buffer);
  }
  const length = bytes.write(text, 0, "latin1");
  bytes[length] = bytes[length + 1] = bytes[length + 2] = 0x20;
  const end = (length + 3) >> 2;
  let count = 0;
  for (let i = 0; i < end; i++) {
    const word = words[i] as number;
    // Is a byte of it less than 0x20?
    if (((word - 0x20202020) & ~word & 0x80808080) === 0) continue;
    for (let k = 4 * i; k < 4 * i + 4; k++) {
      const byte = scratch[k] as number;
      if (byte < 0x20 && byte !== 0x09) count++;
    }
  }
  return count;
}
