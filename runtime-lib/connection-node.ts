import type { Socket } from "node:net";
import { plainAddress } from "./client-address.ts";
import type { EngineOptions } from "./engine-options.ts";
import type { Peer } from "./exchange-base.ts";
import type { NodeExchange } from "./exchange-node.ts";
import { reasonPhrase } from "./faults.ts";
import { peerCertificate } from "./peer-certificate.ts";
import { resetSocket } from "./reset-socket.ts";
import { faultContentType } from "./respond.ts";

/** What is still read of a body after its request was answered, so that the client sees the answer before the close. */
export const lingerBytes = 1_048_576;
export const lingerMs = 5_000;
/** Requests that may come behind the last one before the connection is cut: node makes objects of each. */
const maxIgnored = 1_000;

/** What connections and exchanges ask of their engine. */
export interface EngineState {
  readonly options: EngineOptions;
  /** Exchanges that wait for their client: to send more of a body, or to take more of an answer. Swept once a second. */
  readonly slow: Set<NodeExchange>;
  /** Connections that have brought a request. */
  readonly open: Set<NodeConnection>;
  /** Connections whose end was sent. Swept once a second. */
  readonly closing: Set<NodeConnection>;
}

/**
 * One client's connection to node:http, which reads requests ahead as it likes. One at a time is handed to the gateway,
 * so that nothing behind an answer that ends the connection is ever looked at (RFC 9112 section 9.6).
 */
export class NodeConnection implements Peer {
  readonly address: string;
  readonly trusted: boolean;
  readonly #engine: EngineState;
  readonly #socket: Socket;
  /** The request that is being answered. */
  #current: NodeExchange | undefined = undefined;
  /** Requests that were sent ahead of the answer to the current one. */
  #ahead: NodeExchange[] = [];
  /** The one that is one too many. */
  #excess: NodeExchange | undefined = undefined;
  /** The last that was read. */
  #youngest: NodeExchange | undefined = undefined;
  /** No further request is taken. */
  #ended = false;
  #ignored = 0;
  /** Ends the connection when all requests are answered: what came behind them is none. */
  #conclude: (() => void) | undefined = undefined;
  /** The end was sent. */
  #closing = false;
  #closingSince = 0;
  #closingFrom = 0;

  constructor(engine: EngineState, socket: Socket) {
    this.#engine = engine;
    this.#socket = socket;
    this.address = plainAddress(socket.remoteAddress ?? "");
    this.trusted = engine.options.proxies.trusts(this.address);
    // What node calls after the last answer. Its own would destroy the socket: a reset then overtakes that answer while
    // the client still sends.
    socket.destroySoon = () => this.#close();
    engine.open.add(this);
    socket.once("close", () => {
      engine.open.delete(this);
      engine.closing.delete(this);
      this.#forgetAhead();
    });
  }

  certificate(): Uint8Array | undefined {
    return peerCertificate(this.#socket);
  }

  /** No further request is taken: what comes is nobody's. Counts those that come all the same. */
  ignores(): boolean {
    if (this.#ended && ++this.#ignored > maxIgnored) this.#socket.destroy();
    return this.#ended;
  }

  /** A request was read. `last`: none is taken after it. */
  take(x: NodeExchange, last: boolean): void {
    this.#youngest = x;
    this.#ended = last;
    if (this.#current === undefined) return this.#start(x, 1);
    this.#ahead.push(x);
    if (this.#ahead.length < this.#engine.options.limits.maxPipelined) return;
    this.#excess = x;
    this.#ended = true;
  }

  /** The answer to a request is out, or the client is gone. */
  over(x: NodeExchange): void {
    if (x !== this.#current) return;
    this.#current = undefined;
    if (this.#closing || this.#socket.destroyed) return this.#forgetAhead();
    const next = this.#ahead.shift();
    if (next !== undefined) this.#start(next, next === this.#excess ? this.#engine.options.limits.maxPipelined + 1 : 1);
    else this.#conclude?.();
  }

  #start(x: NodeExchange, waiting: number): void {
    this.#current = x;
    x.begin(waiting);
  }

  #forgetAhead(): void {
    const ahead = this.#ahead;
    this.#ahead = [];
    for (const x of ahead) x.lose();
  }

  /** A tunnel is asked for. node takes its hands off the socket: what it did there for answers under way is ours. */
  onConnect(): void {
    const socket = this.#socket;
    socket.on("error", () => undefined);
    socket.on("drain", () => this.#current?.onDrain());
    if (this.#closing) socket.resume();
    else if (!this.#ended) this.#endWith(400, "No tunnels");
  }

  /** Another protocol is asked for. node takes its hands off the socket, which `adopt` takes once it is the request's turn. */
  onUpgrade(adopt: () => void): void {
    const socket = this.#socket;
    const onError = () => undefined;
    const onDrain = () => this.#current?.onDrain();
    socket.on("error", onError);
    socket.on("drain", onDrain);
    if (this.#closing || this.#ended) {
      socket.resume();
      return;
    }
    this.#finally(() => {
      socket.off("drain", onDrain);
      this.#engine.open.delete(this);
      if (socket.destroyed) return;
      // Its own: what ends the connection is decided elsewhere now.
      delete (socket as { destroySoon?: unknown }).destroySoon;
      adopt();
      socket.off("error", onError);
    });
  }

  /** Bytes that are not HTTP, too many of them, or none in time. */
  onError(error: NodeJS.ErrnoException & { rawPacket?: Buffer }): void {
    const youngest = this.#youngest;
    const inBody = youngest?.read === false;
    // Nobody's bytes: the answer to the last request goes out all the same.
    if (this.#closing || (this.#ended && !inBody)) return;
    this.#ended = true;
    const timedOut = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
    if (inBody && timedOut) {
      youngest.timeOut();
    } else if (inBody && this.#ahead.at(-1) === youngest) {
      // Its turn has not come, and never will.
      this.#ahead.pop();
      youngest.lose();
      this.#endWith(400, "The request is not HTTP/1.1");
    } else if (inBody) {
      // What was sent of it to a backend must not look whole, and what follows is not a request.
      this.#socket.destroy();
    } else if (timedOut) {
      this.#endWith(408, "The request did not arrive in time");
    } else if (error.code === "HPE_HEADER_OVERFLOW") {
      const inTarget = error.rawPacket !== undefined && error.rawPacket.indexOf(0x0a) === -1;
      if (inTarget) this.#endWith(414, "The request target is too long");
      else this.#endWith(431, "The header fields are too long");
    } else if (error.code === "HPE_CLOSED_CONNECTION") {
      // A trailer ended the connection: what follows is nobody's.
      this.#finally(() => this.#close());
    } else if (error.code?.startsWith("HPE_") === true) {
      this.#endWith(400, "The request is not HTTP/1.1");
    } else {
      this.#socket.destroy();
    }
  }

  /** What came is no request: says so when those before it are answered, and closes. */
  #endWith(status: number, description: string): void {
    this.#finally(() => this.#refuse(status, description));
  }

  #finally(conclude: () => void): void {
    this.#ended = true;
    if (this.#current === undefined) conclude();
    else this.#conclude = conclude;
  }

  /** An answer where there is no exchange; the connection ends with it. */
  #refuse(status: number, description: string): void {
    const { faults, log } = this.#engine.options;
    const socket = this.#socket;
    log.info({ status, reason: description, peer: this.address }, "refused");
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const body = Buffer.from(faults.byStatus(status, description).body).toString("latin1");
    socket.write(
      `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\nContent-Type: ${faultContentType}\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      "latin1",
    );
    socket.removeAllListeners("data");
    this.#close();
    socket.resume();
  }

  /** Sends the end. Reading on for a while keeps a reset from overtaking the answer. */
  #close(): void {
    this.#ended = true;
    this.#closing = true;
    this.#closingSince = Date.now();
    this.#closingFrom = this.#socket.bytesRead;
    this.#engine.closing.add(this);
    this.#socket.end();
  }

  /** Cuts the connection. A client of HTTP/1.0 takes its end for that of the answer, unless it is a reset. */
  cut(): void {
    const looksWhole = this.#closing ? this.#socket.writableLength > 0 : this.#current?.endsWithConnection === true;
    if (looksWhole) resetSocket(this.#socket);
    else this.#socket.destroy();
  }

  /** Called once a second after the end was sent. */
  sweep(now: number): void {
    const far = this.#socket.bytesRead - this.#closingFrom > lingerBytes;
    if (far || now - this.#closingSince >= lingerMs) this.#socket.destroy();
  }
}
