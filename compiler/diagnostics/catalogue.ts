import type { Compatibility } from "../model/names.ts";

/** `note` is information that is always listed and never fails a build, not even with `--deny-warnings`. */
export type Severity = "error" | "warning" | "note";

interface Entry<A> {
  /** One severity, or one for each compatibility. */
  readonly severity: Severity | Readonly<Record<Compatibility, Severity>>;
  readonly message: (args: A) => string;
  /** What to do about it. */
  readonly hint?: (args: A) => string | undefined;
  /** For `castgate help <code>` and the SARIF rule: why it is a mistake, with the number of the fact it rests on. */
  readonly explanation: string;
}

function entry<A = Record<never, string>>(value: Entry<A>): Entry<A> {
  return value;
}

/** Doubtful input that the original built: shown in `wso2-3.2`, refused in `standard`. */
const doubtful = { "wso2-3.2": "warning", standard: "error" } as const;

/** The one home of diagnostic codes. Kebab-case; never renamed, never reused. Sorted by code. */
export const catalogue = {
  "compatibility-difference": entry<{ operation: string; here: string; standard: string }>({
    severity: "note",
    message: ({ operation, here, standard }) =>
      `${operation} may be called with ${here}; read as OpenAPI means it: ${standard}`,
    hint: () => "`compatibility: standard` in castgate.yaml takes OpenAPI's reading",
    explanation:
      "In `wso2-3.2` all security requirements are flattened into alternatives, any one scope suffices and an empty list inherits, as the original did (S-SEL-03, S-SEL-05, S-SCP-01). Each operation where that differs from OpenAPI's own meaning is listed.",
  }),
  "feature-not-built": entry<{ operation: string; feature: string }>({
    severity: doubtful,
    message: ({ operation, feature }) => `${operation} asks for ${feature}, which this version cannot do`,
    hint: () => "the operation answers 501 and never calls its backend until the feature is there",
    explanation:
      "Nothing is half-served: an operation that needs a feature of a later version is compiled to a handler that answers 501 in `wso2-3.2`, and is an error in `standard`.",
  }),
  "json-syntax": entry<{ problem: string }>({
    severity: "error",
    message: ({ problem }) => `JSON syntax error: ${problem}`,
    explanation: "A file whose name ends in .json must hold JSON text (RFC 8259): no comments, no trailing commas.",
  }),
  "key-duplicate": entry<{ key: string }>({
    severity: doubtful,
    message: ({ key }) => `the key "${key}" stands twice in one object`,
    hint: () => "the last one counts; remove or rename one of them",
    explanation:
      "YAML and JSON allow a key once in an object. Parsers take the last one, so what the first one says, a security requirement perhaps, has no effect.",
  }),
  "nesting-too-deep": entry<{ limit: string }>({
    severity: "error",
    message: ({ limit }) => `the document is nested more than ${limit} levels deep, or contains itself`,
    explanation:
      "Deeper nesting has no use in a definition and is refused; so is a YAML alias inside the value that it names.",
  }),
  "operation-public": entry<{ operation: string; why: string }>({
    severity: "note",
    message: ({ operation, why }) => `${operation} is public: ${why}`,
    explanation: "Operations that anybody may call without credentials are always listed (S-SEL-07).",
  }),
  "security-unstated": entry<{ api: string }>({
    severity: "warning",
    message: ({ api }) => `"${api}" has operations without any \`security\`, so anybody may call them`,
    hint: () => "add `security` to the API or the operation, or `security: []` to say that it is public on purpose",
    explanation:
      "OpenAPI reads a missing `security` as public. `standard` follows it, and warns, because leaving it out is more often a mistake than a decision. In `wso2-3.2` a token is required (S-SEL-06).",
  }),
  "throttling-tier-unknown": entry<{ tier: string; suggestion?: string }>({
    severity: doubtful,
    message: ({ tier }) => `throttling tier "${tier}" is not defined in policies.yaml`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation:
      "A tier must be defined in policies.yaml, or be Unlimited. Calls of an operation with an undefined tier are answered with 500 and code 900809 (T-POL-09).",
  }),
  "toml-syntax": entry<{ problem: string }>({
    severity: "error",
    message: ({ problem }) => `TOML syntax error: ${problem}`,
    explanation: "The file must hold TOML 1.0 text.",
  }),
  "yaml-aliases-excessive": entry({
    severity: "error",
    message: () => "the aliases of this document expand to an unreasonable size",
    hint: () => "write shared parts as $ref instead of YAML aliases",
    explanation: "A few lines of nested YAML aliases can stand for billions of values. Such documents are refused.",
  }),
  "yaml-multiple-documents": entry({
    severity: doubtful,
    message: () => "the file holds more than one YAML document",
    hint: () => "only the first one counts; move the others to files of their own",
    explanation: "A definition is one YAML document. What follows a further `---` line is not read.",
  }),
  "yaml-syntax": entry<{ problem: string }>({
    severity: "error",
    message: ({ problem }) => `YAML syntax error: ${problem}`,
    explanation: "The file must hold YAML 1.2 text.",
  }),
};

export type Code = keyof typeof catalogue;
export type ArgsOf<C extends Code> = Parameters<(typeof catalogue)[C]["message"]>[0];
