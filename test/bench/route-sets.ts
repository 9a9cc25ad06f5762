import { readFileSync } from "node:fs";
import { entriesOf, installPackages } from "../corpus/packages.ts";
import type { Route } from "./other-routers.ts";

/** Requests as columns: one look-up for each index. */
export interface Requests {
  readonly methods: readonly string[];
  readonly paths: readonly string[];
  /** `id` of the operation that each must find. */
  readonly expected: readonly string[];
}

/** All operations of GitHub's public API, literal paths first, because some routers take the first that fits. */
export async function githubRoutes(): Promise<readonly Route[]> {
  await installPackages();
  const [entry] = entriesOf("@octokit/openapi");
  if (entry === undefined) throw new Error("GitHub's definition is not installed");
  const { paths } = JSON.parse(readFileSync(entry.path, "utf8")) as { paths: Record<string, Record<string, unknown>> };
  const verbs = ["get", "put", "post", "delete", "patch", "head", "options"];
  const routes = Object.entries(paths).flatMap(([template, item]) =>
    verbs.filter((verb) => verb in item).map((verb) => ({ method: verb.toUpperCase(), template })),
  );
  return numbered(routes);
}

/**
 * Operations of an invented API: each of many collections has items, and each item has parts, actions and parts of parts,
 * ten paths and twenty operations a collection. Names are made of words that begin alike, as real ones do.
 */
export function syntheticRoutes(count: number): readonly Route[] {
  const areas = ["account", "billing", "catalog", "customer", "delivery", "identity", "inventory", "invoice"];
  const things = ["addresses", "agreements", "attachments", "audits", "batches", "channels", "contacts", "contracts"];
  const routes: Omit<Route, "id">[] = [];
  for (let index = 0; routes.length < count; index++) {
    const area = areas[index % areas.length] as string;
    const thing = things[Math.floor(index / areas.length) % things.length] as string;
    const collection = `/${area}/v${1 + (index % 3)}/${thing}-${index}`;
    const item = `${collection}/{id}`;
    for (const [template, methods] of [
      [collection, ["GET", "POST"]],
      [`${collection}/search`, ["GET"]],
      [item, ["GET", "PUT", "PATCH", "DELETE"]],
      [`${item}/history`, ["GET"]],
      [`${item}/notes`, ["GET", "POST"]],
      [`${item}/notes/{note}`, ["GET", "PUT", "DELETE"]],
      [`${item}/notes/{note}/reactions`, ["GET", "POST"]],
      [`${item}/notes/{note}/reactions/{reaction}`, ["DELETE"]],
      [`${item}/tags`, ["GET", "PUT"]],
      [`${item}/actions/{action}`, ["GET", "POST"]],
    ] as const) {
      for (const method of methods) if (routes.length < count) routes.push({ method, template });
    }
  }
  return numbered(routes);
}

function numbered(routes: readonly Omit<Route, "id">[]): readonly Route[] {
  return routes
    .map(({ method, template }, index) => ({ id: `operation${index}`, method, template }))
    .sort((a, b) => (rank(a.template) < rank(b.template) ? -1 : rank(a.template) > rank(b.template) ? 1 : 0));
}

/** Orders templates so that at the first difference a literal comes before a parameter. */
function rank(template: string): string {
  return template.replaceAll("{", "\u007f");
}

/** `each` requests for every operation, with different values, in an order that nobody can foresee. */
export function requestsFor(routes: readonly Route[], each: number): Requests {
  const random = randomNumbers(7);
  const values = ["octocat", "hello-world", "42", "1234567", "main", "a", "linguist", "v1.2.3", "release-notes"];
  const requests = routes.flatMap(({ id, method, template }) =>
    Array.from({ length: each }, () => ({
      id,
      method,
      path: template.replace(/\{[^{}]*\}/g, () => values[Math.floor(random() * values.length)] as string),
      order: random(),
    })),
  );
  requests.sort((a, b) => a.order - b.order);
  return {
    methods: requests.map(({ method }) => method),
    paths: requests.map(({ path }) => path),
    expected: requests.map(({ id }) => id),
  };
}

/** A linear congruential generator: the same numbers every time. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
