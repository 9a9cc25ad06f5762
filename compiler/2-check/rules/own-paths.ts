import type { ApiFacts } from "../../model/checked-project.ts";
import { type Compatibility, type FeatureName, servicePaths } from "../../model/names.ts";

/** T-OAS-12: paths that every gateway answers itself. Below `/health` it answers everything, too (S-LSN-11). */
export const ownPaths: readonly string[] = ["/health", "/livez", "/readyz"];

/** Paths of the features that can be switched on. */
export function servicesOf(compatibility: Compatibility, features: readonly FeatureName[]): readonly string[] {
  const there = servicePaths.filter(([, feature]) => compatibility === "wso2-3.2" || features.includes(feature));
  return there.map(([path]) => path);
}

/** `/token` of `/token/v1`. */
export function firstSegment(path: string): string {
  return `/${path.split("/", 2)[1] ?? ""}`;
}

/** The segments of a base path. */
export function baseSegments({ basePath }: ApiFacts): readonly string[] {
  return basePath.value.split("/").filter((text) => text !== "");
}

/** A base path as requests start with it. */
export function shownBase(api: ApiFacts): string {
  return baseSegments(api)
    .map((text) => `/${text}`)
    .join("");
}

/** Paths of routes without parameters, as they are asked for: where one of them is the gateway's own, the API answers it. */
export function literalPaths(api: ApiFacts): readonly string[] {
  return api.operations.flatMap(({ segments }) => {
    const texts = segments.flatMap((segment) => (segment.kind === "literal" ? [`/${segment.text}`] : []));
    return texts.length === segments.length ? [shownBase(api) + texts.join("")] : [];
  });
}

/** The first segments, as paths, of what an API answers for sure: services there give way to it. */
export function firstPaths(api: ApiFacts): readonly string[] {
  const [first] = baseSegments(api);
  if (first !== undefined) return [`/${first}`];
  return api.operations.flatMap(({ segments: [segment] }) => (segment?.kind === "literal" ? [`/${segment.text}`] : []));
}
