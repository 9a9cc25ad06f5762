import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type CompiledProject,
  compileProject,
  type RunningGateway,
  startGateway,
} from "../support/gateway-under-test.ts";
import { countOf, statusesOf } from "../support/load.ts";
import { StubBackend } from "../support/stub-backend.ts";
import { TestIssuer } from "../support/test-issuer.ts";

/** Never more than the limit, also when 200 clients come at the same moment (R-THR-10 done right). */
const clients = 200;
const users = `[b7a.users.bob]
password = "@sha256:{5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8}"
`;

for (const workers of [1, 4])
  describe(`${clients} clients at once, --workers=${workers}`, () => {
    const issuer = new TestIssuer("https://issuer.test");
    let project: CompiledProject;
    let backend: StubBackend;
    let gateway: RunningGateway;

    before(async () => {
      project = await compileProject(path.join(import.meta.dirname, "../../fixtures/shop"));
      backend = await StubBackend.start();
      gateway = await startGateway(project, { issuer, backend, settings: users, args: [`--workers=${workers}`] });
    });
    after(async () => {
      await gateway?.stop();
      await backend?.stop();
      project?.remove();
    });

    const application = (id: number, tier: string) => ({ id, name: `app${id}`, tier });
    const subscribed = (tier: string) => [{ name: "Orders", version: "1.2.0", subscriptionTier: tier }];
    const levels = [
      { level: "resource", limit: 3, target: "/orders/1.2.0/orders", claims: { scope: "orders_read" } },
      {
        level: "subscription",
        limit: 2,
        target: "/orders/1.2.0/orders/1",
        claims: { application: application(11, "Unlimited"), subscribedAPIs: subscribed("trial") },
      },
      {
        level: "application",
        limit: 4,
        target: "/orders/1.2.0/orders/1",
        claims: { application: application(12, "team"), subscribedAPIs: subscribed("Unlimited") },
      },
      { level: "unauthenticated", limit: 3, target: "/orders/1.2.0/status", claims: undefined },
      { level: "API", limit: 5, target: "/catalogue/v2/items/1", claims: "basic" as const },
    ];

    for (const { level, limit, target, claims } of levels) {
      test(`${level}: exactly ${limit} pass`, async () => {
        backend.seen.length = 0;
        const headers: Record<string, string> = {};
        if (claims === "basic") headers.authorization = `Basic ${Buffer.from("bob:password").toString("base64")}`;
        else if (claims !== undefined) headers["x-orders-auth"] = `Bearer ${issuer.token(claims)}`;
        const statuses = await statusesOf([`${gateway.origin}${target}`], clients, headers);
        assert.deepEqual(countOf(statuses), { 200: limit, 429: clients - limit });
        assert.equal(backend.seen.length, limit, "the backend saw what passed and nothing else");
      });
    }
  });
