import { Exchange, type RelayHead, type RelayOutcome, type RelayTarget } from "../../runtime-lib/exchange.ts";
import { faultsOf } from "../../runtime-lib/faults.ts";
import type { Gateway } from "../../runtime-lib/gateway.ts";
import { depthBelow, parseRequestTarget, pathRules, type RequestPath } from "../../runtime-lib/request-path.ts";

/** A request as an engine has it once its head was parsed. */
export interface Head {
  readonly target: string;
  readonly headers: readonly string[];
}

/**
 * Sends a batch of heads through a gateway: all arrive in one turn of the event loop, all are answered in the next.
 * Resolves to how many of them came to their backend.
 */
export type Run = (heads: readonly Head[]) => Promise<number>;

const faults = faultsOf("standard");
const rules = pathRules("standard", false);

class BenchExchange extends Exchange {
  override readonly id = "bench-1";
  override readonly method = "GET";
  override readonly scheme = "http";
  override readonly peerAddress = "192.0.2.1";
  override readonly clientAddress = "192.0.2.1";
  override readonly peerTrusted = false;
  override readonly faults = faults;
  override readonly rawHeaders: readonly string[];
  override readonly path: RequestPath;
  outcome: "waiting" | "relayed" | "refused" = "waiting";
  head: RelayHead | undefined = undefined;
  settle: ((outcome: RelayOutcome) => void) | undefined = undefined;

  constructor({ target, headers }: Head) {
    super();
    this.rawHeaders = headers;
    this.path = parseRequestTarget(target, rules) as RequestPath;
  }

  override clientCertificate(): undefined {
    return undefined;
  }

  override wholeBody(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  override under(basePath: string): boolean {
    const depth = depthBelow(this.path, basePath);
    if (depth < 0) return false;
    this.baseLength = depth === 0 ? 0 : (this.path.ends[depth - 1] as number);
    this.segments = this.path.segments.slice(depth);
    return true;
  }

  override respond(): void {
    this.outcome = "refused";
  }

  override relay(_target: RelayTarget, head: RelayHead): Promise<RelayOutcome> {
    this.outcome = "relayed";
    this.head = head;
    return new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  override wait(): Promise<boolean> {
    return Promise.resolve(false);
  }

  override expire(): void {}
}

/** Bundled once for each checkout, so that neither learns from what the other does. */
export function runner(gateway: Gateway): Run {
  let open = 0;
  const settled = async (pending: Promise<void>) => {
    try {
      await pending;
    } finally {
      open--;
    }
  };
  return async (heads) => {
    const all: BenchExchange[] = [];
    for (const head of heads) {
      const x = new BenchExchange(head);
      const pending = gateway.route(x);
      if (pending !== undefined) {
        open++;
        void settled(pending);
      }
      all.push(x);
    }
    for (let i = 0; i < 20 && all[all.length - 1]?.outcome === "waiting"; i++) await undefined;
    let relayed = 0;
    for (const x of all) {
      if (x.outcome === "waiting") throw new Error("a request met neither its backend nor a refusal");
      if (x.outcome === "relayed") relayed++;
      x.settle?.("done");
    }
    for (let i = 0; i < 20 && open > 0; i++) await undefined;
    if (open > 0) throw new Error("a request is still open");
    return relayed;
  };
}
