/** What RESULTS.json keeps, and what RESULTS.md is made of: samples as they were measured, nothing derived. */

/** Where, when and how busily something was measured. */
export interface Circumstances {
  /** ISO date of the day. */
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Runnable processes, one-minute mean, when the part began: before its own load. */
  readonly load: number;
  /** Share of both cores' time that the hypervisor gave to other machines, 0 to 1. */
  readonly stolen: number;
  readonly rounds: number;
  readonly seconds: number;
}

/** One contender under full load, once. */
export interface Sample {
  readonly round: number;
  readonly requestsPerSecond: number;
  /** User and system time of its processes a request. */
  readonly microsecondsPerRequest: number;
  /** Of core 0, 0 to 1: what is missing to 1 was idle or went to others. */
  readonly share: number;
  /** Of core 0, 0 to 1: what processes other than the contender took. */
  readonly others: number;
  /** Of core 1, where load and backend run, 0 to 1: close to 1, they are the limit and not the contender. */
  readonly loadCore: number;
  /** Milliseconds; of a closed loop, so not what a client of a slow gateway sees. */
  readonly p50: number;
  readonly p99: number;
  readonly residentMiB: number;
  /** Answers that were not 2xx, and connections that failed. */
  readonly errors: number;
}

/** One contender at a fixed rate, once. Milliseconds from when a request was due. */
export interface LatencySample {
  readonly round: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly worst: number;
  /** 99th percentile of how late the generator itself sent, with a connection free; null when none ever was. */
  readonly generatorP99: number | null;
  /** Of core 0, 0 to 1: what processes other than the contender took. */
  readonly others: number;
  readonly requestsPerSecond: number;
  readonly errors: number;
}

export interface Measured<S> {
  readonly id: string;
  readonly samples: readonly S[];
  /** Why it has no sample of some round. */
  readonly failure?: string | undefined;
}

export interface ScenarioRecord<S> {
  readonly scenario: string;
  readonly circumstances: Circumstances;
  readonly contenders: readonly Measured<S>[];
}

export interface MemoryRecord {
  readonly circumstances: Circumstances;
  readonly rows: readonly {
    readonly id: string;
    readonly requests: number;
    readonly startMiB: number;
    readonly loadedMiB: number;
    readonly peakMiB: number;
    readonly requestsPerSecond: number;
    readonly errors: number;
    readonly failure?: string | undefined;
  }[];
}

export interface IdleRecord {
  readonly circumstances: Circumstances;
  readonly rows: readonly {
    readonly id: string;
    readonly connections: number;
    readonly residentMiB: number;
    /** Connections that were closed while they were held, and requests on held ones that failed. */
    readonly lost: number;
    readonly failure?: string | undefined;
  }[];
}

export interface StartRecord {
  readonly circumstances: Circumstances;
  /** Milliseconds, one a start, in order. */
  readonly rows: readonly {
    readonly id: string;
    readonly node: string;
    readonly times: readonly number[];
    readonly failure?: string | undefined;
  }[];
}

export interface WorkersRecord {
  readonly circumstances: Circumstances;
  readonly rows: readonly {
    readonly id: string;
    readonly requests: number;
    readonly answered: number;
    readonly backendSaw: number;
    /** Workers that did some of the work. */
    readonly busyWorkers: number;
    readonly failure?: string | undefined;
  }[];
}

export interface CompileRecord {
  readonly circumstances: Circumstances;
  readonly rows: readonly {
    readonly project: string;
    readonly node: string;
    readonly operations: number;
    readonly seconds: number;
    /** Start of the process, then the compiler's phases, then the writing of files; in order, in seconds. */
    readonly phases: readonly (readonly [name: string, seconds: number])[];
    readonly peakMiB: number;
    readonly failure?: string | undefined;
  }[];
}

export interface BenchRecord {
  readonly throughput: readonly ScenarioRecord<Sample>[];
  readonly latency: readonly ScenarioRecord<LatencySample>[];
  readonly memory?: MemoryRecord | undefined;
  readonly idle?: IdleRecord | undefined;
  readonly start?: StartRecord | undefined;
  readonly workers?: WorkersRecord | undefined;
  readonly compile?: CompileRecord | undefined;
}

export const nothingRecorded: BenchRecord = { throughput: [], latency: [] };

/** What was recorded, with what was measured now in its place; scenarios that were not measured now stay. */
export function merge(recorded: BenchRecord, now: BenchRecord): BenchRecord {
  return {
    throughput: mergeScenarios(recorded.throughput, now.throughput),
    latency: mergeScenarios(recorded.latency, now.latency),
    memory: now.memory ?? recorded.memory,
    idle: now.idle ?? recorded.idle,
    start: now.start ?? recorded.start,
    workers: now.workers ?? recorded.workers,
    compile: now.compile ?? recorded.compile,
  };
}

function mergeScenarios<S>(
  recorded: readonly ScenarioRecord<S>[],
  now: readonly ScenarioRecord<S>[],
): readonly ScenarioRecord<S>[] {
  const measured = new Set(now.map(({ scenario }) => scenario));
  return [...recorded.filter(({ scenario }) => !measured.has(scenario)), ...now];
}
