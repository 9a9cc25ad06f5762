import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { request as requestTls } from "node:https";
import os from "node:os";
import path from "node:path";
import type { Compatibility } from "../../compiler/model/names.ts";
import { type CompiledProject, compileProject } from "./gateway-under-test.ts";

/** A project written by a test. */
export interface ProjectParts {
  readonly compatibility: Compatibility;
  /** `features:` of castgate.yaml. */
  readonly features?: readonly string[];
  /** OpenAPI definitions by file name without its ending. */
  readonly apis: Readonly<Record<string, object>>;
  readonly policies?: object;
  /** `conf/toolkit-config.toml`. */
  readonly toolkit?: string;
}

/** Writes a project and compiles it with the real command. */
export async function compileParts(name: string, parts: ProjectParts): Promise<CompiledProject> {
  const parent = mkdtempSync(path.join(os.tmpdir(), "castgate-test-"));
  try {
    return await compileProject(writeParts(path.join(parent, name), parts));
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

/** Writes a project into a new folder. */
export function writeParts(folder: string, parts: ProjectParts): string {
  mkdirSync(path.join(folder, "api_definitions"), { recursive: true });
  for (const [file, definition] of Object.entries(parts.apis))
    writeFileSync(path.join(folder, `api_definitions/${file}.json`), JSON.stringify(definition));
  // JSON is YAML.
  const { compatibility, features = [] } = parts;
  writeFileSync(
    path.join(folder, "castgate.yaml"),
    JSON.stringify({ name: path.basename(folder), compatibility, features }),
  );
  writeFileSync(path.join(folder, "policies.yaml"), JSON.stringify(parts.policies ?? {}));
  if (parts.toolkit !== undefined) {
    mkdirSync(path.join(folder, "conf"));
    writeFileSync(path.join(folder, "conf/toolkit-config.toml"), parts.toolkit);
  }
  return folder;
}

/** Tokens, users and keys as definitions declare them; keys are named `X-Key` in a header and `apikey` in the query. */
export const securitySchemes = {
  token: {
    type: "oauth2",
    flows: { clientCredentials: { tokenUrl: "https://idp.test/token", scopes: { read: "Read", write: "Write" } } },
  },
  user: { type: "http", scheme: "basic" },
  key: { type: "apiKey", in: "header", name: "X-Key" },
  queryKey: { type: "apiKey", in: "query", name: "apikey" },
};

/** A definition at `/<title in small letters>`, version 1.0.0. */
export function definition(title: string, more: object, paths: Readonly<Record<string, object>>): object {
  const base = title.toLowerCase();
  return {
    openapi: "3.0.3",
    info: { title, version: "1.0.0" },
    "x-wso2-basePath": `/${base}`,
    "x-wso2-production-endpoints": { urls: [`http://${base}.test/api`] },
    components: { securitySchemes },
    ...more,
    paths,
  };
}

/** A GET, and what else is said of it. */
export function get(more: object = {}): object {
  return { get: { responses: { 200: { description: "Fine" } }, ...more } };
}

/** An answer as it came: names in small letters. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM to trust, for https. */
  readonly ca?: string;
}

/** One request on a connection of its own, with exactly these fields. */
export function ask(url: string, { method = "GET", headers = {}, body = "", ca }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false as const };
    const onAnswer = (answer: IncomingMessage) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      answer
        .on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }))
        .on("error", reject);
    };
    const sent = url.startsWith("https:")
      ? requestTls(url, { ...options, ...(ca !== undefined && { ca }) }, onAnswer)
      : request(url, options, onAnswer);
    sent.on("error", reject).end(body);
  });
}

/** What an answer of the gateway itself comes to: its status and body. */
export function outcomeOf({ status, body }: Answer): readonly [status: number, body: string] {
  return [status, body];
}

/** A fault in the original's byte form (S-ERR-R1). */
export function faultText(code: number, message: string, description: string): string {
  return `{"fault":{"code":${code}, "message":${JSON.stringify(message)}, "description":${JSON.stringify(description)}}}`;
}

/** Faults by the number of their line in section 14: status, body. */
export const faults = {
  missing: [
    401,
    faultText(
      900902,
      "Missing Credentials",
      "Missing Credentials. Make sure your API request provides required credentials",
    ),
  ],
  scheme: [
    401,
    faultText(
      900917,
      "Invalid Authentication scheme",
      "Invalid Authentication scheme. API can not be used with this authentication scheme",
    ),
  ],
  token: [
    401,
    faultText(900901, "Invalid Credentials", "Invalid Credentials. Make sure you have given the correct access token"),
  ],
  blocked: [
    401,
    faultText(
      900907,
      "The requested API is temporarily blocked",
      "The requested API is temporarily blocked. Unclassified Authentication Failure",
    ),
  ],
  forbidden: [
    403,
    faultText(900908, "Resource forbidden ", "Resource forbidden . Unclassified Authentication Failure"),
  ],
  onHold: [
    401,
    faultText(
      900909,
      "The subscription to the API is inactive",
      "The subscription to the API is inactive. Unclassified Authentication Failure",
    ),
  ],
  scope: [
    403,
    faultText(
      900910,
      "The access token does not allow you to access the requested resource",
      "The access token does not allow you to access the requested resource",
    ),
  ],
  password: [
    401,
    faultText(
      900911,
      "Invalid Credentials",
      "Invalid Credentials. Make sure you have given the correct username and password",
    ),
  ],
  noColon: [
    401,
    faultText(
      900912,
      "Invalid Format",
      'Invalid Format. Make sure you have given the credentials in correct format with ":" character',
    ),
  ],
  unclassified: [
    500,
    faultText(
      900900,
      "Unclassified Authentication Failure",
      "Unclassified Authentication Failure. Unclassified Authentication Failure",
    ),
  ],
  apiQuota: [429, faultText(900800, "Message throttled out", "You have exceeded your quota")],
  resourceQuota: [429, faultText(900802, "Message throttled out", "You have exceeded your quota")],
  applicationQuota: [429, faultText(900803, "Message throttled out", "You have exceeded your quota")],
  subscriptionQuota: [429, faultText(900804, "Message throttled out", "You have exceeded your quota")],
  noTier: [500, faultText(900809, "Internal server error occured", "POLICY ENFORCEMENT ERROR")],
  backend: [500, faultText(101503, "Runtime Error", "Error connecting to the back end")],
} as const satisfies Readonly<Record<string, readonly [status: number, body: string]>>;
