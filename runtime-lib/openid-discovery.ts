import { type FetchOptions, getDocument, jwksUrlFlaw } from "./jwks.ts";
import { isRecord } from "./record.ts";

/**
 * Where the keys of an issuer are, as its metadata says (OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3). The
 * metadata must be that of `issuer`, character by character, else one issuer could vouch for another. Rejects with a fixed
 * text; keys that were fetched before go on then, as while the key set itself is away.
 */
export async function discoverJwksUrl(url: string, issuer: string, options: FetchOptions): Promise<string> {
  const { text } = await getDocument(url, options);
  const metadata = recordOf(text);
  if (metadata === undefined) throw new Error("metadata: not a JSON object");
  if (metadata.issuer !== issuer) throw new Error("metadata: of another issuer");
  const { jwks_uri: found } = metadata;
  if (typeof found !== "string" || jwksUrlFlaw(found) !== undefined) throw new Error("metadata: jwks_uri");
  // What came over https must not lead to keys that anybody on the machine could serve.
  if (isHttps(url) && !isHttps(found)) throw new Error("metadata: jwks_uri is not https");
  return found;
}

function recordOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isHttps(url: string): boolean {
  return new URL(url).protocol === "https:";
}
