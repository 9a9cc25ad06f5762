import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestIssuer } from "../support/test-issuer.ts";

/** An issuer whose tokens a gateway accepts. */
export interface TrustedIssuer {
  readonly name: string;
  readonly audience: string;
  /** File in the trust store, without its extension. */
  readonly alias: string;
}

/**
 * Writes `micro-gw.conf` with PEM stores beside it into `folder`: listeners on loopback, the access log off, as a
 * performance test runs it. Returns the file's path. `identity` is the listener's key; its certificate is trusted as
 * `issuer`.
 */
export async function writeSettings(
  folder: string,
  identity: TestIssuer,
  ports: { readonly http: number; readonly https: number },
  issuers: readonly TrustedIssuer[] = [{ name: identity.name, audience: "bench", alias: "issuer" }],
): Promise<string> {
  await mkdir(join(folder, "trust"), { recursive: true });
  await writeFile(join(folder, "server.pem"), identity.privateKeyPem + identity.certificatePem);
  await writeFile(join(folder, "trust", "issuer.pem"), identity.certificatePem);
  const tables = issuers.map(({ name, audience, alias }) =>
    [
      "[[jwtTokenConfig]]",
      `issuer = ${JSON.stringify(name)}`,
      `audience = ${JSON.stringify(audience)}`,
      `certificateAlias = ${JSON.stringify(alias)}`,
      "",
    ].join("\n"),
  );
  const file = join(folder, "micro-gw.conf");
  await writeFile(
    file,
    `[listenerConfig]
host = "127.0.0.1"
httpPort = ${ports.http}
httpsPort = ${ports.https}
keyStorePath = "server.pem"
trustStorePath = "trust"

[castgate]
accessLog = false

[apikey.tokenConfigs]
issuer = ${JSON.stringify(`${identity.name}/apikey`)}
certificateAlias = "issuer"

${tables.join("\n")}`,
  );
  return file;
}
