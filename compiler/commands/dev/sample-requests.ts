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
  const content = (file: string) => contentOf(file, folder);
  const files = new Map<string, Promise<string>>();
  const credential = async (kind: "token" | "api-key", need: TokenNeed) => {
    const id = JSON.stringify([kind, need]);
    const file = files.get(id) ?? (kind === "token" ? dev.writeToken(need, model) : dev.writeApiKey(need, model));
    files.set(id, file);
    return content(await file);
  };
  const sources: CredentialSources = { credential, password: content(`${dev.path}/basic-password`) };

  await dev.clearTokens();
  const requests: SampleRequest[] = [];
  for (const api of model.apis) {
    for (const operation of api.operations) {
      const { origin: at, method } = operation;
      const fact = facts.get(`${at.file}#${at.pointer}`);
      const path = fullPath(api.basePath, fillPath(operation.segments));
      const { access, headers, queryKey, certificate } = await credentialsFor(api, operation, sources);
      const secure = certificate || !api.transports.includes("http");
      const origin = secure ? `https://localhost:${ports.https}` : `http://127.0.0.1:${ports.http}`;
      const words = ["curl", "-i"];
      if (/[[\]{}]/.test(path)) words.push("--globoff");
      if (secure) words.push("--cacert", quote(shortest(`${dev.path}/server.crt`, folder)));
      if (certificate) {
        words.push("--cert", quote(shortest(`${dev.path}/client.crt`, folder)));
        words.push("--key", quote(shortest(`${dev.path}/client.key`, folder)));
      }
      if (method === "HEAD") words.push("--head");
      else if (method !== "GET") words.push("-X", method);
      words.push(...headers);
      const body = bodyOf(fact);
      if (body !== undefined) words.push("-H", quote(`Content-Type: ${body.type}`), "-d", quote(body.text));
      const query = [...requiredQuery(fact), ...(queryKey === undefined ? [] : [`${queryKey.name}=`])].join("&");
      words.push(quote(`${origin}${path}${query === "" ? "" : `?${query}`}`) + (queryKey?.value ?? ""));
      requests.push({ api: api.slug, access: plain(access), method, path: plain(path), line: words.join(" ") });
    }
  }
  return requests;
}

/** Shell words that stand for the content of a file: `"$(cat file)"`. */
interface CredentialSources {
  credential(kind: "token" | "api-key", need: TokenNeed): Promise<string>;
  readonly password: string;
}

/** What one request shows of itself, as shell words. */
interface Credentials {
  /** In words, for people. */
  readonly access: string;
  readonly headers: readonly string[];
  /** An API key in the query: it comes last there. */
  readonly queryKey: { readonly name: string; readonly value: string } | undefined;
  /** The client's certificate, in the handshake. */
  readonly certificate: boolean;
}

/** What the first alternative of an operation asks for. */
async function credentialsFor(
  api: ApiModel,
  operation: OperationModel,
  { credential, password }: CredentialSources,
): Promise<Credentials> {
  if (operation.access.kind === "public")
    return { access: "public", headers: [], queryKey: undefined, certificate: false };
  const [alternative] = operation.access.anyOf;
  const need = needOf(alternative, operation);
  const field = api.authHeader ?? "Authorization";
  const headers: string[] = [];
  const named: string[] = [];
  let queryKey: Credentials["queryKey"];
  let certificate = false;
  for (const scheme of alternative.allOf) {
    if (scheme.kind === "oauth2") {
      headers.push("-H", quote(`${field}: Bearer `) + (await credential("token", need)));
      const token = need.scopes.length === 0 ? "a token" : `a token with ${need.scopes.join(" ")}`;
      named.push(scheme.dpop === "required" ? `${token} and a DPoP proof, which curl does not make` : token);
    } else if (scheme.kind === "basic") {
      if (field === "Authorization") headers.push("-u", `dev:${password}`);
      else headers.push("-H", `${quote(`${field}: Basic `)}"$(printf dev:%s ${password} | base64)"`);
      named.push("Basic");
    } else if (scheme.kind === "mutual-tls") {
      if (scheme.presence === "optional") continue;
      certificate = true;
      named.push("a client certificate");
    } else {
      const [location] = scheme.locations;
      const value = await credential("api-key", need);
      if (location?.in === "query") queryKey = { name: encodeURIComponent(location.name), value };
      else if (location?.in === "cookie") headers.push("-b", quote(`${location.name}=`) + value);
      else headers.push("-H", quote(`${location?.name ?? "apikey"}: `) + value);
      named.push("an API key");
    }
  }
  return { access: named.join(" and "), headers, queryKey, certificate };
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

/** For a POSIX shell: names and paths out of a definition are data, whatever they look like. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function contentOf(file: string, folder: string): string {
  return `"$(cat ${quote(shortest(file, folder))})"`;
}

/** Relative to where it is pasted, unless that leads up. */
function shortest(file: string, folder: string): string {
  const short = relative(folder, file);
  return short.startsWith("..") ? file : short;
}

/** On one line: it is printed in a comment. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}
