import { RawConnection, requestBytes } from "./raw-connection.ts";

/** What the process is told, as JSON in its only argument. */
export interface CountedJob {
  readonly port: number;
  readonly path: string;
  readonly field: string;
  readonly connections: number;
  /** In all; each connection sends its next one when the last is answered. */
  readonly requests: number;
}

/** What it prints as JSON. */
export interface CountedResult {
  readonly answered: number;
  /** Answers that were not 2xx, and connections that were closed. */
  readonly errors: number;
  readonly seconds: number;
}

const job = JSON.parse(process.argv[2] ?? "{}") as CountedJob;
const request = requestBytes("GET", job.path, [job.field, "Accept: */*"]);
const begun = performance.now();
let left = job.requests;
let open = 0;
let answered = 0;
let errors = 0;

for (let i = 0; i < Math.min(job.connections, job.requests); i++) {
  open++;
  new RawConnection(job.port, request, {
    onConnected: sendNext,
    onAnswer(connection, ok) {
      answered++;
      if (!ok) errors++;
      sendNext(connection);
    },
    onClosed() {
      open--;
      // Those that have nothing left to send close themselves.
      if (answered < job.requests && left > 0) errors++;
      if (open === 0) finish();
    },
  });
}

function sendNext(connection: RawConnection): void {
  if (left === 0) return connection.destroy();
  left--;
  connection.send();
}

function finish(): void {
  const result: CountedResult = { answered, errors, seconds: (performance.now() - begun) / 1000 };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}
