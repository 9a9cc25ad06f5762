import type { Api } from "./api.ts";
import type { BackendPool, BodySource, Reach } from "./backend.ts";
import type { Caller } from "./caller.ts";
import type { BackendFailure, Faults } from "./faults.ts";
import type { LoggedIdentity } from "./logged-identity.ts";
import type { RequestPath } from "./request-path.ts";
import type { Challenge, Flaw } from "./scheme.ts";

/**
 * One request and its answer, whatever HTTP engine carries it. Generated code, checks and policies see only this; the
 * engine behind it is the only code that knows sockets, and nothing here is a term of one HTTP version.
 */
export abstract class Exchange {
  /** `X-Request-ID` of a well-formed request header, else made here. Sent to the backend and in the answer. */
  abstract readonly id: string;
  abstract readonly method: string;
  abstract readonly scheme: "http" | "https";
  /** Header fields as received: name, value, name, value, ... */
  abstract readonly rawHeaders: readonly string[];
  /** The validated path: router, checks, logs and backend URL all use this one. */
  abstract readonly path: RequestPath;
  /** Socket peer. */
  abstract readonly peerAddress: string;
  /** The client: the socket peer, or behind trusted proxies what they say (S-PIPE-06 done right). */
  abstract readonly clientAddress: string;
  /** The socket peer is one of the trusted proxies (`[castgate] trustedProxies`). */
  abstract readonly peerTrusted: boolean;
  /** Fault texts and statuses of this gateway's compatibility. */
  abstract readonly faults: Faults;

  /** Segments below the base path that `under` matched, percent-encoded; `[]` for the base path itself. */
  segments: readonly string[] = [];
  /** Length of the matched base path within `path.raw`. */
  baseLength = 0;
  /**
   * What handles it, for logs: the name of the generated handler (`getPetById`), which sets it, or the path of what the
   * gateway serves itself. Undefined until then, and for what no operation is for.
   */
  operation: string | undefined;
  /** Why the request was refused, for logs. Never holds a credential. */
  refusal: Refusal | undefined;
  /** Further response header fields for whatever answer is sent (CORS, ...): name, value, ... */
  readonly answerHeaders: string[] = [];
  /** The gateway's cross-origin rules hold here: `Access-Control-*` of a backend's answer is dropped. */
  ownsCrossOrigin = false;
  /** Lower-case names of request header fields that must not reach the backend (credentials). */
  readonly withheld: string[] = [];
  /** Names of query parameters that must not reach the backend (API keys). */
  readonly withheldQuery: string[] = [];
  /** The API that the request is for, once its checks have begun. */
  api: Api | undefined;
  /** Who calls, once that is known; undefined for public operations. */
  caller: Caller | undefined;
  /** Thumbprint (RFC 7638) of the key that a proof of possession with this request was made by; undefined without one. */
  provenKey: string | undefined;
  /** Request header fields that the gateway adds for the backend: name, value, ... */
  backendFields: string[] | undefined;
  /** JSON to say instead of the fault 101503 when no answer comes from where the request was sent. */
  outageBody: Uint8Array | undefined;
  /** The request asks for another protocol, in a way in which that can be granted: without a body, in HTTP/1.1. */
  asksUpgrade = false;
  /** The protocol that the connection may change to if the backend agrees; undefined: none. */
  upgrade: string | undefined = undefined;
  /** Set by limits that need to know what passes, or how it ends; undefined: nobody does. */
  meter: TransferMeter | undefined;
  /** Status of the answer, whoever gave it; 0 while there is none. */
  status = 0;

  /** The certificate, in DER, that the socket peer has proved to own in the TLS handshake; undefined without one. */
  abstract clientCertificate(): Uint8Array | undefined;

  /**
   * The whole body, for what the gateway serves itself; once it has come, again. Undefined: it is longer than `limit` bytes,
   * the client went away, the request has been answered meanwhile, or somebody else reads it already.
   */
  abstract wholeBody(limit: number): Promise<Uint8Array | undefined>;

  /**
   * Whether the path lies at or below `basePath` (an exact prefix that ends at a segment boundary; `/` holds all).
   * When it does, `segments` and `baseLength` are set. A path with `%2F` below a base path that has not opted in
   * (`encodedSlash`) is answered with 400 and lies below nothing.
   */
  abstract under(basePath: string, options?: UnderOptions): boolean;

  /** The first value of a header field; the name in lower case. */
  header(name: string): string | undefined {
    const raw = this.rawHeaders;
    const length = name.length;
    for (let i = 0; i < raw.length; i += 2) {
      const key = raw[i] as string;
      if (key.length === length && (key === name || key.toLowerCase() === name)) return raw[i + 1];
    }
    return undefined;
  }

  /** All values of a header field in order; the name in lower case. */
  headerValues(name: string): string[] {
    const raw = this.rawHeaders;
    const values: string[] = [];
    for (let i = 0; i < raw.length; i += 2) {
      const key = raw[i] as string;
      if (key.length === name.length && key.toLowerCase() === name) values.push(raw[i + 1] as string);
    }
    return values;
  }

  /**
   * Sends a complete answer. `headers` are name, value, ...; `answerHeaders`, the request id and the length are added. A
   * second answer is ignored.
   */
  abstract respond(status: number, headers: readonly string[], body: string | Uint8Array): void;

  /**
   * Sends the request to a backend member and streams its answer back, with back-pressure both ways. Resolves to `done`
   * when the exchange is answered, be it with a fault. With `attempt`, that is asked first, and may have it resolve to
   * `again`, with nothing answered: then the request can be relayed once more, to the same member or to another.
   */
  abstract relay(target: RelayTarget, head: RelayHead, attempt?: Attempt): Promise<RelayOutcome>;

  /** Waits between two attempts. False, and at once, when the exchange is answered or the client is gone: then nothing is left to do. */
  abstract wait(ms: number): Promise<boolean>;

  /** Ends the exchange as one that took too long: the fault of a time-out, or, where the answer has begun, the connection's end. */
  abstract expire(): void;
}

/**
 * Who decides whether the client gets what came of sending the request, or it is sent again. Is told of every outcome, once.
 * `again`: whether the request can be sent once more. It cannot once part of a streamed body was: then the client gets what
 * came, whatever is returned.
 */
export interface Attempt {
  /** An answer is at hand: its status and fields (name, value, ...). False: the client does not get it. */
  takes(status: number, fields: readonly string[], again: boolean): boolean;
  /** No answer came. True: the client gets the fault. */
  gives(failure: BackendFailure, reach: Reach, again: boolean): boolean;
}

/** Learns what a request comes to. */
export interface TransferMeter {
  /** Of the bodies of the request and of its answer, as far as they passed. */
  bytes: number;
  /** The same body, counted while it is sent. */
  body(source: BodySource): BodySource;
  /** The answer is out, or the client is gone. `status`: 0 when there was none. */
  over(status: number): void;
}

/** How an API is mounted. */
export interface UnderOptions {
  /** `%2F` may stand inside a parameter; it stays encoded everywhere. */
  readonly encodedSlash?: boolean;
}

/** A backend member. */
export interface RelayTarget {
  /** `http://host:port`, for logs. */
  readonly origin: string;
  readonly pool: BackendPool;
}

export interface RelayHead {
  /** Path and query as the backend gets them. */
  readonly path: string;
  /** name, value, ... without what the engine adds: `host`, `connection` and the body's framing. */
  readonly headers: string[];
  /** The protocol that the backend is asked to change to. It may answer as usual. */
  readonly upgrade?: string | undefined;
}

export type RelayOutcome = "done" | "again";

export interface Refusal extends LoggedIdentity {
  readonly status: number;
  /** The original's code: 900901, ... */
  readonly code: number;
  /** For the log: `jwt: signature`, `jwt: expired`, ... */
  readonly reason: string;
  /**
   * What a 401 asks for: the API's schemes in `wso2-3.2` (S-ERR-R4), those of the operation in `standard`. Empty: an
   * API key.
   */
  readonly challenges?: readonly Challenge[];
  readonly flaw?: Flaw;
  /** A token came with the request, by Bearer or DPoP, whether or not one is taken there. */
  readonly tokenOffered?: boolean;
  /** Those that the operation asks for, of a 403 for lack of one. */
  readonly scopes?: readonly string[];
  /** Of a 429. */
  readonly retryAfterSeconds?: number;
}
