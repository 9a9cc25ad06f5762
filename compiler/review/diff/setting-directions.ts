/**
 * What a setting decides when it changes. `higher`: a larger number lets more pass, or lasts longer; a negative one is no bound.
 * `on`, `off`: that flag lets more pass. `more`, `fewer`: so does a longer, or a shorter, list. `listed`: a
 * longer list, and none at all lets everything pass. `tls`: so do older versions. A list of words: from strict to lax. `host`: more
 * places to call from. `url`: another one cannot be ordered, one in clear is weaker. `other`: cannot be ordered. `none`: nobody may
 * do more or less by it.
 */
export type Direction =
  | "higher"
  | "on"
  | "off"
  | "more"
  | "fewer"
  | "listed"
  | "tls"
  | "host"
  | "url"
  | "other"
  | "none"
  | readonly string[];

/**
 * By the names of `runtime-lib/settings-schema.ts`; a table, with a dot at the end, stands for all of it that is not named. What is
 * not here cannot be ordered: a test demands that each setting that is read is.
 */
const directions: readonly (readonly [Direction, readonly string[]])[] = [
  ["host", ["listenerConfig.host"]],
  [
    "higher",
    [
      "listenerConfig.maxPipelinedRequests",
      "listenerConfig.maxUriLength",
      "listenerConfig.maxHeaderSize",
      "listenerConfig.maxEntityBodySize",
      "server.timestampSkew",
      "keyManager.timestampSkew",
      "castgate.headerTimeoutSeconds",
      "castgate.requestTimeoutSeconds",
      "castgate.idleTimeoutSeconds",
      "castgate.upgradeIdleSeconds",
      "castgate.failedLoginsPerMinute",
      "castgate.failedLoginsPerIdentityPerMinute",
      "castgate.dpopProofSeconds",
      // As long, what was withdrawn elsewhere still counts.
      "castgate.jwksCacheSeconds",
      "castgate.introspectionCacheSeconds",
      "castgate.revocation.refreshSeconds",
      "castgate.eventHub.refreshSeconds",
      "castgate.trafficManager.refreshSeconds",
      "caching.tokenCacheExpiryTime",
      "castgate.apiKeyIssuer.maxValiditySeconds",
      "apikey.issuer.tokenConfig.validityTime",
      "jwtGeneratorConfig.tokenExpiry",
      "httpClients.poolConfig.maxActiveConnections",
      "httpClients.responseLimits.maxStatusLineLength",
      "httpClients.responseLimits.maxHeaderSize",
      "httpClients.responseLimits.maxEntityBodySize",
    ],
  ],
  [
    "on",
    [
      "castgate.keyManagerProxies.enabled",
      "castgate.keyManagerProxies.onApiListener",
      "apikey.issuer.tokenConfig.enabled",
      "httpClients.disableSslVerification",
    ],
  ],
  [
    "off",
    [
      "mutualSSLConfig.isClientCertificateValidationEnabled",
      "castgate.dpopNonce",
      "authConfig.removeAuthHeaderFromOutMessage",
      "apikey.tokenConfigs.validateAllowedAPIs",
      "security.validateSubscriptions",
      "jwtTokenConfig[].validateSubscription",
      "tokenRevocationConfig.realtime.enableRealtimeMessageRetrieval",
      "tokenRevocationConfig.persistent.enablePersistentStorageRetrieval",
      "httpClients.sslConfig.verifyHostname",
      "validationConfig.enableRequestValidation",
      "validationConfig.enableResponseValidation",
    ],
  ],
  [
    "more",
    [
      "castgate.trustedProxies",
      "castgate.publicOrigins",
      "mutualSSLConfig.ciphers",
      "httpClients.sslConfig.ciphers",
      "mutualSSLConfig.api.certificates[].aliasList",
      "apikey.issuer.api[].versions",
      "b7a.users.*.scopes",
    ],
  ],
  ["fewer", ["jwtGeneratorConfig.restrictedClaims"]],
  ["listed", ["jwtTokenConfig[].audience", "apikey.tokenConfigs.audience", "castgate.introspectionAudience"]],
  ["tls", ["mutualSSLConfig.protocolVersions", "httpClients.sslConfig.protocolVersions"]],
  [["require", "optional"], ["mutualSSLConfig.sslVerifyClient"]],
  [
    ["deny", "allow"],
    ["castgate.revocation.onUnavailable", "castgate.trafficManager.onUnavailable"],
  ],
  [
    "url",
    [
      "jwtTokenConfig[].jwksURL",
      "jwtTokenConfig[].discoveryURL",
      "keyManager.serverUrl",
      "keymanager.security.oauth2.tokenUrl",
      "apim.eventHub.serviceUrl",
      "apim.eventHub.service_url",
      "etcdurl",
      "throttlingConfig.throttleEndpointUrl",
      "throttlingConfig.dataRetriever.serverUrl",
      "tokenRevocationConfig.persistent.endpointURL",
      "jwtGeneratorConfig.claimRetrieval.configuration.serverUrl",
    ],
  ],
  [
    "none",
    [
      "listenerConfig.keepAlive",
      "server.header",
      "castgate.drainSeconds",
      "castgate.accessLog",
      "castgate.via",
      "castgate.forwarded",
      "castgate.dpopReplayCapacity",
      "castgate.resolveSeconds",
      "castgate.jwksTimeoutSeconds",
      "castgate.keyManagerTimeoutSeconds",
      "castgate.userClaimsCacheSeconds",
      "castgate.amqpHeartbeatSeconds",
      "castgate.redis.timeoutMs",
      "castgate.revocation.capacity",
      "castgate.trafficManager.queueSize",
      "caching.tokenCacheCapacity",
      "jwtGeneratorConfig.jwtGeneratorCaching.",
      "httpClients.poolConfig.maxIdleConnections",
      "httpClients.poolConfig.waitTimeInMillis",
      "etcdtimer",
      "b7a.log.level",
      "b7a.http.accesslog.console",
      // They open what another setting names.
      "listenerConfig.keyStorePassword",
      "listenerConfig.trustStorePassword",
      "httpClients.trustStorePassword",
      "httpClients.sslConfig.keyStorePassword",
      "httpClients.sslConfig.trustStorePassword",
      "apikey.issuer.tokenConfig.keyStorePassword",
      // Not built: a gateway that is asked for it does not start, or warns.
      "keyManager.enableLegacyMode",
      "analytics.",
      "b7a.observability.",
    ],
  ],
  [
    "other",
    [
      "listenerConfig.httpPort",
      "listenerConfig.httpsPort",
      "listenerConfig.tokenListenerPort",
      "listenerConfig.keyStorePath",
      "listenerConfig.trustStorePath",
      "mutualSSLConfig.certificateHeaderName",
      "mutualSSLConfig.api.certificates[].name",
      "mutualSSLConfig.api.certificates[].version",
      "server.headerConf[].",
      "castgate.apiKeyIssuer.",
      "castgate.redis.",
      "authConfig.authorizationHeader",
      "jwtTokenConfig[].",
      "b7a.users.*.password",
      "apikey.tokenConfigs.",
      "apikey.issuer.",
      "keyManager.",
      "keymanager.security.",
      "apim.",
      "tokenRevocationConfig.",
      "jwtConfig.header",
      "jwtGeneratorConfig.",
      "httpClients.proxy.",
      "httpClients.sslConfig.keyStorePath",
      "httpClients.sslConfig.trustStorePath",
      "etcdusername",
      "etcdpassword",
      "etcdbasepath",
      "throttlingConfig.",
    ],
  ],
];

/** What a setting decides, by its name in the schema. Undefined: nobody has said. */
export function directionOf(pattern: string): Direction | undefined {
  const known = byName();
  let name = pattern;
  for (;;) {
    const found = known.get(name);
    if (found !== undefined) return found;
    const dot = name.lastIndexOf(".", name.length - 2);
    if (dot < 0) return undefined;
    name = name.slice(0, dot + 1);
  }
}

let names: ReadonlyMap<string, Direction> | undefined;

function byName(): ReadonlyMap<string, Direction> {
  names ??= new Map(directions.flatMap(([direction, list]) => list.map((name) => [name, direction] as const)));
  return names;
}

/** What a flag is that nobody has set, where that is not `false`. */
export const flagsOnByDefault: ReadonlySet<string> = new Set(["apikey.tokenConfigs.validateAllowedAPIs"]);

/** Tables of which there are several, and how one is told from the others. Whoever is in one more is trusted, or may be let in. */
export const namedTables: Readonly<Record<string, { readonly by: readonly string[]; readonly grants: boolean }>> = {
  jwtTokenConfig: { by: ["issuer"], grants: true },
  "jwtTokenConfig[].claims": { by: ["remoteClaim"], grants: false },
  "mutualSSLConfig.api.certificates": { by: ["name", "version"], grants: true },
  "apikey.issuer.api": { by: ["name"], grants: true },
  "server.headerConf": { by: ["headerName"], grants: false },
  "b7a.users": { by: [], grants: true },
};
