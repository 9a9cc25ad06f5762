import { spawnGateway, waitForStatus } from "./gateway-process.ts";
import { median } from "./median.ts";

export interface StartUp {
  /** From spawn to the first 200 of an operation that needs a token, in milliseconds. */
  readonly median: number;
  readonly best: number;
  readonly worst: number;
}

/** Starts a gateway again and again and asks it for one protected resource as soon as it listens. */
export async function measureStartUp(
  gateway: { readonly bundle: string; readonly settings: string; readonly port: number; readonly node: string },
  path: string,
  headers: Readonly<Record<string, string>>,
  times: number,
): Promise<StartUp> {
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    const begun = performance.now();
    const process = spawnGateway(gateway.bundle, gateway.settings, { node: gateway.node });
    try {
      await waitForStatus(process, gateway.port, path, headers);
      taken.push(performance.now() - begun);
    } finally {
      await process.stop();
    }
  }
  return { median: median(taken), best: Math.min(...taken), worst: Math.max(...taken) };
}
