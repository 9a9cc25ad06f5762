import { rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { basename, join } from "node:path";
import { echoBackend, freePorts, spawnGateway, waitForStatus } from "../bench/gateway-process.ts";
import { writeSettings } from "../bench/identity.ts";
import { type ReferenceRules, referenceForward, referenceMatcher } from "../support/reference-matcher.ts";
import { TestIssuer } from "../support/test-issuer.ts";
import { measuredCompile, writeProject } from "./measured-compile.ts";
import { projectFiles } from "./project.ts";
import { requestTable, type TableOperation, type TableRequest } from "./request-table.ts";

export interface TableOutcome {
  readonly operations: number;
  readonly requests: number;
  /** How many requests met what. */
  readonly met: Readonly<Record<"forwarded" | "400" | "404" | "405" | "allow", number>>;
  /** A line for each answer that differs from what the reference matcher says. */
  readonly mismatches: readonly string[];
}

/** An OpenAPI document as far as this file reads it. */
interface Definition {
  paths: Record<string, Record<string, Record<string, unknown>>>;
  [key: string]: unknown;
}

/**
 * Compiles a copy of a JSON definition in which nobody needs a token and every operation has a backend path of its own,
 * runs the bundle, and sends it the whole table of requests. The backend echoes what it sees, so each answer tells which
 * operation took the request and what path it forwarded. `basePath` is that of the first server, `""` for none.
 */
export async function liveTable(
  text: string,
  basePath: string,
  compatibility: ReferenceRules["compatibility"],
): Promise<TableOutcome> {
  const backend = await echoBackend();
  const definition = JSON.parse(text) as Definition;
  const operations = giveBackends(definition, (index) => `http://127.0.0.1:${backend.port}/op/${index}`);
  definition["x-wso2-disable-security"] = true;
  const files = projectFiles("definition.json", JSON.stringify(definition), { compatibility, withBackend: false });
  const project = await writeProject(files);
  const issuer = new TestIssuer("https://issuer.example.com");
  try {
    const compiled = await measuredCompile(project, { seconds: 300 });
    if (compiled.code !== 0) throw new Error(`compile ended with ${compiled.code}:\n${compiled.stderr.slice(0, 5000)}`);
    const ports = await freePorts();
    const settings = await writeSettings(join(project, "run"), issuer, ports, []);
    const gateway = spawnGateway(join(project, "target", `${basename(project)}.cjs`), settings);
    try {
      await waitForStatus(gateway, ports.http, "/livez");
      return await sendTable(ports.http, basePath, operations, compatibility);
    } finally {
      await gateway.stop();
    }
  } finally {
    backend.server.closeAllConnections();
    backend.server.close();
    await rm(project, { recursive: true, force: true });
  }
}

const verbs = ["get", "put", "post", "delete", "options", "head", "patch"];

function giveBackends(definition: Definition, urlOf: (index: number) => string): readonly TableOperation[] {
  const operations: TableOperation[] = [];
  for (const [template, item] of Object.entries(definition.paths)) {
    for (const verb of verbs) {
      const operation = item[verb];
      if (operation === undefined) continue;
      operation["x-wso2-production-endpoints"] = { urls: [urlOf(operations.length)] };
      operations.push({ method: verb.toUpperCase(), template });
    }
  }
  return operations;
}

async function sendTable(
  port: number,
  basePath: string,
  operations: readonly TableOperation[],
  compatibility: ReferenceRules["compatibility"],
): Promise<TableOutcome> {
  const expect = expectation(operations, compatibility);
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const table = requestTable(operations);
  const met = { forwarded: 0, "400": 0, "404": 0, "405": 0, allow: 0 };
  const mismatches: string[] = [];
  let next = 0;
  const sender = async () => {
    for (let sent = table[next++]; sent !== undefined; sent = table[next++]) {
      const expected = expect(sent);
      met[expected.meets]++;
      const answer = await exchange(agent, port, sent.method, basePath + sent.target);
      if (answer === expected.answer) continue;
      mismatches.push(`${sent.kind}: ${sent.method} ${sent.target}: expected ${expected.answer}, got ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: 32 }, sender));
  agent.destroy();
  return { operations: operations.length, requests: table.length, met, mismatches: mismatches.sort() };
}

interface Expected {
  readonly meets: keyof TableOutcome["met"];
  /** As `exchange` shows it. */
  readonly answer: string;
}

function expectation(
  operations: readonly TableOperation[],
  compatibility: ReferenceRules["compatibility"],
): (request: TableRequest) => Expected {
  // Two templates that differ in parameter names only are one route.
  const shapeOf = (template: string) => template.replace(/\{[^{}]*\}/g, "{}");
  const indexes = new Map(operations.map(({ method, template }, index) => [`${method} ${shapeOf(template)}`, index]));
  const methods = new Map<string, string[]>();
  for (const { method, template } of operations) {
    methods.set(shapeOf(template), [...(methods.get(shapeOf(template)) ?? []), method]);
  }
  const match = referenceMatcher([...methods.keys()], { compatibility });
  return ({ method, target }) => {
    const verdict = match(target);
    if (verdict.kind === "bad-request") return { meets: "400", answer: "400 " };
    if (verdict.kind === "unknown") return { meets: "404", answer: "404 " };
    const index = indexes.get(`${method} ${verdict.template}`);
    if (index !== undefined) {
      return { meets: "forwarded", answer: `200 ${method} /op/${index}${referenceForward(target)}` };
    }
    const allowed = verbs
      .map((verb) => verb.toUpperCase())
      .filter((verb) => methods.get(verdict.template)?.includes(verb));
    // S-COR-09: the original answers OPTIONS by itself.
    if (method === "OPTIONS" && compatibility === "wso2-3.2") {
      return { meets: "allow", answer: `200 Allow: ${[...allowed, "OPTIONS"].join(", ")}` };
    }
    return { meets: "405", answer: `405 Allow: ${allowed.join(", ")}` };
  };
}

/** `200 <what the backend saw>`, `405 Allow: <methods>`, `404 `. */
function exchange(agent: Agent, port: number, method: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, method, path, agent }, (incoming) => {
      const { statusCode, headers } = incoming;
      const shown = headers["x-seen"] ?? (headers.allow === undefined ? "" : `Allow: ${headers.allow}`);
      incoming
        .resume()
        .on("end", () => resolve(`${statusCode} ${shown}`))
        .on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
