import type { Exchange } from "./exchange.ts";
import type { Gateway, Handler } from "./gateway.ts";
import { allow } from "./respond.ts";

const jsonType = ["Content-Type", "application/json"];
const healthy = '{"status":"healthy"}';

/** What `/readyz` asks: undefined when the gateway takes requests, else what it waits for. */
export type Readiness = () => string | undefined;

/**
 * The gateway's handler with the built-in paths in front: `/health` and below (S-LSN-11: any method, no checks),
 * `/livez` (the process answers), `/readyz` (503 while something is awaited or the gateway drains). Only the paths in
 * `gateway.builtinPaths` are served; the others belong to the APIs.
 */
export function withBuiltins(gateway: Gateway, readiness: Readiness): Handler {
  const { route, builtinCors } = gateway;
  const health = gateway.builtinPaths.includes("/health");
  const livez = gateway.builtinPaths.includes("/livez");
  const readyz = gateway.builtinPaths.includes("/readyz");
  if (!health && !livez && !readyz) return route;

  return (x) => {
    const { segments } = x.path;
    const first = segments[0];
    if (health && first === "health") return answer(x, 200, healthy);
    if (segments.length === 1) {
      if (livez && first === "livez") return answer(x, 200, healthy);
      if (readyz && first === "readyz") {
        const waiting = readiness();
        if (waiting === undefined) return answer(x, 200, '{"status":"ready"}');
        return answer(x, 503, JSON.stringify({ status: "not ready", waitingFor: waiting }));
      }
    }
    return route(x);
  };

  function answer(x: Exchange, status: number, body: string): void {
    x.operation = x.path.raw;
    if (builtinCors !== undefined) {
      builtinCors.decorate(x);
      if (x.method === "OPTIONS" && x.header("access-control-request-method") !== undefined) {
        return builtinCors.preflight(x, builtinMethods);
      }
    } else if (x.method === "OPTIONS") {
      return allow(x, builtinMethods);
    }
    x.respond(status, jsonType, body);
  }
}

const builtinMethods = ["GET", "HEAD"];
