import { type BackendName, type Endpoint, placedMs, recoveryMs } from "./setup.ts";

/** What was done to the world, and when. Times are those of the clock: several processes share them. */

export type BackendFault = "kill" | "pause" | "queue" | "slow" | "silent" | "busy" | "reset" | "drop" | "lie";

export interface Disturbance {
  readonly backend: BackendName;
  readonly fault: BackendFault;
  readonly from: number;
  /** Infinity: it lasts. */
  to: number;
  /** When it was seen to be well again, which takes a while after `to`. */
  wellAt: number;
}

/** Nobody is there who answers, or takes connections at all. */
export const deadly: ReadonlySet<BackendFault> = new Set<BackendFault>(["kill", "pause", "queue"]);

export class History {
  readonly disturbances: Disturbance[] = [];
  /** Where etcd sends `moved`; `to`: until when the gateway may still use it. */
  readonly #places: { readonly backend: BackendName; readonly from: number; to: number }[];
  #etcdDownSince: number | undefined;
  readonly #redis: { readonly from: number; to: number }[] = [];
  redisRestarts = 0;

  constructor(place: BackendName) {
    this.#places = [{ backend: place, from: 0, to: Number.POSITIVE_INFINITY }];
  }

  disturb(backend: BackendName, fault: BackendFault): Disturbance {
    const disturbance = {
      backend,
      fault,
      from: Date.now(),
      to: Number.POSITIVE_INFINITY,
      wellAt: Number.POSITIVE_INFINITY,
    };
    this.disturbances.push(disturbance);
    return disturbance;
  }

  /** Just before the value is written. */
  placed(backend: BackendName, now = Date.now()): void {
    const current = this.#places.at(-1);
    if (current?.backend === backend) return;
    if (current !== undefined) current.to = now + placedMs;
    this.#places.push({ backend, from: now, to: Number.POSITIVE_INFINITY });
  }

  etcdDown(now = Date.now()): void {
    this.#etcdDownSince = now;
  }

  /** What could not be brought meanwhile gets its time once more. */
  etcdUp(now = Date.now()): void {
    const since = this.#etcdDownSince ?? now;
    for (const place of this.#places)
      if (place.to >= since && place.to < Number.POSITIVE_INFINITY) place.to = now + placedMs;
    this.#etcdDownSince = undefined;
  }

  redisDown(now = Date.now()): void {
    this.#redis.push({ from: now, to: Number.POSITIVE_INFINITY });
  }

  redisUp(now = Date.now()): void {
    const last = this.#redis.at(-1);
    if (last !== undefined) last.to = now + recoveryMs;
    this.redisRestarts++;
  }

  wasRedisAway(from: number, to: number): boolean {
    return this.#redis.some((time) => time.from <= to && time.to >= from);
  }

  /** The backends that a request of that time may have been answered by. */
  membersOf(endpoint: Endpoint, from: number, to: number): readonly BackendName[] {
    if (endpoint.name !== "moved") return endpoint.members;
    return this.#places.filter((place) => place.from <= to && place.to >= from).map(({ backend }) => backend);
  }

  /** What was wrong with a backend at that time, or shortly before. */
  faultsOf(backend: BackendName, from: number, to: number, afterMs = recoveryMs): readonly BackendFault[] {
    return this.disturbances
      .filter((one) => one.backend === backend && one.from <= to && one.wellAt + afterMs >= from)
      .map(({ fault }) => fault);
  }
}
