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
  "throttling-tier-unknown": entry<{ tier: string; suggestion?: string }>({
    severity: doubtful,
    message: ({ tier }) => `throttling tier "${tier}" is not defined in policies.yaml`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean "${suggestion}"?`),
    explanation:
      "A tier must be defined in policies.yaml, or be Unlimited. Calls of an operation with an undefined tier are answered with 500 and code 900809 (T-POL-09).",
  }),
};

export type Code = keyof typeof catalogue;
export type ArgsOf<C extends Code> = Parameters<(typeof catalogue)[C]["message"]>[0];
