import { type ReferenceRules, referenceMatcher } from "./reference-matcher.ts";

/**
 * What the routes of one API do to each other, found the slow and obvious way: requests are tried. For each pair of routes
 * every text that could matter is put in place of each segment, and the plain matcher is asked who takes the request. Shares no
 * code with the compiler.
 */
export interface OracleOperation {
  readonly method: string;
  readonly template: string;
}

/** Lines, each list sorted. */
export interface OracleFindings {
  /** `GET /a/{y} is /a/{x}` */
  readonly duplicates: readonly string[];
  /** `/{a}/b loses to /a/{b}` */
  readonly ambiguous: readonly string[];
  /** `/pets/{id} loses DELETE,GET to /pets/mine` */
  readonly shadowed: readonly string[];
  readonly unreachable: readonly string[];
}

interface Tried {
  readonly template: string;
  readonly methods: readonly string[];
  /** Its segments; a wildcard is the last one. */
  readonly parts: readonly string[];
  readonly open: boolean;
  matches(target: string): boolean;
}

export interface OracleOptions extends ReferenceRules {
  /** All texts that a segment of a request may be; without them, those that the templates suggest are tried. */
  readonly universe?: readonly string[];
}

export function routeOracle(operations: readonly OracleOperation[], options: OracleOptions): OracleFindings {
  const routes = new Map<string, { template: string; methods: string[]; writtenAs: Map<string, string> }>();
  const duplicates: string[] = [];
  for (const { method, template } of operations) {
    const shape = shapeOf(template, options);
    const route = routes.get(shape) ?? { template, methods: [] as string[], writtenAs: new Map<string, string>() };
    routes.set(shape, route);
    const earlier = route.writtenAs.get(method);
    if (earlier !== undefined) duplicates.push(`${method} ${template} is ${earlier}`);
    else {
      route.methods.push(method);
      route.writtenAs.set(method, template);
    }
  }
  const tried = [...routes.values()].map(({ template, methods }): Tried => {
    const match = referenceMatcher([plainWildcard(template)], options);
    const all = partsOf(template, options);
    const open = all.at(-1) === "*";
    return {
      template,
      methods,
      parts: open ? all.slice(0, -1) : all,
      open,
      matches: (target) => match(target).kind === "route",
    };
  });
  const choose = referenceMatcher(
    tried.map(({ template }) => plainWildcard(template)),
    options,
  );
  const takerOf = (target: string): Tried | undefined => {
    const verdict = choose(target);
    return verdict.kind === "route"
      ? tried.find(({ template }) => plainWildcard(template) === verdict.template)
      : undefined;
  };
  const deepest = Math.max(0, ...tried.map(({ parts }) => parts.length));
  const fillers = ["1", freshText(tried.map(({ template }) => template).join(" "))];
  const requests = (a: Tried, b: Tried): Iterable<string> => commonTargets(a, b, deepest, fillers, options.universe);
  const isInside = (a: Tried, b: Tried): boolean => [...requests(a, a)].every((target) => b.matches(target));

  const unreachable = tried.filter((route) => !some(requests(route, route), (target) => takerOf(target) === route));
  const ambiguous: string[] = [];
  const shadowed: string[] = [];
  for (const [index, a] of tried.entries()) {
    for (const b of tried.slice(index + 1)) {
      if (clashesAtOnce(a, b)) continue;
      let inside: readonly [boolean, boolean] | undefined;
      for (const target of requests(a, b)) {
        const winner = takerOf(target);
        if (winner !== a && winner !== b) continue;
        const loser = winner === a ? b : a;
        inside ??= [isInside(a, b), isInside(b, a)];
        const [winnerInside, loserInside] = winner === a ? inside : [inside[1], inside[0]];
        if (loserInside) break;
        if (!winnerInside) {
          ambiguous.push(`${loser.template} loses to ${winner.template}`);
          break;
        }
        const lost = loser.methods.filter((method) => !winner.methods.includes(method));
        // The original answers OPTIONS by itself (S-COR-09).
        const refused = lost.filter((method) => method !== "OPTIONS" || options.compatibility === "standard");
        if (refused.length > 0 && !unreachable.includes(loser))
          shadowed.push(`${loser.template} loses ${refused.sort()} to ${winner.template}`);
        break;
      }
    }
  }
  return {
    duplicates: duplicates.sort(),
    ambiguous: ambiguous.sort(),
    shadowed: shadowed.sort(),
    unreachable: unreachable.map(({ template }) => template).sort(),
  };
}

/** Only spares the time: two different literals in one place. */
function clashesAtOnce(a: Tried, b: Tried): boolean {
  if (a.parts.length !== b.parts.length && !a.open && !b.open) return true;
  for (let index = 0; index < Math.min(a.parts.length, b.parts.length); index++) {
    const [one, other] = [a.parts[index] as string, b.parts[index] as string];
    if (one !== other && !one.includes("{") && !other.includes("{")) return true;
  }
  return false;
}

function* commonTargets(
  a: Tried,
  b: Tried,
  deepest: number,
  fillers: readonly string[],
  universe: readonly string[] | undefined,
): Generator<string> {
  const shortest = Math.max(a.parts.length, b.parts.length);
  const longest = a.open && b.open ? Math.max(deepest + 1, shortest) : shortest;
  for (let length = shortest; length <= longest; length++) {
    for (const filler of universe === undefined ? fillers : [""]) {
      const choices = Array.from({ length }, (_, index) => {
        return universe ?? textsFor(a.parts[index], b.parts[index], filler);
      });
      for (const target of targets(choices, "")) if (a.matches(target) && b.matches(target)) yield target;
    }
  }
}

function* targets([first, ...others]: readonly (readonly string[])[], before: string): Generator<string> {
  if (first === undefined) return yield before === "" ? "/" : before;
  for (const text of first) yield* targets(others, `${before}/${text}`);
}

/** Texts that might match two segments of templates: whoever tries them sees which do. */
function textsFor(one: string | undefined, other: string | undefined, filler: string): readonly string[] {
  const [a, b] = [piecesOf(one ?? "{}"), piecesOf(other ?? "{}")];
  if (a.length === 1) return a;
  if (b.length === 1) return b;
  const found = new Set<string>();
  for (const middle of merges(a.slice(1, -1), b.slice(1, -1))) {
    for (const front of [a[0], b[0]]) {
      for (const end of [a.at(-1), b.at(-1)]) {
        for (const text of joined([front as string, ...middle, end as string], filler)) found.add(text);
      }
    }
  }
  return [...found];
}

/** With the filler between each two texts, or nothing: what stands for a parameter of one may be text of the other. */
function joined([first = "", ...others]: readonly string[], filler: string): readonly string[] {
  if (others.length === 0) return [first];
  return joined(others, filler).flatMap((rest) => [first + filler + rest, first + rest]);
}

/** Both lists in one, in every order that keeps theirs; a text that both have may stand once. */
function merges(a: readonly string[], b: readonly string[]): readonly (readonly string[])[] {
  const [first, ...restA] = a;
  const [other, ...restB] = b;
  if (first === undefined) return [b];
  if (other === undefined) return [a];
  return [
    ...(first === other ? merges(restA, restB).map((rest) => [first, ...rest]) : []),
    ...merges(restA, b).map((rest) => [first, ...rest]),
    ...merges(a, restB).map((rest) => [other, ...rest]),
  ];
}

function piecesOf(part: string): readonly string[] {
  return part.split(/\{[^{}]*\}/);
}

function partsOf(template: string, { compatibility }: ReferenceRules): readonly string[] {
  const parts = plainWildcard(template).split("/").slice(1);
  if (parts.at(-1) === "" && (parts.length === 1 || compatibility === "wso2-3.2")) parts.pop();
  return parts.map((part) => part.replace(/[^\x21-\x7e]+/g, encodeURIComponent));
}

function shapeOf(template: string, rules: ReferenceRules): string {
  return partsOf(template, rules)
    .map((part) => `/${part.replace(/\{[^{}]*\}/g, "{}")}`)
    .join("");
}

function plainWildcard(template: string): string {
  return `${template.startsWith("/") ? "" : "/"}${template}`.replace(/\/\{[^{}*]+\*\}$/, "/*");
}

/** Long enough that no text of a template has a part of it at its end or in front of it. */
function freshText(templates: string): string {
  const signs = [..."7qzXJ_~5QZ"].filter((sign) => !templates.includes(sign));
  return (signs[0] ?? "q7Zx").repeat(3);
}

function some<T>(values: Iterable<T>, test: (value: T) => boolean): boolean {
  for (const value of values) if (test(value)) return true;
  return false;
}
