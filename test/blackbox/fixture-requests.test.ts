import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type CompiledProject,
  compileProject,
  type RunningGateway,
  startGateway,
} from "../support/gateway-under-test.ts";
import { type StubAnswer, StubBackend } from "../support/stub-backend.ts";
import { TestIssuer } from "../support/test-issuer.ts";

/**
 * Sends `fixtures/<project>/requests/*.json` to the project's real bundle, with a real backend behind it. A file is one
 * scenario: its steps run in order against a gateway that was started for it, so that counters begin at zero.
 */
interface Scenario {
  readonly name: string;
  /** Further settings as TOML. */
  readonly settings?: string;
  /** Claims by token name; `${token:NAME}` in a header is replaced. */
  readonly tokens?: Readonly<Record<string, Record<string, unknown>>>;
  readonly steps: readonly Step[];
}

interface Step {
  readonly name?: string;
  readonly request: {
    readonly method?: string;
    readonly path: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  };
  readonly times?: number;
  readonly backend?: StubAnswer;
  readonly expect: {
    readonly status: number;
    /** Exact value, a pattern between slashes, or null for absent. */
    readonly headers?: Readonly<Record<string, string | null>>;
    readonly body?: string;
    readonly json?: unknown;
  };
  /** What the backend saw; null: it was not called. */
  readonly saw: {
    readonly method?: string;
    readonly target?: string;
    readonly headers?: Readonly<Record<string, string | null>>;
    readonly body?: string;
  } | null;
}

const fixtures = path.join(import.meta.dirname, "../../fixtures");

for (const project of readdirSync(fixtures)
  .filter((name) => existsSync(path.join(fixtures, name, "requests")))
  .sort()) {
  describe(project, () => {
    const folder = path.join(fixtures, project, "requests");
    const issuer = new TestIssuer("https://issuer.test");
    let compiled: CompiledProject;

    before(async () => {
      compiled = await compileProject(path.join(fixtures, project));
    });
    after(() => compiled?.remove());

    for (const file of readdirSync(folder).sort()) {
      const scenario = JSON.parse(readFileSync(path.join(folder, file), "utf8")) as Scenario;
      test(scenario.name, async () => {
        const backend = await StubBackend.start();
        let gateway: RunningGateway | undefined;
        try {
          gateway = await startGateway(compiled, { issuer, backend, settings: scenario.settings ?? "" });
          for (const [index, step] of scenario.steps.entries())
            await runStep(step, index, scenario, gateway, backend, issuer);
        } finally {
          const ended = await gateway?.stop();
          await backend.stop();
          if (ended !== undefined) assert.equal(ended.code, 0, "a clean stop ends with 0");
        }
      });
    }
  });
}

async function runStep(
  step: Step,
  index: number,
  scenario: Scenario,
  gateway: RunningGateway,
  backend: StubBackend,
  issuer: TestIssuer,
): Promise<void> {
  for (let time = 1; time <= (step.times ?? 1); time++) {
    const label = `step ${index + 1}${step.name === undefined ? "" : ` (${step.name})`}, time ${time}`;
    backend.seen.length = 0;
    backend.answers.length = 0;
    if (step.backend !== undefined) backend.answers.push(step.backend);
    const headers = Object.fromEntries(
      Object.entries(step.request.headers ?? {}).map(([name, value]) => [name, fill(value, scenario, issuer)]),
    );
    const target = fill(step.request.path, scenario, issuer);
    const answer = await send(gateway.origin, { ...step.request, path: target, headers });
    const shown = `${label}: ${answer.status} ${answer.body.slice(0, 400)}\n${gateway.log().slice(-2000)}`;
    assert.equal(answer.status, step.expect.status, shown);
    matchHeaders(answer.headers, step.expect.headers, shown);
    if (step.expect.body !== undefined) assert.equal(answer.body, step.expect.body, shown);
    if (step.expect.json !== undefined) assert.deepEqual(JSON.parse(answer.body), step.expect.json, shown);
    const [seen] = backend.seen;
    if (step.saw === null) {
      assert.equal(backend.seen.length, 0, `${label}: the backend must not be called`);
    } else {
      assert.equal(backend.seen.length, 1, `${label}: the backend must be called once`);
      if (step.saw.method !== undefined) assert.equal(seen?.method, step.saw.method, label);
      if (step.saw.target !== undefined) assert.equal(seen?.target, step.saw.target, label);
      if (step.saw.body !== undefined) assert.equal(seen?.body, step.saw.body, label);
      matchHeaders(seen?.headers ?? {}, step.saw.headers, `${label}: backend`);
    }
  }
}

function fill(text: string, scenario: Scenario, issuer: TestIssuer): string {
  return text
    .replace(/\$\{token:([^}]+)\}/g, (_, name: string) => issuer.token(scenario.tokens?.[name]))
    .replace(/\$\{basic:([^}]+)\}/g, (_, pair: string) => Buffer.from(pair).toString("base64"));
}

function matchHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  expected: Readonly<Record<string, string | null>> | undefined,
  label: string,
): void {
  for (const [name, wanted] of Object.entries(expected ?? {})) {
    const value = headers[name.toLowerCase()];
    const text = Array.isArray(value) ? value.join(", ") : value;
    if (wanted === null) assert.equal(text, undefined, `${label}\nheader ${name}`);
    else if (wanted.startsWith("/") && wanted.endsWith("/"))
      assert.match(text ?? "", new RegExp(wanted.slice(1, -1)), `${label}\nheader ${name}`);
    else assert.equal(text, wanted, `${label}\nheader ${name}`);
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** node:http and not fetch: the target goes over the wire exactly as it is written. */
function send(origin: string, step: Step["request"]): Promise<Answer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const call = request(
      { hostname, port, method: step.method ?? "GET", path: step.path, headers: step.headers ?? {}, agent: false },
      (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
        response.on("error", reject);
      },
    );
    call.on("error", reject);
    call.end(step.body);
  });
}
