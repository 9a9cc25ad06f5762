import { Exchange, type RelayHead, type RelayOutcome, type RelayTarget } from "../../runtime-lib/exchange.ts";
import { type Faults, faultsOf } from "../../runtime-lib/faults.ts";
import type { RequestPath } from "../../runtime-lib/request-path.ts";

/** An exchange without a network: it keeps the answer for a look at it. */
export class RecordedExchange extends Exchange {
  override readonly id = "test-1";
  override readonly method: string;
  override readonly scheme: "http" | "https";
  override readonly rawHeaders: readonly string[];
  override readonly path: RequestPath;
  override readonly peerAddress = "192.0.2.1";
  override readonly clientAddress: string;
  override readonly peerTrusted = false;
  override readonly faults: Faults;
  answer: RecordedAnswer | undefined;
  readonly #request: RecordedRequest;

  constructor(request: RecordedRequest = {}) {
    super();
    this.#request = request;
    this.method = request.method ?? "GET";
    this.scheme = request.scheme ?? "http";
    this.rawHeaders = request.headers ?? [];
    this.path = typeof request.path === "object" ? request.path : rootPath(request.path ?? "/");
    this.clientAddress = request.clientAddress ?? "192.0.2.1";
    this.faults = faultsOf(request.compatibility ?? "wso2-3.2");
  }

  override clientCertificate(): Uint8Array | undefined {
    return this.#request.certificate;
  }

  override wholeBody(limit: number): Promise<Uint8Array | undefined> {
    const body = Buffer.from(this.#request.body ?? "");
    return Promise.resolve(body.length <= limit ? body : undefined);
  }

  override under(basePath: string): boolean {
    const base = basePath === "/" ? [] : basePath.slice(1).split("/");
    if (base.some((segment, index) => this.path.segments[index] !== segment)) return false;
    const below = this.path.segments.slice(base.length);
    // The base path with a slash after it is the root of the API.
    this.segments = below.length === 1 && below[0] === "" ? [] : below;
    this.baseLength = base.length === 0 ? 0 : (this.path.ends[base.length - 1] ?? 0);
    return true;
  }

  override respond(status: number, headers: readonly string[], body: string | Uint8Array): void {
    this.answer ??= {
      status,
      headers: pairs([...headers, ...this.answerHeaders]),
      body: Buffer.from(body as string).toString("utf8"),
    };
  }

  override relay(_target: RelayTarget, _head: RelayHead): Promise<RelayOutcome> {
    throw new Error("this exchange has no network");
  }

  override wait(): Promise<boolean> {
    throw new Error("this exchange has no time");
  }

  override expire(): void {
    throw new Error("this exchange has no time");
  }
}

export interface RecordedRequest {
  readonly method?: string;
  /** Parsed, or text that need not be a path at all. */
  readonly path?: string | RequestPath;
  /** name, value, ... */
  readonly headers?: readonly string[];
  readonly clientAddress?: string;
  readonly scheme?: "http" | "https";
  readonly body?: string;
  /** DER. */
  readonly certificate?: Uint8Array;
  readonly compatibility?: "wso2-3.2" | "standard";
}

export interface RecordedAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** The values of a field of an answer; the name in any case. */
export function fieldOf(x: RecordedExchange, name: string): string[] {
  const lower = name.toLowerCase();
  return (x.answer?.headers ?? []).filter(([key]) => key.toLowerCase() === lower).map(([, value]) => value);
}

function rootPath(raw: string): RequestPath {
  return { raw, query: "", segments: [], ends: [], plain: true, encodedSlash: false };
}

function pairs(raw: readonly string[]): [string, string][] {
  const found: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) found.push([raw[i] as string, raw[i + 1] as string]);
  return found;
}
