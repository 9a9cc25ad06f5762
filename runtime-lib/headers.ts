/**
 * Header lists as they are on the wire: name, value, name, value, ... Scanned, never turned into a map: names are told
 * apart by their length first, so that most fields cost one comparison.
 */

/**
 * Fields that belong to one connection, not to the message (RFC 9110 section 7.6.1), and those that a proxy consumes.
 * `name` in lower case.
 */
export function isHopByHop(name: string): boolean {
  switch (name.length) {
    case 2:
      return name === "te";
    case 7:
      return name === "upgrade" || name === "trailer";
    case 10:
      return name === "connection" || name === "keep-alive";
    case 14:
      return name === "http2-settings";
    case 16:
      return name === "proxy-connection";
    case 17:
      return name === "transfer-encoding";
    case 18:
      return name === "proxy-authenticate";
    case 19:
      return name === "proxy-authorization";
    default:
      return false;
  }
}

/**
 * The fields that `Connection` names, lower case, without those that stand for themselves; undefined when there are none.
 * `value` is one field value, `more` what earlier ones named.
 */
export function connectionNames(value: string, more: string[] | undefined): string[] | undefined {
  if (value === "keep-alive" || value === "close") return more;
  let names = more;
  for (const part of value.split(",")) {
    const name = part.trim().toLowerCase();
    if (name === "" || name === "close" || name === "keep-alive" || isHopByHop(name)) continue;
    // Nobody may have the message's own framing or address removed that way.
    if (name === "content-length" || name === "host") continue;
    if (names === undefined) names = [name];
    else names.push(name);
  }
  return names;
}

/**
 * Fields of a client that never reach a backend as they came: framing and address are the engine's, the others are
 * written anew (`x-forwarded-*`, `via`, ids) or could be mistaken for the gateway's own word (R-HDR-08).
 */
export function isGatewayOwned(name: string): boolean {
  switch (name.length) {
    case 3:
      return name === "via";
    case 4:
      return name === "host";
    case 6:
      return name === "expect";
    case 9:
      return name === "forwarded" || name === "x-real-ip";
    case 11:
      return name === "client-cert";
    case 12:
      return name === "x-request-id";
    case 14:
      return name === "content-length";
    case 15:
      return name === "x-jwt-assertion" || name === "x-forwarded-for";
    case 17:
      return name === "client-cert-chain";
    case 25:
      return name === "x-wso2-client-certificate";
    default:
      return name.length > 12 && name.startsWith("x-forwarded-");
  }
}

/**
 * Appends to `out` what of a client's fields goes to the backend. `withheld`: lower-case names of credentials.
 * `trustForwarded`: the peer is a trusted proxy, so `x-forwarded-*` other than the three that are written anew pass.
 */
export function copyRequestHeaders(
  raw: readonly string[],
  withheld: readonly string[],
  trustForwarded: boolean,
  out: string[],
): void {
  let named: string[] | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const key = raw[i] as string;
    if (key.length === 10 && key.toLowerCase() === "connection") named = connectionNames(raw[i + 1] as string, named);
  }
  for (let i = 0; i < raw.length; i += 2) {
    const key = raw[i] as string;
    const name = key.toLowerCase();
    // Backends with CGI-like variables do not tell `X_Forwarded_For` from `X-Forwarded-For`.
    const meant = name.includes("_") ? name.replaceAll("_", "-") : name;
    if (isHopByHop(meant)) continue;
    if (isGatewayOwned(meant) && !(trustForwarded && passesFromProxy(name))) continue;
    if (withheld.length > 0 && (withheld.includes(name) || withheld.includes(meant))) continue;
    if (named?.includes(name)) continue;
    out.push(key, raw[i + 1] as string);
  }
}

function passesFromProxy(name: string): boolean {
  return (
    name.startsWith("x-forwarded-") &&
    name !== "x-forwarded-for" &&
    name !== "x-forwarded-proto" &&
    name !== "x-forwarded-host"
  );
}

/** Visible ASCII without `,` and `"`, 1 to 128 characters: an `X-Request-ID` that may be repeated in logs and headers. */
export function isRequestId(value: string): boolean {
  if (value.length === 0 || value.length > 128) return false;
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c <= 0x20 || c >= 0x7f || c === 0x22 || c === 0x2c || c === 0x5c) return false;
  }
  return true;
}

/** A `traceparent` of version 00, or of a later one as far as we know it (W3C Trace Context section 3.2). */
export function isTraceparent(value: string): boolean {
  if (value.length < 55 || value.length > 256) return false;
  if (value.charCodeAt(2) !== 0x2d || value.charCodeAt(35) !== 0x2d || value.charCodeAt(52) !== 0x2d) return false;
  if (value.startsWith("ff") || (value.startsWith("00") && value.length !== 55)) return false;
  if (value.length > 55 && value.charCodeAt(55) !== 0x2d) return false;
  return (
    isHex(value, 0, 2) &&
    isHex(value, 3, 35) &&
    isHex(value, 36, 52) &&
    isHex(value, 53, 55) &&
    !isZeros(value, 3, 35) &&
    !isZeros(value, 36, 52)
  );
}

function isHex(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i);
    if (!((c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66))) return false;
  }
  return true;
}

function isZeros(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (text.charCodeAt(i) !== 0x30) return false;
  return true;
}
