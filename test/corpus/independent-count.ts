/** Operations by method and path as clients can send it, with what of a definition can change who may call them and what they reach. */
export type OperationTable = ReadonlyMap<string, string>;

/** The methods that are compiled. */
const methods = ["get", "put", "post", "delete", "options", "head", "patch"];

interface Holder {
  readonly servers?: unknown;
  readonly security?: unknown;
}

/**
 * Read straight from the JSON of an OpenAPI 3 definition, by nothing that the compiler is made of: paths x methods, and of each
 * the security and servers that hold for it.
 */
export function operationTable(text: string): OperationTable {
  const root: Holder & { readonly paths?: Readonly<Record<string, Readonly<Record<string, Holder>>>> } =
    JSON.parse(text);
  const table = new Map<string, string>();
  for (const [path, item] of Object.entries(root.paths ?? {})) {
    for (const method of methods) {
      const operation = item[method];
      if (operation === undefined) continue;
      const security = operation.security ?? root.security ?? null;
      const servers = operation.servers ?? item.servers ?? root.servers ?? null;
      table.set(`${method.toUpperCase()} ${path.replace(/\{[^}]*\}/g, "{}")}`, JSON.stringify({ security, servers }));
    }
  }
  return table;
}

export interface TableDifference {
  /** Sorted. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** What one table has and the other lacks, and what both have with other values. */
export function compareTables(base: OperationTable, head: OperationTable): TableDifference {
  return {
    added: [...head.keys()].filter((key) => !base.has(key)).sort(),
    removed: [...base.keys()].filter((key) => !head.has(key)).sort(),
    changed: [...head].flatMap(([key, value]) => (base.has(key) && base.get(key) !== value ? [key] : [])).sort(),
  };
}

/**
 * Operations of both tables of which some requests go elsewhere in the head: to a path that only the head has, that is more
 * specific, and that does not have their method. Path before method, and from the left a literal wins.
 */
export function lostRequests(base: OperationTable, head: OperationTable): readonly string[] {
  const before = pathsOf(base);
  const after = pathsOf(head);
  const lost = new Set<string>();
  for (const [added, methods] of after) {
    if (before.has(added)) continue;
    for (const [kept, known] of before) {
      if (!after.has(kept) || !wins(added, kept)) continue;
      const met = meet(added, kept);
      if (met === undefined || [...before.keys()].some((other) => wins(other, kept) && covers(other, met))) continue;
      for (const method of known) if (!methods.has(method)) lost.add(`${method} ${kept}`);
    }
  }
  return [...lost].sort();
}

function pathsOf(table: OperationTable): ReadonlyMap<string, ReadonlySet<string>> {
  const paths = new Map<string, Set<string>>();
  for (const key of table.keys()) {
    const [method = "", path = ""] = key.split(" ");
    paths.set(path, (paths.get(path) ?? new Set()).add(method));
  }
  return paths;
}

/** 0: a literal; 1: a parameter with text around it; 2: a parameter. */
function rank(segment: string): number {
  return !segment.includes("{}") ? 0 : segment === "{}" ? 2 : 1;
}

/** Both have as many segments, and where the first differs in kind from the second, it is the more specific one. */
function wins(path: string, other: string): boolean {
  const [ours, theirs] = [path.split("/"), other.split("/")];
  if (ours.length !== theirs.length) return false;
  const at = ours.findIndex((segment, index) => rank(segment) !== rank(theirs[index] ?? ""));
  return at >= 0 && rank(ours[at] ?? "") < rank(theirs[at] ?? "");
}

/** The paths that both take, as segments; undefined when there are none. */
function meet(path: string, other: string): readonly string[] | undefined {
  const theirs = other.split("/");
  const met = path.split("/").map((segment, index) => {
    const also = theirs[index] ?? "";
    const [narrow, wide] = rank(segment) <= rank(also) ? [segment, also] : [also, segment];
    return takes(wide, narrow) ? narrow : undefined;
  });
  return met.includes(undefined) ? undefined : (met as string[]);
}

function covers(path: string, met: readonly string[]): boolean {
  const segments = path.split("/");
  return segments.length === met.length && segments.every((segment, index) => takes(segment, met[index] ?? ""));
}

function takes(wide: string, narrow: string): boolean {
  if (wide === narrow || wide === "{}") return true;
  if (rank(wide) === 0) return false;
  const pattern = wide.split("{}").map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${pattern.join(".+")}$`).test(narrow);
}
