import { isGatewayOwned } from "./headers.ts";
import type { Settings } from "./settings.ts";

/** What generated code says of an API. */
export interface ApiOptions {
  readonly name: string;
  readonly version: string;
  readonly basePath: string;
  /** `x-wso2-auth-header`; absent: `authConfig.authorizationHeader` decides (S-SEL-15). */
  readonly authHeader?: string;
  /** What a 401 of this API asks for (S-ERR-R4). */
  readonly challenges: readonly ("oauth2" | "basic")[];
}

/** An API as its checks know it. */
export class Api {
  readonly name: string;
  readonly version: string;
  readonly basePath: string;
  readonly challenges: readonly ("oauth2" | "basic")[];
  /** Where keys of this API stand, as its schemes say: names of header fields in lower case, and of query parameters. */
  readonly keyHeaders = new Set<string>();
  readonly keyParameters = new Set<string>();
  /** The same for cookies, with case. They are dropped where the request for a backend is written; other cookies pass. */
  readonly keyCookies = new Set<string>();
  readonly #authHeader: string | undefined;

  constructor(options: ApiOptions) {
    this.name = options.name;
    this.version = options.version;
    this.basePath = options.basePath;
    this.challenges = options.challenges;
    this.#authHeader = options.authHeader?.toLowerCase();
  }

  /** The header field that carries credentials, in lower case. */
  get authHeader(): string {
    return this.#authHeader ?? credentialRules.authHeader;
  }
}

export function api(options: ApiOptions): Api {
  return new Api(options);
}

/** What the settings say of credentials in every API. One process serves one gateway, so there is one of it. */
export interface CredentialRules {
  readonly compatibility: "wso2-3.2" | "standard";
  /** Lower case. */
  readonly authHeader: string;
  /** Whether the auth header is kept from the backend (S-HDR-01). */
  readonly removeAuthHeader: boolean;
  /**
   * Further fields, lower case, in which a client could pass off its own words as the gateway's: the backend JWT and the
   * client certificate under names of the operator's choice (S-SEC-09, S-SEC-10). The usual names never pass anyway.
   */
  readonly alsoWithheld: readonly string[];
  /** The field, lower case, in which trusted proxies forward the certificates of their clients. */
  readonly certificateHeader: string;
  /** Whether the certificate of the handshake counts, and a proxy needs one itself (S-MTL-04). */
  readonly checkHandshake: boolean;
  /** Failed log-ins a minute after which nothing more is verified for a client address, or for an identity. */
  readonly failuresPerAddress: number;
  readonly failuresPerIdentity: number;
}

export let credentialRules: CredentialRules = {
  compatibility: "standard",
  authHeader: "authorization",
  removeAuthHeader: true,
  alsoWithheld: [],
  certificateHeader: "x-wso2-client-certificate",
  checkHandshake: true,
  failuresPerAddress: 120,
  failuresPerIdentity: 30,
};

/** Reads `[authConfig]`. To be called once at start, whether or not anything authenticates: public operations strip too. */
export function configureApis(settings: Settings): void {
  credentialRules = {
    compatibility: settings.compatibility,
    authHeader: (settings.string("authConfig.authorizationHeader") ?? "Authorization").toLowerCase(),
    removeAuthHeader: settings.boolean("authConfig.removeAuthHeaderFromOutMessage") ?? true,
    certificateHeader: (settings.string("mutualSSLConfig.certificateHeaderName") ?? "").toLowerCase(),
    checkHandshake: settings.boolean("mutualSSLConfig.isClientCertificateValidationEnabled") ?? true,
    alsoWithheld: ["jwtConfig.header", "mutualSSLConfig.certificateHeaderName"]
      .map((key) => (settings.string(key) ?? "").toLowerCase())
      .filter((name) => name !== "" && !isGatewayOwned(name)),
    failuresPerAddress: settings.number("castgate.failedLoginsPerMinute") ?? 120,
    failuresPerIdentity: settings.number("castgate.failedLoginsPerIdentityPerMinute") ?? 30,
  };
}
