import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import path from "node:path";
import { compile } from "../../compiler/compile.ts";
import { compileProject, startGateway } from "../support/gateway-under-test.ts";
import { memoryHost } from "../support/memory-host.ts";
import { StubBackend } from "../support/stub-backend.ts";
import { TestIssuer } from "../support/test-issuer.ts";
import { writeProject } from "./measured-compile.ts";
import type { CorpusEntry } from "./packages.ts";
import { requestTable } from "./request-table.ts";

/** What came of asking, without credentials, for every operation of some definitions. */
export interface TotalityOutcome {
  readonly definitions: number;
  /** Operations that OpenAPI calls secured; each of them must be answered 401, and no backend asked. */
  readonly secured: number;
  /** Those that it calls open; each of them must reach its backend, else 401 everywhere would pass for success. */
  readonly open: number;
  /** Definitions that were passed over: nothing in them is secured, or `standard` does not build them. */
  readonly passedOver: { readonly nothingSecured: number; readonly notBuilt: number };
  /** A line for each operation that was answered otherwise. */
  readonly mismatches: readonly string[];
}

interface Asked {
  readonly method: string;
  readonly template: string;
  readonly secured: boolean;
}

interface Document {
  readonly info?: object;
  readonly security?: unknown;
  readonly paths?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

interface Candidate {
  readonly name: string;
  readonly document: Document;
  readonly operations: readonly Asked[];
}

/**
 * Takes definitions that have something secured until there are `wanted` of them, builds them in `standard`, so many to a
 * bundle, and asks the running bundles for every operation without credentials. What is secured is read here from the
 * documents (`isSecured`), not by the compiler.
 */
export async function totality(
  entries: readonly CorpusEntry[],
  wanted: number,
  perBundle = 20,
  say: (text: string) => void = () => {},
): Promise<TotalityOutcome> {
  const passedOver = { nothingSecured: 0, notBuilt: 0 };
  const found = { secured: 0, open: 0, mismatches: [] as string[] };
  let batch: Candidate[] = [];
  let definitions = 0;
  const finish = async () => {
    if (batch.length === 0) return;
    await askBatch(batch, found);
    batch = [];
    say(
      `totality: ${definitions} definitions, ${found.secured} secured operations, ${found.mismatches.length} mismatches`,
    );
  };
  for (const { name, path: file } of entries) {
    if (definitions === wanted) break;
    const document = JSON.parse(readFileSync(file, "utf8")) as Document;
    const operations = operationsOf(document);
    if (!operations.some(({ secured }) => secured)) passedOver.nothingSecured++;
    else if (!(await isBuilt(document))) passedOver.notBuilt++;
    else {
      batch.push({ name, document, operations });
      definitions++;
      if (batch.length === perBundle) await finish();
    }
  }
  await finish();
  return { definitions, ...found, passedOver };
}

const verbs = ["get", "put", "post", "delete", "options", "head", "patch"];

function operationsOf(document: Document): readonly Asked[] {
  return Object.entries(document.paths ?? {}).flatMap(([template, item]) =>
    verbs.flatMap((verb) => {
      const operation = item[verb] as { readonly security?: unknown } | undefined;
      if (operation === undefined || !template.startsWith("/")) return [];
      return [{ method: verb.toUpperCase(), template, secured: isSecured(operation.security ?? document.security) }];
    }),
  );
}

/**
 * OpenAPI 3.1, section 4.8.10.1 (`security`): one of the requirement objects must be satisfied; an empty object among them,
 * an empty list, or none at all asks for nothing. Swagger 2.0 says the same.
 */
function isSecured(security: unknown): boolean {
  if (!Array.isArray(security) || security.length === 0) return false;
  return security.every((requirement) => Object.keys(requirement as object).length > 0);
}

/** Alone, so that one that is not built spoils no bundle. */
async function isBuilt(document: Document): Promise<boolean> {
  const { failed } = await compile("alone", memoryHost(filesOf([document], "http://127.0.0.1:1")), {
    stopAfter: "emit",
  });
  return !failed;
}

function filesOf(documents: readonly Document[], backend: string): Record<string, string> {
  const files: Record<string, string> = { "castgate.yaml": "compatibility: standard\n", "policies.yaml": "{}\n" };
  for (const [index, document] of documents.entries()) {
    files[`api_definitions/d${index}.json`] = JSON.stringify({
      ...document,
      // Several share a gateway: names and base paths are made their own. What is asked of callers stays as published.
      info: { ...document.info, title: `d${index}`, version: "1" },
      "x-wso2-basePath": `/d${index}`,
      "x-wso2-production-endpoints": { urls: [backend] },
    });
  }
  return files;
}

async function askBatch(
  batch: readonly Candidate[],
  found: { secured: number; open: number; mismatches: string[] },
): Promise<void> {
  const source = await writeProject(
    filesOf(
      batch.map(({ document }) => document),
      "http://127.0.0.1:1",
    ),
  );
  const backend = await StubBackend.start();
  const project = await compileProject(source);
  const gateway = await startGateway(project, { issuer: new TestIssuer("https://issuer.test"), backend });
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  try {
    const { port } = new URL(gateway.origin);
    for (const [index, { name, operations }] of batch.entries()) {
      const targets = requestTable(operations).filter(({ kind }) => kind === "path");
      await Promise.all(
        operations.map(async ({ method, template, secured }, at) => {
          // The backend sees it: every request says whose it is.
          const mark = `${index}-${at}`;
          const status = await ask(agent, Number(port), method, `/d${index}${targets[at]?.target}`, mark);
          const reached = backend.seen.some(({ headers }) => headers["x-mark"] === mark);
          found[secured ? "secured" : "open"]++;
          const right = secured ? status === 401 && !reached : status === 200 && reached;
          if (right) return;
          const what = `${status}${reached ? ", and the backend was asked" : ""}`;
          found.mismatches.push(`${name}: ${method} ${template} (${secured ? "secured" : "open"}): ${what}`);
        }),
      );
      backend.seen.length = 0;
    }
  } finally {
    agent.destroy();
    await gateway.stop();
    await backend.stop();
    project.remove();
    await rm(path.resolve(source), { recursive: true, force: true });
  }
}

function ask(agent: Agent, port: number, method: string, target: string, mark: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: "127.0.0.1", port, method, path: target, agent, headers: { "x-mark": mark } },
      (response) => {
        response
          .resume()
          .on("end", () => resolve(response.statusCode ?? 0))
          .on("error", reject);
      },
    );
    call.on("error", reject).end();
  });
}
