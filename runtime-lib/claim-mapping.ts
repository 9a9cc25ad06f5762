import { type ClaimTransformer, claimTransformerNamed } from "./extension.ts";
import { isRecord } from "./record.ts";
import type { Settings, SettingsReport } from "./settings.ts";

type Claims = Readonly<Record<string, unknown>>;

/** Whose word these are cannot be changed by a mapping: they say who is meant, until when, and with which key (S-JWT-10). */
const asIssued: readonly string[] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf"];

/** How claims of one issuer's tokens become those that the gateway knows (S-JWT-10). */
export class ClaimMapping {
  /** The issuer's name of a claim, and ours. */
  readonly #renamed: ReadonlyMap<string, string>;
  readonly #transformer: ClaimTransformer | undefined;

  constructor(renamed: ReadonlyMap<string, string>, transformer: ClaimTransformer | undefined) {
    this.#renamed = renamed;
    this.#transformer = transformer;
  }

  /**
   * The mapped claims of a verified token; to be called once for a token, before anybody reads them. Undefined: the token is to
   * be refused (900901), since the transformer failed or `scope` is not a string.
   */
  apply(verified: Claims): Claims | undefined {
    const claims = this.#transformed(this.#rename(verified));
    if (claims === undefined) return undefined;
    if (claims.scope !== undefined && typeof claims.scope !== "string") return undefined;
    const issued = asIssued
      .filter((name) => Object.hasOwn(verified, name))
      .map((name) => [name, verified[name]] as const);
    const others = Object.entries(claims).filter(([name]) => !asIssued.includes(name));
    return Object.fromEntries([...others, ...issued]);
  }

  /** All at once, so that two claims can change places; what is renamed wins over what had that name before. */
  #rename(claims: Claims): Claims {
    const renamed: [string, unknown][] = [];
    const others: [string, unknown][] = [];
    for (const [name, value] of Object.entries(claims)) {
      const ours = this.#renamed.get(name);
      if (ours === undefined) others.push([name, value]);
      else renamed.push([ours, value]);
    }
    return renamed.length === 0 ? claims : Object.fromEntries([...others, ...renamed]);
  }

  #transformed(claims: Claims): Claims | undefined {
    if (this.#transformer === undefined) return claims;
    try {
      // A copy: what a project's code does to it must not change what was verified.
      const result: unknown = this.#transformer(structuredClone(claims));
      if (!(result instanceof Promise)) return isRecord(result) ? result : undefined;
      result.catch(() => undefined);
      return undefined;
    } catch {
      return undefined;
    }
  }
}

/** What the original's default does: an array of scopes becomes the string that the specifications have. */
const scopeAsText: ClaimTransformer = (claims) => {
  const { scope } = claims;
  const isList = Array.isArray(scope) && scope.every((one) => typeof one === "string");
  return isList ? { ...claims, scope: scope.join(" ") } : { ...claims };
};

/** Names under which the original documents its default; no class of these names is in the product (S-JWT-10). */
const builtIn: readonly string[] = [
  "org.wso2.micro.gateway.jwtTransformer.DefaultJwtTransformer",
  "org.wso2.micro.gateway.jwt.transformer.DefaultJwtTransformer",
  "DefaultJwtTransformer",
  "DefaultJWTTransformer",
];

/**
 * The mapping that an element of `[[jwtTokenConfig]]` asks for; undefined when it asks for none, or wrongly, which is reported:
 * the start ends then.
 */
export function claimMappingOf(issuer: Settings, report: SettingsReport): ClaimMapping | undefined {
  const renamed = new Map<string, string>();
  for (const table of issuer.tables("claims")) {
    const remote = nameIn(table, "remoteClaim", report);
    const local = nameIn(table, "localClaim", report);
    if (remote === undefined || local === undefined) continue;
    if (renamed.has(remote)) report.error(table.nameOf("remoteClaim"), `"${remote}" is renamed already`);
    else if ([...renamed.values()].includes(local))
      report.error(table.nameOf("localClaim"), `"${local}" is the new name of another claim already`);
    else renamed.set(remote, local);
  }
  const name = issuer.string("claimMapperClassName") ?? "";
  const transformer = name === "" ? undefined : transformerOf(name);
  if (name !== "" && transformer === undefined)
    report.error(
      issuer.nameOf("claimMapperClassName"),
      `"${name}" is neither built in (${builtIn[0]}) nor a file of extensions/ that exports claimTransformer; Java classes cannot be loaded`,
    );
  return renamed.size === 0 && transformer === undefined ? undefined : new ClaimMapping(renamed, transformer);
}

function transformerOf(name: string): ClaimTransformer | undefined {
  return builtIn.includes(name) ? scopeAsText : claimTransformerNamed(name);
}

function nameIn(table: Settings, key: string, report: SettingsReport): string | undefined {
  const name = table.string(key) ?? "";
  if (name === "") return void report.error(table.nameOf(key), "is required");
  if (asIssued.includes(name))
    return void report.error(table.nameOf(key), `must not be ${name}: that claim is taken as the issuer wrote it`);
  return name;
}
