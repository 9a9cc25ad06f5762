import type { Cors } from "./cors.ts";
import type { Exchange } from "./exchange.ts";
import type { Handler } from "./gateway.ts";
import type { Service } from "./module.ts";
import { unknownApi } from "./respond.ts";

/**
 * A listener's handler with the services of the gateway itself in front (S-LSN-02, 03). They take and hand out credentials, so
 * a request without TLS goes on to the APIs, as if there were none. `cors`: the rules of the built-in paths. `replaced`: those
 * in whose place an API stands there.
 */
export function withServices(
  handle: Handler,
  listener: Service["listener"],
  all: readonly Service[],
  cors: Cors | undefined,
  replaced: readonly string[] = [],
): Handler {
  const services = all.filter((service) => service.listener === listener && !replaced.includes(`/${service.segment}`));
  if (services.length === 0) return handle;
  return (x) => {
    const first = x.path.segments[0];
    const service = x.scheme === "https" ? services.find(({ segment }) => segment === first) : undefined;
    if (service === undefined) return handle(x);
    x.operation = `/${service.segment}`;
    if (cors !== undefined) {
      cors.decorate(x);
      if (x.method === "OPTIONS" && x.header("access-control-request-method") !== undefined)
        return cors.preflight(x, service.methods);
    }
    return service.handle(x);
  };
}

/** What a listener without APIs answers to everything else. */
export function noService(x: Exchange): void {
  unknownApi(x, "fault");
}
