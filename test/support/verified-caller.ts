import type { Caller } from "../../runtime-lib/caller.ts";

/** A caller with a token, and whatever a test says of it. */
export function verifiedCaller(more: Partial<Caller> = {}): Caller {
  return {
    name: "alice",
    scheme: "jwt",
    scopes: new Set(),
    scopesApply: true,
    keyType: "PRODUCTION",
    application: { id: "1", tier: "Unlimited", subscriptions: [] },
    claims: {},
    consumerKey: "",
    revocationIds: [],
    ...more,
  };
}
