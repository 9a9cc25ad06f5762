import type { TestIssuer } from "./test-issuer.ts";

/** What limits the project `fixtures/shop`: a request of each level, with headers that only that level refuses. */
export interface ShopLimit {
  readonly level: string;
  /** Requests a day. */
  readonly limit: number;
  /** Path of the request. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** An application as a token names it. */
export const application = (id: number, tier: string) => ({ id, name: `app${id}`, tier });
/** A subscription to the API Orders as a token names it. */
export const subscribed = (tier: string) => [{ name: "Orders", version: "1.2.0", subscriptionTier: tier }];

/** Settings with the user of the API level. */
export const shopUser = `[b7a.users.bob]
password = "@sha256:{5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8}"
`;

/** One of each level; tokens are made by `issuer`. */
export function shopLimits(issuer: TestIssuer): readonly ShopLimit[] {
  const orders = "/orders/1.2.0";
  const token = (claims: object) => ({ "x-orders-auth": `Bearer ${issuer.token({ ...claims })}` });
  const trial = { application: application(11, "Unlimited"), subscribedAPIs: subscribed("trial") };
  const team = { application: application(12, "team"), subscribedAPIs: subscribed("Unlimited") };
  const basic = { authorization: `Basic ${Buffer.from("bob:password").toString("base64")}` };
  return [
    { level: "resource", limit: 3, target: `${orders}/orders`, headers: token({ scope: "orders_read" }) },
    { level: "subscription", limit: 2, target: `${orders}/orders/1`, headers: token(trial) },
    { level: "application", limit: 4, target: `${orders}/orders/1`, headers: token(team) },
    { level: "unauthenticated", limit: 3, target: `${orders}/status`, headers: {} },
    { level: "API", limit: 5, target: "/catalogue/v2/items/1", headers: basic },
  ];
}
