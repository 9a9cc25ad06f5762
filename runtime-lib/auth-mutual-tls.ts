import { type Api, configureApis } from "./api.ts";
import type { Caller } from "./caller.ts";
import { digestOfCertificate, shownCertificate, trustProxyCertificates } from "./client-certificate.ts";
import type { Exchange } from "./exchange.ts";
import { shareFailures } from "./failed-logins.ts";
import type { RuntimeModule } from "./module.ts";
import type { Challenge, Failure, Scheme, Verified } from "./scheme.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { loadTrustStore, type TrustStore } from "./tls-stores.ts";

/**
 * A client certificate that `[[mutualSSLConfig.api.certificates]]` maps to the API: exactly one of the trust store, not just
 * one that an authority there has signed (S-MTL-03). Its dates are checked at each request. `mandatory`: no certificate is a
 * failure; `optional`: it is left to the other schemes of the alternative, but a certificate that is presented must be right
 * (S-MTL-05). Every failure is 900901/401, also that of a forwarded certificate which is malformed or has expired: the
 * original made 500 of these (S-MTL-06), an alarm and an invitation to try again for what is the client's mistake.
 */
export function mutualTls(api: Api, presence: "mandatory" | "optional"): Scheme {
  return new MutualTls(api, presence);
}

/** Reads at start which certificate opens which API. */
export const mutualTlsModule: RuntimeModule = { name: "mutual-tls", configure };

/** A certificate of the trust store. */
interface KnownCertificate {
  readonly verified: Extract<Verified, { ok: true }>;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

interface State {
  /** By digest. */
  readonly known: ReadonlyMap<string, KnownCertificate>;
  /** By API: the digests of those that open it. */
  readonly opens: ReadonlyMap<string, ReadonlySet<string>>;
}

let state: State = { known: new Map(), opens: new Map() };

/** The APIs that ask for certificates, as generated code has made them. */
const asking: Api[] = [];

class MutualTls implements Scheme {
  readonly kind = "mutual-tls";
  readonly asksFor: readonly Challenge[];
  readonly #presence: "mandatory" | "optional";
  readonly #api: string;

  constructor(api: Api, presence: "mandatory" | "optional") {
    this.#presence = presence;
    this.asksFor = presence === "mandatory" ? ["mutual-tls"] : [];
    this.#api = keyOf(api.name, api.version);
    asking.push(api);
  }

  /** A request always comes with what there is to judge: a certificate or none. */
  present(): boolean {
    return true;
  }

  verify(x: Exchange): Verified {
    const shown = shownCertificate(x);
    if (shown.kind === "none") return this.#presence === "optional" ? nobody : missing;
    if (shown.kind === "unusable") return this.#wrong(shown.reason);
    const found = state.known.get(shown.digest);
    if (found === undefined) return this.#wrong("unknown certificate");
    const now = Date.now();
    if (now < found.notBefore || now > found.notAfter) return this.#wrong("certificate outside its dates");
    if (!state.opens.get(this.#api)?.has(shown.digest)) return this.#wrong("certificate not for this API");
    return found.verified;
  }

  /** All that there is to find out is a look-up. */
  known(x: Exchange): Verified | undefined {
    const outcome = this.verify(x);
    return outcome.ok ? outcome : undefined;
  }

  /** S-ERR-R4: only where it is mandatory does the challenge ask for it. */
  #wrong(reason: string): Failure {
    const failure = { ok: false, code: 900901, reason: `mutual-tls: ${reason}` } as const;
    return this.#presence === "mandatory" ? { ...failure, flaw: "certificate" } : failure;
  }
}

const missing: Failure = {
  ok: false,
  code: 900901,
  reason: "mutual-tls: no certificate",
  flaw: "certificate",
  absent: true,
};

/** S-MTL-02: names and versions of APIs are compared without case. */
function keyOf(name: string, version: string): string {
  return `${name.toLowerCase()}\n${version.toLowerCase()}`;
}

/** S-MTL-07. The original knows nobody's name; `standard` has the alias, by which the operator knows the client. */
function callerOf(name: string, id: string, scheme: "mutual-tls" | "anonymous"): KnownCertificate["verified"] {
  const caller: Caller = {
    name,
    scheme,
    scopes: new Set(),
    scopesApply: true,
    keyType: "PRODUCTION",
    application: { id, tier: "Unlimited", subscriptions: [] },
    claims: undefined,
    consumerKey: "",
    revocationIds: [],
  };
  return { ok: true, caller };
}

/** Without an optional certificate. Gives way to whomever another scheme finds. */
const nobody = callerOf("anonymous", "anonymous", "anonymous");

const table = "mutualSSLConfig.api.certificates";

async function configure(settings: Settings, report: SettingsReport): Promise<void> {
  configureApis(settings);
  shareFailures();
  const trust = await loadTrustStore(
    settings,
    "listenerConfig.trustStorePath",
    "listenerConfig.trustStorePassword",
    report,
  );
  trustProxyCertificates(trust);
  if (trust === undefined && settings.path("listenerConfig.trustStorePath") === undefined) {
    report.error("listenerConfig.trustStorePath", "is not set, but operations ask for client certificates");
  }
  const noProxies = (settings.strings("castgate.trustedProxies") ?? []).length === 0;
  if (noProxies && settings.path("listenerConfig.keyStorePath") === undefined) {
    report.warn(
      "listenerConfig.keyStorePath",
      "is not set: without https, and without trusted proxies, no client can show its certificate",
    );
  }
  if (noProxies && settings.boolean("mutualSSLConfig.isClientCertificateValidationEnabled") === false) {
    report.warn(
      "mutualSSLConfig.isClientCertificateValidationEnabled",
      "is false: only certificates in a header field count, and castgate.trustedProxies names nobody who may send one",
    );
  }
  state = readTable(settings, trust, report);
}

function readTable(settings: Settings, trust: TrustStore | undefined, report: SettingsReport): State {
  const known = new Map<string, KnownCertificate>();
  const opens = new Map<string, Set<string>>();
  const asked = new Set(asking.map(({ name, version }) => keyOf(name, version)));
  const tables = settings.tables(table);
  for (const entry of tables) {
    const [name, version, aliases] = [entry.string("name"), entry.string("version"), entry.strings("aliasList")];
    if (!name) report.error(entry.nameOf("name"), "is required");
    if (!version) report.error(entry.nameOf("version"), "is required");
    if (!aliases?.length) report.error(entry.nameOf("aliasList"), "is required");
    if (!name || !version || !aliases) continue;
    const key = keyOf(name, version);
    if (!asked.has(key)) report.warn(entry.nameOf("name"), "no API of this name and version asks for certificates");
    const digests = opens.get(key) ?? new Set<string>();
    opens.set(key, digests);
    for (const alias of aliases) {
      const certificate = trust?.certificate(alias);
      if (certificate === undefined) {
        if (trust !== undefined)
          report.error(entry.nameOf("aliasList"), `listenerConfig.trustStorePath has no certificate "${alias}"`);
        continue;
      }
      const digest = digestOfCertificate(certificate.raw);
      const notAfter = Date.parse(certificate.validTo);
      if (notAfter < Date.now())
        report.warn(entry.nameOf("aliasList"), `"${alias}" expired on ${certificate.validTo}: it opens nothing`);
      const id = alias.toLowerCase();
      const verified =
        settings.compatibility === "standard"
          ? callerOf(id, id, "mutual-tls")
          : callerOf("Unknown", "anonymous", "mutual-tls");
      known.set(digest, { verified, notBefore: Date.parse(certificate.validFrom), notAfter });
      digests.add(digest);
    }
  }
  if (tables.length === 0) {
    report.error(
      table,
      "operations ask for client certificates: say with [[mutualSSLConfig.api.certificates]] which certificates (aliasList) open which API (name, version)",
    );
  } else {
    for (const { name, version } of asking) {
      if (!opens.has(keyOf(name, version)))
        report.warn(table, `has no entry for "${name}" version ${version}: it takes no certificate`);
    }
  }
  return { known, opens };
}
