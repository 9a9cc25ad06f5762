export interface TemplateFile {
  readonly file: string;
  readonly content: string;
  /** The schema with which editors explain and check the file, and the comment that tells them. */
  readonly schema?: { readonly name: string; readonly line: (path: string) => string };
}

/** The file with the line that leads editors to its schema: `folder` is where the schemas are, relative to the project. */
export function withSchema({ file, content, schema }: TemplateFile, folder: string): TemplateFile {
  if (schema === undefined) return { file, content };
  const path = "../".repeat(file.split("/").length - 1) + folder;
  return { file, content: `${schema.line(`${path.startsWith(".") ? "" : "./"}${path}/${schema.name}`)}\n${content}` };
}

const yamlLine = (path: string) => `# yaml-language-server: $schema=${path}`;
const tomlLine = (path: string) => `#:schema ${path}`;

/** The files of a new project, besides its definitions. Holds no password and no key. */
export const projectFiles: readonly TemplateFile[] = [
  {
    file: "castgate.yaml",
    schema: { name: "castgate.schema.json", line: yamlLine },
    content: `# Settings of this project. \`castgate help compile\` says what is read besides.

# standard: OpenAPI and HTTP mean what their specifications say.
# wso2-3.2: they mean what WSO2 API Microgateway 3.2 made of them.
compatibility: standard

# The name of the bundle: target/<name>.cjs. Without it, the folder's name.
# name: my-gateway

# Codes of warnings that are not shown. Errors cannot be ignored.
# ignore: []

# What becomes of warnings and notes, by code: ignore, warning or error; or in one place alone, with a reason.
# diagnostics:
#   public-without-reason: error
#   secret-in-file: {level: ignore, in: api_definitions/vendor.yaml, reason: made-up examples}

# Fail on warnings, too.
# deny-warnings: true
`,
  },
  {
    file: "policies.yaml",
    schema: { name: "policies.schema.json", line: yamlLine },
    content: `# Throttling tiers: count calls in unitTime x timeUnit (min, hour, day, week, month, year).
# "Unlimited" is always there and limits nothing.

# For an API or an operation: \`x-wso2-throttling-tier: 10kPerMin\` in the definition.
resourcePolicies:
  - 50kPerMin: { count: 50000, unitTime: 1, timeUnit: min }
  - 20kPerMin: { count: 20000, unitTime: 1, timeUnit: min }
  - 10kPerMin: { count: 10000, unitTime: 1, timeUnit: min }

# For the application that a token names.
applicationPolicies:
  - 50PerMin: { count: 50, unitTime: 1, timeUnit: min }
  - 20PerMin: { count: 20, unitTime: 1, timeUnit: min }
  - 10PerMin: { count: 10, unitTime: 1, timeUnit: min }

# For the subscription that a token names; stopOnQuota: false lets calls past the limit through.
# Default: tokens that name no subscription. Unauthenticated: public operations, for each client address.
subscriptionPolicies:
  - Gold: { count: 5000, unitTime: 1, timeUnit: min }
  - Silver: { count: 2000, unitTime: 1, timeUnit: min }
  - Bronze: { count: 10, unitTime: 1, timeUnit: min }
  - Default: { count: 500, unitTime: 1, timeUnit: min }
  - Unauthenticated: { count: 500, unitTime: 1, timeUnit: min }
`,
  },
  {
    file: "conf/micro-gw.conf",
    schema: { name: "micro-gw.schema.json", line: tomlLine },
    content: `# Run-time settings (TOML): node target/<name>.cjs --config conf/micro-gw.conf
# Every setting can also be given on the command line (--listenerConfig.httpPort=8080) or in the environment
# (listenerConfig_httpPort=8080). Command line wins over environment, environment over this file.
# Relative paths in this file start at its folder.
# Keep secrets out of this file: a value "@env:{NAME}" is taken from the environment.
# \`node target/<name>.cjs --check-config\` says what is wrong, and starts nothing.

[listenerConfig]
# host = "0.0.0.0"
# httpPort = 9090
# httpsPort = 9095
# For https: a key and its certificate chain in one PEM file, or a PKCS#12 store with its password.
# keyStorePath = "server.pem"
# keyStorePassword = "@env:{KEYSTORE_PASSWORD}"
# Certificates by alias: a folder of <alias>.pem, one PEM file, or a PKCS#12 store.
# trustStorePath = "trust"
# trustStorePassword = "@env:{TRUSTSTORE_PASSWORD}"

# Whose tokens are accepted; repeat the table for each issuer. It needs jwksURL, discoveryURL or certificateAlias.
# [[jwtTokenConfig]]
# issuer = "https://issuer.example.com"
# audience = "https://api.example.com"
# jwksURL = "https://issuer.example.com/.well-known/jwks.json"
# discoveryURL = "https://issuer.example.com/.well-known/openid-configuration"
# certificateAlias = "issuer"
# Claims that are not named as they should be: extensions/corp-claims.ts, with
#   import type { ClaimTransformer } from "castgate/runtime/extension.js";
#   export const claimTransformer: ClaimTransformer = (claims) => ({ ...claims, scope: String(claims.scp) });
# claimMapperClassName = "corp-claims"

# API keys are tokens of their own issuer.
# [apikey.tokenConfigs]
# issuer = "https://issuer.example.com/apikey"
# certificateAlias = "issuer"

# Users for HTTP Basic; passwords as PHC strings ($scrypt$ln=15,r=8,p=1$salt$hash).
# [b7a.users.alice]
# password = "@env:{ALICE_PASSWORD_HASH}"
# scopes = "read:pets,write:pets"

[b7a.log]
level = "INFO"

# [castgate]
# Proxies whose X-Forwarded-* fields are believed.
# trustedProxies = ["10.0.0.0/8"]
# Seconds that running requests get after SIGTERM.
# drainSeconds = 30
`,
  },
  {
    file: "tsconfig.json",
    content: `{
  "compilerOptions": {
    "target": "ES2022",
    "lib": ["ES2023"],
    "module": "ESNext",
    "moduleResolution": "Bundler",
    "types": [],
    "noEmit": true,
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "exactOptionalPropertyTypes": true,
    "noImplicitReturns": true,
    "noUnusedLocals": true,
    "noUnusedParameters": true,
    "isolatedModules": true,
    "verbatimModuleSyntax": true,
    "skipLibCheck": true
  },
  "include": ["extensions", "generated"]
}
`,
  },
  {
    file: "biome.json",
    content: `{
  "extends": ["castgate/lint"],
  "files": { "includes": ["generated/**/*.ts"] }
}
`,
  },
  { file: ".gitignore", content: "node_modules/\ntarget/\n.castgate-dev/\n" },
  { file: "api_definitions/.keep", content: "" },
];
