import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { startBrowser, withoutBrowser } from "../support/browser.ts";
import { castgate } from "../support/command-line.ts";

const fixtures = path.join(import.meta.dirname, "../../fixtures");
const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-report-"));
/** Kept if a folder is named, for people to look at. */
const shots = process.env.CASTGATE_SHOTS ?? path.join(folder, "shots");

/** A copy of the pet store of which one operation is public now, one limit higher, and one operation gone. */
function changedPetstore(): string {
  const project = path.join(folder, "petstore");
  for (const part of ["api_definitions", "castgate.yaml", "policies.yaml"]) {
    cpSync(path.join(fixtures, "petstore", part), path.join(project, part), { recursive: true });
  }
  const edit = (file: string, from: RegExp, to: string): void => {
    const text = readFileSync(path.join(project, file), "utf8");
    assert.match(text, from, file);
    writeFileSync(path.join(project, file), text.replace(from, to));
  };
  edit(
    "api_definitions/petstore-v3.yaml",
    /(operationId: updatePet\n[\s\S]*?)security:\n {8}- petstore_auth: \["write:pets", "read:pets"\]/,
    "$1security: []\n      x-castgate-public: everyone may correct a pet",
  );
  edit("policies.yaml", /count: 5\n/, "count: 50\n");
  return project;
}

const nasty = `"><script>window.hacked=1</script><img src=x onerror=window.hacked=1>'&amp;\u202e\u0000`;

/** Every text of a user that the page shows, and all of it wants out. */
function hostileProject(): string {
  const project = path.join(folder, "hostile");
  mkdirSync(path.join(project, "api_definitions"), { recursive: true });
  const definition = {
    openapi: "3.0.3",
    info: { title: nasty, version: nasty },
    "x-wso2-basePath": "/hostile",
    "x-wso2-production-endpoints": { urls: ["https://backend.test/a'b"] },
    "x-wso2-cors": { "access-control-allow-origins": ["https://ui.test"] },
    components: {
      securitySchemes: {
        [nasty]: {
          type: "oauth2",
          flows: { implicit: { authorizationUrl: "https://a.test", scopes: { [nasty]: nasty } } },
        },
        key: { type: "apiKey", in: "header", name: "X-Key" },
      },
    },
    paths: {
      "/<script>hacked=1</script>": { get: { operationId: nasty, security: [{ [nasty]: [nasty] }], responses: {} } },
      "/open": {
        get: { security: [], "x-castgate-public": nasty, "x-wso2-throttling-tier": nasty, responses: {} },
        post: { security: [{ key: [] }], "x-wso2-throttling-tier": "</style><script>", responses: {} },
      },
    },
  };
  const tier = (name: string) => ({ [name]: { count: 5, unitTime: 1, timeUnit: "min" } });
  writeFileSync(path.join(project, "api_definitions/hostile.json"), JSON.stringify(definition));
  const policies = {
    resourcePolicies: [tier(nasty)],
    subscriptionPolicies: [tier("Unauthenticated"), tier("Default")],
  };
  writeFileSync(path.join(project, "policies.yaml"), JSON.stringify(policies));
  return project;
}

async function report(out: string, words: readonly string[]): Promise<string> {
  const file = path.join(folder, `${out}.html`);
  const { code, stdout, stderr } = await castgate(["report", ...words, "--out", file]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^wrote .*\.html: \d+ operations?, \d+ of them public\n$/);
  return file;
}

describe("castgate report, in Chromium", { skip: withoutBrowser }, () => {
  let browser: Browser;
  const pages: Record<string, string> = {};
  const contexts: BrowserContext[] = [];

  before(async () => {
    browser = await startBrowser();
    pages.petstore = await report("petstore", [changedPetstore(), "--base", path.join(fixtures, "petstore")]);
    pages.access = await report("access", [path.join(fixtures, "access")]);
    pages.hostile = await report("hostile", [hostileProject()]);
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A page of its own; what it says to the console, or asks of anybody, fails its test by `calm`. */
  async function open(name: string, options: BrowserContextOptions = {}): Promise<{ page: Page; calm(): void }> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      reducedMotion: "reduce",
      ...options,
    });
    contexts.push(context);
    const page = await context.newPage();
    const said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(String(error)));
    const url = pathToFileURL(pages[name] as string).href;
    page.on("request", (request) => {
      if (request.url().split("#")[0] !== url && request.url() !== "data:,") said.push(`asked for ${request.url()}`);
    });
    await page.goto(url);
    return { page, calm: () => assert.deepEqual(said, []) };
  }

  const shownRows = (page: Page): Promise<number> =>
    page.locator(".list tbody tr").and(page.locator(":visible")).count();
  const says = (page: Page, text: string): Promise<void> =>
    page.getByRole("status").filter({ hasText: text }).waitFor();

  test("shows all operations, public ones first, and differences, weaker first", async () => {
    const { page, calm } = await open("petstore");
    assert.equal(await page.title(), "petstore: who may call what");
    assert.deepEqual(await page.getByRole("heading", { level: 2 }).allTextContents(), [
      "At a glance",
      "Differences to petstore",
      "APIs",
      "Operations",
      "Limits",
      "Backends",
      "Findings of the compiler",
    ]);
    assert.equal(await shownRows(page), 39);
    const tables = page.getByRole("table");
    const open5 = page.getByRole("table", { name: /Anyone may call/ });
    assert.ok((await tables.count()) >= 5);
    assert.equal(await open5.getByRole("rowheader").count(), 5);
    assert.deepEqual(await open5.getByRole("columnheader").allTextContents(), [
      "Operation",
      "Who may call",
      "Limits",
      "Backend",
      "Checks and places",
    ]);
    const row = open5.getByRole("row").filter({ hasText: "PUT" });
    const cells = await row.getByRole("cell").allTextContents();
    assert.match(cells[0] ?? "", /^public anyone.*everyone may correct a pet$/);
    assert.match(cells[1] ?? "", /^each client address: Unauthenticated, 500 requests a minute$/);
    assert.match(cells[2] ?? "", /^https:\/\/petstore3\.swagger\.io\/api\/v3 ?production$/);
    assert.match(cells[3] ?? "", /^3 checks of PUT \/petstore\/v3\/pet.*public: nobody has to log in/);
    assert.match(cells[3] ?? "", /api_definitions\/petstore-v3\.yaml:\d+:\d+ ?generated\/petstore-v3\/pet\.ts:\d+$/);
    const verdicts = await page.getByRole("article").getByRole("heading").allTextContents();
    assert.match(verdicts[0] ?? "", /weaker PUT \/petstore\/v3\/pet: everyone may call now/);
    assert.match(verdicts[1] ?? "", /weaker GET \/petstore\/v2\/store\/inventory and 1 more: .*5PerMin/);
    calm();
  });

  test("says where a check is in generated code, as that stands", async () => {
    const { page } = await open("access");
    const row = page.getByRole("row").filter({ hasText: "/access/token-and-key" });
    const text = (await row.textContent()) ?? "";
    const [, line] = /authenticate: token and API key in header X-Key.*? line (\d+)/.exec(text) ?? [];
    const [, file] = /(generated\/access\/[\w-]+\.ts):\d+/.exec(text) ?? [];
    const code = readFileSync(path.join(fixtures, "access/expected", file ?? ""), "utf8").split("\n");
    assert.match(code[Number(line) - 1] ?? "", /await authenticate\(x, accessApi, \w*okenAndKey/);
  });

  test("searches and filters, and says how many are left", async () => {
    const { page, calm } = await open("petstore");
    await says(page, "All 39 operations are shown.");
    await page.getByLabel("Search").fill("  INVENTORY v3 ");
    await says(page, "1 of 39 operations");
    assert.equal(await shownRows(page), 1);
    assert.equal(await page.getByRole("heading", { name: /Anyone may call/ }).count(), 0, "an empty part is not there");
    await page.getByLabel("Search").fill("nothing has this");
    await says(page, "No operation fits.");
    await page.getByRole("button", { name: "Show all" }).click();
    await says(page, "All 39");
    await page.getByLabel("Who may call").selectOption("anyone");
    await says(page, "5 of 39");
    await page.getByRole("combobox", { name: "API", exact: true }).selectOption({ index: 1 });
    await says(page, "2 of 39");
    await page.getByRole("button", { name: "Show all" }).click();
    await page.getByLabel("Changed").selectOption("weaker");
    await says(page, "3 of 39");
    await page.getByRole("link", { name: "Swagger Petstore OpenAPI 3" }).click();
    await says(page, "19 of 39");
    await page.getByLabel("Method").selectOption("DELETE");
    await says(page, "3 of 39");
    calm();
  });

  test("is used by the keyboard alone", async () => {
    const { page } = await open("petstore");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.textContent"), "Skip to the operations");
    const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
    assert.equal(outline, "solid", "focus is visible");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.name"), "search");
    await page.keyboard.type("uploadFile");
    await says(page, "2 of 39");
    for (let presses = 0; presses < 10; presses++) {
      await page.keyboard.press("Tab");
      if ((await page.evaluate("document.activeElement.tagName")) === "SUMMARY") break;
    }
    await page.keyboard.press("Enter");
    await page.locator(".list details[open] li").first().waitFor({ state: "visible" });
  });

  test("has a theme that can be chosen, else the system's", async () => {
    const { page } = await open("access", { colorScheme: "dark" });
    const background = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const dark = await background();
    const button = page.getByRole("button", { name: "Theme" });
    await button.click();
    assert.equal(await button.textContent(), "Theme: light");
    assert.notEqual(await background(), dark);
    await button.click();
    assert.equal(await button.textContent(), "Theme: dark");
    assert.equal(await background(), dark);
    await button.click();
    assert.equal(await button.textContent(), "Theme: system");
  });

  test("can be read without JavaScript", async () => {
    const { page, calm } = await open("petstore", { javaScriptEnabled: false });
    assert.equal(await page.getByRole("row").filter({ hasText: "/petstore/" }).count(), 39 + 2);
    assert.equal(await page.getByRole("search").count(), 0, "no control that does nothing");
    assert.equal(await page.getByRole("button").count(), 0);
    await page.locator(".list summary").first().click();
    await page.locator(".list ol").first().waitFor({ state: "visible" });
    calm();
  });

  test("shows what a definition says as text, whatever it says", async () => {
    const { page, calm } = await open("hostile");
    assert.equal(await page.evaluate("'hacked' in window"), false);
    assert.equal(await page.evaluate("document.scripts.length"), 1);
    assert.equal(await page.evaluate("document.images.length"), 0);
    assert.match(
      (await page
        .getByRole("row")
        .filter({ hasText: "%3Cscript" })
        .or(page.getByRole("row").filter({ hasText: "/<script>" }))
        .first()
        .textContent()) ?? "",
      /script/,
    );
    const text = readFileSync(pages.hostile as string, "utf8");
    assert.equal(
      ["\u202e", "\0"].some((sign) => text.includes(sign)),
      false,
      "what cannot be seen is shown",
    );
    assert.equal(text.split("<script").length, 2);
    assert.equal(text.split("<style").length, 2);
    calm();
  });

  test("forbids itself the network", async () => {
    const { page } = await open("access");
    const blocked = await page.evaluate(`(async () => {
      const violations = [];
      document.addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
      await fetch("http://127.0.0.1:9/").catch(() => undefined);
      const image = document.createElement("img");
      image.src = "http://127.0.0.1:9/x.png";
      const script = document.createElement("script");
      script.textContent = "window.hacked = 1";
      document.body.append(image, script);
      while (violations.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      return { violations: violations.sort(), hacked: "hacked" in window };
    })()`);
    assert.deepEqual(blocked, { violations: ["connect-src", "img-src", "script-src-elem"], hacked: false });
  });

  test("prints everything, and nothing to click", async () => {
    const { page } = await open("petstore");
    await page.evaluate("dispatchEvent(new Event('beforeprint')), undefined");
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.getByRole("search").count(), 0);
    assert.equal(await page.locator(".list details:not([open])").count(), 0);
  });

  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [1280, 320]) {
      test(`has no accessibility problem and no sideways scrolling: ${colorScheme}, ${width} pixels`, async () => {
        mkdirSync(shots, { recursive: true });
        for (const name of ["petstore", "hostile"]) {
          const { page, calm } = await open(name, { colorScheme, viewport: { width, height: 900 } });
          assert.ok(((await page.evaluate("document.documentElement.scrollWidth")) as number) <= width, `${name} fits`);
          const names = page.locator('.plain th[scope="row"]').and(page.locator(":visible"));
          const narrow = (await Promise.all((await names.all()).map((cell) => cell.boundingBox()))).filter(
            (box) => (box?.width ?? 0) < 144,
          );
          assert.deepEqual(narrow, [], `${name}: what rows are called is not broken into syllables`);
          await page.screenshot({ path: path.join(shots, `${name}-${colorScheme}-${width}.png`), fullPage: true });
          // All parts are laid out, so that all are judged.
          await page.evaluate(`
            for (const body of document.querySelectorAll("tbody")) body.style.contentVisibility = "visible";
            for (const one of document.querySelectorAll("details")) one.open = true;
          `);
          await page.evaluate(axe);
          const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
          const { violations } = (await page.evaluate(`axe.run({ runOnly: ${JSON.stringify(tags)} })`)) as {
            violations: readonly Violation[];
          };
          const found = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
          assert.deepEqual(found, [], name);
          calm();
        }
      });
    }
  }

  test("has the same bytes wherever the project lies, and for a bundle no lines that are not there", async () => {
    const copy = path.join(folder, "elsewhere/access");
    cpSync(path.join(fixtures, "access"), copy, { recursive: true });
    const file = await report("again", [copy]);
    assert.equal(readFileSync(file, "utf8"), readFileSync(pages.access as string, "utf8"));
  });
});

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

test("tells what is wrong with its arguments", async () => {
  const wrong = async (...words: string[]) => {
    const { code, stderr } = await castgate(["report", ...words]);
    return `${code} ${stderr.split("\n")[0]}`;
  };
  assert.equal(await wrong("no-such-folder"), "1 error: no-such-folder: there is no such folder or file");
  assert.equal(
    await wrong(path.join(fixtures, "access"), "--today=2027-01-31"),
    "2 error[usage]: --today needs --base",
  );
  const nowhere = path.join(folder, "no/such/folder/x.html");
  assert.match(
    await wrong(path.join(fixtures, "access"), "--out", nowhere),
    /^1 error: .*x\.html cannot be written: ENOENT$/,
  );
});
