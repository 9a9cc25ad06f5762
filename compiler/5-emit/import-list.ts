import { naturalOrder } from "./natural-order.ts";

export interface ImportView {
  /** Relative, or `castgate/runtime/<module>.js`. */
  readonly source: string;
  readonly typeOnly: boolean;
  readonly names: readonly ImportedName[];
  /** Too long for one line: one name a line. */
  readonly wide: boolean;
}

export interface ImportedName {
  readonly first: boolean;
  readonly name: string;
  /** What the importing file calls it, where its own name is taken. */
  readonly hasAlias: boolean;
  readonly alias: string;
}

/** The width that generated code keeps to, in columns. */
export const lineWidth = 120;

/** What one generated file imports: noted where a view uses it, so that nothing else is ever imported. */
export class ImportList {
  readonly #values = new Map<string, Set<string>>();
  readonly #types = new Map<string, Set<string>>();

  /** A function or constant of a runtime module. Returns the name that it has here. */
  runtime(module: string, name: string, alias = name): string {
    this.#add(this.#values, runtimeSource(module), alias === name ? name : `${name} as ${alias}`);
    return alias;
  }

  /** A type of a runtime module, gone after compilation. */
  runtimeType(module: string, name: string): string {
    return this.#add(this.#types, runtimeSource(module), name);
  }

  /** A name of another generated file. */
  local(source: string, name: string): string {
    return this.#add(this.#values, source, name);
  }

  /** A name of the project's own code. Returns the name that it has here. */
  project(source: string, name: string, alias: string): string {
    this.#add(this.#values, source, alias === name ? name : `${name} as ${alias}`);
    return alias;
  }

  /** In the order that the linter asks for: packages, `../`, `./`; then by path; names within each. */
  views(): readonly ImportView[] {
    return [...viewsOf(this.#values, false), ...viewsOf(this.#types, true)].sort(bySource);
  }

  #add(map: Map<string, Set<string>>, source: string, name: string): string {
    const names = map.get(source);
    if (names === undefined) map.set(source, new Set([name]));
    else names.add(name);
    return name;
  }
}

function runtimeSource(module: string): string {
  return `castgate/runtime/${module}.js`;
}

function viewsOf(map: ReadonlyMap<string, ReadonlySet<string>>, typeOnly: boolean): ImportView[] {
  return [...map].map(([source, set]) => {
    const sorted = [...set].sort(naturalOrder);
    const line = `import ${typeOnly ? "type " : ""}{ ${sorted.join(", ")} } from "${source}";`;
    const names = sorted.map((text, index) => {
      const [name = text, alias = ""] = text.split(" as ");
      return { first: index === 0, name, hasAlias: alias !== "", alias };
    });
    // The formatter never breaks an import of a single name.
    return { source, typeOnly, names, wide: names.length > 1 && line.length > lineWidth };
  });
}

function bySource(a: ImportView, b: ImportView): number {
  const distance = distanceOf(a.source) - distanceOf(b.source);
  if (distance !== 0) return distance;
  const order = naturalOrder(stem(a.source), stem(b.source));
  return order !== 0 ? order : Number(b.typeOnly) - Number(a.typeOnly);
}

function distanceOf(source: string): number {
  if (source.startsWith("../")) return 1;
  return source.startsWith("./") ? 2 : 0;
}

function stem(source: string): string {
  return source.replace(/\.js$/, "");
}
