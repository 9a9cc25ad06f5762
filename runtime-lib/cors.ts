import type { Exchange } from "./exchange.ts";
import { allowedWithOptions } from "./respond.ts";

/** `x-wso2-cors` of an API. An empty list, and `*` as its only entry, mean any (S-COR-03). */
export interface CorsRules {
  /** With scheme, compared exactly: `https://ui.test` (S-COR-04). */
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  /** How long browsers may keep the answer to a preflight; -1: not at all. Absent: -1 in `wso2-3.2`, theirs in `standard`. */
  readonly maxAgeSeconds?: number;
}

/** Cross-origin rules of one API, or of the built-in paths. */
export interface Cors {
  /**
   * Adds the fields of S-COR-05 to whatever is answered, faults too. A foreign origin gets none and is served (S-COR-06),
   * and what a backend says about origins is dropped: two sets of rules would be none.
   */
  decorate(x: Exchange): void;
  /**
   * Answers OPTIONS on a path that declares none, before any check: 200 in `wso2-3.2`, 204 in `standard`, both empty.
   * What fails gets `Allow` and no CORS field (S-COR-07 to 09). `methods` are those of the path.
   */
  preflight(x: Exchange, methods: readonly string[]): void;
  /**
   * Whether the request may stand outside of what browsers check: no page sent it, or one of an allowed origin, or of the very
   * origin that it went to.
   */
  admits(x: Exchange): boolean;
}

/**
 * Differs from the original where that is unsafe (S-SEC-14): `Vary: Origin` always, `null` never matches, and credentials
 * are not granted to any origin at all: `allowCredentials` needs a list of origins.
 */
export function cors(rules: CorsRules): Cors {
  const origins = listOf(rules.allowOrigins);
  const methods = listOf(rules.allowMethods);
  const headers = listOf(rules.allowHeaders.map((name) => name.toLowerCase()));
  const granted: string[] = [];
  if (rules.allowCredentials && origins !== any) granted.push("Access-Control-Allow-Credentials", "true");
  const exposed = rules.exposeHeaders.filter((name) => token.test(name));
  if (exposed.length > 0) granted.push("Access-Control-Expose-Headers", exposed.join(", "));

  return {
    decorate(x) {
      x.ownsCrossOrigin = true;
      // Also without an Origin: a cache must not serve this answer to a page of another origin.
      x.answerHeaders.push("Vary", "Origin");
      const origin = originOf(x);
      if (origin === undefined || !allows(origins, origin)) return;
      x.answerHeaders.push("Access-Control-Allow-Origin", origin, ...granted);
    },

    preflight(x, declared) {
      const { answerHeaders } = x;
      const status = x.faults.compatibility === "standard" ? 204 : 200;
      const origin = originOf(x);
      const wanted = requested(x, declared, methods, headers);
      removeCorsFields(answerHeaders);
      if (origin === undefined || !allows(origins, origin) || wanted === undefined) {
        return x.respond(status, ["Allow", allowedWithOptions(declared)], "");
      }
      const fields = ["Access-Control-Allow-Origin", origin];
      if (rules.allowCredentials && origins !== any) fields.push("Access-Control-Allow-Credentials", "true");
      fields.push("Access-Control-Allow-Methods", wanted.method);
      if (wanted.headers !== undefined) fields.push("Access-Control-Allow-Headers", wanted.headers);
      // The original forbids caching (S-COR-08); browsers have a default of their own.
      const maxAge = rules.maxAgeSeconds ?? (status === 200 ? -1 : undefined);
      if (maxAge !== undefined) fields.push("Access-Control-Max-Age", String(maxAge));
      x.respond(status, fields, "");
    },

    admits(x) {
      if (x.header("origin") === undefined) return true;
      if (origins === any) return true;
      const origin = originOf(x);
      return origin !== undefined && (origins.has(origin) || origin === ownOrigin(x));
    },
  };
}

/** The origin that a page of the gateway's own has, as browsers write it: behind a trusted proxy, that proxy's. */
function ownOrigin(x: Exchange): string | undefined {
  const forwarded = x.peerTrusted ? x.header("x-forwarded-proto") : undefined;
  const scheme = forwarded ?? x.scheme;
  const host = (x.peerTrusted ? x.header("x-forwarded-host") : undefined) ?? x.header("host");
  if (host === undefined || (scheme !== "http" && scheme !== "https")) return undefined;
  return `${scheme}://${host.toLowerCase()}`.replace(scheme === "http" ? /:80$/ : /:443$/, "");
}

const any = Symbol("any");
type AllowList = ReadonlySet<string> | typeof any;

/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 6454 section 6.2, as much as it takes to be safe in a header field. */
const serializedOrigin = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[!#-+\--~]{1,300}$/;

function listOf(names: readonly string[]): AllowList {
  return names.length === 0 || (names.length === 1 && names[0] === "*") ? any : new Set(names);
}

function allows(list: AllowList, name: string): boolean {
  return list === any || list.has(name);
}

/** The only `Origin` of a request, when it has a scheme: `null` and lists of origins match nothing. */
function originOf(x: Exchange): string | undefined {
  const origin = x.header("origin");
  if (origin === undefined || !serializedOrigin.test(origin)) return undefined;
  return x.headerValues("origin").length === 1 ? origin : undefined;
}

/** What the preflight asks for; undefined when any of it is not allowed. */
function requested(
  x: Exchange,
  declared: readonly string[],
  methods: AllowList,
  headers: AllowList,
): { readonly method: string; readonly headers: string | undefined } | undefined {
  const [method, second] = x.headerValues("access-control-request-method");
  if (method === undefined || second !== undefined || !token.test(method)) return undefined;
  const served = declared.includes(method) || (method === "HEAD" && declared.includes("GET"));
  if (!served || !allows(methods, method)) return undefined;
  const values = x.headerValues("access-control-request-headers");
  if (values.length === 0) return { method, headers: undefined };
  const names = values
    .join(",")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (!names.every((name) => token.test(name) && allows(headers, name.toLowerCase()))) return undefined;
  return { method, headers: names.length === 0 ? undefined : names.join(", ") };
}

/** Takes back what `decorate` added before it was known that this is a preflight. `Vary` stays. */
function removeCorsFields(fields: string[]): void {
  let kept = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.startsWith("Access-Control-")) continue;
    fields[kept++] = name;
    fields[kept++] = fields[i + 1] as string;
  }
  fields.length = kept;
}
