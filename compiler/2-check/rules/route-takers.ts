import type { ApiFacts, PathSegment } from "../../model/checked-project.ts";
import { baseSegments, firstPaths, literalPaths, ownPaths, servicesOf } from "./own-paths.ts";
import type { Request } from "./route-requests.ts";
import type { CheckContext } from "./rule.ts";

export type Transport = ApiFacts["transports"][number];

/** Who answers instead of an API, below its base path. */
export type Taker =
  | { readonly kind: "api"; readonly api: ApiFacts }
  /** The gateway itself. */
  | { readonly kind: "builtin"; readonly path: string }
  /** The gateway itself, where the settings switch it on. */
  | { readonly kind: "service"; readonly path: string };

/** A taker with the part of its path that lies below the API's base path. */
export interface Rival {
  readonly taker: Taker;
  readonly template: readonly PathSegment[];
}

/** Who answers below the base path of an API instead of it, by transport; in the order in which they are asked. */
export type Rivals = ReadonlyMap<Transport, readonly Rival[]>;

/** The rivals of each API. */
export function rivalsOfAll({
  apis,
  compatibility,
  loaded,
}: Pick<CheckContext, "apis" | "compatibility" | "loaded">): ReadonlyMap<ApiFacts, Rivals> {
  const answered = new Set(apis.flatMap(literalPaths));
  const replaced = new Set(apis.flatMap(firstPaths));
  const builtins = ownPaths.filter((path) => !answered.has(path));
  const services = servicesOf(compatibility, loaded.settings.features).filter((path) => !replaced.has(path));
  return new Map(
    apis.map((api) => [
      api,
      new Map(api.transports.map((transport) => [transport, rivalsOf(api, transport, apis, builtins, services)])),
    ]),
  );
}

function rivalsOf(
  api: ApiFacts,
  transport: Transport,
  apis: readonly ApiFacts[],
  builtins: readonly string[],
  services: readonly string[],
): readonly Rival[] {
  const below = (taker: Taker, path: readonly string[], open: boolean): readonly Rival[] => {
    const base = baseSegments(api);
    const shared = Math.min(base.length, path.length);
    if (base.slice(0, shared).some((text, index) => path[index] !== text)) return [];
    if (path.length < base.length && !open) return [];
    const rest = path.slice(base.length).map((text): PathSegment => ({ kind: "literal", text }));
    return [{ taker, template: [...rest, ...(open ? [{ kind: "wildcard" } as const] : [])] }];
  };
  const inner = apis
    .filter((other) => other.transports.includes(transport) && baseSegments(other).length > baseSegments(api).length)
    .sort((a, b) => baseSegments(b).length - baseSegments(a).length)
    .flatMap((other) => below({ kind: "api", api: other }, baseSegments(other), true));
  return [
    ...(transport === "https" ? services : []).flatMap((path) =>
      below({ kind: "service", path }, [path.slice(1)], true),
    ),
    ...builtins.flatMap((path) => below({ kind: "builtin", path }, [path.slice(1)], path === "/health")),
    ...inner,
  ];
}

/** Who answers a request, its segments given below the API's base path; undefined: the API. Services need not be there. */
export function takerOf(rivals: Rivals, transport: Transport, request: Request): Taker | undefined {
  const found = rivals
    .get(transport)
    ?.find(({ taker, template }) => taker.kind !== "service" && isUnder(template, request));
  return found?.taker;
}

/** Whether a request is answered outside its API on every transport. */
export function isTaken(rivals: Rivals, request: Request): boolean {
  return [...rivals.keys()].every((transport) => takerOf(rivals, transport, request) !== undefined);
}

/** Whether a request has the literal segments of a template, and what follows only where that is open. */
function isUnder(template: readonly PathSegment[], request: Request): boolean {
  const open = template.at(-1)?.kind === "wildcard";
  const fixed = open ? template.length - 1 : template.length;
  if (open ? request.length < fixed : request.length !== fixed) return false;
  return request.slice(0, fixed).every((text, index) => {
    const segment = template[index];
    return segment?.kind === "literal" && segment.text === text;
  });
}
