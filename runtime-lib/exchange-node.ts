import type { IncomingMessage, ServerResponse } from "node:http";
import { dropFields } from "./answer-fields.ts";
import type { BodySink, BodySource, RequestBody } from "./backend.ts";
import { type EngineState, lingerBytes, lingerMs, type NodeConnection } from "./connection-node.ts";
import { BaseExchange, type Expectation } from "./exchange-base.ts";
import { resetSocket } from "./reset-socket.ts";
import { fault } from "./respond.ts";
import { dropUnsendable, fieldLines } from "./sendable.ts";

/** An answer that knows its exchange, so that its events need no closure. */
export interface GatewayResponse extends ServerResponse<IncomingMessage> {
  exchange: NodeExchange | undefined;
}

type ResponseClass = typeof ServerResponse<IncomingMessage> & (new (request: IncomingMessage) => GatewayResponse);

/** Their class, for a server. Made when it is asked for: nothing of node:http is loaded before its engine is chosen. */
export function gatewayResponse(http: typeof import("node:http")): ResponseClass {
  return class extends http.ServerResponse<IncomingMessage> implements GatewayResponse {
    exchange: NodeExchange | undefined = undefined;
  };
}

export function onResponseClose(this: GatewayResponse): void {
  this.exchange?.onClosed();
}

/** One request on a connection of node:http. */
export class NodeExchange extends BaseExchange implements BodySource {
  readonly #engine: EngineState;
  readonly #connection: NodeConnection;
  readonly #req: IncomingMessage;
  readonly #res: GatewayResponse;
  readonly #expectation: Expectation;
  #expectsContinue: boolean;
  #bodySink: BodySink | undefined;
  #bodyBegun = false;
  #bodyCount = 0;
  /** The client has yet to take part of the answer. */
  #blocked = false;
  /** Sweep state: bytes seen on the socket, and when they last changed. */
  #progress = -1;
  #progressAt = 0;
  #lingerFrom = -1;

  constructor(
    engine: EngineState,
    connection: NodeConnection,
    req: IncomingMessage,
    res: GatewayResponse,
    scheme: "http" | "https",
    expectation: Expectation,
  ) {
    super(engine.options, connection, scheme, req.method as string, req.httpVersionMinor, req.rawHeaders);
    this.#engine = engine;
    this.#connection = connection;
    this.#req = req;
    this.#res = res;
    this.#expectation = expectation;
    this.#expectsContinue = expectation === "continue";
  }

  /** Its turn has come: it is answered. `waiting`: requests on its connection that have no answer yet. */
  begin(waiting: number): void {
    // It may be late already.
    if (this.answered || this.closed) return;
    const { url, httpVersionMajor, httpVersionMinor } = this.#req;
    if (this.admit(url as string, httpVersionMajor, httpVersionMinor, this.#expectation, waiting)) this.handle();
  }

  /** The client has taken long enough to send its request. */
  timeOut(): void {
    if (this.answered) return this.cut();
    this.closeAfter();
    fault(this, 408, "The request did not arrive in time");
  }

  protected override closeAfter(): void {
    this.#res.shouldKeepAlive = false;
  }

  protected override sendWhole(
    status: number,
    reason: string,
    fields: string[],
    body: Uint8Array<ArrayBuffer> | undefined,
  ): void {
    const res = this.#res;
    this.sendHead(status, reason, fields);
    // Up to 8 KiB as text: head and body then leave in one write.
    if (body === undefined) res.end();
    else if (body.length <= 8192)
      res.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1"), "latin1");
    else res.end(this.#own(body));
  }

  protected override sendHints(fields: string[]): void {
    const { socket } = this.#req;
    if (this.#req.httpVersionMinor === 0 || socket.writableNeedDrain || !socket.writable) return;
    // Not `writeEarlyHints`, which sends nothing without a `Link`, and throws at some that pass.
    socket.write(`HTTP/1.1 103 Early Hints\r\n${fieldLines(fields)}\r\n`, "latin1");
  }

  protected override sendHead(status: number, reason: string, fields: string[]): void {
    if (this.#req.httpVersionMinor === 0) dropFields(fields, ["trailer"]);
    if (this.chunked && !this.#staysOpen) this.closeAfter();
    if (reason === "") this.#res.writeHead(status, fields);
    else this.#res.writeHead(status, reason, fields);
  }

  /**
   * For node's parser a trailer `Connection: close` ends the connection, whatever the answer has said. Who sends the
   * requests of many clients over one connection would lose that of the next client by it.
   */
  get #staysOpen(): boolean {
    const { complete, rawTrailers } = this.#req;
    return complete && !rawTrailers.some((text, i) => i % 2 === 0 && /^(?:proxy-)?connection$/i.test(text));
  }

  flushHead(): void {
    this.#res.flushHeaders();
  }

  answerData(chunk: Buffer): boolean {
    if (this.closed) return true;
    if (this.meter !== undefined) this.meter.bytes += chunk.length;
    if (this.#res.write(this.#own(chunk))) return true;
    // A backend may have sent more before it pauses.
    if (!this.#blocked) this.#res.once("drain", onResponseDrain);
    this.#blocked = true;
    this.#watch();
    return false;
  }

  /** node keeps what it is given until it is written. */
  #own(bytes: Uint8Array): Uint8Array {
    return this.lent ? Buffer.from(bytes) : bytes;
  }

  protected override sendEnd(trailers: string[] | undefined): void {
    if (trailers !== undefined) {
      dropUnsendable(trailers);
      const pairs: [string, string][] = [];
      for (let i = 0; i < trailers.length; i += 2) pairs.push([trailers[i] as string, trailers[i + 1] as string]);
      this.#res.addTrailers(pairs);
    }
    this.#res.end();
  }

  protected override cut(): void {
    // A client of HTTP/1.0 may take the end of the connection for that of the answer.
    if (this.#req.httpVersionMinor === 0) resetSocket(this.#req.socket);
    else this.#res.destroy();
  }

  protected override collect(): void {
    const req = this.#req;
    const parts: Buffer[] = [];
    this.#askForBody();
    req.on("data", (chunk: Buffer) => parts.push(chunk));
    req.on("end", () => {
      this.#engine.slow.delete(this);
      this.collected(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts));
    });
  }

  protected override streamed(): RequestBody {
    return this;
  }

  /** The client is asked for its body, if it waits to be. */
  #askForBody(): void {
    if (this.#expectsContinue) {
      this.#expectsContinue = false;
      this.#res.writeContinue();
    }
    this.#watch();
  }

  readonly givesBytes = true;

  get length(): number {
    return this.chunked ? -1 : this.contentLength;
  }

  get untouched(): boolean {
    return !this.#bodyBegun;
  }

  start(sink: BodySink): void {
    this.#bodySink = sink;
    this.#bodyBegun = true;
    this.#askForBody();
    this.#req.on("data", this.#onBodyData);
    this.#req.on("end", this.#onBodyEnd);
    this.#req.on("close", this.#onBodyClose);
  }

  pause(): void {
    this.#req.pause();
  }

  resume(): void {
    this.#req.resume();
  }

  destroy(): void {
    this.#bodyBegun = true;
    this.#bodySink = undefined;
    this.#req.off("data", this.#onBodyData).off("end", this.#onBodyEnd).off("close", this.#onBodyClose);
  }

  readonly #onBodyData = (chunk: Buffer): void => {
    const { maxBodySize } = this.options.limits;
    this.#bodyCount += chunk.length;
    if (maxBodySize >= 0 && this.#bodyCount > maxBodySize) {
      this.#req.pause();
      this.bodyTooLong();
    } else if (this.#bodySink?.bodyData(chunk) === false) {
      this.#req.pause();
    }
  };

  readonly #onBodyEnd = (): void => {
    this.#engine.slow.delete(this);
    const sink = this.#bodySink;
    this.#bodySink = undefined;
    const { rawTrailers } = this.#req;
    sink?.bodyEnd(rawTrailers.length === 0 ? undefined : this.passingTrailers(rawTrailers));
  };

  readonly #onBodyClose = (): void => {
    if (!this.#req.complete) this.#bodySink?.bodyAborted();
  };

  /** The client takes more of the answer again. */
  onDrain(): void {
    this.#blocked = false;
    this.#engine.slow.delete(this);
    this.call?.resume();
  }

  /** The answer is out, or the client is gone. */
  onClosed(): void {
    if (this.closed) return;
    this.closed = true;
    // An answer that is out before the request was read is no reason to go on reading for ever.
    if (this.#lingerFrom < 0) this.#engine.slow.delete(this);
    const whole = this.#res.writableFinished;
    if (!whole) this.abandon();
    this.over(whole);
    this.#connection.over(this);
  }

  /** The connection ended before its turn came. */
  lose(): void {
    this.onClosed();
    this.#req.resume();
  }

  /** An answer whose end the client may take from that of the connection. */
  get endsWithConnection(): boolean {
    return this.answered && this.#req.httpVersionMinor === 0;
  }

  /** All of its body came. */
  get read(): boolean {
    return this.#req.complete;
  }

  /** Called once a second while the client keeps somebody waiting. */
  checkProgress(now: number): void {
    const { socket } = this.#req;
    if (this.#lingerFrom >= 0) {
      if (this.#req.complete) this.#engine.slow.delete(this);
      else if (now - this.#progressAt >= lingerMs || socket.bytesRead - this.#lingerFrom > lingerBytes) {
        this.#engine.slow.delete(this);
        socket.destroy();
      }
      return;
    }
    const progress = socket.bytesRead + socket.bytesWritten;
    if (progress !== this.#progress) {
      this.#progress = progress;
      this.#progressAt = now;
      return;
    }
    if (now - this.#progressAt < this.options.limits.idleTimeoutMs) return;
    this.#engine.slow.delete(this);
    this.timeOut();
  }

  #watch(): void {
    if (this.#engine.slow.has(this)) return;
    this.#progress = -1;
    this.#engine.slow.add(this);
  }

  protected override leaveBody(): void {
    const req = this.#req;
    if (req.complete || this.closed || this.#lingerFrom >= 0) return;
    if (!this.chunked && this.contentLength <= 0) return;
    this.destroy();
    this.#lingerFrom = req.socket.bytesRead;
    this.#progressAt = Date.now();
    this.#engine.slow.add(this);
    req.removeAllListeners("data");
    req.resume();
  }
}

function onResponseDrain(this: GatewayResponse): void {
  this.exchange?.onDrain();
}
