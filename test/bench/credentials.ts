import { createPublicKey, randomBytes, scryptSync } from "node:crypto";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestIssuer } from "../support/test-issuer.ts";
import { benchApi, benchScope, type Check } from "./bench-project.ts";
import { writeSettings } from "./identity.ts";

/** Keys, tokens and passwords of one run, in files for those contenders that read files. Made anew each time. */
export interface Credentials {
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  /** Certificate and key in one file. */
  readonly identityFile: string;
  /** PEM of the key that verifies the tokens. */
  readonly publicKeyFile: string;
  readonly tokens: readonly string[];
  /** The header field that an operation wants. */
  readonly fieldFor: Readonly<Record<Check, string>>;
  /** Writes the gateway's settings into a new folder; returns the file. */
  settings(folder: string, ports: { readonly http: number; readonly https: number }): Promise<string>;
}

/** More tokens than any cache of one holds; prime, so that no connection gets the same one each time around. */
export const tokenCount = 1009;

const audience = "http://org.wso2.apimgt/gateway";
const user = "bench";

/** Makes them below `folder`. */
export function makeCredentials(folder: string): Credentials {
  mkdirSync(folder, { recursive: true });
  const issuer = new TestIssuer("https://idp.example.com/oauth2/token");
  const password = randomBytes(12).toString("base64url");
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const tokens = Array.from({ length: tokenCount }, (_, index) => issuer.token(tokenClaims(index)));
  const bearer = `Authorization: Bearer ${tokens[0]}`;
  const key = issuer.token({
    iss: `${issuer.name}/apikey`,
    subscribedAPIs: [{ ...subscription }],
    keytype: "PRODUCTION",
  });
  return {
    certificateFile: file("certificate.pem", issuer.certificatePem),
    privateKeyFile: file("key.pem", issuer.privateKeyPem),
    identityFile: file("identity.pem", issuer.certificatePem + issuer.privateKeyPem),
    publicKeyFile: file(
      "public.pem",
      createPublicKey(issuer.certificatePem).export({ type: "spki", format: "pem" }) as string,
    ),
    tokens,
    fieldFor: {
      // The peers that check nothing get the token all the same: its bytes are part of the work.
      plain: bearer,
      jwt: bearer,
      full: bearer,
      "full-pipelined": bearer,
      "jwt-pipelined": bearer,
      basic: `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
      "api-key": `X-API-Key: ${key}`,
    },
    settings: async (target, ports) => {
      const trusted = [{ name: issuer.name, audience, alias: "issuer" }];
      const settings = await writeSettings(target, issuer, ports, trusted);
      appendFileSync(settings, `\n[b7a.users.${user}]\npassword = ${JSON.stringify(hashOf(password))}\n`);
      return settings;
    },
  };
}

const subscription = { name: benchApi.title, version: benchApi.version, subscriptionTier: "BenchSubscription" };

/** As many claims as API Manager's tokens have: some 900 bytes in all. */
function tokenClaims(index: number): Readonly<Record<string, unknown>> {
  return {
    sub: `user-${String(index).padStart(5, "0")}@carbon.super`,
    aud: audience,
    scope: `${benchScope} bench:write`,
    keytype: "PRODUCTION",
    jti: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
    application: { id: 1, name: "bench", tier: "BenchApplication", owner: "bench" },
    subscribedAPIs: [
      { ...subscription, context: "/bench", publisher: "bench", subscriberTenantDomain: "carbon.super" },
    ],
    // A run with everything may take hours.
    exp: Math.floor(Date.now() / 1000) + 24 * 3600,
  };
}

function hashOf(password: string): string {
  const salt = randomBytes(16);
  const encode = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");
  return `$scrypt$ln=14,r=8,p=1$${encode(salt)}$${encode(scryptSync(password, salt, 32, { N: 2 ** 14, r: 8, p: 1 }))}`;
}
