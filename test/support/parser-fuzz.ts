import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { nodeBinding, parseByNode } from "../unit/wire/node-parser.ts";
import { parseAll } from "../unit/wire/parsed-messages.ts";
import { requestBytes } from "./request-bytes.ts";

export interface ParserFuzzReport {
  readonly cases: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly mismatches: readonly string[];
  readonly mismatchCount: number;
}

const batch = 5_000;
const sameVersion = process.versions.llhttp?.startsWith("9.3.") === true;

/**
 * The bytes of `request-bytes.ts` to the wire engine's parser and to that of node:http, without sockets. Ours gets them
 * at once, byte by byte and a few at a time, and must say the same each time.
 */
export function fuzzParser(count: number, seed: number, onProgress?: (done: number) => void): ParserFuzzReport {
  const outcomes: Record<string, number> = {};
  const mismatches: string[] = [];
  let mismatchCount = 0;
  let done = 0;
  for (let from = 0; from < count; from += batch) {
    const numRuns = Math.min(batch, count - from);
    for (const text of fc.sample(requestBytes(), { seed: (seed + from) | 0, numRuns })) {
      const { outcome, mismatch } = compared(text, 2 + (done % 9));
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (mismatch !== undefined) {
        mismatchCount++;
        if (mismatches.length < 20) mismatches.push(`${JSON.stringify(text)}: ${mismatch}`);
      }
      if (++done % 10_000 === 0) onProgress?.(done);
    }
  }
  return { cases: done, outcomes, mismatches, mismatchCount };
}

function compared(text: string, step: number): { outcome: string; mismatch?: string } {
  const binding = nodeBinding();
  if (binding === undefined) throw new Error("this Node does not show its parser");
  const bytes = Buffer.from(text, "latin1");
  const theirs = parseByNode(binding, "request", bytes, false);
  const { consumed, ...ours } = parseAll("request", bytes);
  const outcome = theirs.failed === undefined ? "taken" : "refused";
  const fail = (mismatch: string) => ({ outcome, mismatch });
  for (const size of [1, step]) {
    const { consumed: inPieces, ...pieces } = parseAll("request", bytes, { step: size });
    if (!isDeepStrictEqual(pieces, ours)) return fail(`not the same in steps of ${size}`);
    if (ours.failed !== "HPE_STRICT" && inPieces !== consumed) return fail(`consumes ${inPieces}, not ${consumed}`);
  }
  // A tab after a value is read in two ways by versions of llhttp, and after `close` by node's flags and ours.
  const tab = text.includes("\t");
  // Node obeys Connection in a trailer section, where it means nothing (RFC 9110 section 6.5.1).
  if (ours.messages.some(({ trailers }) => trailers.some((name) => /^connection$/i.test(name)))) return { outcome };
  // For node a tunnel begins there; an engine refuses it and reads no more.
  if (ours.messages.some(({ head }) => head.method === "CONNECT")) return { outcome };
  if (theirs.failed !== undefined && ours.failed === undefined) return fail(`refused by node alone: ${theirs.failed}`);
  if (theirs.failed === undefined && ours.failed !== undefined) {
    // Node's does not tell of errors behind a request that asks for an upgrade.
    const untold = ours.messages.some(({ head }) => head.upgrade);
    return ours.failed === "HPE_STRICT" || tab || untold ? { outcome } : fail(`refused by ours alone: ${ours.failed}`);
  }
  const alike = sameVersion && theirs.failed !== "unknown" && ours.failed !== "HPE_STRICT" && !tab;
  if (alike && ours.failed !== theirs.failed) return fail(`${ours.failed} instead of ${theirs.failed}`);
  if (ours.failed !== undefined && !alike) return { outcome };
  const told = ours.messages.map(({ head, ...more }, i) => ({
    start: startOf(`${head.method} ${head.target} ${head.version}`, theirs.messages[i]?.start),
    headers: head.headers,
    keepAlive: tab || head.keepAlive,
    upgrade: head.upgrade,
    ...more,
  }));
  const expected = theirs.messages.map(({ start, keepAlive, ...more }) => ({
    ...more,
    start: startOf(start, start),
    keepAlive: tab || keepAlive,
  }));
  if (isDeepStrictEqual(told, expected)) return { outcome };
  return fail(`${JSON.stringify(told)} instead of ${JSON.stringify(expected)}`);
}

/** Without the method where node's parser knows one that the list of names beside it does not have. */
function startOf(start: string, theirs = ""): string {
  return theirs.startsWith("DESCRIBE ") || / 0\.9$/.test(theirs) ? start.replace(/^\S+/, "") : start;
}
