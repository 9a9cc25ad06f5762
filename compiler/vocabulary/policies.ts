import { onUnavailableWords } from "../model/checked-project.ts";
import { either, flag, list, map, number, termKeys, text, word } from "./term.ts";

/** T-POL-03. */
const timeUnits = ["min", "hour", "day", "week", "month", "year"] as const;

const texts = (doc: string, one: string) => either(doc, text(one), list(doc, text(one), { min: 1 }));
const pattern = (doc: string) => either(doc, text(doc), number(doc, { min: -1e15, whole: false }), flag(doc));

/** What says how much may come in which time. */
export const quotaTerm = map("How much may come in which time.", {
  count: number("How many requests.", { min: 0, whole: true }),
  unitTime: number("How many units of time.", { min: 1, max: 100_000, whole: true }),
  timeUnit: word("A month has 30 days, a year 365.", timeUnits, { anyCase: true }),
  algorithm: word(
    "`fixed`: windows one after the other. `sliding`: evenly (GCRA), so that no window of this length lets more than count + burst pass.",
    ["fixed", "sliding"],
    { default: "fixed" },
  ),
  bandwidth: text("In place of `count`: bytes of both bodies. Known only afterwards: calls pass while some are left.", {
    pattern: "^\\s*\\d{1,9} ?([Kk][Bb]|[Mm][Bb]|[Gg][Bb])\\s*$",
    example: "500 MB",
  }),
  burst: number("With `sliding`: how many may come at once after a pause.", { min: 1, whole: true }),
  countedRequests: word(
    "`all`: refused calls count, too. `success`: what ends in 4xx, 5xx or without an answer is taken back.",
    ["accepted", "all", "success"],
    { default: "accepted" },
  ),
});

const invert = flag("`true`: met by all that it is not met by otherwise.", { default: false });
const addresses = texts(
  "Addresses of clients.",
  "An address, a network (`10.0.0.0/8`) or a range (`192.0.2.1 - 192.0.2.30`).",
);
const matches = pattern("A regular expression for a whole value, up to 1,024 characters of it.");

export const conditionTerm = map("One of `ip`, `header`, `query` and `claim`.", {
  ip: addresses,
  header: text("The name of a field; `matches` says what it must be."),
  query: text("The name of a query parameter; `matches` says what it must be."),
  claim: text("The name of a claim of the caller's token; `matches` says what it must be."),
  matches,
  invert,
});

export const groupTerm = map(
  "A quota in place of the tier's, where all conditions are met.",
  {
    name: text("Its own name within the tier."),
    when: list("All of these must be met.", conditionTerm, { min: 1 }),
    ...quotaTerm.keys,
  },
  { required: ["when"] },
);

const stopOnQuota = flag("`false`: what is over the limit passes, too.", { default: true });

export const tierTerms = {
  resource: map("A tier of APIs and operations.", {
    ...quotaTerm.keys,
    stopOnQuota,
    conditionGroups: list("The first of which all conditions are met holds; else the tier itself.", groupTerm),
  }),
  application: map("A tier of applications.", {
    ...quotaTerm.keys,
    stopOnQuota,
    key: word("`app`: its users share one count; `app+user`: each has one.", ["app", "app+user"]),
  }),
  subscription: map("A tier of subscriptions.", { ...quotaTerm.keys, stopOnQuota }),
} as const;

function tiers(doc: string, level: keyof typeof tierTerms) {
  return list(doc, map("A name, and its quota.", {}, { others: tierTerms[level] }));
}

export const addressLimitTerm = map("A limit of client addresses: `ip` or `other`.", {
  ip: addresses,
  other: flag("`true`: all that is in no entry before."),
  unlimited: flag("`true`: without a limit."),
  ...quotaTerm.keys,
});

export const denyTerm = map("Who is refused: one of `ip`, `user`, `application` and `api`.", {
  ip: addresses,
  invert,
  user: texts("Names of users.", "A user, as tokens or Basic name one."),
  application: texts("Applications.", "`owner:Name`, or the id of one."),
  api: texts("APIs.", "The base path of an API: `/closed/v1`."),
});

export const countersTerm = map(
  "Where requests are counted, if not by the gateway itself: limits then hold over all gateways.",
  {
    store: word("Redis or Valkey; its URL is a setting.", ["redis"]),
    onUnavailable: word(
      "What becomes of requests with a limit while nobody can be asked: 503, let through, or counted by each process.",
      onUnavailableWords,
    ),
  },
  { required: ["store", "onUnavailable"] },
);

export const policiesTerm = map("Throttling tiers and limits of a project.", {
  resourcePolicies: tiers("For `x-wso2-throttling-tier` in definitions.", "resource"),
  applicationPolicies: tiers("For the tier of the application that a token names.", "application"),
  subscriptionPolicies: tiers(
    "For the tier of the subscription that a token names. `Default`: tokens that name none. `Unauthenticated`: public operations, for each client address.",
    "subscription",
  ),
  compat: word("Tiers that need not be written down: those of API Manager 1.x, or of 3.2.", ["apim1", "mgw3"]),
  counters: countersTerm,
  denyConditions: list("Refused with 403, before all limits.", denyTerm),
  forbidUnlimited: flag("`true`: no tier `Unlimited`, and no operation without a limit.", { default: false }),
  ipLimits: list("For each client address, over all APIs: the first entry that it belongs to.", addressLimitTerm),
});

export const quotaKeys = termKeys(quotaTerm);
