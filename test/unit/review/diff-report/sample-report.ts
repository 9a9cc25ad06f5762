import { compile } from "../../../../compiler/compile.ts";
import type { AcceptedEntry } from "../../../../compiler/model/loaded-project.ts";
import type { Change } from "../../../../compiler/review/diff/change.ts";
import { buildReport, type ReportSide } from "../../../../compiler/review/diff-report/build-report.ts";
import type { DiffReport } from "../../../../compiler/review/diff-report/report.ts";
import { memoryHost } from "../../../support/memory-host.ts";

/** The shop before a change, and after it. */
const definition = (inventory: string) => `openapi: 3.0.3
info: {title: Shop, version: "1"}
x-wso2-basePath: /shop
x-wso2-production-endpoints: {urls: ["https://shop.example.com"]}
components:
  securitySchemes:
    token: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://issuer.example.com", scopes: {read: read}}}}
security:
  - token: [read]
paths:
  /items:
    get: {operationId: listItems, x-wso2-throttling-tier: 10PerMin, responses: {"200": {description: fine}}}
    post: {operationId: addItem, responses: {"200": {description: fine}}}
  /inventory:
    get:
      operationId: inventory
${inventory}      x-wso2-throttling-tier: 10PerMin
      responses: {"200": {description: fine}}
`;

const policies = (count: number) => `resourcePolicies:
  - 10PerMin: {count: ${count}, unitTime: 1, timeUnit: min}
subscriptionPolicies:
  - Default: {count: 500, unitTime: 1, timeUnit: min}
  - Unauthenticated: {count: 500, unitTime: 1, timeUnit: min}
`;

async function sideOf(name: string, files: Readonly<Record<string, string>>): Promise<ReportSide> {
  const result = await compile(name, memoryHost(files), { stopAfter: "audit" });
  const { build, sources } = result;
  if (build === undefined) throw new Error(JSON.stringify(result.diagnostics));
  return {
    side: {
      name,
      kind: name.includes(":") ? "revision" : "project",
      model: build.model,
      accepted: build.checked.loaded.settings.accepted,
      locate: (place) => {
        const span = sources.locate(place);
        return { ...place.ref, ...(span && { line: span.line, column: span.column }) };
      },
    },
    code: build.generated.map(({ file, text }) => ({
      file: file.replace(/^generated\//, ""),
      text,
      firstLine: 1,
    })),
    folder: name,
  };
}

const settings = "compatibility: standard\n";
const inFile = (pointer: string) => ({ file: "api_definitions/shop.yaml", pointer });

/** What a comparison might find: one inventory that everybody may read, one tier with more calls. */
export const changes: readonly Change[] = [
  ...[
    { method: "GET", template: "/items" },
    { method: "GET", template: "/inventory" },
  ].map(
    ({ method, template }): Change => ({
      code: "limit-raised",
      verdict: "weaker",
      aspect: "limits",
      subject: { basePath: "/shop", method: method as "GET", template },
      message: "the tier 10PerMin allows 20 calls a minute now, not 10",
      before: "10 a minute",
      after: "20 a minute",
      base: { file: "policies.yaml", pointer: "/resourcePolicies/0/10PerMin" },
      head: { file: "policies.yaml", pointer: "/resourcePolicies/0/10PerMin" },
      step: "throttle",
    }),
  ),
  {
    code: "operation-became-public",
    verdict: "weaker",
    aspect: "access",
    subject: { basePath: "/shop", method: "GET", template: "/inventory" },
    message: "everyone may call now",
    before: "jwt[read]",
    after: "public",
    base: inFile("/security"),
    head: inFile("/paths/~1inventory/get/security"),
    step: "public",
  },
  {
    code: "backend-moved",
    verdict: "unknown",
    aspect: "backend",
    subject: { basePath: "/shop" },
    message: "requests go to another URL",
    base: inFile("/x-wso2-production-endpoints"),
    head: inFile("/x-wso2-production-endpoints"),
  },
  {
    code: "text-changed",
    verdict: "neutral",
    aspect: "text",
    subject: undefined,
    message: "the title is another",
  },
];

/** A report of these changes between two shops. */
export async function sampleReport(
  found: readonly Change[] = changes,
  accepted: readonly Omit<AcceptedEntry, "ref">[] = [],
  day = "2027-01-31",
  acceptedByBase: readonly Omit<AcceptedEntry, "ref">[] = [],
): Promise<DiffReport> {
  const base = await sideOf("HEAD~1:shop", {
    "castgate.yaml": `${settings}accepted: ${JSON.stringify(acceptedByBase)}\n`,
    "api_definitions/shop.yaml": definition(""),
    "policies.yaml": policies(10),
  });
  const head = await sideOf("shop", {
    "castgate.yaml": `${settings}accepted: ${JSON.stringify(accepted)}\n`,
    "api_definitions/shop.yaml": definition("      security: []\n"),
    "policies.yaml": policies(20),
  });
  return buildReport({ base, head }, found, day);
}
