import { commonName, prepareNames } from "./common-names.ts";
import { instantiate, type Llhttp } from "./llhttp-module.ts";
import { readBuffer, readWords } from "./read-buffer.ts";

/**
 * HTTP/1.1 messages from bytes, by llhttp with all leniency off: what it refuses is refused. What llhttp calls back only
 * notes where things are; strings are made once, when a head is complete, so nothing of ours runs inside of it.
 */

export type MessageKind = "request" | "response";

const typeOf = { request: 1, response: 2 } as const;
const ok = 0;
const paused = 21;
/** As much as is copied at a time into the memory of WebAssembly. */
const windowSize = 65_536;
/** Up to here copying word by word is faster. */
const shortSize = 320;
/** As node:http (`kMaxChunkExtensionsSize`): bytes between two parts of a body. */
const maxChunkOverhead = 16_384;

const cr = 13;
const lf = 10;
const space = 32;
const tab = 9;

const connection = "connection";
/** Of `HTTP/1.1 200`. */
const statusLineLength = 12;

/** Of a head: nothing, a field's name, its value. */
const nothing = 0;
const name = 1;
const value = 2;

let llhttp: Llhttp | undefined;
let window: Uint8Array;
let windowWords: Int32Array;
let windowAt = 0;
/** By llhttp's number, empty until asked for. DELETE to QUERY; among them RTSP's, which llhttp takes with versions that are not HTTP/1. */
const methods: string[] = new Array(47).fill("");
/** Parser structs nobody uses, by type. */
const idle: readonly number[][] = [[], [], []];

/*
 * What the callbacks note while one `execute` runs. Offsets of the head count from the start of the message when it came
 * in pieces, else from the start of the bytes at hand; those of the body always from the start of the bytes at hand.
 */
let fields = new Int32Array(1_024);
let fieldsEnd = 0;
let last = nothing;
let headOffset = 0;
let bodyOffset = 0;
let targetStart = -1;
let targetEnd = -1;
let reasonStart = -1;
let reasonEnd = -1;
let parts = new Int32Array(256);
let partsEnd = 0;
let inTrailers = false;
/** Kind, start, end of each span. */
let trailerSpans = new Int32Array(96);
let trailersEnd = 0;
let headComplete = false;
/** Where the head ends in the bytes at hand. */
let headEnd = 0;
let messageComplete = false;
let skipBody = 0;
let status = 0;
let upgradeAsked = 0;
let staysOpen = 0;

function onTarget(_parser: number, at: number, length: number): number {
  const start = at + headOffset;
  if (targetStart < 0) targetStart = start;
  targetEnd = start + length;
  return ok;
}

function onReason(_parser: number, at: number, length: number): number {
  const start = at + headOffset;
  if (reasonStart < 0) reasonStart = start;
  reasonEnd = start + length;
  return ok;
}

function onName(_parser: number, at: number, length: number): number {
  if (inTrailers) return onTrailer(name, at, length);
  const start = at + headOffset;
  if (last !== name) {
    if (fieldsEnd === fields.length) fields = grown(fields);
    fields[fieldsEnd] = start;
    fieldsEnd += 4;
    last = name;
  }
  const end = start + length;
  fields[fieldsEnd - 3] = end;
  fields[fieldsEnd - 2] = end;
  fields[fieldsEnd - 1] = end;
  return ok;
}

function onValue(_parser: number, at: number, length: number): number {
  if (inTrailers) return onTrailer(value, at, length);
  const start = at + headOffset;
  if (last !== value) {
    fields[fieldsEnd - 2] = start;
    last = value;
  }
  fields[fieldsEnd - 1] = start + length;
  return ok;
}

function onTrailer(kind: number, at: number, length: number): number {
  if (trailersEnd === trailerSpans.length) trailerSpans = grown(trailerSpans);
  trailerSpans[trailersEnd++] = kind;
  trailerSpans[trailersEnd++] = at + bodyOffset;
  trailerSpans[trailersEnd++] = at + bodyOffset + length;
  return ok;
}

function onHeadersComplete(_parser: number, code: number, upgrade: number, keepAlive: number): number {
  headComplete = true;
  inTrailers = true;
  status = code;
  upgradeAsked = upgrade;
  staysOpen = keepAlive;
  return skipBody;
}

function onBody(_parser: number, at: number, length: number): number {
  if (partsEnd === parts.length) parts = grown(parts);
  parts[partsEnd++] = at + bodyOffset;
  parts[partsEnd++] = at + bodyOffset + length;
  return ok;
}

/** Pauses: one message at a time. */
function onMessageComplete(): number {
  messageComplete = true;
  return paused;
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** Compiles it ahead of the first message, for who has nothing else to do. */
export function prepareParser(): void {
  if (llhttp === undefined) load();
}

function load(): Llhttp {
  const loaded = instantiate({
    wasm_on_message_begin: () => ok,
    wasm_on_url: onTarget,
    wasm_on_status: onReason,
    wasm_on_header_field: onName,
    wasm_on_header_value: onValue,
    wasm_on_headers_complete: onHeadersComplete,
    wasm_on_body: onBody,
    wasm_on_message_complete: onMessageComplete,
  });
  windowAt = loaded.malloc(windowSize);
  viewWindow(loaded);
  prepareNames();
  llhttp = loaded;
  return loaded;
}

/** A C string. */
function text(from: Llhttp, at: number): string {
  const bytes = Buffer.from(from.memory.buffer);
  return bytes.toString("latin1", at, bytes.indexOf(0, at));
}

/** A struct for one message. Its memory may have to grow, which makes the old view of it void. */
function borrow(from: Llhttp, type: number): number {
  const parser = (idle[type] as number[]).pop();
  if (parser !== undefined) return parser;
  const made = from.llhttp_alloc(type);
  if (window.buffer !== from.memory.buffer) viewWindow(from);
  return made;
}

function viewWindow(from: Llhttp): void {
  window = new Uint8Array(from.memory.buffer, windowAt, windowSize);
  windowWords = new Int32Array(from.memory.buffer, windowAt, windowSize / 4);
}

/** Copies bytes to where llhttp sees them. Word by word is faster for most heads, as no view has to be made (25, not 60 ns). */
function fillWindow(bytes: Buffer, from: number, size: number): void {
  if (bytes === readBuffer && (from & 3) === 0 && size <= shortSize) {
    const first = from >> 2;
    const words = (size + 3) >> 2;
    for (let i = 0; i < words; i++) windowWords[i] = readWords[first + i] as number;
  } else window.set(new Uint8Array(bytes.buffer, bytes.byteOffset + from, size));
}

/** A head of which a part has come: its bytes so far and what was noted of them. */
class PartialHead {
  bytes: Buffer = Buffer.allocUnsafe(4_096);
  length = 0;
  fields: Int32Array = new Int32Array(64);
  fieldsEnd = 0;
  last = nothing;
  targetStart = -1;
  targetEnd = -1;
  reasonStart = -1;
  reasonEnd = -1;

  append(bytes: Buffer, from: number, to: number): void {
    const length = this.length + to - from;
    if (length > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    bytes.copy(this.bytes, this.length, from, to);
    this.length = length;
  }

  /** Keeps what was noted; a later `restore` goes on from there. */
  save(): void {
    if (fieldsEnd > this.fields.length) this.fields = new Int32Array(fieldsEnd * 2);
    for (let i = 0; i < fieldsEnd; i++) this.fields[i] = fields[i] as number;
    this.fieldsEnd = fieldsEnd;
    this.last = last;
    this.targetStart = targetStart;
    this.targetEnd = targetEnd;
    this.reasonStart = reasonStart;
    this.reasonEnd = reasonEnd;
  }

  restore(): void {
    for (let i = 0; i < this.fieldsEnd; i++) fields[i] = this.fields[i] as number;
    fieldsEnd = this.fieldsEnd;
    last = this.last;
    targetStart = this.targetStart;
    targetEnd = this.targetEnd;
    reasonStart = this.reasonStart;
    reasonEnd = this.reasonEnd;
  }
}

/** Not public, and faster than `toString`; both do the same. */
const latin1: (this: Buffer, start: number, end: number) => string =
  (Buffer.prototype as { latin1Slice?: (start: number, end: number) => string }).latin1Slice ??
  function (this: Buffer, start, end) {
    return this.toString("latin1", start, end);
  };

const none: string[] = [];

/**
 * Parses the messages of one connection, one after the other. Cheap to make: it holds memory of WebAssembly only while a
 * message is under way, so its owner calls `reset` when the connection closes in the middle of one.
 *
 * All that it tells is written by itself alone (`noBody` excepted). What concerns the head is valid until the next message
 * begins or `clear`; strings may share the memory of the whole head, so copy what is kept for long.
 */
export class HttpParser {
  readonly #type: 1 | 2;
  #struct = 0;
  #partial: PartialHead | undefined;
  #lastTrailer = nothing;
  #chunkOverhead = 0;
  #lastMessage = false;

  /** The next message is the answer to a `HEAD` request: it has no body. Set before its head; holds until set again. */
  noBody = false;

  /** A message is under way: a byte of it came, other than the line ends that may precede it. */
  started = false;
  /** The head is complete. */
  headDone = false;
  /** The head became complete in the last `execute`. */
  headNow = false;
  /** The message became complete in the last `execute` or by `finish`. */
  ended = false;
  /** llhttp's name of the error (`HPE_INVALID_METHOD`, ...): the bytes are not HTTP; nothing more is parsed until `reset`. */
  failed: string | undefined = undefined;

  /** Of requests. */
  method = "";
  /** Of requests: as received, latin1. */
  target = "";
  major = 0;
  minor = 0;
  /** Of responses. */
  status = 0;
  reason = "";
  /** name, value, ... as received, latin1, without white space around values. */
  rawHeaders: string[] = none;
  /** name, value, ... of the trailer section; complete when the message is. */
  trailers: string[] = none;
  /** Bytes of the head, or as many as came, with the start line and the empty line. */
  headBytes = 0;
  /** Bytes of the target, or as many as came. */
  targetBytes = 0;
  /** Bytes of trailer names and values so far. */
  trailerBytes = 0;
  /** Another message may follow on this connection. When not, bytes after the message are an error, as for llhttp. */
  keepAlive = false;
  /** An `Upgrade` is asked for and named in `Connection`, or the method is `CONNECT`. The message is read as any other. */
  upgrade = false;
  /** The message ended with its head: it has neither a body nor chunks of none. */
  headOnly = false;
  /** Parts of the body in the last `execute`. */
  bodyParts = 0;

  constructor(kind: MessageKind) {
    this.#type = typeOf[kind];
  }

  /** Where part `i` starts in the bytes given to the last `execute`, before anything else is parsed by any parser. */
  bodyStart(i: number): number {
    return parts[2 * i] as number;
  }

  bodyEnd(i: number): number {
    return parts[2 * i + 1] as number;
  }

  /**
   * Parses `bytes` from offset `from` up to `to`, at most to the end of a message. Returns how many bytes were consumed:
   * fewer than given only when a message ended or parsing failed.
   */
  execute(bytes: Buffer, from: number, to: number): number {
    this.headNow = false;
    this.ended = false;
    this.bodyParts = 0;
    partsEnd = 0;
    let at = from;
    if (!this.started) {
      if (this.failed !== undefined) return 0;
      while (at < to && (bytes[at] === lf || bytes[at] === cr)) at++;
      if (at === to) return at - from;
      if (this.#lastMessage) {
        this.failed = "HPE_CLOSED_CONNECTION";
        return at - from;
      }
      this.#begin();
    }
    do {
      const end = to - at > windowSize ? at + windowSize : to;
      at += this.#run(bytes, at, end);
    } while (at < to && !this.ended && this.failed === undefined);
    this.bodyParts = partsEnd >> 1;
    return at - from;
  }

  /**
   * The peer sends no more. Completes a response whose body ends with the connection (`ended`). False: a message was
   * broken off.
   */
  finish(): boolean {
    this.headNow = false;
    this.ended = false;
    this.bodyParts = 0;
    if (!this.started) return this.failed === undefined;
    messageComplete = false;
    const error = (llhttp as Llhttp).llhttp_finish(this.#struct);
    if (messageComplete) this.#end();
    else this.#fail(error === ok ? "HPE_INVALID_EOF_STATE" : errorName(error));
    return this.ended;
  }

  /** Drops the strings of a message that ended, so that an idle connection holds none. */
  clear(): void {
    this.method = "";
    this.target = "";
    this.reason = "";
    this.rawHeaders = none;
    this.trailers = none;
  }

  /** Forgets all: the connection is closed, or the next bytes are those of a new one. */
  reset(): void {
    this.#release();
    this.clear();
    this.#lastMessage = false;
    this.headDone = false;
    this.headNow = false;
    this.ended = false;
    this.failed = undefined;
    this.bodyParts = 0;
    this.noBody = false;
  }

  #begin(): void {
    this.#struct = borrow(llhttp ?? load(), this.#type);
    this.started = true;
    this.headDone = false;
    this.headBytes = 0;
    this.targetBytes = 0;
    if (this.trailers !== none) this.trailers = none;
    this.trailerBytes = 0;
    this.#lastTrailer = nothing;
    this.#chunkOverhead = 0;
  }

  /** One call of llhttp, at most `windowSize` bytes. Returns how many it consumed. */
  #run(bytes: Buffer, from: number, to: number): number {
    const wasm = llhttp as Llhttp;
    const struct = this.#struct;
    const size = to - from;
    fillWindow(bytes, from, size);
    const firstPart = partsEnd;
    const inHead = !this.headDone;
    bodyOffset = from - windowAt;
    messageComplete = false;
    inTrailers = !inHead;
    trailersEnd = 0;
    if (inHead) this.#expectHead(from);
    const error = wasm.llhttp_execute(struct, windowAt, size);
    // A pause at the end of a message is an error as well for llhttp.
    const consumed = error === ok ? size : wasm.llhttp_get_error_pos(struct) - windowAt;
    if (inHead) {
      if (!headComplete) this.#keepHead(bytes, from, from + consumed);
      else if (!this.#takeHead(wasm, struct, bytes, from, to)) {
        partsEnd = firstPart;
        this.#fail("HPE_STRICT");
        return consumed;
      }
    }
    if (error !== ok && !messageComplete) {
      this.#fail(errorName(error));
      return consumed;
    }
    if (!this.headDone) return consumed;
    if (trailersEnd > 0) this.#takeTrailers(bytes);
    if (!this.#overheadAllowed(firstPart, from, to)) this.#fail("HPE_CHUNK_EXTENSIONS_OVERFLOW");
    else if (messageComplete) {
      this.headOnly = inHead && headEnd === from + consumed;
      this.#end();
    }
    return consumed;
  }

  #expectHead(from: number): void {
    headComplete = false;
    skipBody = this.noBody ? 1 : ok;
    const partial = this.#partial;
    if (partial !== undefined) {
      partial.restore();
      headOffset = partial.length - windowAt;
      return;
    }
    headOffset = from - windowAt;
    fieldsEnd = 0;
    last = nothing;
    targetStart = -1;
    targetEnd = -1;
    reasonStart = -1;
    reasonEnd = -1;
  }

  /** The head goes on beyond the bytes at hand: joins them. */
  #keepHead(bytes: Buffer, from: number, to: number): void {
    let partial = this.#partial;
    if (partial === undefined) {
      partial = this.#partial = new PartialHead();
      // Noted from the start of the bytes at hand, whereas what follows counts from the start of the message.
      move(-from);
    }
    partial.append(bytes, from, to);
    partial.save();
    this.headBytes = partial.length;
    if (targetStart >= 0) this.targetBytes = targetEnd - targetStart;
  }

  /** False: refused here, though this version of llhttp does not. */
  #takeHead(wasm: Llhttp, struct: number, bytes: Buffer, from: number, to: number): boolean {
    const partial = this.#partial;
    let source = bytes;
    let start = from;
    if (partial !== undefined) {
      partial.append(bytes, from, to);
      source = partial.bytes;
      start = 0;
      this.#partial = undefined;
    }
    let end = fieldsEnd > 0 ? lastSpanEnd() : Math.max(targetEnd, reasonEnd, start);
    // Strict: between the last span and the two line ends stands white space, or the version, and nothing else.
    const limit = partial === undefined ? to : partial.length;
    while (end < limit && source[end] !== lf) end++;
    end += 3;
    if (end > limit) return false;
    headEnd = to - (limit - end);
    const head = latin1.call(source, start, end);
    const inResponse = this.#type === typeOf.response;
    if (inResponse && !isLineEnd(head, reasonStart < 0 ? statusLineLength : reasonEnd - start)) return false;
    this.headBytes = end - start;
    this.headDone = true;
    this.headNow = true;
    this.keepAlive = staysOpen !== 0;
    this.upgrade = upgradeAsked !== 0;
    if (!inResponse && head.startsWith(" HTTP/1.1\r", targetEnd - start)) {
      this.major = 1;
      this.minor = 1;
    } else {
      this.major = wasm.llhttp_get_http_major(struct);
      this.minor = wasm.llhttp_get_http_minor(struct);
    }
    if (!inResponse) {
      const method = wasm.llhttp_get_method(struct);
      this.method = methods[method] || methodName(wasm, method);
      this.target = head.substring(targetStart - start, targetEnd - start);
      this.targetBytes = targetEnd - targetStart;
    } else {
      this.status = status;
      this.reason = reasonStart < 0 ? "" : head.substring(reasonStart - start, reasonEnd - start);
    }
    const raw = new Array<string>(fieldsEnd >> 1);
    for (let i = 0, k = 0; i < fieldsEnd; i += 4) {
      const nameStart = fields[i] as number;
      const nameEnd = fields[i + 1] as number;
      const valueStart = fields[i + 2] as number;
      const written = fields[i + 3] as number;
      let valueEnd = written;
      while (valueEnd > valueStart && isBlank(source[valueEnd - 1] as number)) valueEnd--;
      const field = commonName(source, nameStart, nameEnd) ?? head.substring(nameStart - start, nameEnd - start);
      if (isConnection(field) && closesAfterTab(head, valueStart - start, written - start)) this.keepAlive = false;
      raw[k++] = field;
      raw[k++] = head.substring(valueStart - start, valueEnd - start);
    }
    this.rawHeaders = raw;
    return true;
  }

  #takeTrailers(bytes: Buffer): void {
    if (this.trailers === none) this.trailers = [];
    const list = this.trailers;
    for (let i = 0; i < trailersEnd; i += 3) {
      const kind = trailerSpans[i] as number;
      const start = trailerSpans[i + 1] as number;
      const end = trailerSpans[i + 2] as number;
      const piece = latin1.call(bytes, start, end);
      if (kind === name && this.#lastTrailer !== name) list.push(piece, "");
      else list[list.length - (kind === name ? 2 : 1)] += piece;
      this.#lastTrailer = kind;
      this.trailerBytes += end - start;
    }
  }

  /** Chunk sizes and extensions without end, and no byte of a body: node:http bounds them, llhttp does not. */
  #overheadAllowed(firstPart: number, from: number, to: number): boolean {
    let before = this.headNow && headEnd > from ? headEnd : from;
    for (let i = firstPart; i < partsEnd; i += 2) {
      if (this.#chunkOverhead + (parts[i] as number) - before > maxChunkOverhead) return false;
      this.#chunkOverhead = 0;
      before = parts[i + 1] as number;
    }
    if (messageComplete || this.trailers !== none) return true;
    this.#chunkOverhead += to - before;
    return this.#chunkOverhead <= maxChunkOverhead;
  }

  #end(): void {
    this.ended = true;
    // Asked again: only now llhttp knows that there was no body to wait for.
    if (this.noBody) this.keepAlive = (llhttp as Llhttp).llhttp_should_keep_alive(this.#struct) !== 0;
    this.#lastMessage = !this.keepAlive;
    if (this.trailers !== none) trimValues(this.trailers);
    this.#release();
  }

  #fail(error: string): void {
    this.failed = error;
    this.#release();
  }

  #release(): void {
    this.started = false;
    this.#partial = undefined;
    const struct = this.#struct;
    if (struct === 0) return;
    this.#struct = 0;
    (llhttp as Llhttp).llhttp_reset(struct);
    (idle[this.#type] as number[]).push(struct);
  }
}

function methodName(wasm: Llhttp, method: number): string {
  const found = text(wasm, wasm.llhttp_method_name(method));
  methods[method] = found;
  return found;
}

function errorName(error: number): string {
  const wasm = llhttp as Llhttp;
  return text(wasm, wasm.llhttp_errno_name(error));
}

function isBlank(byte: number): boolean {
  return byte === space || byte === tab;
}

/** A status line ends here with CR and LF: up to llhttp 9.3 anything may follow the CR (refused since). */
function isLineEnd(head: string, at: number): boolean {
  let end = at;
  while (head.charCodeAt(end) === space) end++;
  return head.charCodeAt(end) === cr && head.charCodeAt(end + 1) === lf;
}

function isConnection(field: string): boolean {
  return field.length === connection.length && (field.charCodeAt(0) | 32) === 99 && field.toLowerCase() === connection;
}

/** `close` beside a tab, which llhttp overlooks up to 9.3. */
function closesAfterTab(head: string, start: number, end: number): boolean {
  const tabAt = head.indexOf("\t", start);
  return tabAt !== -1 && tabAt < end && /(^|,)[ \t]*close[ \t]*(,|$)/i.test(head.substring(start, end));
}

function trimValues(list: string[]): void {
  for (let i = 1; i < list.length; i += 2) list[i] = (list[i] as string).replace(/[ \t]+$/, "");
}

/** Where the last field ends. An empty value is told somewhere behind its line. */
function lastSpanEnd(): number {
  const valueStart = fields[fieldsEnd - 2] as number;
  const valueEnd = fields[fieldsEnd - 1] as number;
  return valueEnd > valueStart ? valueEnd : (fields[fieldsEnd - 3] as number);
}

/** Moves all that was noted of a head. */
function move(by: number): void {
  for (let i = 0; i < fieldsEnd; i++) fields[i] = (fields[i] as number) + by;
  if (targetStart >= 0) {
    targetStart += by;
    targetEnd += by;
  }
  if (reasonStart >= 0) {
    reasonStart += by;
    reasonEnd += by;
  }
}
