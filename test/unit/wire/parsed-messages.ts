import { HttpParser, type MessageKind } from "../../../runtime-lib/wire/llhttp.ts";

/** What a parser told of one message whose head became complete. */
export interface ParsedMessage {
  readonly head: Head;
  readonly body: string;
  readonly trailers: readonly string[];
  readonly complete: boolean;
}

export interface Head {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly string[];
  readonly headBytes: number;
  readonly targetBytes: number;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
}

export interface Parsed {
  readonly messages: readonly ParsedMessage[];
  readonly failed: string | undefined;
  /** Bytes consumed until the end or the error. */
  readonly consumed: number;
  /** Result of the end of input. */
  readonly finished: boolean | undefined;
}

export interface ParseOptions {
  /** Bytes given at a time; default: all. */
  readonly step?: number;
  readonly noBody?: boolean;
  /** The end of input follows. */
  readonly finish?: boolean;
}

/** Runs a parser over all messages in `bytes`, as the owner of a connection does. */
export function parseAll(kind: MessageKind, bytes: Buffer, options: ParseOptions = {}): Parsed {
  const parser = new HttpParser(kind);
  parser.noBody = options.noBody === true;
  const step = options.step ?? bytes.length;
  const messages: ParsedMessage[] = [];
  let head: Head | undefined;
  let body = "";
  let consumed = 0;
  const note = (complete: boolean) => {
    if (head === undefined) throw new Error("a message without a head");
    messages.push({ head, body, trailers: complete ? parser.trailers : [], complete });
    head = undefined;
    body = "";
  };
  const look = () => {
    if (parser.headNow) head = headOf(parser);
    for (let i = 0; i < parser.bodyParts; i++) body += bytes.toString("latin1", parser.bodyStart(i), parser.bodyEnd(i));
    if (parser.ended) note(true);
  };
  for (let start = 0; start < bytes.length && parser.failed === undefined; start += step) {
    const end = Math.min(start + step, bytes.length);
    let at = start;
    while (at < end && parser.failed === undefined) {
      const used = parser.execute(bytes, at, end);
      if (used === 0 && parser.failed === undefined) throw new Error("the parser consumes nothing");
      at += used;
      look();
    }
    consumed = at;
  }
  let finished: boolean | undefined;
  if (options.finish === true && parser.failed === undefined) {
    finished = parser.finish();
    look();
  }
  if (head !== undefined) note(false);
  const { failed } = parser;
  parser.reset();
  return { messages, failed, consumed, finished };
}

function headOf(parser: HttpParser): Head {
  const { method, target, status, reason, rawHeaders, headBytes, targetBytes, keepAlive, upgrade } = parser;
  const version = `${parser.major}.${parser.minor}`;
  return { method, target, version, status, reason, headers: rawHeaders, headBytes, targetBytes, keepAlive, upgrade };
}
