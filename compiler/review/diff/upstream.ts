import type { UpstreamModel } from "../../model/gateway-model.ts";
import type { HttpMethod } from "../../model/names.ts";
import type { ChangeCode } from "./catalogue.ts";
import type { FindingFacts, Findings } from "./findings.ts";
import { duration, isEqual, listed, setDifference } from "./order.ts";
import { type AddUpstreamChange, diffUrls } from "./upstream-urls.ts";

/** Whether two upstreams differ in nothing but where they were written. */
export function isSameUpstream(
  { origin: _base, ...before }: UpstreamModel,
  { origin: _head, ...after }: UpstreamModel,
): boolean {
  return isEqual(before, after);
}

/** Where requests of a method go, with what, how many, and how long they may take. Both are of the same environment. */
export function diffUpstream(
  before: UpstreamModel,
  after: UpstreamModel,
  method: HttpMethod,
  findings: Findings,
): void {
  const what = `the ${after.environment} backend`;
  let found = false;
  const add = (code: ChangeCode, message: string, old?: string, now?: string) => {
    found = true;
    const facts: FindingFacts = {
      message,
      before: old,
      after: now,
      base: before.origin,
      head: after.origin,
      step: "forward",
    };
    findings.add(code, facts);
  };
  diffUrls(before, after, what, add);
  diffPath(before, after, what, add);
  diffPins(before, after, what, add);
  diffCredentials(before, after, what, add);
  diffTimes(before, after, what, add);
  diffLoad(before, after, what, add);
  diffResilience(before, after, method, what, add);
  if (before.overrideKey !== after.overrideKey)
    add(
      "backend-override-renamed",
      `the settings that replace ${what} are named after ${after.overrideKey} now`,
      before.overrideKey,
      after.overrideKey,
    );
  if (before.level !== after.level)
    add("backend-level-changed", `${what} is that of the ${after.level} now`, before.level, after.level);
  if (!found) add("backend-reworded", `${what} is written otherwise; it means the same`);
}

function diffPath(before: UpstreamModel, after: UpstreamModel, what: string, add: AddUpstreamChange): void {
  if (before.appendPath === after.appendPath) return;
  if (after.appendPath === false)
    add("backend-path-fixed", `callers no longer choose the path at ${what}`, "path appended", "fixed");
  else add("backend-path-appended", `callers choose the path at ${what} now`, "fixed", "path appended");
}

function diffPins(before: UpstreamModel, after: UpstreamModel, what: string, add: AddUpstreamChange): void {
  const { added, removed } = setDifference(before.pins ?? [], after.pins ?? []);
  const [old, now] = [listed(before.pins ?? []) || "any", listed(after.pins ?? []) || "any"];
  if (before.pins !== undefined && after.pins === undefined)
    add("backend-pins-removed", `${what} may have any key that is certified`, old, now);
  else if (before.pins === undefined && after.pins !== undefined)
    add("backend-pins-added", `${what} must have one of ${after.pins.length} public keys`, old, now);
  else {
    if (added.length > 0) add("backend-pin-accepted", `${what} may have another public key`, old, now);
    if (removed.length > 0) add("backend-pin-refused", `${what} may no longer have one of its public keys`, old, now);
  }
}

function diffCredentials(before: UpstreamModel, after: UpstreamModel, what: string, add: AddUpstreamChange): void {
  const [old, now] = [before.credentials, after.credentials];
  if (old?.type === "oauth2" && now?.type === "oauth2") {
    const { added, removed } = setDifference(old.scopes, now.scopes);
    if (added.length > 0)
      add(
        "backend-scope-added",
        `the gateway asks for the scope ${listed(added)} at ${what} too`,
        listed(old.scopes),
        listed(now.scopes),
      );
    if (removed.length > 0)
      add(
        "backend-scope-removed",
        `the gateway no longer asks for the scope ${listed(removed)} at ${what}`,
        listed(old.scopes),
        listed(now.scopes),
      );
    if (old.tokenUrl !== now.tokenUrl) {
      if (isClear(now.tokenUrl) && !isClear(old.tokenUrl))
        add("backend-token-in-clear", `the gateway gets its token for ${what} in clear`, old.tokenUrl, now.tokenUrl);
      if (!isClear(now.tokenUrl) && isClear(old.tokenUrl))
        add(
          "backend-token-encrypted",
          `the gateway no longer gets its token for ${what} in clear`,
          old.tokenUrl,
          now.tokenUrl,
        );
      if (schemeless(now.tokenUrl) !== schemeless(old.tokenUrl))
        add(
          "backend-credentials-changed",
          `the gateway gets its token for ${what} from elsewhere`,
          old.tokenUrl,
          now.tokenUrl,
        );
    }
  } else if (!isEqual(old, now)) {
    add(
      "backend-credentials-changed",
      `the gateway shows ${what} other credentials of its own`,
      describeCredentials(old),
      describeCredentials(now),
    );
  }
  if (before.basicUsername !== after.basicUsername) {
    const say = (name: string | undefined) => (name === undefined ? "none" : `Basic as ${name}`);
    add(
      "backend-credentials-changed",
      `the gateway logs in to ${what} otherwise`,
      say(before.basicUsername),
      say(after.basicUsername),
    );
  }
}

function describeCredentials(credentials: UpstreamModel["credentials"]): string {
  if (credentials === undefined) return "none";
  return credentials.type === "header" ? `the header field ${credentials.name}` : `a token of ${credentials.tokenUrl}`;
}

function isClear(url: string): boolean {
  return /^http:/i.test(url);
}

function schemeless(url: string): string {
  return url.replace(/^https?:/i, "");
}

const longestConnect = 10_000;
const times = [
  [
    "connect",
    "a connection to",
    ({ timeoutMs, timeouts }: UpstreamModel) => timeouts?.connectMs ?? Math.min(timeoutMs, longestConnect),
  ],
  ["headers", "the head of an answer of", ({ timeoutMs, timeouts }: UpstreamModel) => timeouts?.headersMs ?? timeoutMs],
  ["idle", "the next part of an answer of", ({ timeoutMs, timeouts }: UpstreamModel) => timeouts?.idleMs ?? timeoutMs],
  ["total", "the whole answer of", ({ timeouts }: UpstreamModel) => timeouts?.totalMs ?? Number.POSITIVE_INFINITY],
] as const;

function diffTimes(before: UpstreamModel, after: UpstreamModel, what: string, add: AddUpstreamChange): void {
  const longer: string[] = [];
  const shorter: string[] = [];
  const old: string[] = [];
  const now: string[] = [];
  for (const [name, waitsFor, timeOf] of times) {
    const [ofBase, ofHead] = [timeOf(before), timeOf(after)];
    if (ofBase === ofHead) continue;
    (ofHead > ofBase ? longer : shorter).push(waitsFor.replace(/ (to|of)$/, ""));
    old.push(`${name} ${timeText(ofBase)}`);
    now.push(`${name} ${timeText(ofHead)}`);
  }
  const [from, to] = [listed(old), listed(now)];
  if (longer.length > 0)
    add("backend-timeout-raised", `requests may wait longer for ${what} (${listed(longer)})`, from, to);
  if (shorter.length > 0)
    add("backend-timeout-lowered", `requests wait less long for ${what} (${listed(shorter)})`, from, to);
}

function timeText(ms: number): string {
  return Number.isFinite(ms) ? duration(ms) : "any time";
}

/** The original's (R-EP-10), which are those of the settings unless they say otherwise. */
const usualPool = { maxActiveConnections: -1, maxIdleConnections: 100, waitTimeInMillis: 30_000 };

function diffLoad(before: UpstreamModel, after: UpstreamModel, what: string, add: AddUpstreamChange): void {
  const number = (value: number) => (value < 0 ? Number.POSITIVE_INFINITY : value);
  const text = (value: number) => (Number.isFinite(value) ? value.toLocaleString("en-US") : "any number");
  const compare = (old: number, now: number, counted: string) => {
    if (old === now) return;
    if (now > old)
      add("backend-load-raised", `${what} may have more ${counted} at the same time`, text(old), text(now));
    else add("backend-load-lowered", `${what} has fewer ${counted} at the same time`, text(old), text(now));
  };
  compare(before.maxInFlight ?? number(-1), after.maxInFlight ?? number(-1), "requests");
  const [old, now] = [before.pool ?? usualPool, after.pool ?? usualPool];
  compare(number(old.maxActiveConnections), number(now.maxActiveConnections), "connections");
  if (!isEqual(before.pool, after.pool) && old.maxActiveConnections === now.maxActiveConnections) {
    const say = (pool: UpstreamModel["pool"]) =>
      pool === undefined
        ? "those of the settings"
        : `idle ${pool.maxIdleConnections}, wait ${duration(pool.waitTimeInMillis)}`;
    add(
      "backend-pool-changed",
      `connections to ${what} are kept and waited for otherwise`,
      say(before.pool),
      say(after.pool),
    );
  }
  if (before.pipelining !== after.pipelining)
    add(
      "backend-pipelining-changed",
      `${after.pipelining} requests may be on their way on one connection to ${what}`,
      String(before.pipelining),
      String(after.pipelining),
    );
}

function diffResilience(
  before: UpstreamModel,
  after: UpstreamModel,
  method: HttpMethod,
  what: string,
  add: AddUpstreamChange,
): void {
  const { added, removed } = setDifference(before.resendMethods ?? [], after.resendMethods ?? []);
  const [old, now] = [listed(before.resendMethods ?? []) || "none", listed(after.resendMethods ?? []) || "none"];
  if (added.includes(method)) add("backend-resend-added", `${what} may get a ${method} request twice`, old, now);
  else if (removed.includes(method))
    add("backend-resend-removed", `${what} gets no ${method} request twice any more`, old, now);
  const parts = [
    ["retries", before.retry, after.retry],
    ["the circuit breaker", before.circuitBreaker, after.circuitBreaker],
    ["the choice among its URLs", before.choice, after.choice],
  ] as const;
  for (const [name, ofBase, ofHead] of parts) {
    if (isEqual(ofBase, ofHead)) continue;
    const how = ofBase === undefined ? "on now" : ofHead === undefined ? "off now" : "set otherwise";
    add(
      "backend-resilience-changed",
      `${name} of ${what} ${name === "retries" ? "are" : "is"} ${how}`,
      describe(ofBase),
      describe(ofHead),
    );
  }
}

function describe(value: unknown): string {
  if (value === undefined) return "off";
  return flat(value, "").join(", ");
}

function flat(value: unknown, name: string): readonly string[] {
  if (Array.isArray(value)) return [`${name} ${value.length === 0 ? "none" : value.join(" ")}`];
  if (typeof value !== "object" || value === null) return [name === "" ? String(value) : `${name} ${value}`];
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, member]) => (member === undefined ? [] : flat(member, name === "" ? key : `${name}.${key}`)));
}
