import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type {
  ApiFacts,
  EndpointFact,
  Fact,
  OperationFacts,
  SchemeFact,
  SecurityFacts,
} from "../../model/checked-project.ts";
import type { ServiceDefinition } from "../../model/loaded-project.ts";
import type { Cursor, SourceRef } from "../../model/source.ts";
import { readBackendUrl, shownUrl } from "./backend-url.ts";
import { noCalls } from "./calls.ts";
import { keyPlace, keysOf, numberOf, type Reading, reportUnknownKeys, textOf } from "./values.ts";

/** T-GRPC-01 to 03: what the original reads of a service. */
const serviceOptions = [
  "(wso2.production_endpoints)",
  "(wso2.sandbox_endpoints)",
  "(wso2.security)",
  "(wso2.throttling_tier)",
];
/** T-GRPC-04, 05: what it reads of an rpc. */
const methodOptions = ["(wso2.method_scopes)", "(wso2.method_throttling_tier)"];

const none = "NONE";
const tokenWords = ["JWT", "OAUTH2"];
const securityWords = ["APIKEY", "BASIC", ...tokenWords, none];

/** The facts of a gRPC service: an API at `/<package>.<Service>`, each rpc `POST /<Rpc>` (T-GRPC-06). */
export function readGrpcApi(reading: Reading, { file, root, fileOptions }: ServiceDefinition): ApiFacts {
  const named = root.raw("name");
  const title = { value: typeof named?.value === "string" ? named.value : "", ref: named?.ref ?? root.ref };
  const options = root.raw("options");
  reportUnknownOptions(reading, fileOptions, []);
  reportUnknownOptions(reading, options, serviceOptions);
  const words = readSecurityWords(reading, options);
  const operations = (root.raw("methods")?.entries() ?? []).map(([name, node]) =>
    readMethod(reading, name, node, words),
  );
  return {
    protocol: "grpc",
    file,
    root,
    title,
    version: { value: "1.0.0", ref: title.ref },
    basePath: { value: `/${title.value}`, ref: title.ref },
    servers: [],
    endpoints: {
      production: readEndpoints(reading, options, "(wso2.production_endpoints)"),
      sandbox: readEndpoints(reading, options, "(wso2.sandbox_endpoints)"),
    },
    tier: readOne(reading, options, "(wso2.throttling_tier)"),
    cors: undefined,
    transports: ["http", "https"],
    authHeader: undefined,
    owner: "",
    security: securityOf(words, [], title.ref),
    schemes: new Map(words.flatMap(({ value, ref }) => schemeOf(value, ref))),
    requestInterceptor: undefined,
    responseInterceptor: undefined,
    mutualSsl: undefined,
    dpop: undefined,
    calls: noCalls,
    responseCache: undefined,
    allowEncodedSlash: false,
    operations,
  };
}

function readMethod(reading: Reading, name: string, node: Cursor, words: readonly Fact<string>[]): OperationFacts {
  const options = node.raw("options");
  reportUnknownOptions(reading, options, methodOptions);
  const stated = readOne(reading, options, "(wso2.method_scopes)");
  const takesTokens = words.some(({ value }) => tokenWords.includes(value));
  if (stated !== undefined && !takesTokens)
    reading.log.report("grpc-scopes-ignored", at(stated.ref), { method: `POST /${name}` });
  const scopes = (stated?.value ?? "").split(",").map((scope) => scope.trim());
  const wanted = [...new Set(scopes.filter((scope) => scope !== ""))];
  return {
    method: "POST",
    path: `/${name}`,
    segments: [{ kind: "literal", text: name }],
    operationId: name,
    origin: node.ref,
    node,
    servers: [],
    endpoints: { production: undefined, sandbox: undefined },
    tier: readOne(reading, options, "(wso2.method_throttling_tier)"),
    security:
      takesTokens && wanted.length > 0
        ? securityOf(words, wanted, node.ref)
        : { requirements: undefined, disable: undefined, application: undefined },
    scope: undefined,
    authTypeNone: undefined,
    calls: noCalls,
    requestInterceptor: undefined,
    responseInterceptor: undefined,
  };
}

/** Anyone of the words lets in; none of them, or NONE, opens: the opposite of OpenAPI (T-GRPC-07). */
function securityOf(words: readonly Fact<string>[], scopes: readonly string[], ref: SourceRef): SecurityFacts {
  const closing = words.filter(({ value }) => value !== none);
  if (closing.length === 0) {
    return { requirements: undefined, disable: { value: true, ref: words[0]?.ref ?? ref }, application: undefined };
  }
  const requirements = closing.map((word) => ({
    ref: word.ref,
    schemes: [{ name: word.value, scopes: tokenWords.includes(word.value) ? scopes : [] }],
  }));
  return { requirements, disable: undefined, application: undefined };
}

function schemeOf(word: string, ref: SourceRef): readonly (readonly [string, SchemeFact])[] {
  if (word === "BASIC") return [[word, { kind: "basic", ref }]];
  if (word === "APIKEY") return [[word, { kind: "api-key", in: "header", name: "api_key", ref }]];
  return tokenWords.includes(word) ? [[word, { kind: "oauth2", spelling: "jwt", ref }]] : [];
}

/** A word that nobody knows is an error, and closes the service like a token would. */
function readSecurityWords(reading: Reading, options: Cursor | undefined): readonly Fact<string>[] {
  const words = valuesOf(options, "(wso2.security)").map((cursor): Fact<string> => {
    const word = typeof cursor.value === "string" ? cursor.value : "";
    if (securityWords.includes(word)) return { value: word, ref: cursor.ref };
    const suggestion = suggest(word, securityWords);
    reading.log.report("value-invalid", at(cursor.ref), {
      what: "(wso2.security)",
      problem: `must be one of ${securityWords.join(", ")}`,
      ...(suggestion && { suggestion }),
    });
    return { value: "JWT", ref: cursor.ref };
  });
  const open = words.find(({ value }) => value === none);
  const other = words.find(({ value }) => value !== none);
  if (open !== undefined && other !== undefined) {
    const problem = `cannot be both ${none} and ${other.value}`;
    const related = [{ place: at(other.ref), label: "the other one" }];
    reading.log.report("value-invalid", at(open.ref), { what: "(wso2.security)", problem }, related);
  }
  return words;
}

/** One absolute URL and a timeout (T-GRPC-01, 09); `type` says nothing. */
function readEndpoints(reading: Reading, options: Cursor | undefined, what: string): EndpointFact | undefined {
  const stated = valuesOf(options, what);
  const [first] = stated;
  if (first === undefined) return undefined;
  for (const endpoint of stated) {
    reportUnknownKeys(reading, endpoint, ["url", "type", "advanceEndpointConfig"], what);
    for (const config of valuesOf(endpoint, "advanceEndpointConfig"))
      reportUnknownKeys(reading, config, ["timeoutInMillis"], "advanceEndpointConfig");
  }
  const written = stated.flatMap((endpoint) => valuesOf(endpoint, "url"));
  if (written.length === 0) reading.log.report("value-invalid", at(first.ref), { what, problem: "has no url" });
  if (written[1] !== undefined) {
    const problem = `may have one url, but has ${written.length}`;
    reading.log.report("value-invalid", at(written[1].ref), { what, problem });
  }
  const urls = written.flatMap((cursor): Fact<string>[] => {
    const text = textOf(reading, cursor, `url of ${what}`);
    if (text === undefined) return [];
    const judged = readBackendUrl(text.value);
    if ("url" in judged) return [{ value: judged.url, ref: text.ref }];
    const args = { url: shownUrl(text.value), problem: judged.problem };
    reading.log.report("endpoint-url-invalid", at(text.ref), args);
    return [];
  });
  const [timeout] = stated
    .flatMap((endpoint) => valuesOf(endpoint, "advanceEndpointConfig"))
    .flatMap((config) => valuesOf(config, "timeoutInMillis"))
    .flatMap((cursor) => numberOf(reading, cursor, "timeoutInMillis", { min: 0, whole: true }) ?? []);
  return {
    ref: first.ref,
    name: undefined,
    urls,
    type: undefined,
    basicUsername: undefined,
    // 0 is what protobuf makes of a field that is not set (T-GRPC-11).
    timeoutMs: timeout?.value || undefined,
    pipelining: undefined,
  };
}

/** An option that takes text, and may stand once. */
function readOne(reading: Reading, options: Cursor | undefined, key: string): Fact<string> | undefined {
  const [first, second] = valuesOf(options, key);
  if (first === undefined) return undefined;
  if (second !== undefined) {
    const related = [{ place: at(first.ref), label: "first given here" }];
    reading.log.report("value-invalid", at(second.ref), { what: key, problem: "is given twice" }, related);
  }
  return textOf(reading, first, key);
}

function valuesOf(parent: Cursor | undefined, key: string): readonly Cursor[] {
  return parent?.raw(key)?.items() ?? [];
}

/** Options of the original's own file that it does not have, or not here; other people's are theirs. */
function reportUnknownOptions(reading: Reading, options: Cursor | undefined, known: readonly string[]): void {
  for (const key of options === undefined ? [] : keysOf(options)) {
    if (!key.startsWith("(wso2.") || known.includes(key)) continue;
    const place = keyPlace(options as Cursor, key);
    if (serviceOptions.includes(key) || methodOptions.includes(key)) {
      const levels = serviceOptions.includes(key) ? "in a service" : "in an rpc";
      reading.log.report("extension-misplaced", place, { key, levels });
      continue;
    }
    const suggestion = suggest(key, [...serviceOptions, ...methodOptions]);
    reading.log.report("extension-unknown", place, { key, ...(suggestion && { suggestion }) });
  }
}
