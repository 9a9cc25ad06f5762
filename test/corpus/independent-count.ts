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
