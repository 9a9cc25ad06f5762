import { either, flag, list, map, type Term, text, word } from "./term.ts";

/** castgate.yaml. `codes`: of warnings that can be ignored; `features`: what settings can switch on. */
export function projectSettingsTerm(codes: readonly string[], features: readonly string[]) {
  return map("Settings of a gateway project.", {
    ...projectTerms,
    features: list(
      "In `standard`: what the run-time settings may switch on. In `wso2-3.2` all of it is there.",
      word("A feature.", features),
    ),
    diagnostics: diagnosticsTerm,
    ignore: list("Codes of warnings that are not shown.", word("The code of a warning.", codes)),
  } satisfies Readonly<Record<ProjectKey, Term>>);
}

export const compatibilityWord = word(
  "`standard`: OpenAPI and HTTP mean what their specifications say. `wso2-3.2`: what WSO2 API Microgateway 3.2 made of them.",
  ["standard", "wso2-3.2"],
  { default: "wso2-3.2" },
);

const levelWord = word(
  "`ignore`: not shown. `error`: fails the compilation. Errors stay errors, and notes cannot be ignored.",
  ["ignore", "warning", "error"],
);

const levelEntry = map(
  "A level that holds in one place.",
  {
    level: levelWord,
    in: text("A file, or a place in it with all below: `api_definitions/shop.yaml#/paths/~1items/get`.", {
      example: "api_definitions/shop.yaml",
    }),
    reason: text("Why, for whoever reviews it."),
  },
  { required: ["level", "in", "reason"] },
);

const diagnosticsTerm = map(
  "By code, what this project makes of warnings and notes.",
  {},
  {
    others: either(
      "A level, or entries that hold in one place each; of several the first that does.",
      levelWord,
      levelEntry,
      list("Entries.", either("A level.", levelWord, levelEntry)),
    ),
  },
);

/** The keys of an accepted change, all of them required. */
export const acceptedKeys = ["change", "expires", "fingerprint", "on", "reason"] as const;
export type AcceptedKey = (typeof acceptedKeys)[number];

/** Of the code of a change, and of its fingerprint. */
export const changeCodePattern = "^[a-z]+(?:-[a-z]+)*$";
export const fingerprintPattern = "^d1-[0-9a-f]{32}$";

const acceptedTerms = {
  change: text("The code of the change: `castgate help <code>` explains it.", { pattern: changeCodePattern }),
  expires: text("The last day on which it counts, in UTC; at most a year from now.", {
    pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    example: "2027-01-31",
  }),
  fingerprint: text("This very change, with these values at these operations: as `castgate diff` prints it.", {
    pattern: fingerprintPattern,
  }),
  on: text("Where the change is made, as `castgate diff` prints it."),
  reason: text("Why it is accepted. Shown wherever the change is."),
} satisfies Readonly<Record<AcceptedKey, Term>>;

const projectTerms = {
  accepted: list(
    "Weakenings that are accepted on purpose, each as `castgate diff` prints it, with a reason and a last day.",
    map("A change that is accepted.", acceptedTerms, { required: acceptedKeys }),
  ),
  compatibility: compatibilityWord,
  "deny-warnings": flag("`true`: warnings fail the compilation, too.", { default: false }),
  name: text("Names the bundle: `target/<name>.cjs`. Else the folder's name.", {
    pattern: "^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?$",
  }),
};

/** The keys of castgate.yaml. */
export const projectKeys = [
  "accepted",
  "compatibility",
  "deny-warnings",
  "diagnostics",
  "features",
  "ignore",
  "name",
] as const;
type ProjectKey = (typeof projectKeys)[number];
