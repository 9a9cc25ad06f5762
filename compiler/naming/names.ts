import { createHash } from "node:crypto";
import { featureNames, type Identifier, type Slug } from "../model/names.ts";

/** Longest names that stay readable in a file list and in code. */
const slugLength = 60;
const identifierLength = 80;

/** File names that Windows keeps for devices. */
const deviceNames = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])$/;

/**
 * Names that a handler may not take: the language's words, globals that generated code uses or a linter protects, and
 * every name that generated files import or declare themselves.
 */
const taken = new Set(
  `abstract any arguments as asserts async await bigint boolean break case catch class const continue debugger declare
  default delete do else enum eval export extends false finally for from function get if implements import in
  infer instanceof interface is keyof let module namespace never new null number object of out override package private
  protected public readonly require return satisfies set static string super switch symbol this throw true try
  type typeof undefined unique unknown using var void while with yield
  AggregateError Array ArrayBuffer Atomics BigInt BigInt64Array BigUint64Array Boolean Buffer DataView Date Error EvalError
  FinalizationRegistry Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Intl Iterator JSON Map
  Math NaN Number Object Promise Proxy RangeError Record ReferenceError Reflect RegExp Set SharedArrayBuffer String
  Symbol SyntaxError TypeError URIError URL Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet
  console decodeURI decodeURIComponent encodeURI encodeURIComponent escape exports fetch global globalThis isFinite isNaN
  parseFloat parseInt process structuredClone unescape
  constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf
  Exchange Gateway allow allScopes anyScope api apiKey apiKeys apiLimit authenticate balanced basic basicAuth basicModule
  bearerJwt caller callerTiers circuitBreaker clientCertificate cors crossOrigin depth dpop dpopModule etcd failover forbidden forward found
  gateway guarded hasAllScopes hasAnyScope holdsTexts jwt jwtModule
  limit methodNotAllowed mutualTls mutualTlsModule noEndpoint notBuilt optionalClientCertificate outlierEjection policyMissing
  production refuse retries route sandbox throttle throttleModule
  blocked bodyBytes clientLimits everyRequest isDenied managed sliding successes
  tiers tooManyRequests unknownApi unknownResource unknownTier upstream upstreamModule verdict withholdCredentials
  x`.split(/\s+/),
);

/** What gateway.ts imports besides: no API and no extension is called so. Handlers may be, they stand elsewhere. */
const gatewayNames = new Set(["extensions", ...featureNames.map(camelCase)]);

/** Local names of routing functions: `s0`, `s1`. */
const segmentName = /^s[0-9]+$/;

/** Endings that generated code gives to names of its own: `getPetLimits`. */
const derivedEnding = /(?:Limits|Access|Production|Sandbox|Routes|Scheme|Module|Api|Tier)$/;

/** What a hash makes of a name. No plain one may look so: it could be the one that another got. */
const hashedName = /_[0-9a-f]{12}$/;
const hashedSlugName = /(?:^n|-)[0-9a-f]{12}$/;

/** Twelve hex digits that stand for `identity`: names stay stable when others come and go. */
export function shortHash(identity: string): string {
  return sha256(identity).slice(0, 12);
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A folder or file name that shows `text`, with a hash of `identity` where something was lost that matters. */
export function slugOf(text: string, identity: string): Slug {
  const plain = text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  const slug = /^[a-z]/.test(plain) ? plain : plain === "" ? "" : `n${plain}`;
  if (slug === "") return brandSlug(`n${shortHash(identity)}`);
  if (slug.length > slugLength)
    return brandSlug(`${slug.slice(0, slugLength - 13).replace(/-+$/, "")}-${shortHash(identity)}`);
  if (deviceNames.test(slug) || hashedSlugName.test(slug)) return hashedSlug(slug as Slug, identity);
  return brandSlug(slug);
}

/** The same slug made different from others that look like it. */
export function hashedSlug(slug: Slug, identity: string): Slug {
  return brandSlug(`${slug.slice(0, slugLength - 13).replace(/-+$/, "")}-${shortHash(identity)}`);
}

/**
 * An identifier that shows `text`: `repos/list-for-org` becomes `reposListForOrg`. Where that is no usable name, or one
 * that generated code uses itself, a hash of `identity` makes it one.
 */
export function identifierOf(text: string, identity: string): Identifier {
  if (isUsable(text)) return brandIdentifier(text);
  const words = text
    .normalize("NFKD")
    .split(/[^A-Za-z0-9_$]+/)
    .filter((word) => word !== "");
  const joined = words.map((word, index) => (index === 0 ? lowerFirst(word) : upperFirst(word))).join("");
  const started = /^[A-Za-z_$]/.test(joined) ? joined : joined === "" ? "" : `n${joined}`;
  if (isUsable(started)) return brandIdentifier(started);
  return hashedIdentifier(started === "" ? "operation" : started, identity);
}

export function hashedIdentifier(name: string, identity: string): Identifier {
  return brandIdentifier(`${name.slice(0, identifierLength - 13)}_${shortHash(identity)}`);
}

/** `petstore-v1` as a function name: `petstoreV1`; `petstore-v1-1` is `petstoreV1_1`, for `petstore-v11` is another. */
export function symbolOf(slug: Slug): Identifier {
  const [first = "", ...rest] = slug.split("-");
  const symbol = first + rest.map((part) => (/^[0-9]/.test(part) ? `_${part}` : upperFirst(part))).join("");
  const isFree = isUsable(symbol) && !gatewayNames.has(symbol);
  return isFree ? brandIdentifier(symbol) : hashedIdentifier(symbol, slug);
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
}

/** A name made of a checked one and a fixed ending. */
export function derived(base: Identifier, ending: string): Identifier {
  return brandIdentifier(`${base}${ending}`);
}

/** A name that generated code always uses for the same thing: `production`, `jwt`. */
export function fixedIdentifier(name: string): Identifier {
  return brandIdentifier(name);
}

function isUsable(name: string): boolean {
  return (
    /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) &&
    name.length <= identifierLength &&
    name !== "__proto__" &&
    !taken.has(name) &&
    !segmentName.test(name) &&
    !derivedEnding.test(name) &&
    !hashedName.test(name)
  );
}

function brandSlug(text: string): Slug {
  if (!/^[a-z][a-z0-9-]*$/.test(text) || text.length > slugLength)
    throw new Error(`not a slug: ${JSON.stringify(text)}`);
  return text as Slug;
}

function brandIdentifier(text: string): Identifier {
  if (!/^[A-Za-z_$][A-Za-z0-9_$]*$/.test(text)) throw new Error(`not an identifier: ${JSON.stringify(text)}`);
  return text as Identifier;
}

function upperFirst(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function lowerFirst(word: string): string {
  return word.charAt(0).toLowerCase() + word.slice(1);
}
