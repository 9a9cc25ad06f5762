import { Agent, request } from "node:http";

/** How often each status came. */
export function countOf(statuses: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** As many clients at the same moment, on connections of their own, spread over the URLs; their statuses. */
export async function statusesOf(
  urls: readonly string[],
  clients: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly number[]> {
  const agent = new Agent({ maxSockets: clients });
  const statuses = await Promise.all(
    Array.from({ length: clients }, (_, i) => statusOf(urls[i % urls.length] as string, headers, agent)),
  );
  agent.destroy();
  return statuses;
}

/** Clients that ask again and again, each on one connection, until they are stopped. A request without an answer is status 0. */
export class Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Since `forget`. */
  statuses: number[] = [];
  readonly all: number[] = [];
  readonly #agent: Agent;
  readonly #clients: Promise<void>[];
  #stopped = false;

  constructor(url: string, headers: Readonly<Record<string, string>>, clients: number) {
    this.url = url;
    this.headers = headers;
    this.#agent = new Agent({ keepAlive: true, maxSockets: clients });
    this.#clients = Array.from({ length: clients }, () => this.#run());
  }

  forget(): void {
    this.statuses = [];
  }

  /** Settles when so many more were answered. */
  async answered(count: number): Promise<void> {
    const target = this.all.length + count;
    await this.#wait(() => this.all.length >= target, `${count} answers`);
  }

  /** Settles when the status has come since `forget`. */
  async until(status: number): Promise<void> {
    await this.#wait(() => this.statuses.includes(status), `status ${status}`);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
  }

  async #wait(holds: () => boolean, what: string): Promise<void> {
    const last = performance.now() + 60_000;
    while (!holds()) {
      if (performance.now() > last) throw new Error(`did not come: ${what}; ${JSON.stringify(countOf(this.statuses))}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const status = await statusOf(this.url, this.headers, this.#agent).catch(() => 0);
      this.statuses.push(status);
      this.all.push(status);
      // Leaves the processor to the others.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

/** One request; its status. Rejects when the connection breaks, also in the midst of an answer. */
export function statusOf(url: string, headers: Readonly<Record<string, string>>, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(url, { headers, agent }, (response) => {
      response
        .resume()
        .on("end", () => resolve(response.statusCode ?? 0))
        .on("error", reject);
    });
    call.on("error", reject).end();
  });
}
