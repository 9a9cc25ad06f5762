import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** One operation of a definition. */
export interface Route {
  readonly id: string;
  readonly method: string;
  readonly template: string;
}

/** Notes which operation's handler ran. */
export interface Visited {
  operation: string | undefined;
}

export type Handler = (x: Visited) => void;
/** Finds the handler of a request. */
export type Find = (method: string, path: string) => Handler | undefined;

/** A published router, filled with routes. Throws when it cannot hold them. */
export interface OtherRouter {
  readonly name: string;
  readonly fill: (routes: readonly Route[], handlerOf: (route: Route) => Handler) => Find;
}

/** The versions that are measured. They are installed into the bench's folder, never into the repository. */
const versions = { rou3: "1.0.0", "find-my-way": "9.10.1", hono: "4.13.19" } as const;
const folder = join(process.env.CASTGATE_BENCH ?? join(homedir(), ".cache", "castgate-bench"), "routers");

/** Installs the routers, unless they are there. */
export function installRouters(): void {
  const wanted = Object.entries(versions);
  if (wanted.every(([name, version]) => installed(name) === version)) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"private": true}\n');
  const specifiers = wanted.map(([name, version]) => `${name}@${version}`);
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"];
  execFileSync("npm", ["install", ...flags, ...specifiers], { cwd: folder, stdio: "ignore" });
}

function installed(name: string): string | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8")).version;
  } catch {
    return undefined;
  }
}

/** The routers, loaded from where they were installed. */
export async function otherRouters(): Promise<readonly OtherRouter[]> {
  const load = (file: string) => import(pathToFileURL(join(folder, "node_modules", file)).href);
  const { createRouter, addRoute, findRoute } = await load("rou3/dist/index.mjs");
  const { compileRouter } = await load("rou3/dist/compiler.mjs");
  const findMyWay = createRequire(join(folder, "package.json"))("find-my-way");
  const { TrieRouter } = await load("hono/dist/router/trie-router/index.js");
  const { RegExpRouter } = await load("hono/dist/router/reg-exp-router/index.js");
  const { SmartRouter } = await load("hono/dist/router/smart-router/index.js");

  const rou3 = (routes: readonly Route[], handlerOf: (route: Route) => Handler) => {
    const router = createRouter();
    for (const route of routes) addRoute(router, route.method, withColons(route.template), handlerOf(route));
    return router;
  };
  const hono = (router: HonoRouter, routes: readonly Route[], handlerOf: (route: Route) => Handler): Find => {
    for (const route of routes) router.add(route.method, withColons(route.template), handlerOf(route));
    // The whole table is built at the first question.
    const match = (method: string, path: string) => router.match(method, path);
    match("GET", "/");
    return (method, path) => match(method, path)[0][0]?.[0];
  };
  return [
    {
      name: "rou3, compiled",
      fill(routes, handlerOf) {
        const match = compileRouter(rou3(routes, handlerOf));
        return (method, path) => match(method, path)?.data;
      },
    },
    {
      name: "rou3",
      fill(routes, handlerOf) {
        const router = rou3(routes, handlerOf);
        return (method, path) => findRoute(router, method, path)?.data;
      },
    },
    {
      name: "find-my-way",
      fill(routes, handlerOf) {
        const router = findMyWay();
        for (const route of routes) router.on(route.method, withColons(route.template), handlerOf(route));
        return (method, path) => router.find(method, path)?.handler;
      },
    },
    { name: "hono TrieRouter", fill: (routes, handlerOf) => hono(new TrieRouter(), routes, handlerOf) },
    { name: "hono RegExpRouter", fill: (routes, handlerOf) => hono(new RegExpRouter(), routes, handlerOf) },
    {
      name: "hono SmartRouter",
      fill: (routes, handlerOf) =>
        hono(new SmartRouter({ routers: [new RegExpRouter(), new TrieRouter()] }), routes, handlerOf),
    },
  ];
}

interface HonoRouter {
  add(method: string, path: string, handler: Handler): void;
  match(method: string, path: string): [[Handler, unknown][], unknown?];
}

/** `/pets/{pet-id}` as these routers write it. Names are made alike: some do not allow two at one place. */
function withColons(template: string): string {
  return template
    .split("/")
    .map((text, index) => (text.startsWith("{") && text.endsWith("}") ? `:p${index}` : text))
    .join("/");
}

/** `rou3 1.0.0, find-my-way 9.10.1, ...` */
export function routerVersions(): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}
