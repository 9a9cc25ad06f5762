import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type CompiledProject,
  compileProject,
  type RunningGateway,
  startGateway,
} from "../../support/gateway-under-test.ts";
import { countOf, statusesOf } from "../../support/load.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

/** Limits beyond the original's, each asked by so many clients at the same moment: exactly its quota passes (K-08, R-THR-10). */
const clients = 200;

interface Level {
  readonly level: string;
  readonly limit: number;
  readonly target: string;
  /** Of the clients' tokens, which take turns; empty: no credentials. */
  readonly claims: readonly object[];
  readonly from?: string;
}

const ann = { sub: "ann", client_id: "ann" };
const application = (id: number, tier: string) => ({ id, name: `app${id}`, tier });
const gold = [{ name: "Files", version: "1.0.0", subscriptionTier: "Gold" }];
const levels: readonly Level[] = [
  { level: "address", limit: 2, target: "/files/open", claims: [], from: "203.0.113.1" },
  { level: "address, with a token", limit: 2, target: "/files/plain", claims: [ann], from: "203.0.113.2" },
  { level: "sliding window", limit: 2, target: "/files/burst", claims: [ann] },
  { level: "successes", limit: 2, target: "/files/good", claims: [ann] },
  { level: "refused requests, too", limit: 3, target: "/files/tries", claims: [ann] },
  { level: "a group of conditions", limit: 3, target: "/files/partners", claims: [ann], from: "192.0.2.1" },
  { level: "no group", limit: 1, target: "/files/partners", claims: [ann] },
  { level: "API by conditions", limit: 1, target: "/partner/one", claims: [ann] },
  {
    level: "an application, over its users (K-09)",
    limit: 3,
    target: "/files/plain",
    claims: ["ann", "ben", "cat"].map((sub) => ({ sub, application: application(13, "shared") })),
  },
  {
    level: "an application's users, one by one (K-09)",
    limit: 6,
    target: "/files/plain",
    claims: ["ann", "ben"].map((sub) => ({ sub, application: application(14, "each") })),
  },
  {
    level: "two users of Gold in an application of Gold share its 20 (K-08)",
    limit: 20,
    target: "/files/plain",
    claims: ["ann", "ben"].map((sub) => ({ sub, application: application(15, "Gold"), subscribedAPIs: gold })),
  },
];

for (const workers of [1, 4])
  describe(`${clients} clients at once, --workers=${workers}`, () => {
    const issuer = new TestIssuer("https://issuer.test");
    let project: CompiledProject;
    let backend: StubBackend;
    let gateway: RunningGateway;

    before(async () => {
      project = await compileProject(path.join(import.meta.dirname, "../../../fixtures/quotas"));
      backend = await StubBackend.start();
      const settings = '[castgate]\ntrustedProxies = ["127.0.0.1/32"]\n';
      gateway = await startGateway(project, { issuer, backend, settings, args: [`--workers=${workers}`] });
    });
    after(async () => {
      await gateway?.stop();
      await backend?.stop();
      project?.remove();
    });

    for (const { level, limit, target, claims, from } of levels) {
      test(`${level}: exactly ${limit} pass`, async () => {
        backend.seen.length = 0;
        const forwarded: Record<string, string> = from === undefined ? {} : { "x-forwarded-for": from };
        const tokens = claims.map((one) => ({ authorization: `Bearer ${issuer.token({ ...one })}` }));
        const callers: readonly Record<string, string>[] = tokens.length === 0 ? [{}] : tokens;
        const asked = callers.map((credentials) =>
          statusesOf([`${gateway.origin}${target}`], Math.floor(clients / callers.length), {
            ...forwarded,
            ...credentials,
          }),
        );
        const statuses = (await Promise.all(asked)).flat();
        const { 200: passed = 0, 429: refused } = countOf(statuses);
        assert.equal(refused, statuses.length - passed);
        // Of several workers, one may get its share of a sliding window too late to spend it: then it lapses.
        if (workers > 1 && level === "sliding window") assert.ok(passed >= 1 && passed <= limit, `${passed} passed`);
        else assert.equal(passed, limit);
        assert.equal(backend.seen.length, passed, "the backend saw what passed and nothing else");
      });
    }

    test("bandwidth: once its bytes are used up, nothing more passes", async () => {
      const headers = { authorization: `Bearer ${issuer.token(ann)}` };
      const send = async () => {
        const answer = await fetch(`${gateway.origin}/files/volume`, {
          method: "POST",
          headers,
          body: "0".repeat(400),
        });
        await answer.arrayBuffer();
        return answer.status;
      };
      // 400 bytes there, some 40 back; in which worker, and when it is known to the others, may differ.
      let passed = 0;
      while (passed < 20 && (await send()) === 200) passed++;
      assert.ok(passed >= 5 && passed < 20, `${passed} passed`);
      assert.equal(await send(), 429);
    });
  });
