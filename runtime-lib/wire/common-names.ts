/**
 * Header field names that most messages use, in the two spellings that clients and servers send them. A name found here
 * costs no new string, and compares by identity.
 */
const canonical = [
  "Accept",
  "Accept-Charset",
  "Accept-Encoding",
  "Accept-Language",
  "Accept-Ranges",
  "Access-Control-Allow-Headers",
  "Access-Control-Allow-Methods",
  "Access-Control-Allow-Origin",
  "Access-Control-Request-Headers",
  "Access-Control-Request-Method",
  "Age",
  "Allow",
  "ApiKey",
  "Authorization",
  "Cache-Control",
  "Connection",
  "Content-Disposition",
  "Content-Encoding",
  "Content-Language",
  "Content-Length",
  "Content-Security-Policy",
  "Content-Type",
  "Cookie",
  "Date",
  "ETag",
  "Expect",
  "Expires",
  "Host",
  "If-Match",
  "If-Modified-Since",
  "If-None-Match",
  "If-Unmodified-Since",
  "Keep-Alive",
  "Last-Modified",
  "Link",
  "Location",
  "Origin",
  "Pragma",
  "Range",
  "Referer",
  "Retry-After",
  "Sec-CH-UA",
  "Sec-CH-UA-Mobile",
  "Sec-CH-UA-Platform",
  "Sec-Fetch-Dest",
  "Sec-Fetch-Mode",
  "Sec-Fetch-Site",
  "Sec-Fetch-User",
  "Server",
  "Set-Cookie",
  "Strict-Transport-Security",
  "TE",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
  "Upgrade-Insecure-Requests",
  "User-Agent",
  "Vary",
  "Via",
  "WWW-Authenticate",
  "X-Content-Type-Options",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Port",
  "X-Forwarded-Proto",
  "X-Frame-Options",
  "X-Powered-By",
  "X-Real-IP",
  "X-Request-ID",
  "traceparent",
  "tracestate",
];

const slots = 2_048;
const names: (string | undefined)[] = new Array(slots).fill(undefined);
/** The bytes of a name, by slot. */
const codes: Uint8Array[] = new Array(slots).fill(new Uint8Array(0));

function slot(length: number, first: number, middle: number, last: number): number {
  return (length * 67 + first * 31 + middle * 13 + last * 5) & (slots - 1);
}

/** Fills the table, once, before the first look-up. */
export function prepareNames(): void {
  for (const name of [...new Set(canonical.flatMap((name) => [name, name.toLowerCase()]))]) {
    const bytes = Buffer.from(name, "latin1");
    const length = bytes.length;
    const at = slot(length, bytes[0] as number, bytes[length >> 1] as number, bytes[length - 1] as number);
    // The first of two that share a slot stays; the other is merely not common.
    if (names[at] !== undefined) continue;
    names[at] = name;
    codes[at] = new Uint8Array(bytes);
  }
}

/** The name that stands in `bytes` from `start` to `end`, if it is a common one in a common spelling. */
export function commonName(bytes: Buffer, start: number, end: number): string | undefined {
  const length = end - start;
  const at = slot(length, bytes[start] as number, bytes[start + (length >> 1)] as number, bytes[end - 1] as number);
  const name = codes[at] as Uint8Array;
  if (name.length !== length) return undefined;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== name[i]) return undefined;
  return names[at];
}
