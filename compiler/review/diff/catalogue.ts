import type { Aspect, Verdict } from "./change.ts";

/** What a code means in general. */
export interface ChangeSpec {
  readonly verdict: Verdict;
  readonly aspect: Aspect;
  /** Why it has this verdict. */
  readonly explanation: string;
}

/**
 * The one home of the codes of changes: what each is about, how it is judged, and why. Codes are never renamed or reused: entries
 * of `accepted` may name them.
 */
export const changeCatalogue = {
  "operation-became-public": {
    verdict: "weaker",
    aspect: "access",
    explanation: "Requests without any credentials, which were refused, reach the backend.",
  },
  "operation-no-longer-public": {
    verdict: "stronger",
    aspect: "access",
    explanation: "Requests without credentials are refused now.",
  },
  "way-in-added": {
    verdict: "weaker",
    aspect: "access",
    explanation: "Callers whose credentials were not taken before may call.",
  },
  "way-in-removed": {
    verdict: "stronger",
    aspect: "access",
    explanation: "Callers with these credentials are refused now.",
  },
  "proof-no-longer-needed": {
    verdict: "weaker",
    aspect: "access",
    explanation: "One proof less is asked for: who has only the others was refused before.",
  },
  "proof-now-needed": {
    verdict: "stronger",
    aspect: "access",
    explanation:
      "One proof more is asked for: who has only the others is refused now. A proof of possession is one beside a token.",
  },
  "access-reworded": {
    verdict: "neutral",
    aspect: "access",
    explanation: "The rules are put together in another way; as a formula they let in exactly the same callers.",
  },
  "public-reason-changed": {
    verdict: "neutral",
    aspect: "text",
    explanation: "Everyone may call it before and after; only the reason is another.",
  },
  "scope-no-longer-needed": {
    verdict: "weaker",
    aspect: "scopes",
    explanation: "Callers who lack the scope were refused before.",
  },
  "scope-now-needed": {
    verdict: "stronger",
    aspect: "scopes",
    explanation: "Callers who lack the scope are refused now.",
  },
  "scope-now-suffices": {
    verdict: "weaker",
    aspect: "scopes",
    explanation: "Callers with this scope, and without those that were asked for, were refused before.",
  },
  "scope-no-longer-suffices": {
    verdict: "stronger",
    aspect: "scopes",
    explanation: "Callers with this scope, and without those that are asked for, are refused now.",
  },
  "caller-kind-required": {
    verdict: "stronger",
    aspect: "caller",
    explanation: "Credentials of the other kind are refused now.",
  },
  "caller-kind-dropped": {
    verdict: "weaker",
    aspect: "caller",
    explanation: "Credentials of the other kind were refused before.",
  },
  "caller-kind-unused": {
    verdict: "neutral",
    aspect: "caller",
    explanation: "Public operations look at no caller, and what kind a key or a password is of is known.",
  },
  "domains-required": {
    verdict: "stronger",
    aspect: "domains",
    explanation: "Requests that do not say where they come from are refused now.",
  },
  "domains-dropped": {
    verdict: "weaker",
    aspect: "domains",
    explanation: "Requests from anywhere are taken.",
  },
  "domains-widened": {
    verdict: "weaker",
    aspect: "domains",
    explanation: "Requests from further domains are taken.",
  },
  "domains-narrowed": {
    verdict: "stronger",
    aspect: "domains",
    explanation: "Requests from some domains are refused now.",
  },
  "domains-other-rule": {
    verdict: "unknown",
    aspect: "domains",
    explanation: "Another field or claim decides: neither rule holds the other.",
  },
  "domains-reworded": {
    verdict: "neutral",
    aspect: "domains",
    explanation: "The same domains, written in another way.",
  },
  "operation-added": {
    verdict: "weaker",
    aspect: "route",
    explanation: "Requests reach a backend that nobody took before. The message says with which access.",
  },
  "public-operation-added": {
    verdict: "weaker",
    aspect: "route",
    explanation: "Requests without credentials reach a backend that nobody took before.",
  },
  "refusing-operation-added": {
    verdict: "neutral",
    aspect: "route",
    explanation: "It refuses every call, as the missing route did.",
  },
  "refusing-operation-removed": {
    verdict: "neutral",
    aspect: "route",
    explanation: "It refused every call, as the missing route does.",
  },
  "operation-removed": {
    verdict: "stronger",
    aspect: "route",
    explanation: "Its requests reach no backend any more: no other route takes them.",
  },
  "unreachable-operation-changed": {
    verdict: "neutral",
    aspect: "route",
    explanation: "Other routes take all of its requests, before and after.",
  },
  "requests-now-taken": {
    verdict: "weaker",
    aspect: "route",
    explanation: "A narrower route went away, which left these requests to nobody.",
  },
  "requests-no-longer-taken": {
    verdict: "stronger",
    aspect: "route",
    explanation: "Another route or API stands before it, and does not take these requests.",
  },
  "requests-rerouted": {
    verdict: "neutral",
    aspect: "route",
    explanation:
      "Another operation gets these requests. What it does differently with them is said in changes of its own.",
  },
  "base-path-added": {
    verdict: "weaker",
    aspect: "route",
    explanation: "Paths can be reached that nobody took before.",
  },
  "base-path-removed": {
    verdict: "stronger",
    aspect: "route",
    explanation: "Paths can no longer be reached.",
  },
  "encoded-slash-allowed": {
    verdict: "weaker",
    aspect: "route",
    explanation: "Paths that were refused with 400 are taken.",
  },
  "encoded-slash-refused": {
    verdict: "stronger",
    aspect: "route",
    explanation: "Paths are refused with 400 that were taken.",
  },
  "path-spellings-added": {
    verdict: "weaker",
    aspect: "route",
    explanation: "Paths that were unknown or refused are taken for known ones.",
  },
  "path-spellings-removed": {
    verdict: "stronger",
    aspect: "route",
    explanation: "Paths that were taken for known ones are unknown or refused.",
  },
  "builtin-path-changed": {
    verdict: "neutral",
    aspect: "route",
    explanation:
      "The built-in paths tell everyone only whether the gateway is well, and reach no backend. What the API does there is a change of its own.",
  },
  "service-replaced": {
    verdict: "stronger",
    aspect: "route",
    explanation: "A service of the gateway cannot be reached any more, whatever the settings switch on.",
  },
  "service-restored": {
    verdict: "weaker",
    aspect: "route",
    explanation: "A service of the gateway can be reached, if the settings switch it on.",
  },
  "operation-refused": {
    verdict: "stronger",
    aspect: "route",
    explanation: "Every call is refused, whoever makes it.",
  },
  "operation-no-longer-refused": {
    verdict: "weaker",
    aspect: "route",
    explanation: "Every call was refused before.",
  },
  "operation-denied": {
    verdict: "stronger",
    aspect: "deny",
    explanation: "Every call is refused: a deny condition names the API.",
  },
  "operation-no-longer-denied": {
    verdict: "weaker",
    aspect: "deny",
    explanation: "Every call was refused: a deny condition named the API.",
  },
  "refused-operation-changed": {
    verdict: "neutral",
    aspect: "route",
    explanation: "Nobody gets more than a refusal, before and after.",
  },
  "refusal-changed": {
    verdict: "neutral",
    aspect: "route",
    explanation: "Every call is refused before and after.",
  },
  "limit-added": {
    verdict: "stronger",
    aspect: "limits",
    explanation: "Requests beyond the limit are refused now.",
  },
  "limit-removed": {
    verdict: "weaker",
    aspect: "limits",
    explanation: "Requests beyond the limit were refused before.",
  },
  "limit-raised": {
    verdict: "weaker",
    aspect: "limits",
    explanation: "There are times in which more requests pass than before.",
  },
  "limit-lowered": {
    verdict: "stronger",
    aspect: "limits",
    explanation: "There are times in which fewer requests pass than before.",
  },
  "limit-other-kind": {
    verdict: "unknown",
    aspect: "limits",
    explanation: "Other conditions choose the quota: which requests meet which cannot be told in general.",
  },
  "limit-reworded": {
    verdict: "neutral",
    aspect: "limits",
    explanation: "The same requests pass: another name, or another limit that is as strict.",
  },
  "tier-now-undefined": {
    verdict: "stronger",
    aspect: "limits",
    explanation: "Every call is refused with 500/900809 (T-POL-09), unless a traffic manager decides.",
  },
  "tier-now-defined": {
    verdict: "weaker",
    aspect: "limits",
    explanation: "Every call was refused with 500/900809 (T-POL-09), unless a traffic manager decided.",
  },
  "caller-limits-added": {
    verdict: "stronger",
    aspect: "limits",
    explanation: "What callers' tiers allow holds too.",
  },
  "caller-limits-removed": {
    verdict: "weaker",
    aspect: "limits",
    explanation: "What callers' tiers allow no longer holds.",
  },
  "caller-tier-added": {
    verdict: "weaker",
    aspect: "limits",
    explanation: "Callers whose token names a tier that nobody defined are refused with 500/900809.",
  },
  "caller-tier-removed": {
    verdict: "stronger",
    aspect: "limits",
    explanation: "Callers whose token names a tier that nobody defined are refused with 500/900809.",
  },
  "caller-tier-raised": {
    verdict: "weaker",
    aspect: "limits",
    explanation: "There are times in which more requests of such callers pass than before.",
  },
  "caller-tier-lowered": {
    verdict: "stronger",
    aspect: "limits",
    explanation: "There are times in which fewer requests of such callers pass than before.",
  },
  "caller-tier-reworded": {
    verdict: "neutral",
    aspect: "limits",
    explanation: "The same requests pass.",
  },
  "address-limit-raised": {
    verdict: "weaker",
    aspect: "limits",
    explanation: "There are times in which more requests of such clients pass than before.",
  },
  "address-limit-lowered": {
    verdict: "stronger",
    aspect: "limits",
    explanation: "There are times in which fewer requests of such clients pass than before.",
  },
  "address-limit-reworded": {
    verdict: "neutral",
    aspect: "limits",
    explanation: "Each address is limited as before.",
  },
  "counters-shared": {
    verdict: "stronger",
    aspect: "limits",
    explanation: "Several gateways let no more pass together than one alone.",
  },
  "counters-no-longer-shared": {
    verdict: "weaker",
    aspect: "limits",
    explanation: "Each of several gateways lets the whole quota pass.",
  },
  "counters-unused": {
    verdict: "neutral",
    aspect: "limits",
    explanation: "Nothing is limited, so nothing is counted.",
  },
  "counters-fail-open": {
    verdict: "weaker",
    aspect: "limits",
    explanation: "More passes while the counters cannot be reached.",
  },
  "counters-fail-closed": {
    verdict: "stronger",
    aspect: "limits",
    explanation: "Less passes while the counters cannot be reached.",
  },
  "deny-added": {
    verdict: "stronger",
    aspect: "deny",
    explanation: "Requests are refused at every operation that were not.",
  },
  "deny-removed": {
    verdict: "weaker",
    aspect: "deny",
    explanation: "Requests are no longer refused at every operation.",
  },
  "deny-other-conditions": {
    verdict: "unknown",
    aspect: "deny",
    explanation: "Patterns decide who is refused: which of two holds the other cannot be told in general.",
  },
  "deny-reworded": {
    verdict: "neutral",
    aspect: "deny",
    explanation: "The same requests are refused.",
  },
  "cors-switched-on": {
    verdict: "weaker",
    aspect: "cors",
    explanation:
      "Browsers keep answers from pages of other origins unless the gateway allows them. What a backend says of origins is replaced.",
  },
  "cors-switched-off": {
    verdict: "stronger",
    aspect: "cors",
    explanation: "Browsers keep answers from pages of other origins, unless the backend itself allows them.",
  },
  "cors-origin-allowed": {
    verdict: "weaker",
    aspect: "cors",
    explanation: "Pages of further origins may use the API with what their visitors have.",
  },
  "cors-origin-refused": {
    verdict: "stronger",
    aspect: "cors",
    explanation: "Pages of these origins no longer may.",
  },
  "cors-method-allowed": {
    verdict: "weaker",
    aspect: "cors",
    explanation: "Browsers ask before they send such methods to another origin.",
  },
  "cors-method-refused": {
    verdict: "stronger",
    aspect: "cors",
    explanation: "Browsers ask before they send such methods to another origin.",
  },
  "cors-header-allowed": {
    verdict: "weaker",
    aspect: "cors",
    explanation: "Browsers ask before they send such fields to another origin.",
  },
  "cors-header-refused": {
    verdict: "stronger",
    aspect: "cors",
    explanation: "Browsers ask before they send such fields to another origin.",
  },
  "cors-header-exposed": {
    verdict: "weaker",
    aspect: "cors",
    explanation: "Pages of other origins see more of answers.",
  },
  "cors-header-hidden": {
    verdict: "stronger",
    aspect: "cors",
    explanation: "Pages of other origins see less of answers.",
  },
  "cors-credentials-allowed": {
    verdict: "weaker",
    aspect: "cors",
    explanation: "Pages of other origins act with their visitors' credentials.",
  },
  "cors-credentials-refused": {
    verdict: "stronger",
    aspect: "cors",
    explanation: "Pages of other origins no longer act with their visitors' credentials.",
  },
  "cors-max-age-changed": {
    verdict: "neutral",
    aspect: "cors",
    explanation: "How often browsers ask changes nothing about what they are told.",
  },
  "cors-reworded": {
    verdict: "neutral",
    aspect: "cors",
    explanation: "The rules allow the same.",
  },
  "http-allowed": {
    verdict: "weaker",
    aspect: "transports",
    explanation: "Credentials and data may go over the network in clear.",
  },
  "http-refused": {
    verdict: "stronger",
    aspect: "transports",
    explanation: "Nothing goes over the network in clear.",
  },
  "https-allowed": {
    verdict: "neutral",
    aspect: "transports",
    explanation:
      "The same requests are taken as before, encrypted; whether they may come in clear is a change of its own.",
  },
  "https-refused": {
    verdict: "weaker",
    aspect: "transports",
    explanation: "Who used to call encrypted can only call in clear.",
  },
  "transports-reworded": {
    verdict: "neutral",
    aspect: "transports",
    explanation: "The same transports in another order.",
  },
  "upgrade-added": {
    verdict: "weaker",
    aspect: "upgrade",
    explanation: "A connection that has changed is no longer looked at: all that goes over it passes.",
  },
  "upgrade-removed": {
    verdict: "stronger",
    aspect: "upgrade",
    explanation: "Connections stay with HTTP, where each request is checked.",
  },
  "upgrade-origins-limited": {
    verdict: "stronger",
    aspect: "upgrade",
    explanation: "Browsers ask nobody before they open a WebSocket: only these rules keep foreign pages out.",
  },
  "upgrade-origins-unlimited": {
    verdict: "weaker",
    aspect: "upgrade",
    explanation: "Browsers ask nobody before they open a WebSocket: without rules for origins all pages may.",
  },
  "upgrade-reworded": {
    verdict: "neutral",
    aspect: "upgrade",
    explanation: "The same protocols in another order.",
  },
  "key-type-allowed": {
    verdict: "weaker",
    aspect: "backend",
    explanation: "Callers with credentials of this environment got 403 before (R-RTE-12).",
  },
  "key-type-refused": {
    verdict: "stronger",
    aspect: "backend",
    explanation: "Callers with credentials of this environment get 403 now (R-RTE-12).",
  },
  "backend-url-changed": {
    verdict: "unknown",
    aspect: "backend",
    explanation: "What another backend does with the same requests cannot be told from the outside.",
  },
  "backend-url-added": {
    verdict: "unknown",
    aspect: "backend",
    explanation: "What another backend does with the same requests cannot be told from the outside.",
  },
  "backend-url-removed": {
    verdict: "neutral",
    aspect: "backend",
    explanation: "Requests go to no backend that they did not go to before.",
  },
  "backend-order-changed": {
    verdict: "neutral",
    aspect: "backend",
    explanation: "Requests go to the same backends.",
  },
  "backend-in-clear": {
    verdict: "weaker",
    aspect: "backend",
    explanation: "Requests, with what they carry, go to the backend unencrypted, and it proves nothing of who it is.",
  },
  "backend-encrypted": {
    verdict: "stronger",
    aspect: "backend",
    explanation: "Requests go to the backend encrypted, and it has to prove who it is.",
  },
  "backend-etcd-changed": {
    verdict: "unknown",
    aspect: "backend",
    explanation: "Who may write to etcd decides where requests go.",
  },
  "backend-path-appended": {
    verdict: "weaker",
    aspect: "backend",
    explanation: "Callers reach more of the backend than one URL.",
  },
  "backend-path-fixed": {
    verdict: "stronger",
    aspect: "backend",
    explanation: "Callers reach one URL of the backend.",
  },
  "backend-pins-added": {
    verdict: "stronger",
    aspect: "backend",
    explanation: "A certificate for another key is refused, whoever has certified it.",
  },
  "backend-pins-removed": {
    verdict: "weaker",
    aspect: "backend",
    explanation: "A certificate for any key is taken, if somebody trusted has certified it.",
  },
  "backend-pin-accepted": {
    verdict: "weaker",
    aspect: "backend",
    explanation: "One more key is taken for the backend's.",
  },
  "backend-pin-refused": {
    verdict: "stronger",
    aspect: "backend",
    explanation: "One key less is taken for the backend's.",
  },
  "backend-credentials-changed": {
    verdict: "unknown",
    aspect: "backend",
    explanation: "What the backend lets the gateway do with other credentials cannot be told from the outside.",
  },
  "backend-scope-added": {
    verdict: "weaker",
    aspect: "backend",
    explanation: "What callers ask for is done with more rights.",
  },
  "backend-scope-removed": {
    verdict: "stronger",
    aspect: "backend",
    explanation: "What callers ask for is done with fewer rights.",
  },
  "backend-token-in-clear": {
    verdict: "weaker",
    aspect: "backend",
    explanation: "The gateway's own secret goes over the network in clear.",
  },
  "backend-token-encrypted": {
    verdict: "stronger",
    aspect: "backend",
    explanation: "The gateway's own secret no longer goes over the network in clear.",
  },
  "backend-timeout-raised": {
    verdict: "weaker",
    aspect: "timeouts",
    explanation:
      "A time limit bounds how long one request can keep a connection and a place in the gateway: it is a limit on resources.",
  },
  "backend-timeout-lowered": {
    verdict: "stronger",
    aspect: "timeouts",
    explanation:
      "A time limit bounds how long one request can keep a connection and a place in the gateway: it is a limit on resources.",
  },
  "backend-load-raised": {
    verdict: "weaker",
    aspect: "limits",
    explanation: "More requests reach the backend at the same time than before.",
  },
  "backend-load-lowered": {
    verdict: "stronger",
    aspect: "limits",
    explanation: "Fewer requests reach the backend at the same time than before.",
  },
  "backend-pool-changed": {
    verdict: "neutral",
    aspect: "resilience",
    explanation: "How connections are kept decides about speed, not about which requests pass.",
  },
  "backend-pipelining-changed": {
    verdict: "neutral",
    aspect: "resilience",
    explanation: "How requests share connections decides about speed, not about which requests pass.",
  },
  "backend-resend-added": {
    verdict: "weaker",
    aspect: "resilience",
    explanation: "A request that must not be done twice may be done twice.",
  },
  "backend-resend-removed": {
    verdict: "stronger",
    aspect: "resilience",
    explanation: "A request that must not be done twice is sent once.",
  },
  "backend-resilience-changed": {
    verdict: "neutral",
    aspect: "resilience",
    explanation:
      "What is done about a failing backend lets nobody do more: requests that are repeated are those that may be.",
  },
  "backend-override-renamed": {
    verdict: "neutral",
    aspect: "backend",
    explanation: "Who replaces this backend's URL or credentials in the run-time settings has to use the new name.",
  },
  "backend-level-changed": {
    verdict: "neutral",
    aspect: "backend",
    explanation: "Requests go to the same place, over connections that are shared with others or not.",
  },
  "backend-not-used": {
    verdict: "neutral",
    aspect: "backend",
    explanation: "No request goes there: calls without a token, a user name or a certificate count as production.",
  },
  "backend-reworded": {
    verdict: "neutral",
    aspect: "backend",
    explanation: "Requests go to the same place in the same way.",
  },
  "credentials-field-changed": {
    verdict: "neutral",
    aspect: "access",
    explanation: "The same credentials are asked for, in another field.",
  },
  "credentials-field-forwarded": {
    verdict: "weaker",
    aspect: "headers",
    explanation: "Clients that still send their credentials in the old field show them to the backend.",
  },
  "credentials-field-withheld": {
    verdict: "stronger",
    aspect: "headers",
    explanation: "The backend no longer sees this field.",
  },
  "credentials-field-reworded": {
    verdict: "neutral",
    aspect: "headers",
    explanation: "It is the field that the settings name unless they are told otherwise.",
  },
  "key-forwarded": {
    verdict: "weaker",
    aspect: "headers",
    explanation:
      "Clients that still send their key there show it to the backend, which could use it at other operations of this gateway.",
  },
  "key-no-longer-known": {
    verdict: "neutral",
    aspect: "headers",
    explanation: "The gateway takes no API keys any more: what clients send there opens nothing.",
  },
  "key-now-known": {
    verdict: "neutral",
    aspect: "headers",
    explanation: "The gateway took no API keys before: what clients sent there opened nothing.",
  },
  "key-withheld": {
    verdict: "stronger",
    aspect: "headers",
    explanation: "The backend no longer sees it.",
  },
  "feature-added": {
    verdict: "weaker",
    aspect: "features",
    explanation: "Once the settings switch it on, requests pass that did not.",
  },
  "feature-removed": {
    verdict: "stronger",
    aspect: "features",
    explanation: "Whatever the settings say, such requests do not pass.",
  },
  "feature-changed": {
    verdict: "unknown",
    aspect: "features",
    explanation: "Another system decides more once the settings switch it on.",
  },
  "protection-added": {
    verdict: "stronger",
    aspect: "features",
    explanation: "Once the settings switch it on, requests are refused that passed.",
  },
  "protection-removed": {
    verdict: "weaker",
    aspect: "features",
    explanation: "Whatever the settings say, such requests are not refused.",
  },
  "feature-unused": {
    verdict: "neutral",
    aspect: "features",
    explanation: "Opaque tokens can be taken only where tokens are taken.",
  },
  "features-reworded": {
    verdict: "neutral",
    aspect: "features",
    explanation: "The same features.",
  },
  "extension-added": {
    verdict: "unknown",
    aspect: "extensions",
    explanation: "What code does cannot be ordered: it may give callers scopes, or take them.",
  },
  "extension-changed": {
    verdict: "unknown",
    aspect: "extensions",
    explanation: "What code does cannot be ordered: it may give callers scopes, or take them.",
  },
  "extension-removed": {
    verdict: "unknown",
    aspect: "extensions",
    explanation: "What code does cannot be ordered: it may have given callers scopes, or taken them.",
  },
  "extension-unused": {
    verdict: "neutral",
    aspect: "extensions",
    explanation: "It looks at tokens, and none are taken.",
  },
  "extension-moved": {
    verdict: "neutral",
    aspect: "extensions",
    explanation: "The same code under the same name.",
  },
  "fault-style-changed": {
    verdict: "neutral",
    aspect: "faults",
    explanation: "Another text, which tells clients no more.",
  },
  "challenges-changed": {
    verdict: "neutral",
    aspect: "faults",
    explanation: "A 401 says in other words what is asked for; it lets nobody in.",
  },
  "setting-grants-more": {
    verdict: "weaker",
    aspect: "settings",
    explanation: "As the project keeps them, the run-time settings let more pass, for longer, or with fewer proofs.",
  },
  "setting-grants-less": {
    verdict: "stronger",
    aspect: "settings",
    explanation: "As the project keeps them, the run-time settings let less pass, not as long, or with more proofs.",
  },
  "setting-changed": {
    verdict: "unknown",
    aspect: "settings",
    explanation: "What the other value means depends on another system, on the environment, or on what clients do.",
  },
  "setting-reworded": {
    verdict: "neutral",
    aspect: "settings",
    explanation: "Nobody may do more or less by it.",
  },
  "settings-unreadable": {
    verdict: "unknown",
    aspect: "settings",
    explanation: "What cannot be read cannot be compared; a gateway does not start with it.",
  },
  "compatibility-changed": {
    verdict: "neutral",
    aspect: "text",
    explanation: "What another reading makes of each operation is a change of its own.",
  },
  "api-renamed": {
    verdict: "neutral",
    aspect: "text",
    explanation: "Nothing that opens the API names it.",
  },
  "api-name-in-credentials": {
    verdict: "unknown",
    aspect: "access",
    explanation: "API keys and the table of client certificates name the APIs that they open: others open it now.",
  },
} as const satisfies Readonly<Record<string, ChangeSpec>>;

export type ChangeCode = keyof typeof changeCatalogue;
