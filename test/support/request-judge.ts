import { connectionNames } from "castgate/runtime/headers.js";
import { parseRequestTarget, pathRules } from "castgate/runtime/request-path.js";
import { passingTrailers } from "castgate/runtime/trailers.js";
import { type NotedRequest, observedLimits, type ReferenceRequest, type ReferenceView } from "./observed-servers.ts";
import type { TestedEngine } from "./tested-engines.ts";

/** What a client saw of our server. */
export interface ClientView {
  /** All that came back, Latin-1. */
  readonly received: string;
  /** The server ended the connection before the client did. */
  readonly refused: boolean;
  /** It ended with a reset, which may take with it what was sent before. */
  readonly reset: boolean;
  /** The server did not end the connection although the client had. */
  readonly hung: boolean;
}

export interface Judgement {
  /** How ours differs from node:http without a reason; undefined: it does not. */
  readonly mismatch: string | undefined;
  /** Where ours is stricter on purpose, and why. */
  readonly explained: readonly string[];
}

/** Why the gateway refuses a request that node:http takes. */
interface Stricter {
  readonly reason: string;
  readonly status: number;
  /** Nothing more is read on the connection: in any case, or if a body was announced. */
  readonly ends: "always" | "with a body" | "never";
  readonly applies: (request: ReferenceRequest) => boolean;
}

const valuesOf = (request: NotedRequest, name: string): string[] =>
  request.rawHeaders.filter((_, i) => i % 2 === 1 && request.rawHeaders[i - 1]?.toLowerCase() === name);
const fieldBytes = (request: Pick<NotedRequest, "rawHeaders">): number =>
  request.rawHeaders.reduce((sum, text) => sum + text.length + 2, 0);
const announcesBody = (request: NotedRequest): boolean =>
  valuesOf(request, "transfer-encoding").length > 0 ||
  valuesOf(request, "content-length").some((text) => Number(text) > 0);
const rules = pathRules("standard", false);

/** In the order in which they are looked at. Everything else must be the same. */
const stricter: readonly Stricter[] = [
  {
    reason: "transfer codings: one chunked, and not before HTTP/1.1 (RFC 9112 section 6.1)",
    status: 501,
    ends: "always",
    applies: (request) => {
      const codings = valuesOf(request, "transfer-encoding");
      return codings.length > 0 && (request.minor === 0 || codings.join().toLowerCase() !== "chunked");
    },
  },
  {
    reason: "versions: HTTP/1 alone",
    status: 400,
    ends: "always",
    applies: ({ major }) => major !== 1,
  },
  {
    reason: "expectations: only 100-continue is one (RFC 9110 section 10.1.1)",
    status: 417,
    ends: "with a body",
    applies: ({ expects }) => expects === "other",
  },
  {
    reason: "size of the target: listenerConfig.maxUriLength",
    status: 414,
    ends: "never",
    applies: ({ target }) => target.length > observedLimits.maxUriLength,
  },
  {
    reason: "size of the fields: listenerConfig.maxHeaderSize",
    status: 431,
    ends: "never",
    applies: (request) => fieldBytes(request) > observedLimits.maxHeaderSize,
  },
  {
    reason: "Host: exactly one, none only before HTTP/1.1 (RFC 9112 section 3.2)",
    status: 400,
    ends: "with a body",
    applies: (request) => {
      const hosts = valuesOf(request, "host").length;
      return hosts > 1 || (hosts === 0 && request.minor > 0);
    },
  },
  {
    reason: "Host: a host with or without a port (RFC 9110 section 7.2)",
    status: 400,
    ends: "with a body",
    applies: (request) =>
      valuesOf(request, "host").some((value) => !/^([A-Za-z0-9._~%-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?$/.test(value)),
  },
  {
    reason: "targets: a path that nobody reads in two ways",
    status: 400,
    ends: "with a body",
    applies: ({ target }) => typeof parseRequestTarget(target, rules) === "string",
  },
  {
    reason: "size of the body: listenerConfig.maxEntityBodySize",
    status: 413,
    ends: "never",
    applies: (request) => valuesOf(request, "content-length").some((text) => Number(text) > observedLimits.maxBodySize),
  },
];

/** What decides whether a connection goes on, and may be read in either way. */
const indifferent: readonly { readonly reason: string; readonly applies: (request: ReferenceRequest) => boolean }[] = [
  {
    reason:
      "Expect without a body: there is nothing to wait for (RFC 9110 section 10.1.1), node:http ends the connection",
    applies: (request) => request.expects === "continue" && !announcesBody(request),
  },
  {
    reason: "Connection in trailers: means nothing (RFC 9110 section 6.5.1), node:http obeys it",
    applies: ({ trailers }) => trailers.some((name, i) => i % 2 === 0 && name.toLowerCase() === "connection"),
  },
  {
    reason: "Connection: close with a tab after it is close (RFC 9110 section 5.6.3), not for node:http",
    applies: (request) =>
      request.keepAlive &&
      valuesOf(request, "connection").some((value) => /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(value)),
  },
];

/** node's errors that say nothing about the bytes: the client ended. */
const endOfInput = new Set(["HPE_INVALID_EOF_STATE", "ECONNRESET", "EPIPE"]);

const wholeForUs = "a body that is whole for us alone";
const droppedWithUpgrade = "Upgrade: node:http drops what is read with it, so that it is the last request";

/** Holds what ours made of some bytes against what node:http made of them. */
export function judge(
  engine: TestedEngine,
  reference: ReferenceView,
  ours: readonly NotedRequest[],
  client: ClientView,
): Judgement {
  const explained: string[] = [];
  const fail = (mismatch: string): Judgement => ({ mismatch, explained });
  if (client.hung) return fail("the connection stays open");
  const malformed = reference.error !== undefined && !endOfInput.has(reference.error);

  const expected: number[] = [];
  /** What a request is answered whose body proves to be none. */
  let brokenOff = 400;
  let ended = false;
  let mayGoOn = false;
  let next = 0;
  for (const request of reference.requests) {
    const seen = ours[next];
    if (ended) break;
    const rule = stricter.find(({ applies }) => applies(request));
    const upgrades = engine === "node" && valuesOf(request, "upgrade").length > 0;
    if (fieldBytes({ rawHeaders: request.trailers }) > observedLimits.maxHeaderSize) {
      explained.push("size of the trailers: listenerConfig.maxHeaderSize");
      return { mismatch: undefined, explained };
    }
    if (malformed && !request.complete && (rule !== undefined || seen === undefined)) {
      explained.push("a request whose body is none: it need not be looked at before that is known");
      if (rule !== undefined) brokenOff = rule.status;
      break;
    }
    if (rule === undefined) {
      if (seen === undefined) return fail(`request ${request.method} ${request.target} was not taken`);
      const difference = differenceOf(request, seen, malformed);
      // node's parser ends a request with an upgrade at its head when a tab stands behind `chunked`: the connection ends with it.
      const endsAtHead = upgrades && difference === wholeForUs && valuesOf(request, "transfer-encoding").length > 0;
      if (difference !== undefined && !endsAtHead) return fail(difference);
      next++;
      if (!request.complete && upgrades) {
        explained.push(droppedWithUpgrade);
        return { mismatch: undefined, explained };
      }
      if (!request.complete) break;
      expected.push(200);
    } else {
      explained.push(rule.reason);
      expected.push(rule.status);
    }
    // Who waits to be asked for a body and is not asked may send it or not: that is the last request.
    const notAsked = request.expects === "continue" && rule !== undefined && announcesBody(request);
    const refusedForGood = rule?.ends === "always" || (rule?.ends === "with a body" && announcesBody(request));
    const unread = engine === "node" && rule !== undefined && valuesOf(request, "transfer-encoding").length > 0;
    ended = !request.keepAlive || refusedForGood || notAsked || upgrades || unread;
    if (unread) explained.push("chunks refused unread: for node:http their trailer may end the connection");
    if (unread && rule?.ends === "never") mayGoOn = true;
    if (upgrades) explained.push(droppedWithUpgrade);
    if (notAsked && !refusedForGood && engine === "wire" && request.complete) {
      explained.push("Expect: a body that came along with the head was not waited for");
      mayGoOn = true;
    }
    for (const { reason, applies } of indifferent) {
      if (!applies(request)) continue;
      explained.push(reason);
      mayGoOn = true;
    }
    if (mayGoOn) break;
    if (rule !== undefined && !request.complete) break;
  }
  // From here on either is right, and what comes then is not the same for both.
  if (mayGoOn) return { mismatch: undefined, explained };
  if (next < ours.length) {
    const extra = ours[next] as NotedRequest;
    return fail(
      `a request that node:http did not see: ${extra.method} ${extra.target} ${JSON.stringify(extra.rawHeaders)}`,
    );
  }

  const answers = [...client.received.matchAll(/HTTP\/1\.1 ([2-9]\d\d) /g)].map(([, status]) => Number(status));
  const instead = fail(`answers ${answers} instead of ${expected}`);
  if (client.reset && !malformed) return fail("a reset, which may take with it what was sent before");
  if (answers.some((status, i) => status !== (expected[i] ?? status))) return instead;
  if (answers.length < expected.length) {
    if (!malformed) return instead;
    explained.push("bytes that are no request cost the answers to those just before them");
  }
  const more = answers.slice(expected.length);
  const last = more[0];
  if (
    more.length > 1 ||
    (last !== undefined && (reference.error === undefined || ![400, 414, 431, 501, brokenOff].includes(last)))
  ) {
    return instead;
  }
  if (client.refused !== (malformed || ended)) {
    return fail(
      client.refused ? "refused what node:http takes" : `waits for more where node:http says ${reference.error}`,
    );
  }
  return { mismatch: undefined, explained };
}

function differenceOf(reference: ReferenceRequest, ours: NotedRequest, maybeCut: boolean): string | undefined {
  if (ours.method !== reference.method) return `method ${ours.method} instead of ${reference.method}`;
  const path = parseRequestTarget(reference.target, rules);
  const target = typeof path === "string" ? path : path.raw + path.query;
  if (ours.target !== target) return `target ${ours.target} instead of ${target}`;
  if (ours.rawHeaders.join("\n") !== reference.rawHeaders.join("\n")) {
    return `fields ${JSON.stringify(ours.rawHeaders)} instead of ${JSON.stringify(reference.rawHeaders)}`;
  }
  if (ours.complete && !reference.complete) return wholeForUs;
  if (!ours.complete) return reference.complete && !maybeCut ? "a body that is not whole for us alone" : undefined;
  if (ours.body !== reference.body) {
    return `body ${JSON.stringify(ours.body)} instead of ${JSON.stringify(reference.body)}`;
  }
  const named = valuesOf(reference, "connection").reduce<string[]>(
    (names, value) => connectionNames(value, names) ?? names,
    [],
  );
  const trailers = passingTrailers(reference.trailers, named) ?? [];
  if (ours.trailers.join("\n") !== trailers.join("\n")) {
    return `trailers ${JSON.stringify(ours.trailers)} instead of ${JSON.stringify(trailers)}`;
  }
  return undefined;
}
