import { Worker } from "node:worker_threads";
import { percentile } from "../statistics.ts";
import { RawConnection, requestBytes } from "./raw-connection.ts";

/** What the process is told, as JSON in its only argument. */
export interface FixedRateJob {
  readonly port: number;
  readonly path: string;
  readonly field: string;
  readonly connections: number;
  /** Requests a second. */
  readonly rate: number;
  readonly warm: number;
  readonly seconds: number;
}

/** What it prints as JSON. Milliseconds. */
export interface FixedRateResult {
  /** From when a request was due to the last byte of its answer, whether or not a connection was free when it was due. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly worst: number;
  /** How late requests were sent although a connection was free: the generator's own fault, and part of the above; null when none was. */
  readonly generatorP99: number | null;
  readonly requestsPerSecond: number;
  readonly errors: number;
}

/*
 * Requests are due one after the other at fixed times, whatever becomes of those before: a gateway that stands still for
 * 100 ms makes 100 ms worth of requests wait, and all of them count (no coordinated omission). Timers of the event loop have
 * a resolution of a millisecond, so a thread that sleeps on a futex says when the next one is due.
 */
const job = JSON.parse(process.argv[2] ?? "{}") as FixedRateJob;
const stepMs = 1000 / job.rate;
const warmCount = Math.round(job.warm * job.rate);
const total = warmCount + Math.round(job.seconds * job.rate);
const latencies = new Float64Array(total - warmCount);
const ownLateness = new Float64Array(total - warmCount);
let measured = 0;
let sentInTime = 0;
let next = 0;
let answered = 0;
let errors = 0;
let firstAt = 0;
let endAt = 0;

/** Connections that wait for work, and requests that wait for a connection: by the times at which they were due. */
const idle: RawConnection[] = [];
const waiting: number[] = [];
/** Those that are under way. */
const busy = new Set<RawConnection>();
/** Due times of requests whose connection was closed. */
const lost: number[] = [];
let open = 0;

/** Wakes the main thread when something is due, unless it has yet to answer the last time. */
const clockSource = `
  const { parentPort, workerData: { firstAt, stepMs, total, flag } } = require("node:worker_threads");
  const now = () => Number(process.hrtime.bigint()) / 1e6;
  for (let i = 0; i < total; i++) {
    const wait = firstAt + i * stepMs - now();
    if (wait > 0) Atomics.wait(flag, 0, 0, wait);
    if (Atomics.exchange(flag, 1, 1) === 0) parentPort.postMessage(0);
  }
  // What came due after the last wake-up that was left out.
  for (let i = 0; i < 20; i++) {
    Atomics.wait(flag, 0, 0, 5);
    parentPort.postMessage(0);
  }
`;

const request = requestBytes("GET", job.path, [job.field, "Accept: */*"]);
await connectAll();
await sendAll();
const answeredInTime = measured;
const unanswered = [...lost, ...waiting, ...[...busy].map(({ due }) => due)];
// They took at least this long. Without them, a gateway that never answers would look better than a slow one.
for (const due of unanswered) count(due, now());
const sorted = latencies.subarray(0, measured).sort();
const late = ownLateness.subarray(0, sentInTime).sort();
const result: FixedRateResult = {
  p50: percentile(sorted, 50),
  p99: percentile(sorted, 99),
  p999: percentile(sorted, 99.9),
  worst: percentile(sorted, 100),
  generatorP99: sentInTime === 0 ? null : percentile(late, 99),
  requestsPerSecond: answeredInTime / ((endAt - (firstAt + job.warm * 1000)) / 1000),
  errors: errors + unanswered.length,
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));

function connectAll(): Promise<void> {
  return new Promise((resolve, reject) => {
    const connectOne = () => {
      new RawConnection(job.port, request, {
        onConnected(connection) {
          open++;
          takeNext(connection);
          if (open === job.connections) resolve();
        },
        onAnswer,
        onClosed(connection) {
          errors++;
          const at = idle.indexOf(connection);
          if (at >= 0) idle.splice(at, 1);
          if (busy.delete(connection)) lost.push(connection.due);
          if (errors < job.connections * 20) connectOne();
          else reject(new Error("connections are closed again and again"));
        },
      });
    };
    for (let i = 0; i < job.connections; i++) connectOne();
  });
}

function sendAll(): Promise<void> {
  return new Promise((resolve) => {
    const flag = new Int32Array(new SharedArrayBuffer(8));
    firstAt = now() + 50;
    const clock = new Worker(clockSource, { eval: true, workerData: { firstAt, stepMs, total, flag } });
    const lastDue = firstAt + total * stepMs;
    clock.on("message", () => {
      Atomics.store(flag, 1, 0);
      const time = now();
      for (let due = firstAt + next * stepMs; next < total && due <= time; due = firstAt + ++next * stepMs) {
        const connection = idle.shift();
        if (connection === undefined) waiting.push(due);
        else send(connection, due, time);
      }
    });
    const sweep = setInterval(() => {
      // Five seconds are left for the last answers.
      if (answered < total && now() < lastDue + 5000) return;
      clearInterval(sweep);
      endAt = Math.max(endAt, lastDue);
      resolve();
    }, 50);
  });
}

function send(connection: RawConnection, due: number, time: number): void {
  if (next >= warmCount && sentInTime < ownLateness.length) ownLateness[sentInTime++] = time - due;
  begin(connection, due);
}

function onAnswer(connection: RawConnection, ok: boolean): void {
  const time = now();
  answered++;
  endAt = time;
  busy.delete(connection);
  if (!ok) errors++;
  count(connection.due, time);
  takeNext(connection);
}

function takeNext(connection: RawConnection): void {
  const due = waiting.shift();
  if (due === undefined) {
    idle.push(connection);
    return;
  }
  begin(connection, due);
}

function begin(connection: RawConnection, due: number): void {
  connection.due = due;
  busy.add(connection);
  connection.send();
}

function count(due: number, time: number): void {
  // Half a step, because sums of steps are not exact.
  const isMeasured = due - firstAt > (warmCount - 0.5) * stepMs;
  if (isMeasured && measured < latencies.length) latencies[measured++] = time - due;
}

/** Milliseconds on a clock that threads share. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
