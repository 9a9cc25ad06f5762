import type { CallerQuotas } from "./throttle.ts";

/** Who calls, as far as the checks have established. Made by authentication schemes, read by scopes, throttling and routing. */
export interface Caller {
  /** `sub` of a token, the user of Basic. `anonymous` when nobody logged in. */
  readonly name: string;
  readonly scheme: CallerScheme;
  /** Held scopes. */
  readonly scopes: ReadonlySet<string>;
  /** API keys are exempt from scopes in `wso2-3.2` (S-SCP-05). */
  readonly scopesApply: boolean;
  /** Selects the production or sandbox backend (S-JWT-11). */
  readonly keyType: "PRODUCTION" | "SANDBOX";
  readonly application: CallerApplication;
  /** Verified claims; undefined for Basic. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  /** The client that the credential was issued to; empty when it names none. */
  readonly consumerKey: string;
  /** By what a revocation may name the credential: its `jti`, its signature, the text of an opaque token. */
  readonly revocationIds: readonly string[];
  /** Throttling's own: what it found for this caller, API by API. Kept here, it goes with the caller. */
  quotas?: CallerQuotas | undefined;
}

/** How a caller was recognised. */
export type CallerScheme = "jwt" | "opaque" | "basic" | "api-key" | "mutual-tls" | "anonymous";

export interface CallerApplication {
  /** `__unknown__` when the token names none (R-THR-05; in `standard` its client, else its subject), `anonymous` for Basic. */
  readonly id: string;
  /** As the event hub has it; what a token says of its application stands in its claims. */
  readonly name?: string;
  /** Tier names as the token has them: `Unlimited` and `Default` when it says nothing. */
  readonly tier: string;
  /** Subscriptions named in the token; the tier of an API is found by its name and version (S-SUB-02). */
  readonly subscriptions: readonly CallerSubscription[];
}

export interface CallerSubscription {
  readonly name: string;
  readonly version: string;
  readonly tier: string;
}
