import { rm } from "node:fs/promises";
import path from "node:path";
import { writeProject } from "../corpus/measured-compile.ts";
import { compileProject, startGateway } from "./gateway-under-test.ts";
import { StubBackend } from "./stub-backend.ts";

/** An OpenAPI document as far as this file reads it. */
export interface RoutedDocument {
  readonly info?: object;
  readonly paths?: Readonly<Record<string, Readonly<Record<string, unknown>> | null>>;
  readonly [key: string]: unknown;
}

export interface WitnessOutcome {
  /** Requests that were sent, by the code of the diagnostic that shows them. */
  readonly sent: Readonly<Record<string, number>>;
  /** A line for each that was answered otherwise than the diagnostic says. */
  readonly mismatches: readonly string[];
}

/** What a diagnostic says of a request. */
interface Prediction {
  readonly code: string;
  readonly line: string;
  readonly method: string;
  readonly target: string;
  /** The path that gets it, in the definition that the diagnostic is about, or all paths of one that has it below its base path. */
  readonly to:
    | { readonly path: string }
    | { readonly file: string; readonly status: number | undefined }
    | "gateway"
    | 405;
}

const verbs = ["get", "put", "post", "delete", "options", "head", "patch"];

/**
 * Compiles definitions as one project in which nobody needs a token and each path has a backend of its own, reads from what
 * the command prints which requests show its findings, and sends these to the running bundle.
 */
export async function sendWitnesses(
  documents: Readonly<Record<string, RoutedDocument>>,
  compatibility: "wso2-3.2" | "standard",
): Promise<WitnessOutcome> {
  const files: Record<string, string> = {
    "castgate.yaml": `compatibility: ${compatibility}\n`,
    "policies.yaml": "subscriptionPolicies:\n  - Unauthenticated: {count: 1000000000, unitTime: 1, timeUnit: min}\n",
  };
  const hosts = new Map<string, { readonly file: string; readonly path: string }>();
  for (const [name, document] of Object.entries(documents)) {
    const file = `api_definitions/${name}.json`;
    files[file] = JSON.stringify({
      ...document,
      "x-wso2-disable-security": true,
      paths: Object.fromEntries(
        Object.entries(document.paths ?? {}).map(([template, item]) => {
          const host = `p${hosts.size}.test`;
          hosts.set(host, { file, path: template });
          return [template, withBackend(item, `http://${host}`)];
        }),
      ),
    });
  }
  const source = await writeProject(files);
  const backend = await StubBackend.start();
  try {
    const project = await compileProject(source);
    const gateway = await startGateway(project, { backend, waitFor: "/livez" });
    try {
      const predictions = readPredictions(project.output);
      const sent: Record<string, number> = {};
      const mismatches: string[] = [];
      for (const one of predictions) {
        sent[one.code] = (sent[one.code] ?? 0) + 1;
        backend.seen.length = 0;
        const { status } = await fetch(gateway.origin + one.target, { method: one.method });
        const [seen] = backend.seen;
        const reached = seen && hosts.get(seen.target.split("/")[1] ?? "");
        if (!agrees(one, status, reached)) {
          mismatches.push(`${one.line}: ${status}, ${reached === undefined ? "no backend" : reached.path}`);
        }
      }
      return { sent, mismatches };
    } finally {
      await gateway.stop();
      project.remove();
    }
  } finally {
    await backend.stop();
    await rm(path.resolve(source), { recursive: true, force: true });
  }
}

function withBackend(item: Readonly<Record<string, unknown>> | null, url: string): unknown {
  const endpoint = { "x-wso2-production-endpoints": { urls: [url] } };
  return Object.fromEntries(
    Object.entries(item ?? {}).map(([key, value]) => [
      key,
      verbs.includes(key) && typeof value === "object" ? { ...value, ...endpoint, security: undefined } : value,
    ]),
  );
}

function agrees(
  { to }: Prediction,
  status: number,
  reached: { readonly file: string; readonly path: string } | undefined,
): boolean {
  if (to === "gateway") return reached === undefined && status === 200;
  if (to === 405) return reached === undefined && status === 405;
  if ("path" in to) return reached?.path === to.path || (reached === undefined && status === 405);
  if (to.status !== undefined) return reached === undefined && status === to.status;
  return reached === undefined ? status === 404 || status === 405 : reached.file === to.file;
}

/** From the lines of `compile`, as they are printed for people. */
function readPredictions(output: string): readonly Prediction[] {
  return output.split("\n").flatMap((line): readonly Prediction[] => {
    const code = /^(?:warning|note)\[(route-\w+)\]: /.exec(line)?.[1];
    // Over TLS nobody listens in these tests.
    if (code === undefined || / over https /.test(line)) return [];
    const request = /(?:both match|never reached:|\]:) (GET|PUT|POST|DELETE|OPTIONS|HEAD|PATCH) (\/\S*?)(?=:? )/.exec(
      line,
    );
    const to = whoGets(line);
    if (request === null || to === undefined) return [];
    return [{ code, line, method: request[1] as string, target: request[2] as string, to }];
  });
}

function whoGets(line: string): Prediction["to"] | undefined {
  if (/is answered with 405/.test(line)) return 405;
  const path = /: "([^"]*)" gets it/.exec(line)?.[1] ?? / goes to "([^"]*)"/.exec(line)?.[1];
  if (path !== undefined) return { path };
  if (/is answered by the gateway itself/.test(line)) return "gateway";
  const file = /the base path of (\S+?)(?=,| |$)/.exec(line)?.[1];
  if (file === undefined) return undefined;
  const status = /which has no such path/.test(line) ? 404 : /which lacks the method/.test(line) ? 405 : undefined;
  return { file, status };
}
