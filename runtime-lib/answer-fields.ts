import { connectionNames, isHopByHop } from "./headers.ts";
import { passingTrailerNames, passingTrailers } from "./trailers.ts";

/** Interim answers to one request that are read: more of them say nothing more. */
export const maxInterims = 16;

/** What the fields of an answer's head say of its framing and its connection. */
export interface AnswerFraming {
  /** `Content-Length`; -1: none was given. */
  contentLength: number;
  /** Transfer codings: none, a single `chunked`, anything else. */
  coding: "none" | "chunked" | "foreign";
  /** Value of `Keep-Alive`; `""`: none was given. */
  keepAlive: string;
  /** Value of `Trailer`; `""`: none was given. */
  trailer: string;
  /** What `Connection` named, in lower case. */
  named: string[] | undefined;
  /** Characters of all names and values. */
  size: number;
}

/** Nothing was said yet. */
export function noFraming(): AnswerFraming {
  return { contentLength: -1, coding: "none", keepAlive: "", trailer: "", named: undefined, size: 0 };
}

/**
 * Takes out of a backend's fields, in place, what does not go to the client: hop-by-hop fields and those that
 * `Connection` names (RFC 9110 section 7.6.1), `X-Request-ID` (the answer carries the gateway's, which the backend was
 * told), and `Content-Length` with 204 and interim answers (section 8.6). `framing` is overwritten with what they said.
 */
export function takeAnswerFields(fields: string[], status: number, framing: AnswerFraming): void {
  framing.contentLength = -1;
  framing.coding = "none";
  framing.keepAlive = "";
  framing.trailer = "";
  let size = 0;
  let kept = 0;
  let named: string[] | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const key = fields[i] as string;
    const value = fields[i + 1] as string;
    size += key.length + value.length;
    switch (key.length) {
      case 7: {
        const name = key.toLowerCase();
        // It is told again where trailers can follow: `announceTrailers`.
        if (name === "trailer") framing.trailer = framing.trailer === "" ? value : `${framing.trailer},${value}`;
        if (isHopByHop(name)) continue;
        break;
      }
      case 2:
      case 16:
      case 18:
      case 19:
        if (isHopByHop(key.toLowerCase())) continue;
        break;
      case 10: {
        const name = key.toLowerCase();
        if (name === "connection") {
          named = connectionNames(value, named);
          continue;
        }
        if (name === "keep-alive") {
          framing.keepAlive = value;
          continue;
        }
        break;
      }
      case 12:
        // "Content-Type" is as long and far more common.
        if ((key.charCodeAt(0) | 0x20) === 0x78 && key.toLowerCase() === "x-request-id") continue;
        break;
      case 14: {
        const name = key.toLowerCase();
        if (name === "content-length") {
          framing.contentLength = Number(value);
          if (status === 204 || status < 200) continue;
        } else if (isHopByHop(name)) continue;
        break;
      }
      case 17:
        if (key.toLowerCase() === "transfer-encoding") {
          framing.coding = framing.coding === "none" && value.toLowerCase() === "chunked" ? "chunked" : "foreign";
          continue;
        }
        break;
    }
    fields[kept++] = key;
    fields[kept++] = value;
  }
  fields.length = kept;
  framing.size = size;
  framing.named = named;
  if (named !== undefined) dropFields(fields, named);
}

/** Adds the names of the trailers that the backend has announced, where a body of no known length lets them follow. */
export function announceTrailers(fields: string[], framing: AnswerFraming): void {
  if (framing.trailer === "" || framing.coding !== "chunked") return;
  const names = passingTrailerNames(framing.trailer, framing.named ?? []);
  if (names !== "") fields.push("Trailer", names);
}

/** What of an answer's trailers goes to the client; undefined: nothing. `framing`: what its head said. */
export function answerTrailers(fields: readonly string[], framing: AnswerFraming): string[] | undefined {
  return passingTrailers(fields, framing.named ?? []);
}

/** Takes fields out of a list, in place. `names` in lower case. */
export function dropFields(fields: string[], names: readonly string[]): void {
  let kept = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const key = fields[i] as string;
    if (names.includes(key.toLowerCase())) continue;
    fields[kept++] = key;
    fields[kept++] = fields[i + 1] as string;
  }
  fields.length = kept;
}

/** What stands in a status line before its reason phrase: `HTTP/1.1 200 `. */
export const statusLineStart = 13;

/**
 * A backend's reason phrase as it can be sent on: `""` when it holds anything but tabs, spaces and printable ASCII. Clients
 * then get the usual one of the status.
 */
export function sendableReason(reason: string): string {
  for (let i = 0; i < reason.length; i++) {
    const c = reason.charCodeAt(i);
    if ((c < 0x20 && c !== 0x09) || c > 0x7e) return "";
  }
  return reason;
}

/** Seconds that a `Keep-Alive` field grants an idle connection; -1: it does not say. */
export function keepAliveSeconds(value: string): number {
  const at = value.indexOf("timeout=");
  if (at < 0) return -1;
  let seconds = 0;
  let i = at + 8;
  for (; i < value.length && i < at + 16; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) break;
    seconds = seconds * 10 + digit;
  }
  return i === at + 8 ? -1 : seconds;
}
