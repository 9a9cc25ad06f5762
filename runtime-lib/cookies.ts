/**
 * Cookies of a request (RFC 6265 section 4.2). Names are compared with case; a value between double quotes is what stands
 * between them. The text of a `Cookie` field is never rewritten beyond the cookie that is taken out of it.
 */

/** The first value of a cookie; undefined when there is none. `fields`: the values of `Cookie`, of which HTTP/2 may send several. */
export function cookieValue(fields: readonly string[], name: string): string | undefined {
  for (const field of fields) {
    for (const pair of field.split(";")) {
      if (nameOf(pair) !== name) continue;
      const value = pair.slice(pair.indexOf("=") + 1).trim();
      return /^".*"$/.test(value) ? value.slice(1, -1) : value;
    }
  }
  return undefined;
}

/** Takes every cookie of these names out of a list of fields, in place; a `Cookie` field that is left empty goes, too. */
export function dropCookies(headers: string[], names: ReadonlySet<string>): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const key = headers[i] as string;
    if (key.length !== 6 || key.toLowerCase() !== "cookie") continue;
    const pairs = (headers[i + 1] as string).split(";");
    const kept = pairs.filter((pair) => !names.has(nameOf(pair)));
    if (kept.length === pairs.length) continue;
    const text = kept.join(";").trim();
    if (text === "") headers.splice(i, 2);
    else headers[i + 1] = text;
  }
}

function nameOf(pair: string): string {
  const equals = pair.indexOf("=");
  return (equals < 0 ? pair : pair.slice(0, equals)).trim();
}
