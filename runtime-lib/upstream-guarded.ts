import type { Reach } from "./backend.ts";
import type { Attempt, Exchange } from "./exchange.ts";
import type { BackendFailure } from "./faults.ts";
import { monotonicMs } from "./monotonic.ts";
import { relayHeadFor } from "./relay-head.ts";
import type { Breaker, BreakerPolicy, EjectionPolicy, RetryPolicy, Standing } from "./resilience.ts";
import { backendFault, fault } from "./respond.ts";
import { DeclaredUpstream, type EndpointUrl, type Member, type Upstream, type UpstreamOptions } from "./upstream.ts";

/** What an endpoint may ask for beyond being sent to. */
export interface GuardOptions extends UpstreamOptions {
  /** Milliseconds for a request with all of its attempts, up to the end of the answer: 504 then. No limit unless given. */
  readonly totalMs?: number;
  /** Requests that may be on their way at the same time; the next one gets 503 at once. Any number unless given. */
  readonly maxInFlight?: number;
  /** Methods that the backend bears to get more than once, beside the idempotent ones (RFC 9110 section 9.2.2). */
  readonly resendMethods?: readonly string[];
  readonly retry?: RetryPolicy;
  readonly circuitBreaker?: BreakerPolicy;
}

/** One backend URL, with retries, a circuit breaker or limits of its own. */
export function guarded(options: GuardOptions & { readonly url: EndpointUrl }): Upstream {
  return new GuardedUpstream(options, [options.url]);
}

/** A member and what is known of it. That stays with its URL when the members are replaced. */
export class Place {
  readonly url: string;
  member: Member;
  /** Requests on their way to it. */
  inFlight = 0;
  readonly breaker: Breaker | undefined;
  readonly standing: Standing | undefined;

  constructor(url: string, member: Member, breaker: Breaker | undefined, standing: Standing | undefined) {
    this.url = url;
    this.member = member;
    this.breaker = breaker;
    this.standing = standing;
  }
}

/** Whether it would be asked at the moment while there are others. */
export function isAvailable({ breaker, standing }: Place, now: number): boolean {
  return breaker?.admits(now) !== false && standing?.isOut(now) !== true;
}

/**
 * Sends requests to members with what is declared for them. Of each member, the circuit breaker is asked first, then the
 * request is sent, and perhaps sent again (the original's order); after that another member may be tried, each at most once.
 * Nothing is sent twice of which a backend may have seen part, unless the method is idempotent or declared to be safe.
 */
export class GuardedUpstream implements Upstream {
  readonly key: string;
  readonly options: GuardOptions;
  readonly ejection: EjectionPolicy | undefined;
  /** Answers upon which another member is asked. */
  readonly passOver: readonly number[];
  readonly #declared: DeclaredUpstream;
  #members: readonly Member[] = [];
  #places: readonly Place[] = [];
  #inFlight = 0;

  constructor(
    options: GuardOptions,
    urls: readonly EndpointUrl[],
    ejection?: EjectionPolicy,
    passOver: readonly number[] = [],
  ) {
    this.key = options.key;
    this.options = options;
    this.ejection = ejection;
    this.passOver = passOver;
    this.#declared = new DeclaredUpstream(options, urls);
  }

  /** The member to begin with. */
  first(_places: readonly Place[], _now: number): number {
    return 0;
  }

  /** The member of this number has answered well. */
  answered(_index: number): void {}

  /** It has not. */
  failed(_index: number): void {}

  async send(x: Exchange): Promise<void> {
    const { maxInFlight, totalMs } = this.options;
    if (maxInFlight !== undefined && this.#inFlight >= maxInFlight) {
      return fault(x, 503, "Too many requests are on their way to the backend");
    }
    const timer = totalMs === undefined ? undefined : setTimeout(() => x.expire(), totalMs);
    this.#inFlight++;
    try {
      await this.#send(x);
    } finally {
      this.#inFlight--;
      clearTimeout(timer);
    }
  }

  async #send(x: Exchange): Promise<void> {
    const places = this.#current();
    if (places.length === 0) return fault(x, 503, "The backend is not configured");
    const passage = new Passage(this, x.method, places);
    for (let place = passage.next(); place !== undefined; place = passage.next()) {
      // The one that it begins with, also when members are replaced meanwhile.
      const { member } = place;
      try {
        do {
          if ((await x.relay(member.target, relayHeadFor(x, member), passage)) === "done") return;
        } while (passage.waitMs >= 0 && (await x.wait(passage.waitMs)));
      } finally {
        // Whatever happens: a probe that never ends would keep the member out for good.
        passage.leave();
      }
      // The client went away meanwhile, or the request was answered.
      if (passage.waitMs >= 0) return;
    }
    const seconds = Math.min(...places.map(({ breaker }) => breaker?.secondsLeft(monotonicMs()) ?? 5));
    backendFault(x, "unavailable", "backend: the circuit breaker is open", seconds);
  }

  /** The members as they are now. */
  #current(): readonly Place[] {
    const { members } = this.#declared;
    if (members === this.#members) return this.#places;
    const before = new Map(this.#places.map((place) => [place.url, place]));
    const places = new Map<string, Place>();
    this.#places = members.map((member) => {
      const url = `${member.target.origin}${member.basePath}${member.baseQuery}`;
      const place = before.get(url) ?? places.get(url) ?? this.#placeOf(url, member);
      place.member = member;
      places.set(url, place);
      return place;
    });
    this.#members = members;
    return this.#places;
  }

  #placeOf(url: string, member: Member): Place {
    const name = `${this.key} ${member.target.origin}`;
    return new Place(url, member, this.options.circuitBreaker?.breaker(name), this.ejection?.standing(name));
  }
}

/** One request on its way through the members of an upstream. */
class Passage implements Attempt {
  /** How long to wait before the request is sent to the same member once more; -1: it is not. */
  waitMs = -1;
  readonly #upstream: GuardedUpstream;
  readonly #places: readonly Place[];
  readonly #first: number;
  readonly #repeatable: boolean;
  /** The member that it is at, by number; -1: none yet. */
  #at = -1;
  #tried: Place[] | undefined;
  /** Attempts at this member. */
  #attempts = 0;
  /** What came of this member is noted. */
  #noted = false;
  #probe = false;

  constructor(upstream: GuardedUpstream, method: string, places: readonly Place[]) {
    this.#upstream = upstream;
    this.#places = places;
    const now = monotonicMs();
    this.#first = upstream.first(places, now);
    this.#repeatable = isIdempotent(method) || upstream.options.resendMethods?.includes(method) === true;
    upstream.options.retry?.began(now);
  }

  /** The next member to ask; undefined: there is none. */
  next(): Place | undefined {
    const now = monotonicMs();
    const at = this.#following(now);
    if (at < 0) return undefined;
    const place = this.#places[at] as Place;
    this.#at = at;
    this.waitMs = -1;
    this.#attempts = 0;
    this.#noted = false;
    this.#probe = place.breaker?.enter(now) === true;
    place.standing?.enter(now);
    place.inFlight++;
    return place;
  }

  /** It is done with the member that it is at. Nothing is known of that if its client went away. */
  leave(): void {
    const place = this.#places[this.#at] as Place;
    place.inFlight--;
    if (this.#noted) return;
    place.breaker?.left(this.#probe);
    place.standing?.left();
  }

  /** Members in turn, those last that are left out. -1: all were asked, or cannot be. */
  #following(now: number): number {
    const places = this.#places;
    if (this.#at >= 0) {
      this.#tried ??= [];
      const place = places[this.#at] as Place;
      if (!this.#tried.includes(place)) this.#tried.push(place);
    }
    let spare = -1;
    for (let i = 0; i < places.length; i++) {
      const at = (this.#first + i) % places.length;
      const place = places[at] as Place;
      if (this.#tried?.includes(place) === true || place.breaker?.admits(now) === false) continue;
      if (place.standing?.isOut(now) !== true) return at;
      if (spare < 0) spare = at;
    }
    return spare;
  }

  takes(status: number, fields: readonly string[], again: boolean): boolean {
    const { options, passOver } = this.#upstream;
    const { retry } = options;
    if (again && this.#repeatable && retry?.statusCodes.includes(status) && this.#retries(retry, fields)) return false;
    const now = monotonicMs();
    const wanted = !passOver.includes(status);
    this.#note(
      options.circuitBreaker?.statusCodes.includes(status) !== true,
      wanted && this.#upstream.ejection?.statusCodes.includes(status) !== true,
      now,
    );
    if (wanted) {
      this.#upstream.answered(this.#at);
      return true;
    }
    this.#upstream.failed(this.#at);
    return !again || !this.#repeatable || this.#following(now) < 0;
  }

  gives(failure: BackendFailure, reach: Reach, again: boolean): boolean {
    const { retry } = this.#upstream.options;
    const mayRepeat = again && (reach === "none" || this.#repeatable);
    if (mayRepeat && retry !== undefined && this.#retries(retry, noFields)) return false;
    const now = monotonicMs();
    // A connection that was about to be closed says nothing of who closed it, and the lack of one is the gateway's own doing.
    if (reach !== "stale" && failure !== "unavailable") {
      this.#note(false, false, now);
      this.#upstream.failed(this.#at);
    }
    return !mayRepeat || this.#following(now) < 0;
  }

  #retries(retry: RetryPolicy, fields: readonly string[]): boolean {
    this.#attempts++;
    this.waitMs = retry.waitAfter(this.#attempts, retryAfterMs(fields), monotonicMs());
    return this.waitMs >= 0;
  }

  /** What came of the member in the end; its retries do not count each (R-RES-04). */
  #note(closes: boolean, stands: boolean, now: number): void {
    if (this.#noted) return;
    this.#noted = true;
    this.waitMs = -1;
    const { breaker, standing } = this.#places[this.#at] as Place;
    if (closes) breaker?.succeeded(this.#probe);
    else breaker?.failed(this.#probe, now);
    if (standing === undefined) return;
    if (stands) standing.succeeded();
    else standing.failed(now, this.#mayEject(standing, now));
  }

  #mayEject(which: Standing, now: number): boolean {
    let out = 0;
    for (const { standing } of this.#places) if (standing !== which && standing?.isOut(now)) out++;
    return out < (this.#upstream.ejection?.most(this.#places.length) ?? 0);
  }
}

const noFields: readonly string[] = [];

/** RFC 9110 section 9.2.2. */
function isIdempotent(method: string): boolean {
  switch (method) {
    case "GET":
    case "HEAD":
    case "OPTIONS":
    case "PUT":
    case "DELETE":
    case "TRACE":
      return true;
    default:
      return false;
  }
}

/** `Retry-After` (RFC 9110 section 10.2.3) from now, in milliseconds; 0: nothing was asked for, or nothing that can be read. */
function retryAfterMs(fields: readonly string[]): number {
  for (let i = 0; i < fields.length; i += 2) {
    if ((fields[i] as string).toLowerCase() !== "retry-after") continue;
    const text = (fields[i + 1] as string).trim();
    if (/^\d+$/.test(text)) return 1000 * Number(text);
    const date = Date.parse(text);
    return Number.isNaN(date) ? 0 : Math.max(0, date - Date.now());
  }
  return 0;
}
