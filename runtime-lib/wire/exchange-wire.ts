import { dropFields } from "../answer-fields.ts";
import type { RequestBody, UpgradedConnection } from "../backend.ts";
import { BaseExchange, type Expectation } from "../exchange-base.ts";
import { identityOfCaller } from "../logged-identity.ts";
import { monotonicMs } from "../monotonic.ts";
import { fault } from "../respond.ts";
import { allSendable, dropUnsendable, fieldLines } from "../sendable.ts";
import { hasField, headText } from "./answer-head.ts";
import type { Connection } from "./connection.ts";
import { type BodyOwner, IncomingBody } from "./incoming-body.ts";
import type { HttpParser } from "./llhttp.ts";
import { Tunnel, type TunnelEnd } from "./tunnel.ts";

/** Head and body together up to this size are written as one string: the largest that Node writes without a copy of its own. */
const asTextUpTo = 16_384;
/** Up to this size they are copied together, to leave in one write. */
const togetherUpTo = 131_072;

/** How the end of an answer's body is told. */
type Framing = "none" | "length" | "chunks" | "close";

/** One request on a connection of ours. */
export class WireExchange extends BaseExchange implements BodyOwner {
  readonly target: string;
  readonly majorVersion: number;
  readonly minorVersion: number;
  /** What of its body has yet to come, or came with the head while more has to; undefined: all is there. */
  incoming: IncomingBody | undefined = undefined;
  /** Nothing is left to be sent. */
  sent = false;
  /** Another request may follow on the connection. Final once the head of the answer is written. */
  keepsConnection: boolean;

  readonly #connection: Connection;
  /** The head of an answer that waits for the first part of the body. */
  #head = "";
  #framing: Framing = "none";
  #expectsContinue = false;

  /** `parser` has just read its head. */
  constructor(connection: Connection, parser: HttpParser) {
    super(connection.engine.options, connection, connection.scheme, parser.method, parser.minor, parser.rawHeaders);
    this.#connection = connection;
    this.target = parser.target;
    this.majorVersion = parser.major;
    this.minorVersion = parser.minor;
    this.keepsConnection = parser.keepAlive;
    // Where an upgrade is asked for, llhttp takes `chunked` with a tab behind it for a coding that it does not know, and the chunks
    // for what follows the request: whoever is in front may not.
    if (this.chunked && parser.ended && parser.headOnly) this.foreignCoding = true;
    // A body would still be on its way when the protocol changes; HTTP/1.0 knows no change (RFC 9110 section 7.8).
    if (parser.upgrade) this.asksUpgrade = parser.keepAlive && parser.ended && parser.headOnly && parser.minor > 0;
  }

  /** The body, all of which came with the head. */
  takeBody(body: Buffer): void {
    this.body = body;
  }

  /** The body goes on beyond what came with the head. */
  awaitBody(): IncomingBody {
    const length = this.chunked ? -1 : this.contentLength;
    const incoming = new IncomingBody(this, length, this.options.limits.maxBodySize);
    this.incoming = incoming;
    return incoming;
  }

  /** Its turn has come: it is answered. `waiting`: requests on its connection that have no answer yet. */
  begin(waiting: number): void {
    const expectation = this.#expectation();
    this.#expectsContinue = expectation === "continue";
    if (!this.admit(this.target, this.majorVersion, this.minorVersion, expectation, waiting)) return;
    const { maxBodySize } = this.options.limits;
    if (maxBodySize >= 0 && Buffer.isBuffer(this.body) && this.body.length > maxBodySize) {
      this.bodyTooLong();
      return;
    }
    this.handle();
  }

  /** Before HTTP/1.1 there was none. */
  #expectation(): Expectation {
    if (this.minorVersion === 0 || this.header("expect") === undefined) return "none";
    return continueExpected.test(this.headerValues("expect").join(", ")) ? "continue" : "unknown";
  }

  /** An answer whose end the client takes from that of the connection. */
  get endsWithConnection(): boolean {
    return this.#framing === "close";
  }

  /** The client has taken long enough to send its request. */
  timeOut(): void {
    if (this.answered) return this.cut();
    this.closeAfter();
    fault(this, 408, "The request did not arrive in time");
  }

  protected override closeAfter(): void {
    this.keepsConnection = false;
  }

  protected override cut(): void {
    this.#connection.destroy();
  }

  protected override sendWhole(status: number, reason: string, fields: string[], body: Uint8Array | undefined): void {
    const connection = this.#connection;
    const silent = status === 204 || status === 304 || this.method === "HEAD";
    let text = this.#headOf(status, reason, fields);
    const sized = hasField(fields, "content-length");
    if (sized || !silent) this.#framing = "length";
    if (!sized && !silent) text += `Content-Length: ${body === undefined ? 0 : body.length}\r\n`;
    text += this.#connectionLines();
    if (silent || body === undefined || body.length === 0) connection.write(text);
    else if (text.length + body.length <= asTextUpTo) connection.write(text + latin1(body, 0, body.length));
    else connection.writeCopy(body, text);
    this.sent = true;
  }

  protected override sendUpgrade(reason: string, fields: string[], backend: UpgradedConnection): void {
    const connection = this.#connection;
    const line = `HTTP/1.1 101 ${reason === "" ? "Switching Protocols" : reason}\r\n`;
    connection.write(`${line}Connection: Upgrade\r\nUpgrade: ${this.upgrade}\r\n${fieldLines(fields)}\r\n`);
    this.sent = true;
    const since = monotonicMs();
    const tunnel = new Tunnel(this.options.limits.upgradeIdleMs, (end) => this.#logTunnel(end, since));
    tunnel.join(connection.handOver(tunnel.client), backend.handOver(tunnel.backend));
  }

  #logTunnel({ by, fromClient, fromBackend }: TunnelEnd, since: number): void {
    this.options.log.info(
      {
        id: this.id,
        client: this.clientAddress,
        path: this.path.raw,
        operation: this.operation,
        protocol: this.upgrade,
        ...identityOfCaller(this.caller),
        fromClient,
        fromBackend,
        ms: Math.round(monotonicMs() - since),
        endedBy: by,
      },
      "upgraded connection ended",
    );
  }

  protected override sendHints(fields: string[]): void {
    // A client that takes nothing can do without them.
    if (this.minorVersion === 0 || this.#connection.blocked) return;
    this.#connection.write(`HTTP/1.1 103 Early Hints\r\n${fieldLines(fields)}\r\n`);
  }

  protected override sendHead(status: number, reason: string, fields: string[]): void {
    if (this.minorVersion === 0) dropFields(fields, ["trailer"]);
    const text = this.#headOf(status, reason, fields);
    if (status === 204 || status === 304 || this.method === "HEAD") this.#framing = "none";
    else if (hasField(fields, "content-length")) this.#framing = "length";
    else this.#framing = this.minorVersion > 0 ? "chunks" : "close";
    this.#head = text + this.#connectionLines();
  }

  #headOf(status: number, reason: string, fields: string[]): string {
    const { headerOverrides } = this.options;
    // What a backend sent was read by a parser already.
    const theirs = this.call !== undefined && headerOverrides.length === 0 && allSendable(this.answerHeaders);
    if (!theirs) dropUnsendable(fields);
    return headText(status, reason, fields, this.#connection.engine.lines);
  }

  /** What ends a head: how the connection goes on, and how the body is framed where no field says it. */
  #connectionLines(): string {
    const { engine } = this.#connection;
    // Without a length, a client of HTTP/1.0 sees the end of the answer by that of the connection.
    if (this.minorVersion === 0 && this.#framing !== "length") this.keepsConnection = false;
    // Who waits to be asked for a body and is not may send it or not: nobody can tell what comes next.
    if (this.#expectsContinue && this.incoming?.complete === false) this.keepsConnection = false;
    if (!this.#connection.mayGoOn) this.keepsConnection = false;
    const how = this.keepsConnection ? engine.lines.keepAlive : engine.lines.close;
    return this.#framing === "chunks" ? `${how}Transfer-Encoding: chunked\r\n\r\n` : `${how}\r\n`;
  }

  flushHead(): void {
    const head = this.#head;
    if (head === "" || this.closed) return;
    this.#head = "";
    this.#connection.write(head);
  }

  answerData(chunk: Buffer): boolean {
    const connection = this.#connection;
    if (this.closed || this.sent) return true;
    const { length } = chunk;
    if (length === 0) return !connection.blocked;
    if (this.meter !== undefined) this.meter.bytes += length;
    let before = this.#head;
    this.#head = "";
    if (this.#framing === "none") return before === "" || connection.write(before);
    let after = "";
    if (this.#framing === "chunks") {
      before += `${length.toString(16)}\r\n`;
      after = "\r\n";
    }
    if (before === "") return this.lent ? connection.writeCopy(chunk) : connection.writeBytes(chunk);
    const total = before.length + length + after.length;
    if (total <= asTextUpTo) return connection.write(before + latin1(chunk, 0, length) + after);
    if (total <= togetherUpTo) return connection.writeCopy(chunk, before, after);
    connection.write(before);
    const taken = this.lent ? connection.writeCopy(chunk) : connection.writeBytes(chunk);
    return after === "" ? taken : connection.write(after);
  }

  protected override sendEnd(trailers: string[] | undefined): void {
    let rest = this.#head;
    if (this.#framing === "chunks") rest += trailers === undefined ? "0\r\n\r\n" : `0\r\n${fieldLines(trailers)}\r\n`;
    this.#head = "";
    this.sent = true;
    if (rest !== "") this.#connection.write(rest);
  }

  protected override done(): void {
    super.done();
    if (this.sent && !this.closed) this.#connection.sent(this);
  }

  /** All of the answer has left. */
  finish(): void {
    this.closed = true;
    this.over(true);
  }

  /** The connection ended before all of the answer had left. */
  lose(): void {
    if (this.closed) return;
    this.closed = true;
    this.incoming?.abort();
    this.abandon();
    this.over(false);
  }

  /** The client takes more of the answer again. */
  onDrain(): void {
    this.call?.resume();
  }

  protected override collect(): void {
    this.incoming?.collect();
  }

  protected override streamed(): RequestBody {
    return this.incoming;
  }

  readBody(): void {
    // The client is asked for its body, if it waits to be.
    if (this.#expectsContinue && this.incoming?.wanted === true) {
      this.#expectsContinue = false;
      this.#connection.write("HTTP/1.1 100 Continue\r\n\r\n");
    }
    this.#connection.readOn();
  }

  bodyCollected(body: Buffer): void {
    this.collected(body);
  }

  protected override leaveBody(): void {
    const { incoming } = this;
    if (incoming !== undefined && !incoming.complete && !this.closed) incoming.leave();
  }
}

/** As node:http understands it. */
const continueExpected = /(?:^|\W)100-continue(?:$|\W)/i;

function latin1(bytes: Uint8Array, from: number, to: number): string {
  if (Buffer.isBuffer(bytes)) return bytes.toString("latin1", from, to);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1", from, to);
}
