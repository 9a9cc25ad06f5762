import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { compileProject, startGateway } from "./gateway-under-test.ts";
import { RawClient } from "./raw-client.ts";
import { referenceForward, referenceMatcher } from "./reference-matcher.ts";
import { TestIssuer } from "./test-issuer.ts";

export interface FuzzOptions {
  readonly compatibility: "wso2-3.2" | "standard";
  readonly count: number;
  readonly seed: number;
  /** Called after each ten thousandth. */
  readonly onProgress?: (done: number) => void;
}

export interface FuzzReport {
  /** How many requests met what: `forwarded`, `unauthorized`, `unknown`, `bad-request`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Requests whose answer, or whose path at the backend, is not what the plain matcher says. At most 20 are kept. */
  readonly mismatches: readonly string[];
  readonly mismatchCount: number;
  /** Requests that a backend got although none should have reached it. */
  readonly strayCalls: number;
}

/** Each has a backend of its own, so that what arrives there says which operation let it through. */
const routes: readonly { readonly template: string; readonly open: boolean }[] = [
  { template: "/admin", open: false },
  { template: "/admin/{name}", open: false },
  { template: "/admin/*", open: false },
  { template: "/users/me", open: false },
  { template: "/users/{id}", open: true },
  { template: "/users/{id}/keys", open: false },
  { template: "/users/{id}/{part}", open: true },
  { template: "/files/{name}.json", open: true },
  { template: "/files/secret-{name}", open: false },
  { template: "/files/{name}", open: true },
  { template: "/a b/@me", open: true },
  { template: "/static/*", open: true },
  { template: "/{one}", open: true },
  { template: "/{one}/{two}", open: true },
];
const basePath = "/fuzz";

/**
 * Sends random request targets to a real bundle over raw connections. Every one must end as the plain matcher says, and
 * what is forwarded must be the path that was matched: same operation, same bytes.
 */
export async function fuzzTargets({ compatibility, count, seed, onProgress }: FuzzOptions): Promise<FuzzReport> {
  let calls = 0;
  const backend = createServer((request, response) => {
    calls++;
    const text = request.url ?? "";
    response.writeHead(200, { "content-length": Buffer.byteLength(text, "latin1") });
    response.end(text, "latin1");
  });
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  const source = writeProject(compatibility, `http://127.0.0.1:${(backend.address() as AddressInfo).port}`);
  const project = await compileProject(source);
  const gateway = await startGateway(project, {
    issuer: new TestIssuer("https://issuer.test"),
    settings: '[b7a.log]\nlevel = "OFF"\n',
  });
  const clients = Array.from({ length: 48 }, () => new RawClient(Number(new URL(gateway.origin).port)));
  try {
    const judge = judgeFor(compatibility);
    const random = randomNumbers(seed);
    const outcomes: Record<string, number> = {};
    const mismatches: string[] = [];
    let mismatchCount = 0;
    let forwarded = 0;
    let sent = 0;
    await Promise.all(
      clients.map(async (client) => {
        while (sent < count) {
          if (++sent % 10_000 === 0) onProgress?.(sent);
          const target = randomTarget(random);
          const answer = await client.get(target);
          const expected = judge(target);
          outcomes[expected.outcome] = (outcomes[expected.outcome] ?? 0) + 1;
          if (expected.outcome === "forwarded") forwarded++;
          if (answer.status === expected.status && (expected.body === undefined || answer.body === expected.body))
            continue;
          mismatchCount++;
          if (mismatches.length < 20) {
            mismatches.push(
              `${JSON.stringify(target)}: expected ${expected.status} ${expected.body ?? ""}, got ${answer.status} ${answer.body}`,
            );
          }
        }
      }),
    );
    return { outcomes, mismatches, mismatchCount, strayCalls: calls - forwarded };
  } finally {
    for (const client of clients) client.close();
    await gateway.stop();
    backend.closeAllConnections();
    await new Promise((resolve) => backend.close(resolve));
    project.remove();
    rmSync(path.dirname(source), { recursive: true, force: true });
  }
}

interface Expectation {
  readonly outcome: "forwarded" | "unauthorized" | "unknown" | "bad-request";
  readonly status: number;
  /** What the backend saw, which it sends back. */
  readonly body?: string;
}

function judgeFor(compatibility: "wso2-3.2" | "standard"): (target: string) => Expectation {
  const match = referenceMatcher(
    routes.map(({ template }) => basePath + template),
    { compatibility },
  );
  return (target) => {
    const verdict = match(target);
    if (verdict.kind === "bad-request") return { outcome: "bad-request", status: 400 };
    if (verdict.kind === "unknown") return { outcome: "unknown", status: 404 };
    const index = routes.findIndex(({ template }) => basePath + template === verdict.template);
    if (!routes[index]?.open) return { outcome: "unauthorized", status: 401 };
    // The base path may have come with matrix parameters, and in another spelling.
    const rest = referenceForward(target).replace(/^\/[^/?]*/, "");
    return { outcome: "forwarded", status: 200, body: `/r${index}${rest}` };
  };
}

function writeProject(compatibility: "wso2-3.2" | "standard", origin: string): string {
  const folder = path.join(mkdtempSync(path.join(os.tmpdir(), "castgate-fuzz-")), "fuzz");
  mkdirSync(path.join(folder, "api_definitions"), { recursive: true });
  writeFileSync(path.join(folder, "castgate.yaml"), `compatibility: ${compatibility}\n`);
  const policy = "{count: 1000000000, unitTime: 1, timeUnit: min}";
  writeFileSync(path.join(folder, "policies.yaml"), `subscriptionPolicies:\n  - Unauthenticated: ${policy}\n`);
  const paths = routes.map(({ template, open }, index) => {
    const parameters = [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      schema: { type: "string" },
    }));
    const operation = {
      operationId: `r${index}`,
      parameters,
      ...(open ? { "x-wso2-disable-security": true } : { security: [{ token: [] }] }),
      "x-wso2-production-endpoints": { urls: [`${origin}/r${index}`] },
      responses: { "200": { description: "ok" } },
    };
    return [template, { get: operation }] as const;
  });
  const definition = {
    openapi: "3.0.3",
    info: { title: "Fuzz", version: "1.0.0" },
    "x-wso2-basePath": basePath,
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    security: [{ token: [] }],
    paths: Object.fromEntries(paths),
  };
  writeFileSync(path.join(folder, "api_definitions/fuzz.json"), JSON.stringify(definition, undefined, 2));
  return folder;
}

/** Segments that mean what they say. */
const plain = [
  "admin",
  "users",
  "me",
  "keys",
  "files",
  "static",
  "a%20b",
  "@me",
  "secret-x",
  "x.json",
  "a",
  "7",
  "~",
  "b-c",
];

/** Segments that somebody might read differently. */
const odd = [
  "%40me",
  "secret-x.json",
  "ADMIN",
  "admi",
  "admins",
  "%61dmin",
  "adm%69n",
  "%2561dmin",
  "users%2fme",
  "users%2Fme",
  "users%252fme",
  "users%5cme",
  "me;v=1",
  "admin;",
  ";admin",
  "..;",
  "..;/admin",
  ".;",
  "a;b=/c",
  "%3B",
  "%3bx",
  ".",
  "..",
  "...",
  "%2e",
  "%2E%2e",
  ".%2e",
  "%c0%ae%c0%ae",
  "%c0%af",
  "%e0%80%af",
  "%C3%A9",
  "%c3%a9",
  "%C3",
  "%ed%a0%80",
  "%f4%90%80%80",
  "%F0%9F%98%80",
  "%00",
  "admin%00",
  "%0d%0a",
  "%09",
  "%7f",
  "%",
  "%4",
  "%zz",
  "%u0061dmin",
  "\\",
  "..\\admin",
  "\u00e9",
  "\u00ff",
  "\u0001",
  "\t",
  "",
  "!$&'()*+,=:",
  "%7e",
  "%2B",
  "+",
  "%25",
  "%3F",
  "%23",
  "?",
  "#",
  "|",
  "{id}",
  "<x>",
  "%22",
  "'",
  "`",
  "^",
  "*",
];
const oddSeparators = ["//", "/./", "/../", "%2f", "\\", "/;/", "/%2e%2e/", "///", "/..;/"];
const oddStarts = [
  "/fuzz",
  "/fu%7Az/",
  "/%66uzz/",
  "/fuzz;a=b/",
  "/FUZZ/",
  "/",
  "//fuzz/",
  "/./fuzz/",
  "/x/../fuzz/",
  "fuzz/",
  "http://gateway.test/fuzz/",
  "*",
  "http:/fuzz/",
  "/fuz",
  "/fuzzy/",
  "",
];
const oddEndings = [
  "/",
  "?",
  "?a=b",
  "?a=/../admin",
  "/?",
  "?%2e%2e",
  "?a b",
  "?\u00e9",
  "?#",
  ";",
  ";a=b",
  "//",
  "/..",
  "/.",
  "%2f",
];

/**
 * Mostly near a route, sometimes far from anything. Holds no line break, which would be another request, and no space at
 * its ends, which is no part of it (RFC 9112 section 3).
 */
export function randomTarget(random: () => number): string {
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] as string;
  let target = random() < 0.15 ? pick(oddStarts) : "/fuzz/";
  const length = 1 + Math.floor(random() * 3);
  for (let i = 0; i < length; i++) {
    if (i > 0) target += random() < 0.06 ? pick(oddSeparators) : "/";
    target += pick(random() < 0.2 ? odd : plain);
  }
  if (random() < 0.25) target += pick(oddEndings);
  while (random() < 0.12) {
    const at = Math.floor(random() * target.length);
    const code = Math.floor(random() * 256);
    const character = String.fromCharCode(code);
    const changes: readonly string[] = [
      target.slice(0, at) + character + target.slice(at),
      target.slice(0, at) + character + target.slice(at + 1),
      target.slice(0, at) + target.slice(at + 1),
      `${target.slice(0, at)}%${code.toString(16).padStart(2, "0")}${target.slice(at)}`,
      `${target.slice(0, at)}%${target.charCodeAt(at).toString(16)}${target.slice(at + 1)}`,
    ];
    target = pick(changes);
  }
  return target.replace(/[\r\n]/g, "").replace(/^ +| +$/g, "");
}

/** Mulberry32: the same numbers from the same seed, everywhere. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
