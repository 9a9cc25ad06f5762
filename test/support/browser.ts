import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

/** The browser of the system; undefined: there is none. */
const executable = (process.env.PATH ?? "")
  .split(path.delimiter)
  .flatMap((folder) => ["chromium", "chromium-browser", "google-chrome"].map((name) => path.join(folder, name)))
  .find((file) => existsSync(file));

/** For the option `skip` of a test: false where there is a browser, else why not. */
export const withoutBrowser = executable === undefined ? "there is no Chromium (Debian: chromium)" : false;

/** Starts a headless browser. It is asked for nothing but pages of loopback. */
export function startBrowser(): Promise<Browser> {
  if (executable === undefined) throw new Error(String(withoutBrowser));
  return chromium.launch({
    executablePath: executable,
    // The sandbox needs rights that a container rarely gives, and /dev/shm is small there.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/** A web server whose only page is empty: an origin for scripts to run in. */
export class PageServer {
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>page</title>");
    });
  }

  static async start(): Promise<PageServer> {
    const pages = new PageServer();
    await new Promise<void>((resolve) => pages.#server.listen(0, "127.0.0.1", resolve));
    return pages;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** What a script learns of an answer; `blocked`: the browser kept it from the script. */
export type Learned =
  | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }
  | "blocked";

export interface FetchOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly credentials?: "include" | "omit";
}

/** `fetch` by a script of the page, or of a frame in it. */
export function fetchIn(page: Pick<Page, "evaluate">, url: string, options: FetchOptions = {}): Promise<Learned> {
  return page.evaluate(
    async ([target, init]) => {
      try {
        const response = await fetch(target, init);
        const headers = Object.fromEntries(response.headers);
        return { status: response.status, headers, body: await response.text() };
      } catch {
        return "blocked" as const;
      }
    },
    [url, options] as const,
  );
}
