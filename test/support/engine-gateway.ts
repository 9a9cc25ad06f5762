import { X509Certificate } from "node:crypto";
import { readdirSync } from "node:fs";
import type { Exchange } from "castgate/runtime/exchange.js";
import { forward } from "castgate/runtime/forward.js";
import type { Gateway } from "castgate/runtime/gateway.js";
import { main } from "castgate/runtime/main.js";
import type { RuntimeModule } from "castgate/runtime/module.js";
import { unknownApi, unknownResource } from "castgate/runtime/respond.js";
import { upstreamModule } from "castgate/runtime/upstream.js";
import { balanced } from "castgate/runtime/upstream-balanced.js";
import { upstream } from "castgate/runtime/upstream-single.js";

/** A gateway written by hand, in the form in which the compiler writes them. Run as a child process by the tests. */

const timeoutMs = Number(process.env.TEST_BACKEND_TIMEOUT_MS ?? 30_000);
const backend = upstream({ key: "echo_prod", url: "http://127.0.0.1:1", timeoutMs });
const withQuery = upstream({ key: "query_prod", url: "http://127.0.0.1:1/fixed?own=1", timeoutMs });
const secured = upstream({ key: "basic_prod", url: "http://127.0.0.1:1", timeoutMs, basicUsername: "svc" });
const pair = balanced({ key: "pair_prod", urls: ["http://127.0.0.1:1", "http://127.0.0.1:1"], timeoutMs });

/** Says what it got: on both listeners that serve what the gateway itself has. */
const services: RuntimeModule = {
  name: "services",
  configure() {},
  services: () => [
    { listener: "api", segment: "own", methods: ["POST"], handle: describe },
    { listener: "token", segment: "token", methods: ["POST"], handle: describe },
  ],
};

async function describe(x: Exchange): Promise<void> {
  const body = await x.wholeBody(100_000);
  const certificate = x.clientCertificate();
  const subject = certificate && new X509Certificate(certificate).subject;
  const text = JSON.stringify({ path: x.path.raw, bytes: body?.length ?? -1, subject: subject ?? "none" });
  x.respond(body === undefined ? 413 : 200, ["Content-Type", "application/json"], text);
}

const gateway: Gateway = {
  compatibility: process.env.TEST_COMPATIBILITY === "standard" ? "standard" : "wso2-3.2",
  modules: [upstreamModule, ...(process.env.TEST_SERVICES === "1" ? [services] : [])],
  builtinPaths: ["/health", "/livez", "/readyz"],
  encodedSlash: true,
  route,
};

function route(x: Exchange): void | Promise<void> {
  if (x.under("/query")) return forward(x, withQuery);
  if (x.under("/pair")) return forward(x, pair);
  if (x.under("/basic")) return forward(x, secured);
  if (x.under("/files", { encodedSlash: true })) return forward(x, backend);
  if (x.under("/throws")) throw new Error("a bug");
  if (x.under("/silent")) return;
  if (x.scheme === "https" && x.under("/only-tls")) return forward(x, backend);
  if (x.under("/resources")) return resources(x);
  if (x.under("/v1/pets")) return pets(x);
  return unknownApi(x, "text");
}

/** What the process holds once the garbage is gone. */
function resources(x: Exchange): void {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  const active: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) active[kind] = (active[kind] ?? 0) + 1;
  const files = readdirSync("/proc/self/fd").length;
  x.respond(200, ["Content-Type", "application/json"], JSON.stringify({ heapUsed, external, rss, files, active }));
}

function pets(x: Exchange): void | Promise<void> {
  x.withheld.push("authorization", "api_key");
  x.withheldQuery.push("apikey");
  if (x.segments[0] === "missing") return unknownResource(x, "text");
  return forward(x, backend);
}

void main(gateway, () => ({ name: "engine-test", version: "0" }));
