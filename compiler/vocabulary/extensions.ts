import { endpointOrReference, endpointTerm } from "./endpoint.ts";
import { flag, list, type MapTerm, map, number, type Term, termKeys, text, word } from "./term.ts";

/** Browsers keep it for a day at most. -1 is what the original sends (S-COR-08). */
export const maxAgeTerm = number("How many seconds browsers may keep the answer to a preflight; -1: not at all.", {
  min: -1,
  max: 86_400,
  whole: true,
});

/** The settings of `x-wso2-cors`, each in camelCase, kebab-case and snake_case (T-EXT-22). */
export const corsSettings = {
  allowOrigins: corsSetting(
    ["access", "Control", "Allow", "Origins"],
    list("Origins whose pages may call: `https://ui.example.com`. None, or `*` alone: any.", text("An origin.")),
  ),
  allowMethods: corsSetting(
    ["access", "Control", "Allow", "Methods"],
    list("Methods that their pages may use. None: those of the path.", text("A method.")),
  ),
  allowHeaders: corsSetting(
    ["access", "Control", "Allow", "Headers"],
    list("Fields that their requests may have. None: those that are asked for.", text("The name of a field.")),
  ),
  exposeHeaders: corsSetting(
    ["access", "Control", "Expose", "Headers"],
    list("Fields of answers that scripts may read.", text("The name of a field.")),
  ),
  allowCredentials: corsSetting(
    ["access", "Control", "Allow", "Credentials"],
    flag("Requests may carry cookies and other credentials of the browser.", { default: false }),
  ),
  maxAge: corsSetting(["access", "Control", "Max", "Age"], maxAgeTerm),
  enabled: corsSetting(
    ["cors", "Configuration", "Enabled"],
    flag("`false`: as if this table were not there. In `wso2-3.2` CORS is on wherever the table is."),
  ),
} as const;

interface CorsSetting {
  readonly spellings: readonly string[];
  readonly term: Term;
}

function corsSetting(words: readonly string[], term: Term): CorsSetting {
  const lower = words.map((each) => each.toLowerCase());
  return { spellings: [words.join(""), lower.join("-"), lower.join("_")], term };
}

export const corsTerm: MapTerm = map(
  "Pages of other origins that may call (CORS). Without it, none may.",
  Object.fromEntries(
    Object.values(corsSettings).flatMap(({ spellings, term }) => spellings.map((spelling) => [spelling, term])),
  ),
  { others: "ignored" },
);

export const applicationSecurityTerm = map(
  "Which credentials of applications are taken; it counts in place of `security`.",
  {
    "security-types": list("Any of these.", word("A kind of credential.", ["oauth2", "basic_auth", "api_key"])),
    optional: flag("`true`: a client certificate alone suffices, where `x-wso2-mutual-ssl` takes one.", {
      default: false,
    }),
  },
);

export const responseCacheTerm = map(
  "Not built: answers are never kept.",
  {
    enabled: flag("Whether answers were kept."),
    cacheTimeoutInSeconds: number("Without effect, in the original as well.", { min: 0, whole: true }),
  },
  { required: ["enabled"], others: "ignored" },
);

export const domainsTerm = map(
  "A field of the request must name one of these domains, or one that the caller's claim lists.",
  {
    header: text("The field: `Origin`, `Referer`."),
    values: list("Domains; `*.shop.test` stands for all below one.", text("A domain.")),
    claim: text("In place of `values`: the claim that lists them."),
  },
  { required: ["header"] },
);

const tier =
  "A tier of `resourcePolicies` in policies.yaml, or `Unlimited`. In `wso2-3.2` that of the API counts in place of the operation's; in `standard` both hold.";

/** At the top of a definition and in an operation. */
const bothTerms = {
  "x-wso2-application-security": applicationSecurityTerm,
  "x-wso2-disable-security": flag("`true`: whoever wants may call.", { default: false }),
  "x-wso2-production-endpoints": endpointOrReference("The backend for callers with production keys."),
  "x-wso2-request-interceptor": text("Not built: calls get 501."),
  "x-wso2-response-interceptor": text("Not built: calls get 501."),
  "x-wso2-sandbox-endpoints": endpointOrReference("The backend for callers with sandbox keys."),
  "x-wso2-throttling-tier": text(tier),
};

const apiTerms = {
  ...bothTerms,
  "x-wso2-auth-header": text("The field in which credentials come, in place of `Authorization`."),
  "x-wso2-basePath": text("The path below which the API answers; `{version}` in it is replaced."),
  "x-wso2-cors": corsTerm,
  "x-wso2-endpoints": list(
    "Endpoints by name, to be referred to as `#/x-wso2-endpoints/<name>`.",
    map("A name, and its endpoint.", {}, { others: endpointTerm }),
  ),
  "x-wso2-mutual-ssl": word(
    "Whether clients need a certificate (`mandatory`) or may have one.",
    ["mandatory", "optional"],
    { anyCase: true },
  ),
  "x-wso2-owner": text("Who published the API."),
  "x-wso2-response-cache": responseCacheTerm,
  "x-wso2-transports": list(
    "The listeners on which the API answers; none: both.",
    word("A listener.", ["http", "https"], { anyCase: true }),
  ),
};

/** Ours, at the top of a definition and in an operation. */
const ownBothTerms = {
  "x-castgate-allowed-domains": domainsTerm,
  "x-castgate-caller": word(
    "Whose credentials count: those of an application alone (`app`), those with a user (`user`), both (`any`); `none` opens.",
    ["any", "app", "user", "none"],
  ),
  "x-castgate-public": text("Why whoever wants may call, where that is so."),
  "x-castgate-upgrade": list(
    "Protocols that the connection of a `GET` may change to, after all checks. `[]`: none.",
    word("A protocol.", ["websocket"], { anyCase: true }),
  ),
};

const ownApiTerms = {
  ...ownBothTerms,
  "x-castgate-dpop": word("Tokens come with a proof of the key that they are bound to (RFC 9449).", [
    "required",
    "optional",
  ]),
  "x-castgate-encoded-slash": word("Whether `%2F` may stand inside a parameter.", ["allow", "refuse"], {
    default: "refuse",
  }),
};

/** Of API Manager, read for compatibility. */
const legacyTier = text("As `x-wso2-throttling-tier`, in API Manager's spelling.");

export const definitionTerm = map(
  "Extensions at the top of a definition.",
  { ...apiTerms, ...ownApiTerms, "x-throttling-tier": legacyTier },
  { others: "ignored" },
);

export const operationTerm = map(
  "Extensions of an operation.",
  {
    ...bothTerms,
    ...ownBothTerms,
    "x-throttling-tier": legacyTier,
    "x-auth-type": text(
      "`None`: whoever wants may call. In `standard` also API Manager's other words: `Application`, `Application User`, `Application & Application User`, `Any`.",
    ),
    "x-scope": text("One scope, in place of those of `security`."),
  },
  { others: "ignored" },
);

/** T-EXT-01..18: which level reads which key. */
export const originalKeys = {
  api: startingWith(definitionTerm, "x-wso2-"),
  operation: startingWith(operationTerm, "x-wso2-"),
};
export const ownKeys = {
  api: startingWith(definitionTerm, "x-castgate-"),
  operation: startingWith(operationTerm, "x-castgate-"),
};

function startingWith(term: MapTerm, start: string): readonly string[] {
  return termKeys(term)
    .filter((key) => key.startsWith(start))
    .sort();
}

export const callerTerm = ownBothTerms["x-castgate-caller"];
export const upgradeTerm = ownBothTerms["x-castgate-upgrade"];
export const dpopTerm = ownApiTerms["x-castgate-dpop"];
export const encodedSlashTerm = ownApiTerms["x-castgate-encoded-slash"];
export const mutualSslTerm = apiTerms["x-wso2-mutual-ssl"];
export const transportsTerm = apiTerms["x-wso2-transports"];
