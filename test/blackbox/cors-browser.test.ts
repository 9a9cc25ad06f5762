import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import {
  type FetchOptions,
  fetchIn,
  type Learned,
  PageServer,
  startBrowser,
  withoutBrowser,
} from "../support/browser.ts";
import { eventually } from "../support/engine-process.ts";
import {
  type CompiledProject,
  compileProject,
  type RunningGateway,
  startGateway,
} from "../support/gateway-under-test.ts";
import { StubBackend } from "../support/stub-backend.ts";
import { TestIssuer } from "../support/test-issuer.ts";

/** A browser judges the gateway's CORS: scripts of pages on several origins call it, and learn what they may, no more. */
for (const compatibility of ["wso2-3.2", "standard"] as const) {
  describe(`CORS as Chromium sees it, ${compatibility}`, { skip: withoutBrowser }, () => {
    const issuer = new TestIssuer("https://issuer.test");
    const authorization = `Bearer ${issuer.token({ scope: "other" })}`;
    let browser: Browser;
    let ui: PageServer;
    let foreign: PageServer;
    let source: string;
    let project: CompiledProject;
    let backend: StubBackend;
    let gateway: RunningGateway;
    let uiPage: Page;
    let foreignPage: Page;

    before(async () => {
      [browser, ui, foreign, backend] = await Promise.all([
        startBrowser(),
        PageServer.start(),
        PageServer.start(),
        StubBackend.start(),
      ]);
      source = writeProject(compatibility, ui.origin);
      project = await compileProject(source);
      const { key } = project.manifest.endpoints.find(({ urls }) => urls.includes(nobody)) ?? {};
      const args = [`--${key}_endpoint_0=${nobody}`];
      gateway = await startGateway(project, { issuer, backend, args, settings: "[castgate]\naccessLog = true" });
      uiPage = await pageOf(ui.origin);
      foreignPage = await pageOf(foreign.origin);
    });
    after(async () => {
      await browser?.close();
      await gateway?.stop();
      await Promise.all([ui?.stop(), foreign?.stop(), backend?.stop()]);
      project?.remove();
      if (source !== undefined) rmSync(path.dirname(source), { recursive: true, force: true });
    });

    /** A context of its own: what one page's browser keeps of preflights and cookies, another's does not know. */
    async function pageOf(url: string): Promise<Page> {
      const page = await (await browser.newContext()).newPage();
      await page.goto(url);
      return page;
    }
    const call = (page: Pick<Page, "evaluate">, target: string, options?: FetchOptions) =>
      fetchIn(page, `${gateway.origin}${target}`, options);
    /** What the backend is asked while `action` runs. */
    async function seenDuring<T>(action: () => Promise<T>): Promise<{ readonly result: T; readonly seen: string[] }> {
      const start = backend.seen.length;
      const result = await action();
      return {
        result,
        seen: backend.seen
          .slice(start)
          .map(({ method, target }) => `${method} ${target.slice(target.lastIndexOf("/"))}`),
      };
    }

    describe("the page whose origin is listed", () => {
      test("reads the answer to a simple request, and the header that is exposed (S-COR-05)", async () => {
        backend.answers.push({ headers: { "x-total": "3", "x-secret": "4" }, body: "pets" });
        const learned = read(await call(uiPage, "/ui/open"));
        assert.equal(learned.status, 200);
        assert.equal(learned.body, "pets");
        assert.equal(learned.headers["x-total"], "3");
        assert.equal(learned.headers["x-secret"], undefined);
      });

      test("sends headers and methods that are allowed, after a preflight that the backend never sees (S-COR-07)", async () => {
        const { result, seen } = await seenDuring(() =>
          call(uiPage, "/ui/open", {
            method: "PUT",
            headers: { "x-trace": "1", "content-type": "application/json" },
            body: "{}",
          }),
        );
        assert.equal(read(result).status, 200);
        assert.deepEqual(seen, ["PUT /open"]);
      });

      test("the preflight of a secured operation needs no credentials, the request does", async () => {
        const headers = { authorization };
        const { result, seen } = await seenDuring(() => call(uiPage, "/ui/secured", { headers }));
        assert.equal(read(result).status, 200);
        assert.deepEqual(seen, ["GET /secured"]);
      });

      test("has its cookies sent, and reads the answer to that", async () => {
        backend.answers.push({ headers: { "set-cookie": "session=1; Path=/" }, body: "" });
        assert.equal(read(await call(uiPage, "/ui/open", { credentials: "include" })).status, 200);
        assert.equal(read(await call(uiPage, "/ui/open", { credentials: "include" })).status, 200);
        assert.equal(backend.seen.at(-1)?.headers.cookie, "session=1");
        assert.equal(read(await call(uiPage, "/ui/open", { method: "PUT", credentials: "include" })).status, 200);
        assert.equal(backend.seen.at(-1)?.headers.cookie, "session=1");
      });

      const refusedCalls: readonly (readonly [why: string, target: string, options: FetchOptions])[] = [
        ["a method that CORS does not allow", "/ui/open", { method: "DELETE" }],
        ["a method that the path does not have", "/ui/secured", { method: "PUT" }],
        ["a header that is not allowed", "/ui/open", { headers: { "x-other": "1" } }],
        ["one allowed header and another", "/ui/open", { headers: { "x-trace": "1", "x-other": "1" } }],
        ["a path that does not exist, with a preflight", "/ui/nowhere", { method: "PUT" }],
        ["an API without CORS", "/off/open", { method: "PUT" }],
        ["a declared OPTIONS that wants a token (S-COR-10)", "/ui/own", { headers: { "x-trace": "1" } }],
      ];
      for (const [why, target, options] of refusedCalls) {
        test(`is kept from ${why}: nothing reaches the backend (S-COR-09)`, async () => {
          const { result, seen } = await seenDuring(() => call(uiPage, target, options));
          assert.equal(result, "blocked");
          assert.deepEqual(seen, []);
        });
      }

      test("may not read what an API without CORS answers, which is served all the same", async () => {
        const { result, seen } = await seenDuring(() => call(uiPage, "/off/open"));
        assert.equal(result, "blocked");
        assert.deepEqual(seen, ["GET /open"]);
      });

      test("reads what a backend lets it read, where the gateway has no rules", async () => {
        backend.answers.push({ headers: { "access-control-allow-origin": ui.origin }, body: "pets" });
        assert.equal(read(await call(uiPage, "/off/open")).body, "pets");
      });
    });

    describe("errors can be told apart by scripts", () => {
      test("401", async () => {
        const learned = read(await call(uiPage, "/ui/secured"));
        assert.equal(learned.status, 401);
        assert.match(learned.body, /"code":\s?900902/);
        const rejected = await call(uiPage, "/ui/secured", { headers: { authorization: `${authorization}x` } });
        assert.equal(read(rejected).status, 401);
      });

      test("403", async () => {
        const learned = read(await call(uiPage, "/ui/scoped", { headers: { authorization } }));
        assert.equal(learned.status, 403);
        assert.match(learned.body, /"code":\s?900910/);
      });

      test("404, and 405", async () => {
        assert.equal(read(await call(uiPage, "/ui/nowhere")).status, 404);
        assert.equal(read(await call(uiPage, "/ui/secured", { method: "POST" })).status, 405);
      });

      test("429, for which preflights do not count", async () => {
        const page = await pageOf(ui.origin);
        const limited = () => call(page, "/ui/limited", { headers: { "x-trace": "1" } });
        assert.deepEqual([read(await limited()).status, read(await limited()).status], [200, 429]);
      });

      test("what the backend answers", async () => {
        backend.answers.push({ status: 503, body: "busy" });
        const learned = read(await call(uiPage, "/ui/open"));
        assert.equal(learned.status, 503);
        assert.equal(learned.body, "busy");
      });

      test("a backend that is away", async () => {
        const learned = read(await call(uiPage, "/ui/away"));
        assert.equal(learned.status, compatibility === "standard" ? 502 : 500);
        assert.match(learned.body, /"code":\s?101503/);
      });
    });

    describe("any other page", () => {
      test("may not read an answer, which is served all the same (S-COR-06)", async () => {
        const { result, seen } = await seenDuring(() => call(foreignPage, "/ui/open"));
        assert.equal(result, "blocked");
        assert.deepEqual(seen, ["GET /open"]);
      });

      test("may not read what the backend alone would let it read", async () => {
        backend.answers.push({ headers: { "access-control-allow-origin": "*" }, body: "pets" });
        assert.equal(await call(foreignPage, "/ui/open"), "blocked");
      });

      test("may not read errors", async () => {
        assert.equal(await call(foreignPage, "/ui/secured"), "blocked");
        assert.equal(await call(foreignPage, "/ui/nowhere"), "blocked");
      });

      test("has no request sent that needs a preflight (S-COR-09)", async () => {
        for (const options of [{ method: "PUT" }, { headers: { "x-trace": "1" } }, { headers: { authorization } }]) {
          const { result, seen } = await seenDuring(() => call(foreignPage, "/ui/open", options));
          assert.equal(result, "blocked");
          assert.deepEqual(seen, []);
        }
      });

      test("of the same host, but with another scheme or port, is another page (S-COR-04)", async () => {
        const page = await pageOf(ui.origin.replace("127.0.0.1", "localhost"));
        assert.equal(await call(page, "/ui/open"), "blocked");
        assert.equal(read(await call(page, "/any/open")).status, 200);
      });
    });

    describe("where any origin is allowed (S-COR-03)", () => {
      test("every page reads, with preflight and without", async () => {
        for (const page of [uiPage, foreignPage]) {
          assert.equal(read(await call(page, "/any/open")).status, 200);
          assert.equal(read(await call(page, "/any/open", { method: "PUT", headers: { "x-any": "1" } })).status, 200);
        }
      });

      test("none reads what its visitor's cookies brought, whatever the definition says (S-SEC-14)", async () => {
        for (const page of [uiPage, foreignPage]) {
          assert.equal(await call(page, "/any/open", { credentials: "include" }), "blocked");
          assert.equal(await call(page, "/any/open", { method: "PUT", credentials: "include" }), "blocked");
        }
      });
    });

    describe("the origin null is never let in (S-COR-04)", () => {
      for (const base of ["ui", "any"]) {
        test(`/${base} from a sandboxed frame`, async () => {
          const page = await pageOf(ui.origin);
          await page.setContent('<iframe sandbox="allow-scripts" srcdoc="<p>frame</p>"></iframe>');
          const frame = await (await page.waitForSelector("iframe")).contentFrame();
          assert.ok(frame);
          await frame.waitForSelector("p");
          assert.equal(await frame.evaluate("origin"), "null");
          assert.equal(await call(frame, `/${base}/open`), "blocked");
          assert.equal(backend.seen.at(-1)?.headers.origin, "null", "it was asked, and the browser kept the answer");
          assert.equal(await call(frame, `/${base}/open`, { method: "PUT" }), "blocked");
          assert.notEqual(backend.seen.at(-1)?.method, "PUT");
        });

        test(`/${base} from a file`, async () => {
          const file = path.join(source, "page.html");
          writeFileSync(file, "<!doctype html><title>page</title>");
          const page = await pageOf(`file://${file}`);
          assert.equal(await call(page, `/${base}/open`), "blocked");
          assert.equal(await call(page, `/${base}/open`, { method: "PUT" }), "blocked");
        });
      }
    });

    describe("how long a preflight is kept", () => {
      const preflightsOfThree = async (target: string): Promise<number> => {
        const page = await pageOf(ui.origin);
        const logged = (method: string) =>
          gateway
            .log()
            .split("\n")
            .filter((line) => line.includes(`"${method}"`) && line.includes(`"${target}`)).length;
        const before = { calls: logged("PUT"), preflights: logged("OPTIONS") };
        for (let i = 0; i < 3; i++) assert.equal(read(await call(page, target, { method: "PUT" })).status, 200);
        await eventually("the calls are logged", () => logged("PUT") === before.calls + 3);
        return logged("OPTIONS") - before.preflights;
      };
      test("accessControlMaxAge", async () => assert.equal(await preflightsOfThree("/ui/open"), 1));
      test("not at all, as the original said (S-COR-08), or as the browser likes", async () => {
        assert.equal(await preflightsOfThree("/any/open"), compatibility === "wso2-3.2" ? 3 : 1);
      });
    });

    test("the gateway's own paths follow conf/toolkit-config.toml (S-COR-02)", async () => {
      assert.equal(read(await call(uiPage, "/health")).status, 200);
      assert.equal(await call(foreignPage, "/health"), "blocked");
    });
  });
}

/** A backend that is not there. */
const nobody = "http://127.0.0.1:1";

/** The answer, when the script was let have it. */
function read(learned: Learned): Exclude<Learned, "blocked"> {
  assert.ok(learned !== "blocked", "the browser kept the answer from the script");
  return learned;
}

/** A project of three APIs: for one origin, for any origin, and without CORS. */
function writeProject(compatibility: "wso2-3.2" | "standard", uiOrigin: string): string {
  const folder = path.join(mkdtempSync(path.join(os.tmpdir(), "castgate-cors-")), "pages");
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  };
  const operation = (more: object = {}) => ({ responses: { 200: { description: "ok" } }, ...more });
  const open = operation({ "x-wso2-disable-security": true });
  const flows = { clientCredentials: { tokenUrl: "https://k.test/token", scopes: { pets: "pets" } } };
  const definition = (name: string, more: object) => ({
    openapi: "3.0.3",
    info: { title: name, version: "1" },
    "x-wso2-basePath": `/${name}`,
    "x-wso2-production-endpoints": { urls: ["https://pets.test"] },
    components: { securitySchemes: { oa: { type: "oauth2", flows } } },
    security: [{ oa: [] }],
    paths: { "/open": { get: open, put: open, delete: open } },
    ...more,
  });
  const apis = {
    ui: {
      "x-wso2-cors": {
        accessControlAllowOrigins: [uiOrigin],
        accessControlAllowMethods: ["GET", "PUT", "POST"],
        accessControlAllowHeaders: ["Authorization", "X-Trace", "Content-Type"],
        accessControlExposeHeaders: ["X-Total"],
        accessControlAllowCredentials: true,
        accessControlMaxAge: 600,
      },
      "x-wso2-endpoints": [{ away: { urls: [nobody] } }],
      paths: {
        "/open": { get: open, put: open, delete: open },
        "/secured": { get: operation() },
        "/scoped": { get: operation({ security: [{ oa: ["pets"] }] }) },
        "/limited": { get: { ...open, "x-wso2-throttling-tier": "1PerDay" } },
        "/own": { get: open, options: operation() },
        "/away": { get: { ...open, "x-wso2-production-endpoints": "#/x-wso2-endpoints/away" } },
      },
    },
    any: {
      "x-wso2-cors": {
        accessControlAllowOrigins: ["*"],
        // An error in `standard`.
        ...(compatibility === "wso2-3.2" && { accessControlAllowCredentials: true }),
      },
    },
    off: {},
  };
  for (const [name, more] of Object.entries(apis))
    write(`api_definitions/${name}.json`, JSON.stringify(definition(name, more)));
  write("castgate.yaml", `compatibility: ${compatibility}\n`);
  write(
    "policies.yaml",
    "resourcePolicies:\n  - 1PerDay: {count: 1, unitTime: 1, timeUnit: day}\nsubscriptionPolicies:\n  - Default: {count: 1000, unitTime: 1, timeUnit: day}\n  - Unauthenticated: {count: 1000, unitTime: 1, timeUnit: day}\n",
  );
  write(
    "conf/toolkit-config.toml",
    `[corsConfiguration]\ncorsConfigurationEnabled = true\naccessControlAllowOrigins = [${JSON.stringify(uiOrigin)}]\n`,
  );
  return folder;
}
