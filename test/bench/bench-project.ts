import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Which checks an operation asks for: the first segment of its path. `full` is token, scope and throttling; `full-pipelined`
 * the same before an endpoint that is declared to take requests ahead of its answers, as `jwt-pipelined` is `jwt`.
 */
export const checks = ["plain", "jwt", "jwt-pipelined", "full", "full-pipelined", "basic", "api-key"] as const;
export type Check = (typeof checks)[number];

/** Of the answer's body: the second segment of the path. */
export const sizes = { "50": 50, "1k": 1024, "10k": 10_240, "100k": 102_400 } as const;
export type Size = keyof typeof sizes;

export const sizeNames = Object.keys(sizes) as readonly Size[];

/** Requests on their way on one connection, where the definition lets them be: the most that it can say. */
export const pipelining = 16;

/** The path is the same for every contender and for the backend. */
export function pathOf(check: Check, size: Size): string {
  return `/${check}/${size}`;
}

export const benchApi = { title: "Bench", version: "1.0.0" } as const;
export const benchScope = "bench:read";

/**
 * Writes the bench's project: one API, an operation for each pair of checks and body size. Without `limits` nothing in it
 * counts calls, so that it may run in several processes. Returns the folder.
 */
export function writeBenchProject(folder: string, backend: string, { limits = true } = {}): string {
  const definition = {
    openapi: "3.0.3",
    info: benchApi,
    servers: [{ url: backend }],
    components: {
      securitySchemes: {
        oauth: {
          type: "oauth2",
          flows: { clientCredentials: { tokenUrl: "https://idp.example.com/token", scopes: { [benchScope]: "read" } } },
        },
        user: { type: "http", scheme: "basic" },
        key: { type: "apiKey", in: "header", name: "X-API-Key" },
      },
    },
    paths: Object.fromEntries(
      checks.flatMap((check) => sizeNames.map((size) => [pathOf(check, size), pathItem(check, backend, limits)])),
    ),
  };
  mkdirSync(join(folder, "api_definitions"), { recursive: true });
  writeFileSync(join(folder, "api_definitions", "bench.json"), JSON.stringify(definition, undefined, 2));
  writeFileSync(join(folder, "castgate.yaml"), "compatibility: standard\n");
  if (!limits) return folder;
  // Counted like any other, and never reached.
  const tier = "{count: 1000000000, unitTime: 1, timeUnit: min}";
  writeFileSync(
    join(folder, "policies.yaml"),
    `resourcePolicies:\n  - Bench: ${tier}\nsubscriptionPolicies:\n  - BenchSubscription: ${tier}\napplicationPolicies:\n  - BenchApplication: ${tier}\n`,
  );
  return folder;
}

function pathItem(check: Check, backend: string, limits: boolean): object {
  const isPipelined = check === "full-pipelined" || check === "jwt-pipelined";
  const operation = {
    security: securityOf(check),
    ...((check === "full" || check === "full-pipelined") && limits ? { "x-wso2-throttling-tier": "Bench" } : {}),
    ...(isPipelined ? { "x-wso2-production-endpoints": { urls: [backend], "x-castgate-pipelining": pipelining } } : {}),
    responses: { "200": { description: "bytes" } },
  };
  return {
    get: operation,
    post: { ...operation, requestBody: { content: { "application/json": { schema: { type: "object" } } } } },
  };
}

function securityOf(check: Check): readonly object[] {
  switch (check) {
    case "plain":
      return [];
    case "jwt":
    case "jwt-pipelined":
      return [{ oauth: [] }];
    case "full":
    case "full-pipelined":
      return [{ oauth: [benchScope] }];
    case "basic":
      return [{ user: [] }];
    case "api-key":
      return [{ key: [] }];
  }
}
