import type { Compatibility } from "../model/names.ts";

/** `note` is information that is always listed and never fails a build, not even with `--deny-warnings`. */
export type Severity = "error" | "warning" | "note";

interface Entry<A> {
  /** One severity, or one for each compatibility. */
  readonly severity: Severity | Readonly<Record<Compatibility, Severity>>;
  readonly message: (args: A) => string;
  /** What to do about it. */
  readonly hint?: (args: A) => string | undefined;
  /** For `castgate help <code>` and the SARIF rule: why it is a mistake, with the number of the fact it rests on. */
  readonly explanation: string;
}

function entry<A = Record<never, string>>(value: Entry<A>): Entry<A> {
  return value;
}

/** Doubtful input that the original built: shown in `wso2-3.2`, refused in `standard`. */
const doubtful = { "wso2-3.2": "warning", standard: "error" } as const;

/** The one home of diagnostic codes. Kebab-case; never renamed, never reused. Sorted by code. */
export const catalogue = {
  "accepted-incomplete": entry<{ key: string }>({
    severity: "error",
    message: ({ key }) => `an accepted change needs "${key}"`,
    hint: () => "`castgate diff` prints the entry to paste; reason and expires are yours to write",
    explanation:
      "An entry of accepted in castgate.yaml says which change is accepted (change, on, fingerprint), why (reason) and until which day (expires). Nothing is accepted silently or for ever.",
  }),
  "accepted-key-unknown": entry<{ key: string; suggestion?: string }>({
    severity: "error",
    message: ({ key }) => `unknown key "${key}" in an accepted change`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation: "An entry of accepted in castgate.yaml has change, on, fingerprint, reason and expires.",
  }),
  "accepted-repeated": entry<{ change: string }>({
    severity: "error",
    message: ({ change }) => `this change (${change}) is accepted twice`,
    hint: () => "remove one of the entries",
    explanation: "Two entries of accepted with one fingerprint would give one change two reasons and two last days.",
  }),
  "accepted-value": entry<{ key: string; problem: string }>({
    severity: "error",
    message: ({ key, problem }) => `${key} of an accepted change: ${problem}`,
    hint: () => "`castgate diff` prints the entry to paste",
    explanation:
      "A value in accepted of castgate.yaml is not of its form: change is the code of a change, fingerprint is d1- and 32 hexadecimal digits, expires is a day as 2027-01-31. Whether the day is over is said by `castgate diff` alone: what compiles today compiles tomorrow.",
  }),
  "address-invalid": entry<{ text: string; problem: string }>({
    severity: "error",
    message: ({ text, problem }) => `"${text}" ${problem}`,
    hint: () => "write 192.0.2.1, 192.0.2.0/24, 2001:db8::/32, or a range with both ends: 192.0.2.1 - 192.0.2.30",
    explanation:
      "Conditions and limits on client addresses take addresses, networks in CIDR notation, and ranges to which both ends belong (K-10, K-11).",
  }),
  "api-duplicate": entry<{ title: string; version: string; other: string }>({
    severity: "error",
    message: ({ title, version, other }) => `"${title}" version ${version} is already defined in ${other}`,
    hint: () => "change the title or the version, or remove one of the files",
    explanation: "Title and version are an API's identity, so no two definitions share both (T-OAS-05).",
  }),
  "api-key-in-cookie": entry<{ scheme: string }>({
    severity: "warning",
    message: ({ scheme }) => `the security scheme "${scheme}" wants its key in a cookie: such keys are never accepted`,
    hint: () => "use `in: header` or `in: query`, or `compatibility: standard`, where cookies are looked at",
    explanation:
      "The original compiles `in: cookie` and never looks at the cookie, so in `wso2-3.2` nobody gets in by it (T-SEC-06).",
  }),
  "application-security-optional": entry({
    severity: "error",
    message: () => "`optional: true` needs `x-wso2-mutual-ssl: mandatory`",
    hint: () =>
      "without a client certificate nothing would be left to check: remove `optional`, or make mutual TLS mandatory",
    explanation:
      "Application security may be optional only where every caller has shown a client certificate (T-SEC-07).",
  }),
  "application-security-type-unknown": entry<{ word: string; suggestion?: string }>({
    severity: doubtful,
    message: ({ word }) => `unknown security type "${word}": it is ignored`,
    hint: ({ suggestion }) =>
      suggestion === undefined ? "oauth2, basic_auth and api_key are known" : `did you mean "${suggestion}"?`,
    explanation:
      "security-types of x-wso2-application-security knows oauth2, basic_auth and api_key. Other words select nothing; where none is left, a token is required (T-SEC-03).",
  }),
  "auth-type-ignored": entry<{ word: string; kind: string }>({
    severity: "warning",
    message: ({ word }) => `x-auth-type "${word}" is ignored: tokens of both kinds are taken`,
    hint: ({ kind }) => `write \`x-castgate-caller: ${kind}\`, or use \`compatibility: standard\``,
    explanation:
      "Of x-auth-type the original knows but None (T-EXT-11). In API Manager, and in `standard`, it says whether tokens of applications or of their users are taken.",
  }),
  "backend-missing": entry<{ operation: string; more?: string }>({
    severity: "error",
    message: ({ operation, more }) =>
      `${operation} has no backend${more === undefined ? "" : `; nor have other operations: ${more}`}`,
    hint: () => "add x-wso2-production-endpoints with urls to the API or to the operation, or an absolute server URL",
    explanation:
      "Each operation needs an endpoint of its own or one of its API. Servers count where they are absolute URLs; a single `/` does not (T-OAS-21, 22, 26).",
  }),
  "base-path-defaulted": entry({
    severity: "warning",
    message: () => "the API states no base path, so it answers at /",
    hint: () => "add x-wso2-basePath",
    explanation: "Without x-wso2-basePath and without a path in the first server URL the base path is / (T-OAS-07).",
  }),
  "base-path-duplicate": entry<{ basePath: string; other: string }>({
    severity: "error",
    message: ({ basePath, other }) => `the base path ${basePath} is already used by ${other}`,
    hint: () => "give each API a base path of its own: x-wso2-basePath, {version} in it is replaced",
    explanation:
      "Two APIs cannot answer at one base path. Resolved paths are compared, with {version} replaced and without a slash at the end, also the implicit / (T-OAS-10, T-OAS-11).",
  }),
  "base-path-invalid": entry<{ basePath: string; problem: string }>({
    severity: "error",
    message: ({ basePath, problem }) => `"${basePath}" cannot be a base path: ${problem}`,
    explanation: "A base path is a literal URL path; of the templates only {version} is replaced (T-OAS-09, T-OAS-11).",
  }),
  "base-path-reserved": entry<{ basePath: string }>({
    severity: doubtful,
    message: ({ basePath }) => `the base path ${basePath} is one of the gateway's own`,
    hint: () => "choose another x-wso2-basePath",
    explanation:
      "/health, /livez and /readyz are answered by the gateway; so is what lies below /health, and so are /token, /revoke, /authorize, /userinfo, /apikey and what lies below where their feature is in the bundle, which in `wso2-3.2` they all are. There, an API wins on its listener, below /health only if it has a path that is /health itself (T-OAS-12).",
  }),
  "caller-impossible": entry<{ operation: string; problem: string }>({
    severity: "error",
    message: ({ operation, problem }) => `${operation} ${problem}`,
    hint: () => "change what it says of callers, or its security",
    explanation:
      "x-castgate-caller and a claim of x-castgate-allowed-domains ask something of the caller. Where no credentials are taken that could show it, nobody could call, or the check would be none.",
  }),
  "castgate-extension-unknown": entry<{ key: string; suggestion?: string; home?: string }>({
    severity: "error",
    message: ({ key }) => `unknown extension "${key}" at this place`,
    hint: ({ suggestion, home }) => {
      if (home !== undefined) return `it belongs ${home}`;
      return suggestion === undefined ? undefined : `did you mean "${suggestion}"?`;
    },
    explanation: "Extensions that start with x-castgate- are this product's own, so an unknown one is a mistake.",
  }),
  "code-import-refused": entry<{ problem: string; hint: string }>({
    severity: "error",
    message: ({ problem }) => problem,
    hint: ({ hint }) => hint,
    explanation:
      "The project's own code becomes part of a bundle that must be the same anywhere: it is made of the files of extensions/ and of nothing that is installed. Of castgate/runtime/* it may import types.",
  }),
  "code-invalid": entry<{ problem: string }>({
    severity: "error",
    message: ({ problem }) => problem,
    explanation:
      "A file of extensions/ cannot be made part of a bundle. Only what makes that impossible is reported; `tsc` checks types, with the tsconfig.json that init writes.",
  }),
  "code-name-invalid": entry<{ file: string; problem: string }>({
    severity: "error",
    message: ({ file, problem }) => `${file} cannot be an extension: ${problem}`,
    hint: () => "what extensions share can have any name in a folder of its own: extensions/lib/names.ts",
    explanation:
      "Run-time settings refer to an extension by the name of its file, without .ts. Each TypeScript file directly in extensions/ is one.",
  }),
  "code-not-built": entry<{ file: string }>({
    severity: doubtful,
    message: ({ file }) => `${file} is not compiled`,
    hint: () => "Ballerina and Java code cannot be carried over: operations that name an interceptor answer 501",
    explanation: "Interceptors and extensions written for the original run on its platform only (T-INT-01, T-PRJ-03).",
  }),
  "code-without-export": entry<{ file: string; suggestion?: string }>({
    severity: "error",
    message: ({ file }) => `${file} exports nothing that the gateway knows`,
    hint: ({ suggestion }) =>
      suggestion === undefined
        ? "write `export const claimTransformer: ClaimTransformer = ...`, or move the file to a folder below extensions/"
        : `did you mean "${suggestion}"?`,
    explanation:
      "A file directly in extensions/ exports what it is by name: claimTransformer makes claims out of those of a token (see castgate/runtime/extension.js). What others import belongs into a folder below extensions/.",
  }),
  "compatibility-difference": entry<{ operation: string; here: string; standard: string }>({
    severity: "note",
    message: ({ operation, here, standard }) =>
      `${operation} may be called with ${here}; read as OpenAPI means it: ${standard}`,
    hint: () => "`compatibility: standard` in castgate.yaml takes OpenAPI's reading",
    explanation:
      "In `wso2-3.2` all security requirements are flattened into alternatives, any one scope suffices and an empty list inherits, as the original did (S-SEL-03, S-SEL-05, S-SCP-01). Each operation where that differs from OpenAPI's own meaning is listed.",
  }),
  "condition-unreachable": entry<{ what: string }>({
    severity: "error",
    message: ({ what }) => `${what} never holds: an earlier entry has all of its addresses`,
    hint: () => "put the narrower entry first",
    explanation: "The first entry of ipLimits that an address belongs to holds; what comes after it is not looked at.",
  }),
  "cors-always-enabled": entry({
    severity: "warning",
    message: () => "corsConfigurationEnabled: false has no effect: x-wso2-cors switches CORS on by being there",
    hint: () => "remove x-wso2-cors to switch CORS off, or use `compatibility: standard`, where false means off",
    explanation: "The original enables CORS for each API that has x-wso2-cors, whatever it says (T-EXT-22).",
  }),
  "cors-credentials-for-any": entry({
    severity: doubtful,
    message: () => "credentials are not granted to any origin: with * or without origins, this has no effect",
    hint: () => "list the origins that may send credentials in accessControlAllowOrigins",
    explanation:
      "Credentials for any origin let every page act as its visitor. The original echoed any origin with Access-Control-Allow-Credentials; that is never sent here (S-SEC-14).",
  }),
  "cors-origin-unmatchable": entry<{ origin: string; problem: string }>({
    severity: doubtful,
    message: ({ origin, problem }) => `no page has the origin "${origin}": ${problem}`,
    hint: () => "write origins as browsers send them: https://ui.example.com, or http://localhost:8080",
    explanation:
      "Origins are compared exactly, with scheme, host and port, and * means any only where it stands alone (S-COR-03, S-COR-04).",
  }),
  "counters-incomplete": entry<{ key: string; words: string }>({
    severity: "error",
    message: ({ key }) => `counters does not say ${key}`,
    hint: ({ key, words }) => `write ${key}: ${words}`,
    explanation:
      "Requests that are counted elsewhere depend on another system. What becomes of them while it is away (`deny`: 503, `allow`: they pass uncounted, `local`: each process counts for itself) has no safe default and must be said.",
  }),
  "counters-unused": entry({
    severity: "warning",
    message: () => "no operation has a limit: there is nothing to count",
    hint: () => "remove counters, or give an operation a tier",
    explanation: "counters says where requests are counted that a tier limits.",
  }),
  "default-tier-missing": entry({
    severity: "warning",
    message: () => 'policies.yaml has no subscription tier "Default": calls with a token that names no tier get a 500',
    hint: () => "add it to subscriptionPolicies, for example Default: {count: 500, unitTime: 1, timeUnit: min}",
    explanation:
      "A token that names no subscription tier is counted against Default. Where that is not defined, such calls are answered with 500 and code 900809 (T-POL-06, T-POL-11).",
  }),
  "definition-not-openapi": entry<{ what: string }>({
    severity: "error",
    message: ({ what }) => `this is not an OpenAPI definition: ${what}`,
    hint: () => "every .json, .yaml and .yml file below api_definitions/ is compiled; move other files elsewhere",
    explanation:
      'A definition says `swagger: "2.0"`, or `openapi:` with a version 3.0 or 3.1, at its root (T-OAS-01, T-PRJ-01). Files that a definition refers to by $ref need not.',
  }),
  "definition-unusable": entry<{ problem: string }>({
    severity: "error",
    message: ({ problem }) => `routes cannot be read: ${problem}`,
    explanation:
      "Where the structure of paths and operations is not that of OpenAPI, nobody can say what is to be served.",
  }),
  "definition-version-unsupported": entry<{ key: string; version: string }>({
    severity: "error",
    message: ({ key, version }) => `${key} version "${version}" is not supported`,
    hint: () => 'write swagger: "2.0", or openapi: with a version 3.0.x or 3.1.x',
    explanation: "Swagger 2.0, OpenAPI 3.0 and OpenAPI 3.1 are compiled (T-OAS-01).",
  }),
  "deny-api-unknown": entry<{ basePath: string; suggestion?: string }>({
    severity: "error",
    message: ({ basePath }) => `the deny condition names an API that is not there: ${basePath}`,
    hint: ({ suggestion }) =>
      suggestion === undefined ? "it is the base path of an API" : `did you mean "${suggestion}"?`,
    explanation: "A deny condition on an API names it by its base path, as the original does (R-DTH-07).",
  }),
  "deployment-not-built": entry<{ name: string }>({
    severity: "warning",
    message: ({ name }) => `[${name}] is enabled, but nothing is made for it`,
    hint: () => "the bundle is one file that any Node runs: copy it into your image",
    explanation:
      "Docker images and Kubernetes files of conf/deployment-config.toml are not made by this version (T-DKR, T-K8S).",
  }),
  "dpop-unused": entry<{ api: string }>({
    severity: "warning",
    message: ({ api }) => `no operation of "${api}" takes a token: x-castgate-dpop asks for nothing`,
    hint: () => "remove x-castgate-dpop, or secure an operation with a token",
    explanation: "A proof of possession (RFC 9449) belongs to an access token; keys and users have none.",
  }),
  "endpoint-digest-ignored": entry({
    severity: doubtful,
    message: () => "digest credentials are not sent: the backend is called without any",
    hint: () => "use `type: basic`, or remove securityConfig",
    explanation: "The original accepts `type: digest` and ignores it (T-END-05).",
  }),
  "endpoint-duplicate": entry<{ name: string }>({
    severity: "error",
    message: ({ name }) => `the endpoint "${name}" is defined twice`,
    hint: () => "rename or remove one of them",
    explanation: "A reference to x-wso2-endpoints must mean one endpoint (T-END-12).",
  }),
  "endpoint-etcd-malformed": entry({
    severity: "error",
    message: () => "this is not of the form etcd(key, defaultUrl)",
    hint: () => "write for example etcd(orders, https://orders.example.com)",
    explanation:
      "A URL from etcd has a key and a default URL with one comma between; blanks around them do not matter (T-END-01, T-END-02).",
  }),
  "endpoint-password-ignored": entry({
    severity: "warning",
    message: () => "the password in this securityConfig is ignored",
    hint: () => "remove it from the file, change it, and give it at start: <endpoint>_<prod|sand>_basic_password",
    explanation:
      "A password in a definition would end up in version control. It is read at start only (T-END-05, T-OVR-01).",
  }),
  "endpoint-reference-unknown": entry<{ name: string; suggestion?: string }>({
    severity: "error",
    message: ({ name }) => `there is no endpoint "${name}" in x-wso2-endpoints of this definition`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation: "A reference names an entry of x-wso2-endpoints in the same definition (T-END-11, T-END-12).",
  }),
  "endpoint-setting-unused": entry<{ key: string; needs: string }>({
    severity: "warning",
    message: ({ key }) => `${key} has no effect on this endpoint`,
    hint: ({ needs }) => `it needs ${needs}`,
    explanation:
      "Settings of failover, load balancing and retries say how something is done; what is not done needs none.",
  }),
  "endpoint-type-mismatch": entry<{ problem: string; remedy: string }>({
    severity: "warning",
    message: ({ problem }) => problem,
    hint: ({ remedy }) => remedy,
    explanation: "The number of URLs decides what a type can mean (T-END-03).",
  }),
  "endpoint-unused": entry<{ what: string; hint: string }>({
    severity: "warning",
    message: ({ what }) => what,
    hint: ({ hint }) => hint,
    explanation:
      "No request reaches a backend that nothing refers to. It is left over, or an operation goes to another backend than meant (T-END-11, T-OAS-25).",
  }),
  "endpoint-url-invalid": entry<{ url: string; problem: string }>({
    severity: "error",
    message: ({ url, problem }) => `the endpoint URL "${url}" ${problem}`,
    hint: () => "write an absolute URL such as https://orders.example.com/api; credentials are given at start",
    explanation: "Requests are sent to absolute http or https URLs, or to what etcd(key, defaultUrl) names (T-END-01).",
  }),
  "endpoint-urls-missing": entry<{ what: string }>({
    severity: "error",
    message: ({ what }) => `${what} has no urls`,
    hint: () => "add urls with at least one URL",
    explanation: "An endpoint needs at least one URL (T-END-01).",
  }),
  "extension-legacy": entry<{ key: string }>({
    severity: "warning",
    message: ({ key }) => `${key} is of an older product and is ignored`,
    hint: ({ key }) => `write ${key.replace(/^x.mgw/i, "x-wso2")} if it is still meant`,
    explanation: "Extensions that start with x-mgw- were those of version 2 and have no effect since (T-EXT-19).",
  }),
  "extension-misplaced": entry<{ key: string; levels: string }>({
    severity: doubtful,
    message: ({ key }) => `${key} has no effect here`,
    hint: ({ levels }) => `it is read ${levels}`,
    explanation:
      "Extensions are read at the top of a definition and in operations, never in path items (T-EXT-01 to 18).",
  }),
  "extension-unknown": entry<{ key: string; suggestion?: string }>({
    severity: doubtful,
    message: ({ key }) => `unknown extension "${key}": it has no effect`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation:
      "The original ignored extensions that it did not know, so a misspelt one protected nothing (T-EXT-19).",
  }),
  "feature-not-built": entry<{ operation: string; feature: string }>({
    severity: doubtful,
    message: ({ operation, feature }) => `${operation} asks for ${feature}, which this version cannot do`,
    hint: () =>
      "until the feature is there, wso2-3.2 answers 501 and never calls the backend; in standard, change the operation or leave it out",
    explanation:
      "Nothing is half-served: an operation that needs a feature of a later version is compiled to a handler that answers 501 in `wso2-3.2`, and is an error in `standard`.",
  }),
  "file-misnamed": entry<{ file: string; expected: string }>({
    severity: "error",
    message: ({ file, expected }) => `${file} is not read: the file must be called ${expected}`,
    hint: ({ expected }) => `rename it to ${expected}`,
    explanation:
      "The project has a file whose name differs from one that is looked for by its extension only. Settings or limits that its author believes to be in force would not be.",
  }),
  "file-unreadable": entry<{ file: string; why: string }>({
    severity: "error",
    message: ({ file, why }) => `${file} cannot be read: ${why}`,
    explanation: "A file of the project exists but cannot be read as UTF-8 text.",
  }),
  "grpc-scopes-ignored": entry<{ method: string }>({
    severity: doubtful,
    message: ({ method }) => `the scopes of ${method} protect nothing: its service takes no tokens`,
    hint: () => "add `option (wso2.security) = JWT;` to the service, or remove the scopes",
    explanation:
      "(wso2.method_scopes) holds for callers with a token only. The original dropped it silently where (wso2.security) names neither JWT nor OAUTH2 (T-GRPC-08).",
  }),
  "ignore-unknown": entry<{ code: string; suggestion?: string }>({
    severity: "error",
    message: ({ code }) => `there is no diagnostic with the code "${code}"`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation: "`ignore` and `diagnostics` in castgate.yaml name codes. A misspelt one would silence nothing.",
  }),
  "ignore-useless": entry<{ code: string; severity: string }>({
    severity: "warning",
    message: ({ code, severity }) => `"${code}" cannot be ignored: its severity is ${severity}`,
    hint: () => "only warnings can be ignored",
    explanation: "Errors cannot be silenced, and notes are always listed, so such an entry of `ignore` has no effect.",
  }),
  "info-missing": entry<{ key: string }>({
    severity: "error",
    message: ({ key }) => `info.${key} is missing`,
    hint: ({ key }) => `add info with a ${key}`,
    explanation: "Title and version name an API (T-OAS-02, T-OAS-05).",
  }),
  "info-number": entry<{ key: string; text: string }>({
    severity: doubtful,
    message: ({ key, text }) => `info.${key} is the number ${text}; it is read as the text "${text}"`,
    hint: ({ text }) => `write "${text}" in quotes`,
    explanation:
      "OpenAPI wants text, and a number does not keep its spelling: 1.0 and 1 are the same number (T-OAS-05).",
  }),
  "json-syntax": entry<{ problem: string }>({
    severity: "error",
    message: ({ problem }) => `JSON syntax error: ${problem}`,
    explanation: "A file whose name ends in .json must hold JSON text (RFC 8259): no comments, no trailing commas.",
  }),
  "key-duplicate": entry<{ key: string }>({
    severity: doubtful,
    message: ({ key }) => `the key "${key}" stands twice in one object`,
    hint: () => "the last one counts; remove or rename one of them",
    explanation:
      "YAML and JSON allow a key once in an object. Parsers take the last one, so what the first one says, a security requirement perhaps, has no effect.",
  }),
  "key-ignored": entry<{ key: string; what: string; known: string; suggestion?: string }>({
    severity: doubtful,
    message: ({ key, what }) => `unknown key "${key}" in ${what}: it has no effect`,
    hint: ({ suggestion, known }) =>
      suggestion === undefined ? `known are ${known}` : `did you mean "${suggestion}"?`,
    explanation: "The original ignores unknown keys here (T-EXT-22, T-END-05), so a misspelt one has no effect.",
  }),
  "key-repeated": entry<{ key: string; used: string }>({
    severity: doubtful,
    message: ({ key, used }) => `${key} and ${used} are two spellings of one key: ${key} is ignored`,
    hint: () => "keep one of them",
    explanation: "CORS settings may be written in camelCase, with - or with _ (T-EXT-22), but each only once.",
  }),
  "key-unknown": entry<{ key: string; what: string; known: string; suggestion?: string }>({
    severity: "error",
    message: ({ key, what }) => `unknown key "${key}" in ${what}`,
    hint: ({ suggestion, known }) =>
      suggestion === undefined ? `known are ${known}` : `did you mean "${suggestion}"?`,
    explanation:
      "Unknown keys of endpoints, of application security and of policies are refused (T-END-10, T-SEC-07, T-POL-02).",
  }),
  "level-incomplete": entry<{ key: string }>({
    severity: "error",
    message: ({ key }) => `this entry of diagnostics does not say ${key}`,
    hint: () => "write {level: ignore, in: api_definitions/shop.yaml, reason: why}, or the level alone for all places",
    explanation:
      "An entry that holds in one place has a level, the place, and a reason: whoever reviews it must see why something is not shown there.",
  }),
  "level-place-unknown": entry<{ problem: string; suggestion?: string }>({
    severity: "error",
    message: ({ problem }) => `this entry of diagnostics holds nowhere: ${problem}`,
    hint: ({ suggestion }) =>
      suggestion === undefined
        ? "write a file of the project, and, after #, the pointer that --format=json shows"
        : `did you mean "${suggestion}"?`,
    explanation: "A place that is not there, or not there any more, would silence nothing, and nobody would notice.",
  }),
  "level-useless": entry<{ code: string; severity: string }>({
    severity: "warning",
    message: ({ code, severity }) =>
      severity === "error" ? `"${code}" is an error, and stays one` : `"${code}" is a note: it is always listed`,
    hint: () => "only warnings can be ignored; warnings and notes can be made errors",
    explanation:
      "Errors cannot be silenced, and notes are always listed, so such an entry of `diagnostics` has no effect.",
  }),
  "method-unsupported": entry<{ method: string; path: string; suggestion?: string }>({
    severity: "warning",
    message: ({ method, path }) => `${method} of ${path} is not served`,
    hint: ({ suggestion }) =>
      suggestion === undefined
        ? "GET, PUT, POST, DELETE, OPTIONS, HEAD and PATCH are"
        : `methods are written in lower case: ${suggestion}`,
    explanation: "Seven methods are compiled; TRACE would show a caller what only the backend should see (T-OAS-14).",
  }),
  "nesting-too-deep": entry<{ limit: string }>({
    severity: "error",
    message: ({ limit }) => `the document is nested more than ${limit} levels deep, or contains itself`,
    explanation:
      "Deeper nesting has no use in a definition and is refused; so is a YAML alias inside the value that it names.",
  }),
  "nothing-to-compile": entry({
    severity: "error",
    message: () => "the project has nothing to compile",
    hint: () => "put an OpenAPI definition (.json, .yaml or .yml) into api_definitions/",
    explanation:
      "There is no definition below api_definitions/ or gen/api_definitions/, and no .proto file below grpc_definitions/ (T-CLI-19).",
  }),
  "openapi-invalid": entry<{ problem: string }>({
    severity: doubtful,
    message: ({ problem }) => `not as OpenAPI wants it: ${problem}`,
    explanation:
      "The definition breaks the OpenAPI specification in a way that leaves routes and security known. The original discarded such findings (T-OAS-02).",
  }),
  "operation-public": entry<{ operation: string; why: string; reason?: string }>({
    severity: "note",
    message: ({ operation, why, reason }) =>
      `${operation} is public: ${why}${reason === undefined ? "" : ` (${reason})`}`,
    explanation: "Operations that anybody may call without credentials are always listed (S-SEL-07).",
  }),
  "path-malformed": entry<{ path: string; problem: string }>({
    severity: "error",
    message: ({ path, problem }) => `the path "${path}" cannot be routed: ${problem}`,
    hint: () => "a segment is text, {name}, {name} with text around it, or * or {name*} at the end",
    explanation: "Path templates consist of literal segments, parameters and a wildcard at the end (T-OAS-16).",
  }),
  "path-parameter-undeclared": entry<{ name: string; operation: string; suggestion?: string }>({
    severity: doubtful,
    message: ({ name, operation }) => `the path parameter {${name}} is not declared in ${operation}`,
    hint: ({ suggestion }) =>
      suggestion === undefined
        ? "declare it under parameters with `in: path`"
        : `declared is "${suggestion}": use one name in both places`,
    explanation: "Each parameter of a path template is declared by the path or by its operations (T-OAS-16).",
  }),
  "path-ref-siblings": entry<{ path: string; lost: string }>({
    severity: doubtful,
    message: ({ path, lost }) => `${path}: what stands beside $ref has no effect: ${lost}`,
    hint: () => "move it into the path item that $ref names, or write the path item here",
    explanation:
      "A $ref stands for the whole path item. OpenAPI leaves open what members beside it mean, and the original ignored them, so their operations would not be routed.",
  }),
  "path-ref-unresolved": entry<{ path: string; reference: string; why: string }>({
    severity: "error",
    message: ({ path, reference, why }) => `the operations of ${path} cannot be read: $ref "${reference}": ${why}`,
    explanation: "Without the path item that the $ref names, the routes of the path are unknown (T-OAS-03).",
  }),
  "path-unmatchable": entry<{ path: string; problem: string }>({
    severity: doubtful,
    message: ({ path, problem }) => `no request can have the path "${path}": ${problem}; it is left out`,
    explanation:
      "A path cannot hold a query or fragment, and requests with empty or dot segments or with encoded slashes are refused, so such a route would never be found.",
  }),
  "path-without-slash": entry<{ path: string }>({
    severity: doubtful,
    message: ({ path }) => `the path "${path}" does not start with /: read as "/${path}"`,
    hint: ({ path }) => `write "/${path}"`,
    explanation: "Paths start with a slash (OpenAPI, Paths Object).",
  }),
  "paths-missing": entry({
    severity: "warning",
    message: () => "the definition has no paths: nothing of it is served",
    hint: () => "add paths with operations",
    explanation: "An API without operations answers every request with 404.",
  }),
  "pattern-invalid": entry<{ problem: string }>({
    severity: "error",
    message: ({ problem }) => `the pattern cannot be used: ${problem}`,
    hint: () => "a pattern stands for a whole value, for example acme|globex, or v[0-9]+",
    explanation:
      "Patterns of conditions are JavaScript regular expressions for whole values. Values come from clients, so patterns that could take long are refused: repeated groups, references back, looking ahead or behind, more than two open-ended repetitions, many parts that are optional, counted from one number to another, or one of several.",
  }),
  "pattern-slow": entry<{ growth: string; attack: string; more?: string }>({
    severity: "warning",
    message: ({ growth, attack, more }) =>
      `a caller can make this pattern run for very long (${growth}): ${attack}${
        more === undefined ? "" : `; ${more} more patterns of this definition are like it`
      }`,
    hint: () =>
      "let each text be read in one way only: no loop in a loop, no two parts in a row that take the same characters",
    explanation:
      "JavaScript looks for matches by trying and going back. Where one text can be read in many ways, a text that does not match in the end is tried in each of them: with each character more, twice as often, or, where several loops take the same characters, with the cube of its length. A validator with such a pattern is stopped by one request. The text that is shown was tried.",
  }),
  "policies-missing": entry({
    severity: "warning",
    message: () => "the project has no policies.yaml: the original's default tiers apply",
    hint: () => "write the tiers that you use into policies.yaml",
    explanation: "The original's init writes these tiers; without the file they are taken as written there (T-POL-01).",
  }),
  "policy-conflict": entry<{ what: string; key: string; problem: string }>({
    severity: "error",
    message: ({ what, problem }) => `${what}: ${problem}`,
    hint: ({ key }) => `remove ${key}, or write what it is meant for as an entry of its own`,
    explanation:
      "A tier limits requests (count) or bytes (bandwidth); burst belongs to the algorithm sliding; an entry of a list of conditions is about one thing.",
  }),
  "policy-duplicate": entry<{ name: string; list: string }>({
    severity: "error",
    message: ({ name, list }) => `the tier "${name}" is defined twice in ${list}`,
    hint: () => "rename or remove one of them",
    explanation: "A name may stand once in each list; the same name in different lists is fine (T-POL-04).",
  }),
  "policy-incomplete": entry<{ what: string; key: string }>({
    severity: "error",
    message: ({ what, key }) => `${what} has no ${key}`,
    hint: ({ key }) => {
      if (key === "when") return "a group needs at least one condition, for example when: [{ip: 10.0.0.0/8}]";
      if (key === "matches")
        return "it needs a pattern for the whole value, for example {header: X-Tenant, matches: acme|globex}";
      if (key.includes(" or ")) return "each entry says one of them";
      return "a tier needs count, unitTime and timeUnit, for example {count: 100, unitTime: 1, timeUnit: min}";
    },
    explanation:
      "A tier is a number of requests, or of bytes, in a number of units of time (T-POL-02); a condition says what it looks at, and for what.",
  }),
  "pool-ignored": entry({
    severity: doubtful,
    message: () => "maxActiveStreamsPerConnection has no effect: backends are spoken to in HTTP/1.1",
    hint: () => "remove it; maxActiveConnections limits what is on its way at the same time",
    explanation: "Streams are a term of HTTP/2 (T-END-09). The other members of poolConfig hold.",
  }),
  "project-missing": entry<{ project: string }>({
    severity: "error",
    message: ({ project }) => `there is no project folder "${project}"`,
    hint: () => "castgate init <dir> makes a new project",
    explanation: "The folder named on the command line does not exist (T-CLI-19).",
  }),
  "project-not-a-folder": entry<{ project: string }>({
    severity: "error",
    message: ({ project }) => `"${project}" is a file, not a project folder`,
    hint: () => "name the folder that holds api_definitions/",
    explanation: "A project is a folder in the layout of the original (T-PRJ-01).",
  }),
  "proto-syntax": entry<{ problem: string }>({
    severity: "error",
    message: ({ problem }) => `protobuf syntax error: ${problem}`,
    hint: () => "the file must be one that protoc takes; statements end with ; and blocks with }",
    explanation:
      "A file below grpc_definitions/ whose name ends in .proto must be in the protobuf language: proto2, proto3 or an edition. Imports are not followed.",
  }),
  "public-reason-unneeded": entry<{ what: string }>({
    severity: "warning",
    message: ({ what }) => `${what}: x-castgate-public says why something is public, and opens nothing`,
    hint: () => "remove it, or write `security: []` where anybody may call",
    explanation:
      "x-castgate-public is a reason for reviewers. What opens an operation is `security`, or an extension that says so (S-SEL-07); so a reason at an operation that is closed means that somebody takes it for open.",
  }),
  "public-without-reason": entry<{ operation: string; more?: string }>({
    severity: "warning",
    message: ({ operation, more }) =>
      `${operation} is public, and nothing says why${
        more === undefined ? "" : `; the same holds for ${more} more operations`
      }`,
    hint: () => 'add `x-castgate-public: "<why>"` to the operation, or to the top of the definition for all of them',
    explanation:
      "In `standard` each operation that anybody may call has a reason beside it, for whoever reviews it. The reason stands in generated code, in routes.txt and in the report.",
  }),
  "ref-dangling": entry<{ reference: string; why: string; more: string }>({
    severity: doubtful,
    message: ({ reference, why, more }) => `$ref "${reference}" leads nowhere: ${why}${more}`,
    explanation:
      "The target of a $ref must exist: in the same file, or in a file of the project, named relative to this one (T-OAS-03). Where only a schema is missing, routes and security are still known.",
  }),
  "ref-loop": entry<{ reference: string; more: string }>({
    severity: doubtful,
    message: ({ reference, more }) => `$ref "${reference}" leads back to itself${more}`,
    explanation: "A chain of $refs must end at something that is not a $ref.",
  }),
  "ref-outside-project": entry<{ reference: string; more: string }>({
    severity: doubtful,
    message: ({ reference, more }) => `$ref "${reference}" leaves the project folder and is not read${more}`,
    hint: () => "copy the file into the project and name it relative to this one",
    explanation:
      "A project is compiled from its own files alone, so that the same project gives the same bytes anywhere.",
  }),
  "ref-remote": entry<{ reference: string; more: string }>({
    severity: doubtful,
    message: ({ reference, more }) => `$ref "${reference}" is on the network and is not fetched${more}`,
    hint: () => "copy the file into the project and name it relative to this one",
    explanation: "Nothing is fetched at compile time, so that the same project gives the same bytes anywhere.",
  }),
  "request-sent-once": entry<{ operations: string; why: string }>({
    severity: "note",
    message: ({ operations, why }) =>
      `${operations}: a request that a backend may have acted on is sent once; the original sent it again (${why})`,
    hint: () =>
      "if the backends bear to get it twice, list the methods: `x-castgate-resend-methods: [POST]`, beside urls",
    explanation:
      "The original repeats requests of every method, so an order may be placed twice (R-RES-03). Here a request of which a backend may have seen part is repeated only if its method is idempotent (RFC 9110 section 9.2.2) or the definition says that it may be. One of which nothing was sent always may.",
  }),
  "route-ambiguous": entry<{ winner: string; loser: string; request: string; more?: string }>({
    severity: "warning",
    message: ({ winner, loser, request, more }) =>
      `"${loser}" and "${winner}" both match ${request}: "${winner}" gets it${more === undefined ? "" : ` (such pairs besides: ${more})`}`,
    hint: () => "make one of the paths more specific than the other",
    explanation:
      "Neither path is more specific than the other. From the left, the first segment in which they differ decides: literal text over a parameter with text around it (the longer text first), over a plain parameter, over a wildcard.",
  }),
  "route-builtin": entry<{ path: string }>({
    severity: doubtful,
    message: ({ path }) => `${path} is answered by the gateway itself; this route replaces it`,
    hint: () => "rename the path, so that the gateway's own answers can still be had",
    explanation:
      "/health, /livez and /readyz say how the gateway is; /apikey, /token, /revoke, /authorize and /userinfo with all below them belong to features. In `wso2-3.2` a route of an API wins (T-OAS-12).",
  }),
  "route-duplicate": entry<{ method: string; path: string; other: string; request: string }>({
    severity: "error",
    message: ({ method, path, other, request }) =>
      `${method} "${path}" and ${method} "${other}" are the same route: both match ${request}`,
    hint: () => "names of parameters do not tell routes apart: remove one of them",
    explanation: "Two paths that differ only in the names of their parameters match the same requests (T-OAS-18).",
  }),
  "route-shadowed": entry<{
    winner: string;
    loser: string;
    request: string;
    methods: string;
    more?: string;
    others?: string;
  }>({
    // Most definitions have such paths (`/pet/findByStatus` beside `/pet/{petId}`): worth knowing, no reason to fail a build.
    severity: "note",
    message: ({ winner, loser, request, more, others }) =>
      `${request} is answered with 405: "${winner}" wins over "${loser}" and lacks the method${
        more === undefined ? "" : ` (other such paths: ${more})`
      }${others === undefined ? "" : `; other paths that are hidden so: ${others}`}`,
    hint: ({ winner, methods }) => `add ${methods} to "${winner}" if such requests are meant to be served`,
    explanation:
      "The path decides first, then the method. A request for a method that the more specific path lacks is refused, though a less specific path has it.",
  }),
  "route-taken": entry<{ path: string; request: string; by: string; more?: string; others?: string }>({
    severity: "note",
    message: ({ path, request, by, more, others }) =>
      `${request} matches "${path}", but ${by}${more === undefined ? "" : ` (others that take requests of it: ${more})`}${
        others === undefined ? "" : `; other paths that lose requests so: ${others}`
      }`,
    explanation:
      "The gateway's own paths come first, then the longest base path that a request is below. What such a request gets there is not what this path says; all its other requests are served.",
  }),
  "route-unreachable": entry<{ path: string; request: string; by: string; fix: string; more?: string }>({
    severity: "warning",
    message: ({ path, request, by, more }) =>
      `"${path}" is never reached: ${request} ${by}${more === undefined ? "" : ` (such paths besides: ${more})`}`,
    hint: ({ fix }) => fix,
    explanation:
      "All requests that match the path are answered elsewhere: by another path of the API that is asked first, by the gateway itself, or below the longer base path of another API, also where that API has no such path. The checks that hold there apply, not those that are written here.",
  }),
  "sandbox-unreachable": entry<{ operation: string }>({
    severity: "warning",
    message: ({ operation }) => `no request reaches this sandbox endpoint: ${operation} takes no token and no API key`,
    hint: () => "remove it, or take tokens or API keys: only they say that a caller is of the sandbox",
    explanation:
      "Tokens and API keys name their environment, PRODUCTION or SANDBOX. Callers without credentials, with Basic or with a certificate alone count as PRODUCTION (T-END-13).",
  }),
  "scope-undeclared": entry<{ scope: string; scheme: string; suggestion?: string }>({
    severity: doubtful,
    message: ({ scope, scheme }) => `the scope "${scope}" is not declared by the security scheme "${scheme}"`,
    hint: ({ suggestion }) =>
      suggestion === undefined ? "add it to the scopes of the scheme's flow" : `did you mean "${suggestion}"?`,
    explanation: "A misspelt scope locks everybody out. It is demanded as it is written (T-SEC-05).",
  }),
  "scope-unused": entry<{ scheme: string; scopes: string; count: string }>({
    severity: "note",
    message: ({ scheme, scopes, count }) =>
      `no operation asks for ${count === "1" ? "the scope" : "the scopes"} ${scopes} of "${scheme}"`,
    hint: () => "remove it, or ask for it in the `security` of the operations that it is meant for",
    explanation:
      "A scope that is declared and never asked for protects nothing: an operation may lack it. Issuers that serve several APIs declare more than one of them uses, so this is no warning.",
  }),
  "secret-in-file": entry<{ what: string; more?: string }>({
    severity: "warning",
    message: ({ what, more }) =>
      `${what}${more === undefined ? "" : `; ${more} more secrets are in this file`}: whoever can read the project has it`,
    hint: () =>
      "take it out, and change it wherever it is in use; an example is as good with <placeholder> in its place",
    explanation:
      "Definitions are committed, published and copied, so a secret in one is none any more. Found are keys, tokens and passwords of well known forms, credentials in extensions and URLs, and values without any order under names that ask for a secret. The value itself is never printed.",
  }),
  "security-malformed": entry<{ problem: string }>({
    severity: doubtful,
    message: ({ problem }) => `security ${problem}`,
    hint: () => "write a list such as `- petstore_auth: [read, write]`",
    explanation:
      "What is not a list of maps from schemes to scopes selects nothing. In `wso2-3.2` what is left applies, or the API's security, or a token is required (T-SEC-03).",
  }),
  "security-scheme-malformed": entry<{ problem: string }>({
    severity: doubtful,
    message: ({ problem }) => `this API key scheme cannot be used: ${problem}`,
    explanation: "An API key is found by its place and its name (T-SEC-06).",
  }),
  "security-scheme-undeclared": entry<{ scheme: string; suggestion?: string }>({
    severity: doubtful,
    message: ({ scheme }) =>
      `the security scheme "${scheme}" is not declared: it selects nothing, and where nothing else is selected a token is required`,
    hint: ({ suggestion }) =>
      suggestion === undefined
        ? "declare it under components.securitySchemes, in Swagger 2 under securityDefinitions"
        : `did you mean "${suggestion}"?`,
    explanation:
      "Schemes are declared under components.securitySchemes, in Swagger 2 under securityDefinitions. Undeclared ones fail closed: OAuth2 is required (T-SEC-03).",
  }),
  "security-scheme-unsupported": entry<{ scheme: string; what: string }>({
    severity: doubtful,
    message: ({ scheme, what }) =>
      `the security scheme "${scheme}" (${what}) is not supported: it selects nothing, and where nothing else is selected a token is required`,
    hint: () => "use oauth2, openIdConnect, http with basic or bearer, or apiKey",
    explanation:
      "The gateway knows OAuth2, OpenID Connect, Basic, Bearer and API keys (T-SEC-01). Other schemes fail closed.",
  }),
  "security-scheme-unused": entry<{ scheme: string }>({
    severity: "warning",
    message: ({ scheme }) => `nothing asks for the security scheme "${scheme}"`,
    hint: ({ scheme }) => `add \`security: [{ ${scheme}: [] }]\` to the API or to operations, or remove the scheme`,
    explanation:
      "Declaring a scheme protects nothing: `security`, at the top of the definition or in an operation, is what asks for it.",
  }),
  "security-unstated": entry<{ api: string }>({
    severity: "warning",
    message: ({ api }) => `"${api}" has operations without any \`security\`, so anybody may call them`,
    hint: () => "add `security` to the API or the operation, or `security: []` to say that it is public on purpose",
    explanation:
      "OpenAPI reads a missing `security` as public. `standard` follows it, and warns, because leaving it out is more often a mistake than a decision. In `wso2-3.2` a token is required (S-SEL-06).",
  }),
  "server-url-invalid": entry<{ url: string; problem: string }>({
    severity: "error",
    message: ({ url, problem }) => `the server URL "${url}" cannot be a backend: it ${problem}`,
    hint: () => "write an absolute URL, or add x-wso2-production-endpoints",
    explanation:
      "Without x-wso2-production-endpoints the servers are the backend, so each must be an absolute http or https URL (T-OAS-21, T-OAS-23).",
  }),
  "server-variable-undefined": entry<{ variable: string; declared: string }>({
    severity: "warning",
    message: ({ variable, declared }) => `the server variable {${variable}} ${declared}: the braces stay`,
    hint: () => "give it a default under variables",
    explanation: "A variable of a server URL takes its default (T-OAS-24).",
  }),
  "setting-type": entry<{ key: string; expected: string }>({
    severity: "error",
    message: ({ key, expected }) => `${key} must be ${expected}`,
    explanation: "A setting of castgate.yaml or of the files in conf/ has a value of the wrong type.",
  }),
  "setting-unknown": entry<{ key: string; suggestion?: string }>({
    severity: "error",
    message: ({ key }) => `unknown setting "${key}"`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation: "castgate.yaml knows name, compatibility, features, ignore, accepted and deny-warnings.",
  }),
  "setting-value": entry<{ key: string; value: string; expected: string }>({
    severity: "error",
    message: ({ key, value, expected }) => `${key} cannot be "${value}": it must be ${expected}`,
    explanation: "A setting of castgate.yaml has a value that it cannot have.",
  }),
  "stop-on-quota-ignored": entry<{ tier: string }>({
    severity: "warning",
    message: ({ tier }) =>
      `\`stopOnQuota: false\` has no effect on the tier "${tier}": calls past its limit are refused`,
    hint: () => "remove it; without a limit is who names no tier, or Unlimited",
    explanation:
      "Only tiers of subscriptions let calls past their limit through (T-POL-05). Those of APIs, operations, applications and unauthenticated callers refuse them.",
  }),
  "throttling-tier-unknown": entry<{ tier: string; suggestion?: string }>({
    severity: doubtful,
    message: ({ tier }) => `throttling tier "${tier}" is not defined in policies.yaml`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation:
      "A tier must be defined in policies.yaml, or be Unlimited. Calls of an operation with an undefined tier are answered with 500 and code 900809 (T-POL-09).",
  }),
  "tier-file-ignored": entry<{ what: string }>({
    severity: "warning",
    message: ({ what }) => `${what} is not read`,
    hint: () => "write tiers by name in policies.yaml; `compat: apim1` has API Manager's own",
    explanation:
      "Of files in the format of API Manager's tiers.xml only the tiers of type IP are read; tiers that subscriptions, applications and definitions name stand in policies.yaml.",
  }),
  "tier-file-invalid": entry<{ problem: string }>({
    severity: "error",
    message: ({ problem }) => problem,
    hint: () => "each wsp:Policy has a throttle:ID and a wsp:Policy with throttle:Control, MaximumCount and UnitTime",
    explanation:
      "policies/*.xml are files in the format of API Manager's tiers.xml. Of them the tiers of type IP are read: an address, a range, a network or `other`, with a count in so many milliseconds, Allow or Deny (K-10).",
  }),
  "tier-repeated": entry<{ tier: string; winner: string }>({
    severity: "warning",
    message: ({ tier, winner }) => `two tiers are named here: "${winner}" applies and "${tier}" does not`,
    hint: () => "keep x-wso2-throttling-tier and remove x-throttling-tier",
    explanation:
      "x-throttling-tier is that of API Manager. At the top x-wso2-throttling-tier wins; in an operation the original lets x-throttling-tier win, `standard` does not (T-EXT-06).",
  }),
  "tier-shadowed": entry<{ tier: string; winner: string }>({
    severity: "warning",
    message: ({ tier, winner }) => `the tier "${tier}" is not applied: the API's tier "${winner}" replaces it`,
    hint: () => "remove one of them; in `compatibility: standard` both are enforced",
    explanation:
      "In `wso2-3.2` a tier at the top of the definition replaces those of all operations, also Unlimited (T-POL-08).",
  }),
  "tier-stops-nobody": entry<{ tier: string }>({
    severity: "note",
    message: ({ tier }) => `the tier "${tier}" refuses nobody: calls past its limit are counted, and let through`,
    hint: () => "remove `stopOnQuota: false`, unless the count alone is wanted",
    explanation:
      "With `stopOnQuota: false` a tier of a subscription lets every call through, whatever its count says (T-POL-05, R-THR-17): a backend is not protected by it.",
  }),
  "tier-unreachable": entry<{ tier: string; winner: string; more?: string }>({
    severity: "warning",
    message: ({ tier, winner, more }) =>
      `the tier "${tier}" never refuses a call: the API's tier "${winner}" refuses first${
        more === undefined ? "" : ` (also for ${more} more operation${more === "1" ? "" : "s"})`
      }`,
    hint: () => "lower it, remove it, or raise the tier of the API",
    explanation:
      "In `standard` the tiers of an API and of its operations are both enforced, and the API's counts the calls of all operations. Over each window of the operation's tier it lets no more through than that tier allows, so that tier has no effect. Requests are compared with requests and bytes with bytes.",
  }),
  "tier-unused": entry<{ tier: string }>({
    severity: "warning",
    message: ({ tier }) => `no API and no operation names the tier "${tier}"`,
    hint: () => "name it in x-wso2-throttling-tier, or remove it",
    explanation:
      "A tier of resourcePolicies limits nothing until a definition names it (T-POL-07). Those that `init` writes into each new project may stay.",
  }),
  "toml-syntax": entry<{ problem: string }>({
    severity: "error",
    message: ({ problem }) => `TOML syntax error: ${problem}`,
    explanation: "The file must hold TOML 1.0 text.",
  }),
  "toolkit-setting-unknown": entry<{ key: string; suggestion?: string }>({
    severity: doubtful,
    message: ({ key }) => `unknown setting "${key}"`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation: "conf/toolkit-config.toml has a table or key that T-CFG-01 to 12 do not name. It has no effect.",
  }),
  "unauthenticated-tier-missing": entry<{ operation: string }>({
    severity: "warning",
    message: ({ operation }) =>
      `${operation} is public, but policies.yaml has no subscription tier "Unauthenticated": every call gets a 500`,
    hint: () => "add it to subscriptionPolicies, for example Unauthenticated: {count: 500, unitTime: 1, timeUnit: min}",
    explanation:
      "Calls without a token are counted against the subscription tier Unauthenticated. Where it is not defined they are answered with 500 and code 900809 (T-POL-10, R-THR-18).",
  }),
  "unlimited-forbidden": entry<{ problem: string; hint: string }>({
    severity: "error",
    message: ({ problem }) => `${problem}, which forbidUnlimited does not allow`,
    hint: ({ hint }) => hint,
    explanation:
      "With forbidUnlimited in policies.yaml no call may go without a limit: no tier Unlimited in definitions, and a limit for every operation (K-14). Subscriptions that tokens call Unlimited are refused.",
  }),
  "value-empty": entry<{ what: string }>({
    severity: doubtful,
    message: ({ what }) => `"${what}" has no value`,
    hint: () => "give it a value or remove it",
    explanation: "A key without a value counts as absent.",
  }),
  "value-invalid": entry<{ what: string; problem: string; suggestion?: string }>({
    severity: "error",
    message: ({ what, problem }) => `${what} ${problem}`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation: "An extension or policy has a value outside of what it can mean.",
  }),
  "value-type": entry<{ what: string; expected: string; found: string }>({
    severity: "error",
    message: ({ what, expected, found }) => `${what} must be ${expected}, but is ${found}`,
    explanation: "An extension or policy has a value of the wrong type (T-OAS-02, T-POL-02).",
  }),
  "xml-syntax": entry<{ problem: string }>({
    severity: "error",
    message: ({ problem }) => `this is not XML that is read: ${problem}`,
    explanation: "The file is not well-formed, or has a document type: entities of its own are not read.",
  }),
  "yaml-aliases-excessive": entry({
    severity: "error",
    message: () => "the aliases of this document expand to an unreasonable size",
    hint: () => "write shared parts as $ref instead of YAML aliases",
    explanation: "A few lines of nested YAML aliases can stand for billions of values. Such documents are refused.",
  }),
  "yaml-multiple-documents": entry({
    severity: doubtful,
    message: () => "the file holds more than one YAML document",
    hint: () => "only the first one counts; move the others to files of their own",
    explanation: "A definition is one YAML document. What follows a further `---` line is not read.",
  }),
  "yaml-syntax": entry<{ problem: string }>({
    severity: "error",
    message: ({ problem }) => `YAML syntax error: ${problem}`,
    explanation: "The file must hold YAML 1.2 text.",
  }),
};

export type Code = keyof typeof catalogue;
export type ArgsOf<C extends Code> = Parameters<(typeof catalogue)[C]["message"]>[0];
