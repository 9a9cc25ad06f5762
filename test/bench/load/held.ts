import { RawConnection, requestBytes } from "./raw-connection.ts";

/** What the process is told, as JSON in its only argument. */
export interface HeldJob {
  readonly port: number;
  readonly path: string;
  readonly field: string;
  readonly connections: number;
}

/** What it prints as JSON: when all are held, and once more after a line on standard input, when it has asked again on all. */
export interface HeldResult {
  readonly open: number;
  /** Requests that were answered with 2xx: one a connection each time. */
  readonly answered: number;
}

const job = JSON.parse(process.argv[2] ?? "{}") as HeldJob;
const request = requestBytes("GET", job.path, [job.field, "Accept: */*"]);
/** Requests under way at a time: this is about idle connections, not about load. */
const atOnce = 50;

const held = new Set<RawConnection>();
let answered = 0;
/** Told of each answer and each connection that closed. */
let settle: (connection: RawConnection) => void = () => {};

await open();
print();
// Who asked for them is gone.
process.stdin.once("end", () => process.exit(1));
process.stdin.once("data", async () => {
  answered = 0;
  await askAll();
  process.stdout.write(line(), () => process.exit(0));
});

function open(): Promise<void> {
  return new Promise((resolve) => {
    let started = 0;
    let settled = 0;
    const openOne = () => {
      if (started === job.connections) return;
      started++;
      new RawConnection(job.port, request, {
        onConnected(connection) {
          held.add(connection);
          connection.send();
        },
        onAnswer(connection, ok) {
          if (ok) answered++;
          settle(connection);
        },
        onClosed(connection) {
          held.delete(connection);
          settle(connection);
        },
      });
    };
    settle = () => {
      settled++;
      openOne();
      if (settled >= job.connections) resolve();
    };
    for (let i = 0; i < atOnce; i++) openOne();
  });
}

function askAll(): Promise<void> {
  return new Promise((resolve) => {
    const queue = [...held];
    const underWay = new Set<RawConnection>();
    const askOne = () => {
      const connection = queue.pop();
      if (connection === undefined) return;
      if (!held.has(connection)) return askOne();
      underWay.add(connection);
      connection.send();
    };
    settle = (connection) => {
      if (!underWay.delete(connection)) return;
      askOne();
      if (underWay.size === 0) resolve();
    };
    for (let i = 0; i < atOnce; i++) askOne();
    if (underWay.size === 0) resolve();
  });
}

function print(): void {
  process.stdout.write(line());
}

function line(): string {
  const result: HeldResult = { open: held.size, answered };
  return `${JSON.stringify(result)}\n`;
}
