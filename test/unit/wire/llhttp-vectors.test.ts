import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { MessageKind } from "../../../runtime-lib/wire/llhttp.ts";
import { type ParseOptions, parseAll } from "./parsed-messages.ts";

/** llhttp's own test cases; they stand beside the repository, not in it. */
const folder = new URL("../../../../shared/vectors/llhttp/", import.meta.url);
const skip = existsSync(folder) ? false : "../shared/vectors/llhttp is not there";

interface Vector {
  readonly name: string;
  readonly kind: MessageKind;
  readonly options: ParseOptions;
  readonly bytes: Buffer;
  readonly log: readonly string[];
}

interface Expected {
  readonly messages: readonly ExpectedMessage[];
  /** Number of llhttp's error. */
  readonly error: number | undefined;
  readonly finish: number | undefined;
}

interface ExpectedMessage {
  readonly head: string[] | undefined;
  readonly body: string;
  readonly trailers: readonly string[];
  readonly complete: boolean;
}

const errorNames: Readonly<Record<number, string>> = {
  2: "HPE_STRICT",
  3: "HPE_LF_EXPECTED",
  4: "HPE_UNEXPECTED_CONTENT_LENGTH",
  5: "HPE_CLOSED_CONNECTION",
  6: "HPE_INVALID_METHOD",
  7: "HPE_INVALID_URL",
  8: "HPE_INVALID_CONSTANT",
  9: "HPE_INVALID_VERSION",
  10: "HPE_INVALID_HEADER_TOKEN",
  11: "HPE_INVALID_CONTENT_LENGTH",
  12: "HPE_INVALID_CHUNK_SIZE",
  13: "HPE_INVALID_STATUS",
  14: "HPE_INVALID_EOF_STATE",
  15: "HPE_INVALID_TRANSFER_ENCODING",
  23: "HPE_PAUSED_H2_UPGRADE",
  25: "HPE_CR_EXPECTED",
  30: "HPE_UNEXPECTED_SPACE",
};
/** Refused here, though the newest llhttp accepts it. */
const stricter = new Map([["Tabs in `Content-Length` (surrounding)", "HPE_INVALID_CONTENT_LENGTH"]]);
/** The rest is another protocol for llhttp's tests; here it is read on as HTTP. */
const pausedOnUpgrade = 22;

describe("llhttp's own cases, with no leniency", { skip }, () => {
  const vectors = skip === false ? read() : [];

  test("all are found", () => {
    assert.equal(vectors.filter(({ kind }) => kind === "request").length, 137);
    assert.equal(vectors.filter(({ kind }) => kind === "response").length, 77);
  });

  for (const { name, kind, options, bytes, log } of vectors) {
    test(name, () => {
      const refusal = [...stricter].find(([title]) => name.includes(title))?.[1];
      const expected = interpret(log);
      const whole = parseAll(kind, bytes, options);
      for (const step of [1, 2, 3, 7, 64]) {
        const { consumed, ...parsed } = parseAll(kind, bytes, { ...options, step });
        assert.deepEqual({ ...parsed, consumed: whole.consumed }, whole);
        // Where the parser itself refuses, it does so at the end of the bytes at hand.
        if (whole.failed !== "HPE_STRICT") assert.equal(consumed, whole.consumed);
      }
      if (refusal !== undefined) return assert.equal(whole.failed, refusal);
      const ended = whole.messages.map(({ head, body, trailers, complete }) => {
        const start = kind === "request" ? [head.method, head.target] : [String(head.status), head.reason];
        return { head: [...start, head.version, ...head.headers], body, trailers, complete };
      });
      if (expected.error === pausedOnUpgrade) {
        assert.deepEqual(ended.slice(0, expected.messages.length), expected.messages);
      } else {
        assert.deepEqual(ended, expected.messages);
        if (expected.finish === undefined) {
          assert.equal(whole.failed, expected.error === undefined ? undefined : errorNames[expected.error]);
        }
      }
      if (expected.finish !== undefined) assert.equal(whole.finished, expected.finish !== 2);
    });
  }
});

function read(): Vector[] {
  const vectors: Vector[] = [];
  for (const side of ["request", "response"]) {
    for (const file of readdirSync(new URL(`${side}/`, folder)).sort()) {
      const text = readFileSync(new URL(`${side}/${file}`, folder), "utf8");
      const cases = /<!-- meta=(\{[^}]*\}) -->\s*```http\n([\s\S]*?)```(?:(?!```)[\s\S])*```log\n([\s\S]*?)```/g;
      for (const found of text.matchAll(cases)) {
        const [, meta = "", http = "", log = ""] = found;
        const { type, skipBody } = JSON.parse(meta) as { readonly type: string; readonly skipBody?: boolean };
        const [kind, lenient] = type.replace("-finish", "").split("-");
        if (lenient !== undefined || (kind !== "request" && kind !== "response")) continue;
        const headings = text.slice(0, found.index).match(/^#+ .*$/gm) ?? [];
        vectors.push({
          name: `${side}/${file}: ${headings.at(-1)?.replace(/^#+ /, "")} (${vectors.length})`,
          kind,
          options: { noBody: skipBody === true, finish: type.endsWith("-finish") },
          bytes: decode(http),
          log: log.split("\n").filter((line) => line !== ""),
        });
      }
    }
  }
  return vectors;
}

/** As the files write bytes: line ends stand for CRLF, those after a backslash for nothing. */
function decode(text: string): Buffer {
  const written = text
    .replace(/\n$/, "")
    .replaceAll("\\\n", "")
    .replaceAll("\n", "\r\n")
    .replaceAll("\\r", "\r")
    .replaceAll("\\n", "\n")
    .replaceAll("\\t", "\t")
    .replaceAll("\\f", "\f");
  return Buffer.from(written.replace(/\\x([0-9a-f]+)/gi, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16))));
}

/** The messages that a log of callbacks tells. */
function interpret(log: readonly string[]): Expected {
  const messages: { head: string[] | undefined; body: string; trailers: string[]; complete: boolean }[] = [];
  let start: Record<string, string> = {};
  let fields: string[] = [];
  let fresh = true;
  let error: number | undefined;
  let finish: number | undefined;
  for (const line of log) {
    const event = line.replace(/^off=\w+ (len=\d+ )?/, "");
    const [, kind, quoted, lineEnd] = /^span\[(\w+)\]=(?:"(.*)"|(cr|lf))$/.exec(event) ?? [];
    const written = lineEnd === undefined ? quoted : { cr: "\r", lf: "\n" }[lineEnd];
    const message = messages.at(-1);
    if (event === "message begin") {
      messages.push({ head: undefined, body: "", trailers: [], complete: false });
      start = { method: "", url: "", status: "", version: "" };
      fields = [];
      fresh = true;
    } else if (kind !== undefined && written !== undefined) {
      const bytes = Buffer.from(written.replaceAll("\\t", "\t").replaceAll("\\f", "\f")).toString("latin1");
      if (kind === "header_field") {
        if (fresh) fields.push("", "");
        fresh = false;
        fields[fields.length - 2] += bytes;
      } else if (kind === "header_value") fields[fields.length - 1] += bytes;
      else if (kind === "body" && message !== undefined) message.body += bytes;
      else start[kind] += bytes;
    } else if (event === "header_value complete") {
      fields[fields.length - 1] = fields.at(-1)?.replace(/[ \t]+$/, "") ?? "";
      fresh = true;
    } else if (event.startsWith("headers complete") && message !== undefined) {
      const [, major, minor] = / v=(\d)\/(\d)/.exec(event) ?? [];
      const [, status] = / status=(\d+)/.exec(event) ?? [];
      const line = status === undefined ? [start.method, start.url] : [status, start.status];
      message.head = [...line, `${major}.${minor}`, ...fields] as string[];
      fields = message.trailers;
      fresh = true;
    } else if (event === "message complete" && message !== undefined) message.complete = true;
    else if (event.startsWith("error code=")) error = Number(/\d+/.exec(event)?.[0]);
    else if (event.startsWith("finish=")) {
      finish = Number(event.slice("finish=".length));
      if (finish === 1 && message !== undefined) message.complete = true;
    }
  }
  return { messages: messages.filter(({ head }) => head !== undefined), error, finish };
}
