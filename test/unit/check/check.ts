import { loadProject } from "../../../compiler/1-load/load-project.ts";
import { checkProject } from "../../../compiler/2-check/check-project.ts";
import { lints } from "../../../compiler/2-check/rules/index.ts";
import type { Code } from "../../../compiler/diagnostics/catalogue.ts";
import { type Diagnostic, DiagnosticLog } from "../../../compiler/diagnostics/log.ts";
import type { ApiFacts, CheckedProject } from "../../../compiler/model/checked-project.ts";
import type { Compatibility } from "../../../compiler/model/names.ts";
import { memoryHost } from "../../support/memory-host.ts";

export interface Checked {
  readonly checked: CheckedProject | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** `severity code pointer`, in the order in which they were found. */
  readonly found: readonly string[];
}

/** A definition that nothing can be said against; `change` replaces or adds members at its root. */
export function definition(change: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    openapi: "3.0.3",
    info: { title: "Pets", version: "1.0.0" },
    "x-wso2-basePath": "/shop",
    "x-wso2-production-endpoints": { urls: ["https://pets.example.com"] },
    security: [{ key: [] }],
    components: { securitySchemes: { key: { type: "apiKey", in: "header", name: "X-Key" } } },
    paths: { "/pets": { get: operation() } },
    ...change,
  };
}

export function operation(change: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { responses: { 200: { description: "fine" } }, ...change };
}

/** One operation for each path, with all path parameters declared. */
export function paths(...templates: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    templates.map((template) => {
      const names = [...template.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1]);
      const parameters = names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
      return [template, { get: operation({ parameters }) }];
    }),
  );
}

const policies = `resourcePolicies:
  - 10PerMin: {count: 10, unitTime: 1, timeUnit: min}
subscriptionPolicies:
  - Default: {count: 500, unitTime: 1, timeUnit: min}
`;

const lintCodes: ReadonlySet<Code> = new Set(lints.flatMap(({ codes }) => codes));

/**
 * Loads and checks a project in memory: definitions as values, other files as text. What is no mistake by itself, but seldom
 * meant, is listed only where it is asked for.
 */
export async function check(
  definitions: Readonly<Record<string, unknown>> | readonly unknown[],
  options: {
    readonly compatibility?: Compatibility;
    readonly files?: Readonly<Record<string, string>>;
    readonly lint?: boolean;
  } = {},
): Promise<Checked> {
  const list = Array.isArray(definitions) ? definitions : [definitions];
  const host = memoryHost({
    "policies.yaml": policies,
    ...(options.compatibility === "standard" && { "castgate.yaml": "compatibility: standard\n" }),
    ...Object.fromEntries(list.map((value, index) => [`api_definitions/${index}.json`, JSON.stringify(value)])),
    ...options.files,
  });
  const log = new DiagnosticLog();
  const loaded = await loadProject("project", host, log);
  const checked = loaded && checkProject(loaded, log);
  const diagnostics = log.all().filter(({ code }) => options.lint === true || !lintCodes.has(code));
  return {
    checked,
    diagnostics,
    found: diagnostics.map(({ severity, code, place }) => `${severity} ${code} ${place.ref.pointer}`),
  };
}

/** The facts of the only API; fails with what was found when there are none. */
export async function factsOf(
  value: Readonly<Record<string, unknown>>,
  compatibility: Compatibility = "wso2-3.2",
): Promise<ApiFacts> {
  const { checked, found } = await check(value, { compatibility });
  const [api] = checked?.apis ?? [];
  if (api === undefined) throw new Error(`no facts: ${found.join("; ")}`);
  return api;
}
