import { deadly, type History } from "./history.ts";
import { type BackendName, type Endpoint, type Guard, limit } from "./setup.ts";

/** One request of a client and what came of it. */
export interface Visit {
  readonly id: number;
  readonly endpoint: Endpoint;
  readonly method: "GET" | "POST";
  /** None where none is needed. */
  readonly token?: "good" | "bad" | "none";
  readonly begun: number;
  readonly ended: number;
  readonly outcome: Outcome;
}

export type Outcome =
  | { readonly kind: "answer"; readonly answer: Answer }
  /** The connection ended before the answer was whole. `head`: of the answer, some was there. */
  | { readonly kind: "broken"; readonly head: boolean; readonly reused: boolean; readonly message: string }
  | { readonly kind: "left" }
  /** Neither answered nor refused for longer than all timeouts. */
  | { readonly kind: "hung" };

/** A whole answer, as HTTP has it. */
export interface Answer {
  readonly status: number;
  /** `X-Backend`; undefined: the gateway's own. */
  readonly backend: string | undefined;
  readonly endpoint: string | undefined;
  readonly echo: string | undefined;
  /** The backend has got the very body that was sent. */
  readonly sent: boolean;
  /** The body is the one that was asked for. */
  readonly whole: boolean;
  /** Of the gateway's own: its text. */
  readonly text: string;
}

/** What a request came to, for the table. */
export type Verdict =
  | { readonly kind: "right" | "refused" | "failed" | "cut" | "raced" | "left" }
  | { readonly kind: "wrong"; readonly why: string };

/** Whether a request got what it may have got in the world as it was at that time. */
export function judgeVisit(visit: Visit, history: History): Verdict {
  const { outcome, endpoint, begun, ended } = visit;
  const members = history.membersOf(endpoint, begun, ended);
  const faults = members.flatMap((member) => history.faultsOf(member, begun, ended));
  switch (outcome.kind) {
    case "left":
      return { kind: "left" };
    case "hung":
      return wrong("no answer for longer than all timeouts");
    case "broken":
      if (faults.length > 0 && (outcome.head || visit.method === "POST" || !endpoint.redundant)) return { kind: "cut" };
      // A kept connection may end at the moment in which it is used again.
      if (outcome.reused && !outcome.head) return { kind: "raced" };
      return wrong(`broken off though ${faults.length > 0 ? "others were well" : "all was well"}: ${outcome.message}`);
    case "answer":
      return outcome.answer.backend === undefined
        ? judgeRefusal(visit, outcome.answer, faults, history)
        : judgeAnswer(visit, outcome.answer, members, faults);
  }
}

function judgeAnswer(
  visit: Visit,
  answer: Answer,
  members: readonly BackendName[],
  faults: readonly string[],
): Verdict {
  if (answer.echo !== String(visit.id)) return wrong(`the answer to request ${answer.echo}, by ${answer.backend}`);
  if (answer.endpoint !== visit.endpoint.name) return wrong(`answered by endpoint ${answer.endpoint}`);
  if (!members.some((member) => member === answer.backend))
    return wrong(`answered by ${answer.backend}, not ${members}`);
  if (visit.token === "bad" || visit.token === "none") return wrong(`let in with token: ${visit.token}`);
  if (!answer.sent) return wrong("the backend got another body than was sent");
  if (answer.status === 503 && faults.includes("busy")) return { kind: "failed" };
  if (answer.status !== 200) return wrong(`status ${answer.status} of the backend`);
  return answer.whole ? { kind: "right" } : wrong("another body than was asked for");
}

/** An answer of the gateway's own. */
function judgeRefusal(visit: Visit, answer: Answer, faults: readonly string[], history: History): Verdict {
  const { endpoint, method, token, begun, ended } = visit;
  const code = faultCode(answer.text);
  const told = `${answer.status} ${answer.text.slice(0, 200)}`;
  if (code === undefined) return wrong(`no fault: ${told}`);
  if (token === "bad" || token === "none") return answer.status === 401 ? { kind: "refused" } : wrong(told);
  if (endpoint.name === "limited") {
    if (answer.status === 429) return { kind: "refused" };
    if (answer.status === 503 && history.wasRedisAway(begun, ended)) return { kind: "refused" };
  }
  if (endpoint.name === "few" && answer.status === 503 && answer.text.includes("Too many requests are on their way"))
    return { kind: "refused" };
  if (![502, 503, 504].includes(answer.status)) return wrong(told);
  if (faults.length === 0) return wrong(`though all was well: ${told}`);
  // Members that were well the whole time, so that asking them next must have helped.
  const well = endpoint.members.filter((member) => history.faultsOf(member, begun, ended, 1_000).length === 0);
  if (method === "GET" && endpoint.redundant && well.length > 0) return wrong(`though ${well} was well: ${told}`);
  return { kind: "failed" };
}

function wrong(why: string): Verdict {
  return { kind: "wrong", why };
}

function faultCode(text: string): number | undefined {
  try {
    return (JSON.parse(text) as { fault?: { code?: number } }).fault?.code;
  } catch {
    return undefined;
  }
}

/** A line of what a backend has seen. */
export interface Sight {
  readonly backend: string;
  /** The whole request, or its head. */
  readonly whole: boolean;
  readonly id: number;
  readonly method: Visit["method"];
  readonly endpoint: string;
}

/** Compares what backends have seen with what clients were told: what should not have been. */
export function judgeSights(
  sights: readonly Sight[],
  visits: readonly Visit[],
  history: History,
  redisSlack = 1,
): string[] {
  const found: string[] = [];
  const byId = new Map<number, { heads: number; wholes: string[] }>();
  const limited = { GET: new Set<number>(), POST: new Set<number>() };
  for (const { id, whole, backend, endpoint, method } of sights) {
    const of = byId.get(id) ?? { heads: 0, wholes: [] };
    byId.set(id, of);
    if (whole) of.wholes.push(backend);
    else of.heads++;
    if (endpoint === "limited") limited[method].add(id);
  }
  for (const visit of visits) {
    const { id, method, endpoint, outcome } = visit;
    const { heads, wholes } = byId.get(id) ?? { heads: 0, wholes: [] };
    const told = `${method} ${id} of ${endpoint.name}`;
    if (heads > (method === "POST" ? 1 : endpoint.sights)) found.push(`${told} was seen ${heads} times`);
    if (visit.token === "bad" || visit.token === "none") {
      if (heads > 0) found.push(`${told} was seen with token: ${visit.token}`);
    }
    if (outcome.kind !== "answer") continue;
    const { backend, status, text } = outcome.answer;
    if (backend !== undefined && !wholes.includes(backend)) found.push(`${told} was never whole at ${backend}`);
    const unasked = status === 429 || status === 401 || text.includes("Too many requests are on their way");
    if (backend === undefined && unasked && heads > 0) found.push(`${told} was refused with ${status}, and seen`);
  }
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const { begun, ended } of visits) {
    first = Math.min(first, begun);
    last = Math.max(last, ended);
  }
  // The first window may have begun before the first request; counts are gone with each end of the store.
  const windows = Math.floor((last - first) / limit.windowMs) + 1 + redisSlack + history.redisRestarts;
  for (const [method, { size }] of Object.entries(limited))
    if (size > limit.count * windows)
      found.push(`limited: ${size} ${method} passed, ${limit.count} in each of ${windows} windows are allowed`);
  return found;
}

/** What was asked of a member while it was dead. */
export interface DeadTime {
  readonly endpoint: string;
  readonly backend: BackendName;
  readonly fault: string;
  readonly seconds: number;
  readonly attempts: number;
  /** Undefined: nothing guards it, or no other member was well. */
  readonly most: number | undefined;
}

/**
 * How often an endpoint's dead member may be asked: the failures that it takes to see it, the requests that may be on their
 * way at that moment, and one each time that it is asked whether it is back.
 */
export function mostAttempts(guard: Guard, deadMs: number, atOnce: number, requestsBefore: number): number {
  if (guard.kind === "breaker") {
    const share = (requestsBefore * guard.share) / (1 - guard.share);
    return Math.ceil(Math.max(guard.volume, share) + 1 + atOnce + deadMs / guard.resetMs + 1);
  }
  let probes = 1;
  for (let ms = guard.initialMs, left = deadMs - ms; left > 0; left -= ms, probes++)
    ms = Math.min(guard.maxMs, ms * guard.factor);
  return guard.failures + atOnce + probes;
}

/** All that was asked of dead members. `attempts`: connections that the gateway began, by port. */
export function judgeDead(
  endpoints: readonly Endpoint[],
  history: History,
  attempts: ReadonlyMap<number, readonly number[]>,
  portOf: (backend: BackendName, endpoint: string) => number,
  visits: readonly Visit[],
): readonly DeadTime[] {
  const times: DeadTime[] = [];
  for (const { backend, fault, from, to } of history.disturbances) {
    if (!deadly.has(fault)) continue;
    for (const { name: endpoint, members, guard } of endpoints) {
      if (!members.includes(backend)) continue;
      const during = (attempts.get(portOf(backend, endpoint)) ?? []).filter((at) => at > from && at < to).length;
      const asked = visits.filter((visit) => visit.endpoint.name === endpoint && visit.begun < to);
      const windowMs = guard?.kind === "breaker" ? guard.windowMs : 0;
      const before = asked.filter(({ begun }) => begun > from - windowMs && begun <= from).length;
      // Where no other is well, those that are left out are asked all the same: there is nothing to lose.
      const alone =
        members.length > 1 &&
        members.every((member) => member === backend || history.faultsOf(member, from, to).length > 0);
      const most = alone ? undefined : guard && mostAttempts(guard, to - from, mostAtOnce(asked, from), before);
      times.push({ endpoint, backend, fault, seconds: (to - from) / 1000, attempts: during, most });
    }
  }
  return times;
}

/** Requests that were on their way at the same moment, at any from `from` on. */
function mostAtOnce(visits: readonly Visit[], from: number): number {
  const changes = visits
    .filter(({ ended }) => ended >= from)
    .flatMap(({ begun, ended }) => [
      { at: begun, by: 1 },
      { at: ended, by: -1 },
    ])
    .sort((one, other) => one.at - other.at || other.by - one.by);
  let now = 0;
  let most = 0;
  for (const { by } of changes) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}
