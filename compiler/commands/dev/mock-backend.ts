import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Build } from "../../compile.ts";
import type { OperationFacts, PathSegment } from "../../model/checked-project.ts";
import type { UpstreamModel } from "../../model/gateway-model.ts";
import type { Cursor } from "../../model/source.ts";
import { exampleOf } from "./example-value.ts";

interface MockedOperation {
  readonly overrideKeys: ReadonlySet<string>;
  readonly method: string;
  readonly segments: readonly PathSegment[];
  readonly facts: OperationFacts;
}

/**
 * One server on the loopback interface that plays every backend of a project: it answers an operation with an example
 * out of its definition, or one made from the schema, and tells what it got when there is neither.
 */
export class MockBackend {
  readonly #server: Server = createServer((request, response) => this.#answer(request, response));
  #operations: readonly MockedOperation[] = [];

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Plays the backends of this build from now on. */
  play({ checked, model }: Build): void {
    const facts = new Map(
      checked.apis.flatMap(({ operations }) => operations).map((operation) => [placeOf(operation.origin), operation]),
    );
    this.#operations = model.apis
      .flatMap(({ operations }) => operations)
      .flatMap(({ method, segments, backend, origin }) => {
        const found = facts.get(placeOf(origin));
        if (backend.kind !== "forward" || found === undefined) return [];
        const keys = [backend.production, backend.sandbox].flatMap((upstream) => upstream?.overrideKey ?? []);
        return [{ overrideKeys: new Set(keys), method, segments, facts: found }];
      })
      .sort((a, b) => rank(a.segments) - rank(b.segments));
  }

  /** Settings that send every backend of the build here: `--<key>_endpoint_<i>=<url>`. */
  overrides({ model }: Build): string[] {
    const { port } = this.#server.address() as AddressInfo;
    const upstreams = model.apis
      .flatMap(({ operations }) => operations)
      .flatMap(({ backend }) => (backend.kind === "forward" ? [backend.production, backend.sandbox] : []))
      .filter((upstream) => upstream !== undefined);
    const settings = upstreams.flatMap(({ overrideKey, urls, credentials }) => [
      ...urls.map(
        (_, i) => `--${overrideKey}_endpoint_${i}=http://127.0.0.1:${port}/${encodeURIComponent(overrideKey)}`,
      ),
      ...credentialSettings(overrideKey, credentials, `http://127.0.0.1:${port}${tokenPath}`),
    ]);
    return [...new Set(settings)].sort();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const [path = ""] = (request.url ?? "/").split("?");
    if (path === tokenPath) {
      request.resume();
      response.writeHead(200, { "content-type": "application/json" });
      return void response.end('{"access_token":"development","token_type":"Bearer","expires_in":3600}');
    }
    const [, key = "", ...segments] = path.split("/");
    const operation = this.#operations.find(
      ({ overrideKeys, method, segments: template }) =>
        overrideKeys.has(decodeURIComponent(key)) && method === request.method && matches(template, segments),
    );
    const answer = operation === undefined ? undefined : answerOf(operation.facts.node);
    const { status, type, body } = answer ?? echo(request, segments);
    request.resume();
    request.once("end", () => {
      const length = { "content-length": Buffer.byteLength(body) };
      response.writeHead(status, body === "" ? {} : { "content-type": type, ...length });
      response.end(body);
    });
  }
}

/** No override key is called so. */
const tokenPath = "/token";

/** What a gateway does not start without. */
function credentialSettings(key: string, credentials: UpstreamModel["credentials"], tokenUrl: string): string[] {
  if (credentials === undefined) return [];
  if (credentials.type === "header") return [`--${key}_header_value=development`];
  const settings = { client_id: "development", client_secret: "development", token_url: tokenUrl };
  return Object.entries(settings).map(([name, value]) => `--${key}_oauth2_${name}=${value}`);
}

interface MockAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** The answer with the lowest status of success that the definition has; undefined when it describes no content. */
function answerOf(operation: Cursor): MockAnswer | undefined {
  const responses = operation.get("responses")?.entries() ?? [];
  const [status, response] = responses.find(([code]) => /^2\d\d$/.test(code)) ??
    responses.find(([code]) => code === "2XX" || code === "default") ?? [undefined, undefined];
  if (response === undefined) return undefined;
  const code = /^\d+$/.test(status) ? Number(status) : 200;
  if (code === 204) return { status: code, type: "", body: "" };
  const content = contentOf(response);
  return content === undefined ? undefined : { status: code, ...content };
}

function contentOf(response: Cursor): { readonly type: string; readonly body: string } | undefined {
  // Swagger 2: examples by media type, one schema.
  const given = response.get("examples")?.entries()[0];
  if (given !== undefined) return print(given[0], given[1].value);
  const schema = response.get("schema");
  if (schema !== undefined) return print("application/json", exampleOf(schema));
  // OpenAPI 3: all by media type.
  const media = response.get("content")?.entries() ?? [];
  const [type, chosen] = media.find(([name]) => /[/+]json\b/i.test(name)) ?? media[0] ?? [];
  if (type === undefined || chosen === undefined) return undefined;
  const named = chosen.get("examples")?.entries()[0]?.[1].get("value");
  return print(type, chosen.raw("example")?.value ?? named?.value ?? exampleOf(chosen.get("schema")));
}

function print(type: string, value: unknown): { readonly type: string; readonly body: string } {
  if (/[/+]json\b/i.test(type)) return { type, body: `${JSON.stringify(value, undefined, 2)}\n` };
  if (typeof value === "string") return { type, body: value };
  return { type: "application/json", body: `${JSON.stringify(value, undefined, 2)}\n` };
}

/** What the backend saw, without credentials. */
function echo({ method = "", url = "", headers }: IncomingMessage, segments: readonly string[]): MockAnswer {
  const query = url.includes("?") ? url.slice(url.indexOf("?")) : "";
  const names = Object.keys(headers).sort();
  const body = `${JSON.stringify({ method, path: `/${segments.join("/")}${query}`, headers: names }, undefined, 2)}\n`;
  return { status: 200, type: "application/json", body };
}

function matches(template: readonly PathSegment[], segments: readonly string[]): boolean {
  const path = segments.length > template.length && segments.at(-1) === "" ? segments.slice(0, -1) : segments;
  const open = template.at(-1)?.kind === "wildcard";
  const fixed = open ? template.slice(0, -1) : template;
  if (open ? path.length < fixed.length : path.length !== fixed.length) return false;
  return fixed.every((segment, i) => {
    const text = path[i] ?? "";
    if (segment.kind === "literal") return segment.text === text;
    if (segment.kind === "wildcard") return true;
    return text.startsWith(segment.prefix) && text.endsWith(segment.suffix);
  });
}

/** Literal segments first: enough for a mock, the gateway has chosen the operation already. */
function rank(segments: readonly PathSegment[]): number {
  return segments.filter(({ kind }) => kind !== "literal").length * 2 + (segments.at(-1)?.kind === "wildcard" ? 1 : 0);
}

function placeOf({ file, pointer }: { readonly file: string; readonly pointer: string }): string {
  return `${file}#${pointer}`;
}
