import { relative } from "node:path";
import { fullPath } from "../../6-bundle/manifest.ts";
import type { Build } from "../../compile.ts";
import type { OperationFacts, PathSegment } from "../../model/checked-project.ts";
import type { Alternative, ApiModel, OperationModel } from "../../model/gateway-model.ts";
import type { Cursor } from "../../model/source.ts";
import type { DevFolder, TokenNeed } from "./dev-folder.ts";
import { exampleOf } from "./example-value.ts";

/** A `curl` line that works when pasted, for one operation. */
export interface SampleRequest {
  readonly api: string;
  /** What a caller needs: equal for operations that the same credentials open. */
  readonly access: string;
  readonly method: string;
  readonly path: string;
  readonly line: string;
}

export interface Listening {
  readonly http: number;
  readonly https: number;
}

/** Sample requests of all operations, with tokens in files of the development folder. `folder` is where they are pasted. */
export async function sampleRequests(
  { model, checked }: Build,
  dev: DevFolder,
  ports: Listening,
  folder: string,
): Promise<SampleRequest[]> {
  const facts = new Map(
    checked.apis
      .flatMap(({ operations }) => operations)
      .map((operation) => [`${operation.origin.file}#${operation.origin.pointer}`, operation]),
  );
  const quoteFile = (file: string) => {
    const short = relative(folder, file);
    return quote(short.startsWith("..") ? file : short);
  };
  const files = new Map<string, Promise<string>>();
  const credential = (kind: "token" | "api-key", need: TokenNeed) => {
    const id = JSON.stringify([kind, need]);
    const file = files.get(id) ?? (kind === "token" ? dev.writeToken(need, model) : dev.writeApiKey(need, model));
    files.set(id, file);
    return file.then((name) => `$(cat ${quoteFile(name)})`);
  };

  await dev.clearTokens();
  const requests: SampleRequest[] = [];
  for (const api of model.apis) {
    const secure = !api.transports.includes("http");
    const origin = secure ? `https://localhost:${ports.https}` : `http://127.0.0.1:${ports.http}`;
    for (const operation of api.operations) {
      const { origin: at, method } = operation;
      const fact = facts.get(`${at.file}#${at.pointer}`);
      const path = fullPath(api.basePath, fillPath(operation.segments));
      const query = requiredQuery(fact);
      const words = ["curl", "-i"];
      if (secure) words.push("--cacert", quoteFile(`${dev.path}/server.crt`));
      if (method === "HEAD") words.push("--head");
      else if (method !== "GET") words.push("-X", method);
      const access = await addCredentials(
        words,
        query,
        api,
        operation,
        credential,
        `${dev.path}/basic-password`,
        quoteFile,
      );
      const body = bodyOf(fact);
      if (body !== undefined) words.push("-H", quote(`Content-Type: ${body.type}`), "-d", quote(body.text));
      // Double quotes: a query may hold the credential, which the shell fills in.
      const search = query.length === 0 ? "" : `?${query.join("&")}`;
      words.push(search.includes("$(") ? `"${origin}${path}${search}"` : quote(`${origin}${path}${search}`));
      requests.push({ api: api.slug, access, method, path, line: words.join(" ") });
    }
  }
  return requests;
}

type Credential = (kind: "token" | "api-key", need: TokenNeed) => Promise<string>;

/** Adds what the first alternative of an operation asks for; returns it in words. */
async function addCredentials(
  words: string[],
  query: string[],
  api: ApiModel,
  operation: OperationModel,
  credential: Credential,
  passwordFile: string,
  quoteFile: (file: string) => string,
): Promise<string> {
  const { access } = operation;
  if (access.kind === "public") return "public";
  const [alternative] = access.anyOf;
  const need = needOf(alternative, operation);
  const header = api.authHeader ?? "Authorization";
  const named: string[] = [];
  for (const scheme of alternative.allOf) {
    if (scheme.kind === "oauth2") {
      words.push("-H", `"${header}: Bearer ${await credential("token", need)}"`);
      named.push(need.scopes.length === 0 ? "a token" : `a token with ${need.scopes.join(" ")}`);
    } else if (scheme.kind === "basic") {
      words.push("-u", `"dev:$(cat ${quoteFile(passwordFile)})"`);
      named.push("Basic");
    } else {
      const [location] = scheme.locations;
      const key = await credential("api-key", need);
      if (location?.in === "query") query.push(`${encodeURIComponent(location.name)}=${key}`);
      else words.push("-H", `"${location?.name ?? "apikey"}: ${key}"`);
      named.push("an API key");
    }
  }
  return named.join(" and ");
}

function needOf({ scopes }: Alternative, { backend }: OperationModel): TokenNeed {
  const sandboxOnly = backend.kind === "forward" && backend.production === undefined;
  return { scopes: [...(scopes?.names ?? [])].sort(), keyType: sandboxOnly ? "SANDBOX" : "PRODUCTION" };
}

function fillPath(segments: readonly PathSegment[]): string {
  const texts = segments.map((segment) => {
    if (segment.kind === "literal") return segment.text;
    return segment.kind === "wildcard" ? "anything" : `${segment.prefix}1${segment.suffix}`;
  });
  return `/${texts.join("/")}`;
}

/** `name=value` of the query parameters that the definition requires. */
function requiredQuery(fact: OperationFacts | undefined): string[] {
  return (fact?.node.get("parameters")?.items() ?? [])
    .filter((parameter) => parameter.raw("in")?.value === "query" && parameter.raw("required")?.value === true)
    .map((parameter) => {
      const value = exampleOf(parameter.get("schema") ?? parameter);
      const text = Array.isArray(value) ? value.map(String).join(",") : String(value);
      return `${encodeURIComponent(String(parameter.raw("name")?.value))}=${encodeURIComponent(text)}`;
    });
}

function bodyOf(fact: OperationFacts | undefined): { readonly type: string; readonly text: string } | undefined {
  const media = fact?.node.get("requestBody")?.get("content")?.entries() ?? [];
  const json = media.find(([type]) => /[/+]json\b/i.test(type));
  if (json !== undefined) {
    const [type, content] = json;
    return { type, text: JSON.stringify(content.raw("example")?.value ?? exampleOf(content.get("schema"))) };
  }
  const parameter = fact?.node
    .get("parameters")
    ?.items()
    .find((each: Cursor) => each.raw("in")?.value === "body");
  const schema = parameter?.get("schema");
  return schema === undefined ? undefined : { type: "application/json", text: JSON.stringify(exampleOf(schema)) };
}

/** For a POSIX shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
