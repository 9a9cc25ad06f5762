import type { BackendCall, BackendPool, RequestBody } from "../../../runtime-lib/backend.ts";
import type { EngineOptions } from "../../../runtime-lib/engine-options.ts";
import type { Refusal, RelayHead } from "../../../runtime-lib/exchange.ts";
import { BaseExchange, type Expectation, type Peer } from "../../../runtime-lib/exchange-base.ts";
import type { HttpParser } from "../../../runtime-lib/wire/llhttp.ts";

/** What the gateway would have sent. */
export interface DryAnswer {
  readonly status: number;
  /** name, value, ... */
  readonly fields: readonly string[];
  readonly body: Uint8Array;
  /** Why it is a fault, as the log has it. */
  readonly refusal: Refusal | undefined;
}

/** A request that came from nowhere: what would be sent, to the client or to a backend, is kept for a look at it. */
export class DryExchange extends BaseExchange {
  answer: DryAnswer | undefined;
  /** The head of the request for the backend. */
  sent: RelayHead | undefined;
  /** Fields for the backend whose values are nobody's to see, in lower case: credentials, and what is left of the client's cookies. */
  readonly hidden = new Set(["cookie"]);
  readonly #target: string;
  readonly #majorVersion: number;
  readonly #minorVersion: number;

  /** `parser` has just read its head. */
  constructor(options: EngineOptions, peer: Peer, scheme: "http" | "https", parser: HttpParser) {
    super(options, peer, scheme, parser.method, parser.minor, parser.rawHeaders);
    this.#target = parser.target;
    this.#majorVersion = parser.major;
    this.#minorVersion = parser.minor;
    // As the engines have it: no body, and a connection that stays.
    if (parser.upgrade) this.asksUpgrade = parser.keepAlive && parser.ended && parser.headOnly && parser.minor > 0;
    if (this.chunked && parser.ended && parser.headOnly) this.foreignCoding = true;
  }

  /** Whether its form lets it in; it is answered otherwise. */
  begin(): boolean {
    return this.admit(this.#target, this.#majorVersion, this.#minorVersion, this.#expectation(), 1);
  }

  #expectation(): Expectation {
    if (this.#minorVersion === 0 || this.header("expect") === undefined) return "none";
    return continueExpected.test(this.headerValues("expect").join(", ")) ? "continue" : "unknown";
  }

  /** Its only backend. */
  get pool(): BackendPool {
    return {
      lendsBytes: false,
      send: (_sink, _method, head) => {
        this.sent = head;
        return noCall;
      },
      retire: async () => undefined,
      close: async () => undefined,
    };
  }

  protected override sendWhole(
    status: number,
    _reason: string,
    fields: readonly string[],
    body: Uint8Array | undefined,
  ): void {
    this.answer = { status, fields, body: body ?? new Uint8Array(), refusal: this.refusal };
    // Limits that count successes alone hear of it.
    this.over(true);
  }

  protected override collect(): void {
    this.collected(Buffer.alloc(0));
  }

  protected override streamed(): RequestBody {
    return Buffer.alloc(0);
  }

  // There is no connection that anything of it could be sent on.
  override flushHead(): void {}
  override answerData(): boolean {
    return true;
  }
  protected override sendHead(): void {}
  protected override sendEnd(): void {}
  protected override sendHints(): void {}
  protected override closeAfter(): void {}
  protected override cut(): void {}
  protected override leaveBody(): void {}
}

const noCall: BackendCall = { reached: false, cancel: () => undefined, resume: () => undefined };

/** As the engines read it. */
const continueExpected = /(?:^|\W)100-continue(?:$|\W)/i;
