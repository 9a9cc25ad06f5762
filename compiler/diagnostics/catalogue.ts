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
  "definition-not-openapi": entry<{ what: string }>({
    severity: "error",
    message: ({ what }) => `this is not an OpenAPI definition: ${what}`,
    hint: () => "every .json, .yaml and .yml file below api_definitions/ is compiled; move other files elsewhere",
    explanation:
      'A definition says `swagger: "2.0"`, or `openapi:` with a version 3.0 or 3.1, at its root (T-OAS-01, T-PRJ-01). Files that a definition refers to by $ref need not.',
  }),
  "definition-version-unsupported": entry<{ key: string; version: string }>({
    severity: "error",
    message: ({ key, version }) => `${key} version "${version}" is not supported`,
    hint: () => 'write swagger: "2.0", or openapi: with a version 3.0.x or 3.1.x',
    explanation: "Swagger 2.0, OpenAPI 3.0 and OpenAPI 3.1 are compiled (T-OAS-01).",
  }),
  "feature-not-built": entry<{ operation: string; feature: string }>({
    severity: doubtful,
    message: ({ operation, feature }) => `${operation} asks for ${feature}, which this version cannot do`,
    hint: () => "the operation answers 501 and never calls its backend until the feature is there",
    explanation:
      "Nothing is half-served: an operation that needs a feature of a later version is compiled to a handler that answers 501 in `wso2-3.2`, and is an error in `standard`.",
  }),
  "file-unreadable": entry<{ file: string; why: string }>({
    severity: "error",
    message: ({ file, why }) => `${file} cannot be read: ${why}`,
    explanation: "A file of the project exists but cannot be read as UTF-8 text.",
  }),
  "ignore-unknown": entry<{ code: string; suggestion?: string }>({
    severity: "error",
    message: ({ code }) => `there is no diagnostic with the code "${code}"`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation: "`ignore` in castgate.yaml lists codes of warnings. A misspelt code would silence nothing.",
  }),
  "ignore-useless": entry<{ code: string; severity: string }>({
    severity: "warning",
    message: ({ code, severity }) => `"${code}" cannot be ignored: its severity is ${severity}`,
    hint: () => "only warnings can be ignored",
    explanation: "Errors cannot be silenced, and notes are always listed, so such an entry of `ignore` has no effect.",
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
  "nothing-to-compile": entry({
    severity: "error",
    message: () => "the project has nothing to compile",
    hint: () => "put an OpenAPI definition (.json, .yaml or .yml) into api_definitions/",
    explanation: "There is no definition below api_definitions/ or gen/api_definitions/ (T-CLI-19).",
  }),
  "operation-public": entry<{ operation: string; why: string }>({
    severity: "note",
    message: ({ operation, why }) => `${operation} is public: ${why}`,
    explanation: "Operations that anybody may call without credentials are always listed (S-SEL-07).",
  }),
  "path-ref-siblings": entry<{ path: string; lost: string }>({
    severity: doubtful,
    message: ({ path, lost }) => `${path}: what stands beside $ref has no effect: ${lost}`,
    hint: () => "move it into the path item that $ref names, or write the path item here",
    explanation:
      "A $ref stands for the whole path item. OpenAPI leaves open what members beside it mean, and the original ignored them, so their operations would not be routed.",
  }),
  "path-ref-unresolved": entry<{ path: string; reference: string; why: string }>({
    severity: "error",
    message: ({ path, reference, why }) => `the operations of ${path} cannot be read: $ref "${reference}": ${why}`,
    explanation: "Without the path item that the $ref names, the routes of the path are unknown (T-OAS-03).",
  }),
  "project-missing": entry<{ project: string }>({
    severity: "error",
    message: ({ project }) => `there is no project folder "${project}"`,
    hint: () => "castgate init <dir> makes a new project",
    explanation: "The folder named on the command line does not exist (T-CLI-19).",
  }),
  "project-not-a-folder": entry<{ project: string }>({
    severity: "error",
    message: ({ project }) => `"${project}" is a file, not a project folder`,
    hint: () => "name the folder that holds api_definitions/",
    explanation: "A project is a folder in the layout of the original (T-PRJ-01).",
  }),
  "ref-dangling": entry<{ reference: string; why: string; more: string }>({
    severity: doubtful,
    message: ({ reference, why, more }) => `$ref "${reference}" leads nowhere: ${why}${more}`,
    explanation:
      "The target of a $ref must exist: in the same file, or in a file of the project, named relative to this one (T-OAS-03). Where only a schema is missing, routes and security are still known.",
  }),
  "ref-loop": entry<{ reference: string; more: string }>({
    severity: doubtful,
    message: ({ reference, more }) => `$ref "${reference}" leads back to itself${more}`,
    explanation: "A chain of $refs must end at something that is not a $ref.",
  }),
  "ref-outside-project": entry<{ reference: string; more: string }>({
    severity: doubtful,
    message: ({ reference, more }) => `$ref "${reference}" leaves the project folder and is not read${more}`,
    hint: () => "copy the file into the project and name it relative to this one",
    explanation:
      "A project is compiled from its own files alone, so that the same project gives the same bytes anywhere.",
  }),
  "ref-remote": entry<{ reference: string; more: string }>({
    severity: doubtful,
    message: ({ reference, more }) => `$ref "${reference}" is on the network and is not fetched${more}`,
    hint: () => "copy the file into the project and name it relative to this one",
    explanation: "Nothing is fetched at compile time, so that the same project gives the same bytes anywhere.",
  }),
  "security-unstated": entry<{ api: string }>({
    severity: "warning",
    message: ({ api }) => `"${api}" has operations without any \`security\`, so anybody may call them`,
    hint: () => "add `security` to the API or the operation, or `security: []` to say that it is public on purpose",
    explanation:
      "OpenAPI reads a missing `security` as public. `standard` follows it, and warns, because leaving it out is more often a mistake than a decision. In `wso2-3.2` a token is required (S-SEL-06).",
  }),
  "setting-type": entry<{ key: string; expected: string }>({
    severity: "error",
    message: ({ key, expected }) => `${key} must be ${expected}`,
    explanation: "A setting of castgate.yaml or of the files in conf/ has a value of the wrong type.",
  }),
  "setting-unknown": entry<{ key: string; suggestion?: string }>({
    severity: "error",
    message: ({ key }) => `unknown setting "${key}"`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation: "castgate.yaml knows name, compatibility, features, ignore, accepted and deny-warnings.",
  }),
  "setting-value": entry<{ key: string; value: string; expected: string }>({
    severity: "error",
    message: ({ key, value, expected }) => `${key} cannot be "${value}": it must be ${expected}`,
    explanation: "A setting of castgate.yaml has a value that it cannot have.",
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
  "toolkit-setting-unknown": entry<{ key: string; suggestion?: string }>({
    severity: doubtful,
    message: ({ key }) => `unknown setting "${key}"`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation: "conf/toolkit-config.toml has a table or key that T-CFG-01 to 12 do not name. It has no effect.",
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
