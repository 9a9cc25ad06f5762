import type { FeatureName } from "./feature.ts";

/**
 * Every setting that `micro-gw.conf` of the original knows, and our own under `castgate`: the one home of names, types,
 * defaults and secrecy (spec: security section 16, traffic section 8). `[]` stands for the elements of an array of
 * tables, `*` for a name that the user chooses.
 */

/**
 * `list`: a string with commas between its elements, or an array of strings. `texts`: one string or an array of them.
 * `path`: a file or folder; relative to the settings file when it stands there, else to the working directory.
 */
export type SettingType = "string" | "path" | "integer" | "number" | "boolean" | "list" | "texts";
export type SettingValue = string | number | boolean | readonly string[];

export interface SettingSpec {
  readonly type: SettingType;
  readonly default?: SettingValue;
  /** Its value never appears in a message. */
  readonly secret?: true;
  readonly min?: number;
  readonly max?: number;
  /** The words that are allowed, compared without case. */
  readonly oneOf?: readonly string[];
  /** Shape that a string must have, or each element of a list, and how to say so. */
  readonly pattern?: readonly [RegExp, string];
  /** Known, and without meaning here. When it says something that will not happen, the text of a warning. */
  readonly ignored?: (value: SettingValue) => string | undefined;
  /** Switches on what this version cannot do: the feature's name while it is on. */
  readonly notBuilt?: (value: SettingValue) => string | undefined;
}

const silent = () => undefined;

/** Most settings are no more than of a type, and one object serves them all. */
const plain: Readonly<Record<"text" | "secret" | "path" | "flag", SettingSpec>> = {
  text: { type: "string" },
  secret: { type: "string", secret: true },
  path: { type: "path" },
  flag: { type: "boolean" },
};

function text(more?: Partial<SettingSpec>): SettingSpec {
  return more === undefined ? plain.text : { type: "string", ...more };
}
function secret(more?: Partial<SettingSpec>): SettingSpec {
  return more === undefined ? plain.secret : { type: "string", secret: true, ...more };
}
function path(more?: Partial<SettingSpec>): SettingSpec {
  return more === undefined ? plain.path : { type: "path", ...more };
}
function flag(more?: Partial<SettingSpec>): SettingSpec {
  return more === undefined ? plain.flag : { type: "boolean", ...more };
}
function integer(value: number | undefined, min: number, max: number): SettingSpec {
  return { type: "integer", min, max, ...(value === undefined ? {} : { default: value }) };
}
function port(value?: number): SettingSpec {
  return integer(value, 0, 65_535);
}
function seconds(value: number): SettingSpec {
  return integer(value, 1, 86_400);
}
function bytes(value: number): SettingSpec {
  return integer(value, -1, Number.MAX_SAFE_INTEGER);
}

/** Belongs to something that is off, or has no meaning in this gateway: accepted and not read. */
const unread: Readonly<Record<"text" | "secret" | "path" | "number" | "flag" | "list", SettingSpec>> = {
  text: text({ ignored: silent }),
  secret: secret({ ignored: silent }),
  path: path({ ignored: silent }),
  number: { type: "number", ignored: silent },
  flag: flag({ ignored: silent }),
  list: { type: "list", ignored: silent },
};

/** A switch of a feature that is not there yet: `false` is fine. */
function switchOf(feature: string): SettingSpec {
  return flag({ notBuilt: (value) => (value === true ? feature : undefined) });
}

const headerName: readonly [RegExp, string] = [/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "the name of a header field"];
/**
 * Fields in which a message is framed, addressed or described, also spelt with underscores: whoever made one of them carry
 * credentials would have it stripped, replaced or forwarded in the wrong sense.
 */
const messageFields =
  "connection|content[-_].*|cookie|expect|host|http2[-_]settings|keep[-_]alive|proxy[-_].*|te|trailer|transfer[-_]encoding|upgrade|via|x[-_]request[-_]id";
const credentialField: readonly [RegExp, string] = [
  new RegExp(`^(?!(?:${messageFields})$)[!#$%&'*+.^_\`|~0-9a-z-]+$`, "i"),
  "the name of a header field that has no meaning of its own",
];
/** Nor those that say on whose behalf a request comes, which are the gateway's to write. */
const assertionField: readonly [RegExp, string] = [
  new RegExp(
    `^(?!(?:${messageFields}|client[-_]cert.*|forwarded|x[-_]forwarded[-_].*|x[-_]real[-_]ip|x[-_]wso2[-_]client[-_]certificate)$)[!#$%&'*+.^_\`|~0-9a-z-]+$`,
    "i",
  ),
  "the name of a header field that has no meaning of its own",
];
const headerValue: readonly [RegExp, string] = [/^[\x20-\x7e]*$/, "printable ASCII"];
const origin: readonly [RegExp, string] = [/^https?:\/\/[^\s/?#@\\]+\/?$/i, "an origin, as https://api.example.com"];
const httpUrl: readonly [RegExp, string] = [/^(https?:\/\/[^\s]+)?$/i, "an http or https URL"];

const entries: Readonly<Record<string, SettingSpec>> = {
  // Listeners
  "listenerConfig.host": text({ default: "0.0.0.0" }),
  "listenerConfig.httpPort": port(9090),
  "listenerConfig.httpsPort": port(9095),
  "listenerConfig.tokenListenerPort": port(9096),
  "listenerConfig.keyStorePath": path(),
  "listenerConfig.keyStorePassword": secret(),
  "listenerConfig.trustStorePath": path(),
  "listenerConfig.trustStorePassword": secret(),
  "listenerConfig.keepAlive": text({ default: "AUTO" }),
  "listenerConfig.maxPipelinedRequests": integer(10, 1, 10_000),
  "listenerConfig.maxUriLength": integer(4096, 1, 1_048_576),
  "listenerConfig.maxHeaderSize": integer(8192, 1, 1_048_576),
  "listenerConfig.maxEntityBodySize": bytes(-1),
  "mutualSSLConfig.protocolName": unread.text,
  "mutualSSLConfig.protocolVersions": { type: "list", default: ["TLSv1.2", "TLSv1.3"] },
  "mutualSSLConfig.ciphers": { type: "list" },
  "mutualSSLConfig.sslVerifyClient": text({ default: "optional", oneOf: ["optional", "require"] }),
  "mutualSSLConfig.certificateHeaderName": text({ default: "X-WSO2-CLIENT-CERTIFICATE", pattern: credentialField }),
  "mutualSSLConfig.isClientCertificateValidationEnabled": flag({ default: true }),
  "mutualSSLConfig.api.certificates[].name": text(),
  "mutualSSLConfig.api.certificates[].version": text(),
  "mutualSSLConfig.api.certificates[].aliasList": { type: "list" },
  "http2.enable": flag({
    ignored: (value) => (value === true ? "HTTP/2 is not built yet; listeners offer HTTP/1.1" : undefined),
  }),
  "server.header": text(),
  "server.timestampSkew": integer(-1, -1, 600_000),
  "server.headerConf[].headerName": text({ pattern: headerName }),
  "server.headerConf[].preserveHeader": flag(),
  "server.headerConf[].overrideValue": text({ default: "ballerina", pattern: headerValue }),

  // Our own
  "castgate.trustedProxies": { type: "list", default: [] },
  "castgate.publicOrigins": { type: "list", pattern: origin },
  "castgate.drainSeconds": integer(30, 0, 86_400),
  "castgate.accessLog": flag({ default: false }),
  "castgate.headerTimeoutSeconds": seconds(15),
  "castgate.requestTimeoutSeconds": seconds(300),
  "castgate.idleTimeoutSeconds": seconds(120),
  "castgate.upgradeIdleSeconds": seconds(300),
  "castgate.via": flag(),
  "castgate.forwarded": flag({ default: false }),
  "castgate.failedLoginsPerMinute": integer(120, 1, 1_000_000),
  "castgate.failedLoginsPerIdentityPerMinute": integer(30, 1, 1_000_000),
  "castgate.dpopNonce": flag({ default: false }),
  "castgate.dpopProofSeconds": integer(60, 5, 600),
  "castgate.dpopReplayCapacity": integer(200_000, 1_000, 10_000_000),
  "castgate.resolveSeconds": seconds(30),
  "castgate.jwksTimeoutSeconds": integer(5, 1, 60),
  "castgate.jwksCacheSeconds": integer(300, 30, 86_400),
  "castgate.keyManagerTimeoutSeconds": integer(5, 1, 60),
  "castgate.keyManagerProxies.enabled": flag(),
  "castgate.keyManagerProxies.onApiListener": flag({ default: false }),
  "castgate.introspectionAudience": { type: "texts" },
  "castgate.introspectionCacheSeconds": integer(300, 1, 86_400),
  "castgate.apiKeyIssuer.scope": text(),
  "castgate.apiKeyIssuer.maxValiditySeconds": integer(31_536_000, 1, 315_360_000),
  "castgate.apiKeyIssuer.permittedIP": text(),
  "castgate.apiKeyIssuer.permittedReferer": text(),
  "castgate.userClaimsCacheSeconds": integer(300, 1, 86_400),
  "castgate.amqpHeartbeatSeconds": integer(10, 1, 300),
  // Read where policies.yaml says `counters: {store: redis}`.
  "castgate.redis.url": secret(),
  "castgate.redis.username": text(),
  "castgate.redis.password": secret(),
  "castgate.redis.timeoutMs": integer(100, 5, 60_000),
  "castgate.redis.keyPrefix": text({
    default: "castgate:",
    pattern: [/^[\x21-\x7e]{0,64}$/, "at most 64 visible ASCII characters"],
  }),
  "castgate.revocation.onUnavailable": text({ default: "deny", oneOf: ["allow", "deny"] }),
  "castgate.revocation.refreshSeconds": seconds(60),
  "castgate.revocation.capacity": integer(1_000_000, 1_000, 10_000_000),
  "castgate.eventHub.refreshSeconds": seconds(300),
  "castgate.trafficManager.onUnavailable": text({ default: "deny", oneOf: ["allow", "deny"] }),
  "castgate.trafficManager.queueSize": integer(10_000, 1, 1_000_000),
  "castgate.trafficManager.refreshSeconds": seconds(300),

  // Authentication
  "authConfig.authorizationHeader": text({ default: "Authorization", pattern: credentialField }),
  "authConfig.removeAuthHeaderFromOutMessage": flag({ default: true }),
  "jwtTokenConfig[].issuer": text(),
  "jwtTokenConfig[].audience": { type: "texts" },
  "jwtTokenConfig[].certificateAlias": text(),
  "jwtTokenConfig[].jwksURL": text({ pattern: httpUrl }),
  // Our own: the provider's metadata, which says where its keys are.
  "jwtTokenConfig[].discoveryURL": text({ pattern: httpUrl }),
  "jwtTokenConfig[].validateSubscription": flag(),
  "jwtTokenConfig[].consumerKeyClaim": text(),
  "jwtTokenConfig[].claimMapperClassName": text(),
  "jwtTokenConfig[].remoteUserClaimRetrievalEnabled": flag({ default: false }),
  "jwtTokenConfig[].claims[].remoteClaim": text(),
  "jwtTokenConfig[].claims[].localClaim": text(),
  "b7a.users.*.password": secret(),
  "b7a.users.*.scopes": text({ default: "" }),
  "apikey.tokenConfigs.issuer": text({ default: "https://localhost:9095/apikey" }),
  "apikey.tokenConfigs.audience": { type: "texts" },
  "apikey.tokenConfigs.certificateAlias": text(),
  "apikey.tokenConfigs.validateAllowedAPIs": flag(),
  "apikey.issuer.tokenConfig.enabled": flag(),
  "apikey.issuer.tokenConfig.keyStorePath": path(),
  "apikey.issuer.tokenConfig.keyStorePassword": secret(),
  "apikey.issuer.tokenConfig.issuer": text({ default: "https://localhost:9095/apikey" }),
  "apikey.issuer.tokenConfig.audience": { type: "texts" },
  "apikey.issuer.tokenConfig.certificateAlias": text(),
  "apikey.issuer.tokenConfig.validityTime": integer(-1, -1, Number.MAX_SAFE_INTEGER),
  "apikey.issuer.api[].name": text(),
  "apikey.issuer.api[].versions": { type: "list" },
  "caching.enabled": unread.flag,
  "caching.tokenCacheExpiryTime": integer(900_000, 1, Number.MAX_SAFE_INTEGER),
  "caching.tokenCacheCapacity": integer(10_000, 1, 10_000_000),
  "caching.tokenCacheEvictionFactor": unread.number,

  // Key manager
  "keyManager.serverUrl": text({ pattern: httpUrl }),
  "keyManager.tokenContext": text({ default: "oauth2" }),
  "keyManager.issuer": text(),
  "keyManager.timestampSkew": integer(5000, -1, 600_000),
  "keyManager.enableLegacyMode": switchOf(
    "key validation by SOAP (API Manager 3.2 and later answer introspection without this switch)",
  ),
  "keyManager.remoteUserClaimRetrievalEnabled": flag({ default: false }),
  "keyManager.username": text(),
  "keyManager.password": secret(),
  "keyManager.external": unread.flag,
  "keymanager.security.basic.enabled": flag(),
  "keymanager.security.basic.username": text(),
  "keymanager.security.basic.password": secret(),
  "keymanager.security.oauth2.enabled": flag(),
  "keymanager.security.oauth2.credentialBearer": text({
    default: "AUTH_HEADER_BEARER",
    oneOf: ["AUTH_HEADER_BEARER", "POST_BODY_BEARER", "NO_BEARER"],
  }),
  "keymanager.security.oauth2.tokenUrl": text({ pattern: httpUrl }),
  "apim.credentials.username": text(),
  "apim.credentials.password": secret(),
  "apim.eventHub.enable": flag(),
  "apim.eventHub.serviceUrl": text(),
  "apim.eventHub.service_url": text(),
  "apim.eventHub.internalDataContext": text({ default: "/internal/data/v1/" }),
  "apim.eventHub.username": text(),
  "apim.eventHub.password": secret(),
  "apim.eventHub.eventListeningEndpoints": { type: "texts", secret: true },
  "apim.eventHub.listOfTenants": unread.list,
  "security.validateSubscriptions": flag(),
  "tokenRevocationConfig.realtime.enableRealtimeMessageRetrieval": flag(),
  "tokenRevocationConfig.realtime.jmsConnectionTopic": text({ default: "tokenRevocation" }),
  "tokenRevocationConfig.realtime.jmsConnectioninitialContextFactory": unread.text,
  "tokenRevocationConfig.realtime.jmsConnectionProviderUrl": { type: "texts", secret: true },
  "tokenRevocationConfig.realtime.jmsConnectionUsername": text(),
  "tokenRevocationConfig.realtime.jmsConnectionPassword": secret(),
  "tokenRevocationConfig.persistent.enablePersistentStorageRetrieval": flag(),
  "tokenRevocationConfig.persistent.useDefault": unread.flag,
  "tokenRevocationConfig.persistent.type": text({ default: "default" }),
  "tokenRevocationConfig.persistent.endpointURL": text(),
  "tokenRevocationConfig.persistent.hostname": text(),
  "tokenRevocationConfig.persistent.username": text(),
  "tokenRevocationConfig.persistent.password": secret(),

  // Backend JWT
  // Without a default: that it is set says that backend JWTs are expected. The name is X-JWT-Assertion then, too.
  "jwtConfig.header": text({ pattern: assertionField }),
  "jwtGeneratorConfig.jwtGeneratorEnabled": flag(),
  "jwtGeneratorConfig.claimDialect": text({ default: "http://wso2.org/claims" }),
  "jwtGeneratorConfig.signingAlgorithm": text(),
  "jwtGeneratorConfig.certificateAlias": text(),
  "jwtGeneratorConfig.privateKeyAlias": text(),
  "jwtGeneratorConfig.tokenExpiry": integer(900_000, 1000, 86_400_000),
  "jwtGeneratorConfig.restrictedClaims": { type: "list", default: [] },
  "jwtGeneratorConfig.issuer": text({ default: "wso2.org/products/am" }),
  "jwtGeneratorConfig.audience": { type: "list" },
  "jwtGeneratorConfig.generatorImpl": text(),
  "jwtGeneratorConfig.jwtGeneratorCaching.tokenCacheEnable": flag({ default: true }),
  "jwtGeneratorConfig.jwtGeneratorCaching.tokenCacheExpiryTime": integer(900_000, 1000, 86_400_000),
  "jwtGeneratorConfig.jwtGeneratorCaching.tokenCacheCapacity": integer(10_000, 1, 10_000_000),
  "jwtGeneratorConfig.jwtGeneratorCaching.tokenCacheEvictionFactor": unread.number,
  "jwtGeneratorConfig.claimRetrieval.retrieverImpl": text(),
  "jwtGeneratorConfig.claimRetrieval.configuration.serverUrl": text(),
  "jwtGeneratorConfig.claimRetrieval.configuration.username": text(),
  "jwtGeneratorConfig.claimRetrieval.configuration.password": secret(),

  // Backends
  "httpClients.verifyHostname": flag({
    ignored: (value) =>
      value === false ? "host names of key sources are always verified; this does not switch it off" : undefined,
  }),
  "httpClients.disableSslVerification": flag({ default: false }),
  "httpClients.enableHttp2": unread.flag,
  "httpClients.trustStorePassword": secret(),
  "httpClients.proxy.enable": flag(),
  "httpClients.proxy.enableInternalServices": flag(),
  "httpClients.proxy.host": text(),
  "httpClients.proxy.port": port(),
  "httpClients.proxy.username": text(),
  "httpClients.proxy.password": secret(),
  "httpClients.poolConfig.maxActiveConnections": integer(-1, -1, 1_000_000),
  "httpClients.poolConfig.maxIdleConnections": integer(100, 0, 1_000_000),
  "httpClients.poolConfig.waitTimeInMillis": integer(30_000, 0, 86_400_000),
  "httpClients.poolConfig.maxActiveStreamsPerConnection": unread.number,
  "httpClients.sslConfig.protocolName": unread.text,
  "httpClients.sslConfig.protocolVersions": { type: "list" },
  "httpClients.sslConfig.ciphers": { type: "list" },
  "httpClients.sslConfig.keyStorePath": path(),
  "httpClients.sslConfig.keyStorePassword": secret(),
  "httpClients.sslConfig.trustStorePath": path(),
  "httpClients.sslConfig.trustStorePassword": secret(),
  "httpClients.sslConfig.verifyHostname": flag({ default: true }),
  "httpClients.responseLimits.maxStatusLineLength": integer(4096, -1, 1_048_576),
  "httpClients.responseLimits.maxHeaderSize": integer(8192, -1, 1_048_576),
  "httpClients.responseLimits.maxEntityBodySize": bytes(-1),
  etcdurl: text(),
  etcdusername: text(),
  etcdpassword: secret(),
  etcdtimer: integer(10_000, 100, 86_400_000),
  etcdbasepath: text({ default: "/v3" }),

  // Validation, global throttling
  "validationConfig.enableRequestValidation": switchOf("request validation"),
  "validationConfig.enableResponseValidation": switchOf("response validation"),
  "throttlingConfig.enabledGlobalTMEventPublishing": flag(),
  "throttlingConfig.enableHeaderConditions": flag(),
  "throttlingConfig.enableQueryParamConditions": flag(),
  "throttlingConfig.enableJwtClaimConditions": flag(),
  "throttlingConfig.jmsConnectioninitialContextFactory": unread.text,
  "throttlingConfig.jmsConnectionProviderUrl": { type: "texts", secret: true },
  "throttlingConfig.jmsConnectionUsername": text(),
  "throttlingConfig.jmsConnectionPassword": secret(),
  "throttlingConfig.throttleEndpointUrl": text(),
  "throttlingConfig.throttleEndpointbase64Header": secret(),
  "throttlingConfig.dataRetriever.serverUrl": text(),
  "throttlingConfig.dataRetriever.username": text(),
  "throttlingConfig.dataRetriever.password": secret(),
  "throttlingConfig.nodeLocal.processThreadPoolCoreSize": unread.number,
  "throttlingConfig.nodeLocal.processThreadPoolMaximumSize": unread.number,
  "throttlingConfig.nodeLocal.processThreadPoolKeepAliveTime": unread.number,
  "throttlingConfig.nodeLocal.cleanUpFrequency": unread.number,
  "throttlingConfig.binary.enabled": flag(),
  "throttlingConfig.binary.username": unread.text,
  "throttlingConfig.binary.password": unread.secret,
  "throttlingConfig.binary.URLGroup[].receiverURL": unread.list,
  "throttlingConfig.binary.URLGroup[].authURL": unread.list,
  "throttlingConfig.binary.URLGroup[].type": unread.text,
  "throttlingConfig.binary.publisherPool.*": unread.text,
  "throttlingConfig.binary.publisherThreadPool.*": unread.text,
  "throttlingConfig.binary.agent.*": unread.text,

  // Analytics, observability, logs
  "analytics.streamVersion": unread.text,
  "analytics.enable": switchOf("analytics"),
  "analytics.fileUpload.enable": switchOf("analytics"),
  "analytics.gRPCAnalytics.enable": switchOf("analytics"),
  "analytics.gRPCAnalytics.endpointURL": unread.text,
  "analytics.gRPCAnalytics.reconnectTimeInMillies": unread.number,
  "analytics.gRPCAnalytics.timeoutInMillis": unread.number,
  "b7a.observability.enabled": switchOf("observability"),
  "b7a.observability.metrics.enabled": switchOf("metrics"),
  "b7a.observability.metrics.reporter": unread.text,
  "b7a.observability.metrics.enableAuth": unread.flag,
  "b7a.observability.metrics.prometheus.*": unread.text,
  "b7a.observability.tracing.enabled": switchOf("tracing"),
  "b7a.observability.tracing.name": unread.text,
  "b7a.observability.tracing.jaeger.*": unread.text,
  "b7a.observability.tracing.zipkin.*": unread.text,
  "b7a.log.level": text({
    default: "INFO",
    oneOf: ["OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL"],
  }),
  "b7a.log.console.loglevel": unread.text,
  "b7a.http.accesslog.console": flag({ default: false }),
  "b7a.http.accesslog.path": unread.path,
  "b7a.http.tracelog.console": unread.flag,
  "b7a.http.tracelog.path": unread.path,
  "b7a.config.secret": unread.secret,
  "api.usage.data.path": unread.path,
  datacenterId: unread.text,
};

/**
 * What only these features read: without any of them, such a setting is a mistake in `standard`. By the name of a setting, or,
 * with a dot at the end, of a table; `[]` left out.
 */
const readBy: readonly (readonly [name: string, ...features: FeatureName[]])[] = [
  ["apikey.issuer.", "api-key-issuer"],
  ["castgate.apiKeyIssuer.", "api-key-issuer"],
  ["apim.credentials.", "backend-jwt"],
  ["castgate.userClaimsCacheSeconds", "backend-jwt"],
  ["jwtConfig.header", "backend-jwt"],
  ["jwtGeneratorConfig.", "backend-jwt"],
  ["jwtTokenConfig.remoteUserClaimRetrievalEnabled", "backend-jwt"],
  ["keyManager.remoteUserClaimRetrievalEnabled", "backend-jwt"],
  ["apim.eventHub.", "event-hub"],
  ["castgate.eventHub.", "event-hub"],
  ["jwtTokenConfig.validateSubscription", "event-hub"],
  ["security.validateSubscriptions", "event-hub"],
  ["castgate.amqpHeartbeatSeconds", "event-hub", "revocation", "traffic-manager"],
  ["castgate.introspectionAudience", "introspection"],
  ["castgate.introspectionCacheSeconds", "introspection"],
  ["keyManager.issuer", "introspection"],
  ["keyManager.password", "introspection"],
  ["keyManager.username", "introspection"],
  ["keymanager.security.", "introspection"],
  ["castgate.keyManagerTimeoutSeconds", "introspection", "key-manager-proxies"],
  ["keyManager.tokenContext", "introspection", "key-manager-proxies"],
  ["keyManager.serverUrl", "backend-jwt", "introspection", "key-manager-proxies"],
  ["castgate.keyManagerProxies.", "key-manager-proxies"],
  ["listenerConfig.tokenListenerPort", "key-manager-proxies"],
  ["castgate.revocation.", "revocation"],
  ["tokenRevocationConfig.", "revocation"],
  ["castgate.trafficManager.", "traffic-manager"],
  ["throttlingConfig.enabledGlobalTMEventPublishing", "traffic-manager"],
];

/** The features that alone read a setting, `jwtTokenConfig[0].validateSubscription`; none: it is read without any. */
export function featuresReading(setting: string): readonly FeatureName[] {
  const name = setting.includes("[") ? setting.replace(/\[\d*\]/g, "") : setting;
  for (const row of readBy) {
    const start = row[0];
    if (name === start || (start.endsWith(".") && name.startsWith(start)))
      return row.slice(1) as readonly FeatureName[];
  }
  return [];
}

/** Members of one grant of the key manager's OAuth2 credentials (S-OPQ-03); both spellings of the client's name exist. */
function grantKeys(
  as: Readonly<Record<"flag" | "text" | "secret" | "list", SettingSpec>>,
): Readonly<Record<string, SettingSpec>> {
  return {
    enabled: as.flag,
    client_id: as.text,
    clientId: as.text,
    clientSecret: as.secret,
    scopes: as.list,
    username: as.text,
    password: as.secret,
    accessToken: as.secret,
    refreshUrl: as.text,
    refreshToken: as.secret,
  };
}

function uploadKeys(): Readonly<Record<string, SettingSpec>> {
  return {
    uploadingTimeSpanInMillis: unread.number,
    initialDelayInMillis: unread.number,
    uploadingEndpoint: unread.text,
    rotatingPeriod: unread.number,
    taskUploadFiles: unread.flag,
    username: unread.text,
    password: unread.secret,
  };
}

/** Tables that have the same members. */
const groups: readonly (readonly [names: readonly string[], members: Readonly<Record<string, SettingSpec>>])[] = [
  [
    [
      "keymanager.security.oauth2.clientCredential",
      "keymanager.security.oauth2.password",
      "keymanager.security.oauth2.directToken",
      "keymanager.security.oauth2.refresh",
    ],
    grantKeys({ flag: flag(), text: text(), secret: secret(), list: { type: "list" } }),
  ],
  [
    [
      "keymanager.security.oauth2.password.refresh",
      "keymanager.security.oauth2.password.refreshConfig",
      "keymanager.security.oauth2.directToken.refresh",
      "keymanager.security.oauth2.directToken.refreshConfig",
    ],
    grantKeys(unread),
  ],
  [["analytics", "analytics.fileUpload"], uploadKeys()],
];

/** By pattern: `jwtTokenConfig[].issuer`, `b7a.users.*.password`. */
export const settingsSchema: ReadonlyMap<string, SettingSpec> = schemaOf(entries);

/** Spreads amidst `entries` instead take 5 ms of a start with Node 20. */
function schemaOf(single: Readonly<Record<string, SettingSpec>>): ReadonlyMap<string, SettingSpec> {
  const schema = new Map<string, SettingSpec>();
  for (const name in single) schema.set(name, single[name] as SettingSpec);
  for (const [names, members] of groups) {
    for (const name of names) {
      for (const key in members) schema.set(`${name}.${key}`, members[key] as SettingSpec);
    }
  }
  return schema;
}

/**
 * An endpoint override (T-OVR-01). Which names exist is known only to the modules that ask for theirs.
 * The password and the name of an override may hold a secret: neither value is ever printed.
 */
export const overridePattern =
  /^.+_(prod|sand)_(endpoint_\d+|basic_username|basic_password|header_value|(?:key|trust)Store(?:Path|Password)|oauth2_client_id|oauth2_client_secret|oauth2_token_url|\d+_etcdKey)$/;
