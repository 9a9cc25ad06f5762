import { createPrivateKey, randomBytes, scryptSync, sign, X509Certificate } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ApiModel, GatewayModel } from "../../model/gateway-model.ts";
import { type Identity, selfSigned } from "./certificate.ts";

/** Below the project; ignored by git. */
export const devFolderName = ".castgate-dev";

const issuer = "https://issuer.castgate-dev.test";
const apiKeyIssuer = "https://api-keys.castgate-dev.test";
const audience = "https://gateway.castgate-dev.test";
const tokenDays = 30;

/** A token that operations need: these scopes, for this kind of backend. */
export interface TokenNeed {
  readonly scopes: readonly string[];
  readonly keyType: "PRODUCTION" | "SANDBOX";
}

/** Where `run --dev` keeps what only the developer's machine may know: keys, certificates, tokens, settings. */
export class DevFolder {
  readonly path: string;

  constructor(project: string) {
    this.path = join(project, devFolderName);
  }

  /** Makes what is missing or about to expire: the server's certificate, the issuers, the user's password. */
  async prepare(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await this.#write(".gitignore", "*\n");
    const server = await this.#identity("server", "localhost");
    await this.#write("server.pem", server.key + server.certificate);
    for (const alias of ["issuer", "api-key-issuer", "client"]) {
      const { certificate } = await this.#identity(alias, `castgate development ${alias}`);
      await this.#write(`trust/${alias}.pem`, certificate);
    }
    if ((await this.#read("basic-password")) === undefined) {
      await this.#write("basic-password", randomBytes(18).toString("base64url"));
    }
  }

  /** Writes run-time settings that listen on the loopback interface and trust only what was made here; returns the file. */
  async writeSettings(model: GatewayModel, ports: { readonly http: number; readonly https: number }): Promise<string> {
    const text = (value: string | readonly string[]) => JSON.stringify(value);
    const lines = [
      "# Made by `castgate run --dev` on every start.",
      "[listenerConfig]",
      'host = "127.0.0.1"',
      `httpPort = ${ports.http}`,
      `httpsPort = ${ports.https}`,
      `keyStorePath = ${text(join(this.path, "server.pem"))}`,
      `trustStorePath = ${text(join(this.path, "trust"))}`,
      "[[jwtTokenConfig]]",
      `issuer = ${text(issuer)}`,
      `audience = ${text(audience)}`,
      'certificateAlias = "issuer"',
      "[apikey.tokenConfigs]",
      `issuer = ${text(apiKeyIssuer)}`,
      'certificateAlias = "api-key-issuer"',
      "[b7a.users.dev]",
      `password = ${text(await this.#passwordHash())}`,
      `scopes = ${text(allScopes(model).join(","))}`,
      ...model.apis
        .filter(asksForCertificates)
        .flatMap(({ title, version }) => [
          "[[mutualSSLConfig.api.certificates]]",
          `name = ${text(title)}`,
          `version = ${text(version)}`,
          'aliasList = ["client"]',
        ]),
      "[castgate]",
      `publicOrigins = ${text(originsOf(ports))}`,
      "drainSeconds = 1",
      "",
    ];
    return this.#write("micro-gw.conf", lines.join("\n"));
  }

  /** Signs a token and returns the file that holds it. */
  async writeToken(need: TokenNeed, model: GatewayModel): Promise<string> {
    const claims = { ...claimsFor(model, need.keyType), iss: issuer, aud: audience, scope: need.scopes.join(" ") };
    return this.#write(`tokens/${tokenName(need)}.jwt`, await this.#sign("issuer", claims));
  }

  /** Signs an API key and returns the file that holds it. */
  async writeApiKey(need: TokenNeed, model: GatewayModel): Promise<string> {
    const claims = { ...claimsFor(model, need.keyType), iss: apiKeyIssuer, scope: need.scopes.join(" ") };
    return this.#write(`tokens/api-key-${tokenName(need)}.jwt`, await this.#sign("api-key-issuer", claims));
  }

  /** For pasting: every request that `run --dev` knows. */
  writeRequests(text: string): Promise<string> {
    return this.#write("requests.sh", text);
  }

  /** Tokens of an earlier start may hold scopes that are gone. */
  async clearTokens(): Promise<void> {
    await rm(join(this.path, "tokens"), { recursive: true, force: true });
  }

  async #identity(name: string, commonName: string): Promise<Identity> {
    const [key, certificate] = [await this.#read(`${name}.key`), await this.#read(`${name}.crt`)];
    if (key !== undefined && certificate !== undefined && stillValid(certificate)) return { key, certificate };
    const made = selfSigned(commonName);
    await this.#write(`${name}.key`, made.key);
    await this.#write(`${name}.crt`, made.certificate);
    return made;
  }

  async #sign(identity: string, claims: object): Promise<string> {
    const key = createPrivateKey((await this.#read(`${identity}.key`)) ?? "");
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}`;
    return `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;
  }

  async #passwordHash(): Promise<string> {
    const password = (await this.#read("basic-password")) ?? "";
    const salt = randomBytes(16);
    const hash = scryptSync(password, salt, 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 });
    const base64 = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");
    return `$scrypt$ln=15,r=8,p=1$${base64(salt)}$${base64(hash)}`;
  }

  async #read(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.path, name), "utf8");
    } catch {
      return undefined;
    }
  }

  async #write(name: string, text: string): Promise<string> {
    const file = join(this.path, name);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, text, { mode: 0o600 });
    return file;
  }
}

function asksForCertificates({ operations }: ApiModel): boolean {
  const alternatives = operations.flatMap(({ access }) => (access.kind === "public" ? [] : access.anyOf));
  return alternatives.some(({ allOf }) => allOf.some(({ kind }) => kind === "mutual-tls"));
}

/** Every scope that some operation asks for, sorted. */
export function allScopes(model: GatewayModel): string[] {
  const alternatives = model.apis
    .flatMap(({ operations }) => operations)
    .flatMap(({ access }) => (access.kind === "public" ? [] : access.anyOf));
  return [...new Set(alternatives.flatMap(({ scopes }) => scopes?.names ?? []))].sort();
}

/** Tiers stay out of the way of trying things out, except those that the operations themselves have. */
function claimsFor(model: GatewayModel, keyType: TokenNeed["keyType"]): object {
  const now = Math.floor(Date.now() / 1000);
  return {
    sub: "dev",
    iat: now,
    exp: now + tokenDays * 86_400,
    jti: randomBytes(12).toString("base64url"),
    keytype: keyType,
    application: { id: 1, name: "castgate-dev", tier: "Unlimited", owner: "dev" },
    subscribedAPIs: model.apis.map(({ title, version }) => ({ name: title, version, subscriptionTier: "Unlimited" })),
  };
}

function tokenName({ scopes, keyType }: TokenNeed): string {
  const words = scopes.map((scope) => scope.replaceAll(/[^A-Za-z0-9]+/g, "-")).join("_") || "no-scopes";
  const name = words.length <= 60 ? words : `${words.slice(0, 48)}-${scopes.length}-scopes`;
  return keyType === "SANDBOX" ? `${name}.sandbox` : name;
}

function stillValid(certificate: string): boolean {
  try {
    return Date.parse(new X509Certificate(certificate).validTo) > Date.now() + 7 * 86_400_000;
  } catch {
    return false;
  }
}

/** What the development gateway may be called. */
function originsOf({ http, https }: { readonly http: number; readonly https: number }): string[] {
  return ["127.0.0.1", "localhost"].flatMap((host) => [`http://${host}:${http}`, `https://${host}:${https}`]);
}
