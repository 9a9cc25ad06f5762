import { createRequire } from "node:module";
import type { MessageKind } from "../../../runtime-lib/wire/llhttp.ts";

/** What node:http's own parser makes of bytes. */
export interface NodeParsed {
  readonly messages: readonly NodeMessage[];
  /** HPE_...; undefined: accepted so far. */
  readonly failed: string | undefined;
}

export interface NodeMessage {
  readonly start: string;
  readonly headers: readonly string[];
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  body: string;
  trailers: readonly string[];
  complete: boolean;
}

interface Binding {
  readonly HTTPParser: {
    new (): NodeBinding;
    readonly REQUEST: number;
    readonly RESPONSE: number;
    readonly kOnHeaders: number;
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
  };
  readonly methods?: readonly string[];
  readonly allMethods?: readonly string[];
}

interface NodeBinding {
  [callback: number]: unknown;
  initialize(type: number, resource: object, maxHeaderSize: number): void;
  execute(bytes: Buffer): number | (Error & { code: string });
  finish(): undefined | (Error & { code: string });
}

/** Undefined once Node no longer shows its parser, which is not public. */
export function nodeBinding(): Binding | undefined {
  try {
    const binding = createRequire(import.meta.url)("_http_common") as Binding;
    return typeof binding.HTTPParser === "function" ? binding : undefined;
  } catch {
    return undefined;
  }
}

/** Parses all of `bytes` as node:http does that listens to no upgrades. */
export function parseByNode(binding: Binding, kind: MessageKind, bytes: Buffer, noBody: boolean): NodeParsed {
  const { HTTPParser } = binding;
  const methods = binding.allMethods ?? binding.methods ?? [];
  const parser = new HTTPParser();
  parser.initialize(kind === "request" ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {}, 1 << 20);
  const messages: NodeMessage[] = [];
  let early: string[] = [];
  let url = "";
  parser[HTTPParser.kOnHeaders | 0] = (headers: string[], part: string) => {
    early.push(...headers);
    url += part;
  };
  parser[HTTPParser.kOnHeadersComplete | 0] = (
    major: number,
    minor: number,
    headers: string[] | undefined,
    method: number,
    target: string | undefined,
    status: number,
    reason: string,
    upgrade: boolean,
    keepAlive: boolean,
  ) => {
    const line = kind === "request" ? `${methods[method] ?? "DESCRIBE"} ${target ?? url}` : `${status} ${reason}`;
    messages.push({
      start: `${line} ${major}.${minor}`,
      headers: headers ?? early,
      keepAlive,
      upgrade,
      body: "",
      trailers: [],
      complete: false,
    });
    early = [];
    url = "";
    return noBody ? 1 : 0;
  };
  parser[HTTPParser.kOnBody | 0] = (part: Buffer) => {
    (messages.at(-1) as NodeMessage).body += part.toString("latin1");
  };
  parser[HTTPParser.kOnMessageComplete | 0] = () => {
    const message = messages.at(-1) as NodeMessage;
    message.complete = true;
    message.trailers = early;
    early = [];
    url = "";
  };
  for (let at = 0; at < bytes.length; ) {
    const result = parser.execute(Buffer.from(bytes.subarray(at)));
    if (typeof result !== "number") return { messages, failed: result.code };
    // Fewer than given: an upgrade that nobody takes. Errors behind it are not told.
    if (result <= 0) return { messages, failed: "unknown" };
    at += result;
  }
  return { messages, failed: undefined };
}
