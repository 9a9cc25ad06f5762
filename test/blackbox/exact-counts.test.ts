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
import { shopLimits, shopUser } from "../support/shop-limits.ts";
import { StubBackend } from "../support/stub-backend.ts";
import { TestIssuer } from "../support/test-issuer.ts";

/** Never more than the limit, also when 200 clients come at the same moment (R-THR-10 done right). */
const clients = 200;

for (const workers of [1, 4])
  describe(`${clients} clients at once, --workers=${workers}`, () => {
    const issuer = new TestIssuer("https://issuer.test");
    let project: CompiledProject;
    let backend: StubBackend;
    let gateway: RunningGateway;

    before(async () => {
      project = await compileProject(path.join(import.meta.dirname, "../../fixtures/shop"));
      backend = await StubBackend.start();
      gateway = await startGateway(project, { issuer, backend, settings: shopUser, args: [`--workers=${workers}`] });
    });
    after(async () => {
      await gateway?.stop();
      await backend?.stop();
      project?.remove();
    });

    for (const { level, limit, target, headers } of shopLimits(issuer)) {
      test(`${level}: exactly ${limit} pass`, async () => {
        backend.seen.length = 0;
        const statuses = await statusesOf([`${gateway.origin}${target}`], clients, headers);
        assert.deepEqual(countOf(statuses), { 200: limit, 429: clients - limit });
        assert.equal(backend.seen.length, limit, "the backend saw what passed and nothing else");
      });
    }
  });
