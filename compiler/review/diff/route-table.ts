import { type RoutedOperation, RouteTrie } from "../../2-check/rules/route-trie.ts";
import type { ApiModel, GatewayModel, OperationModel } from "../../model/gateway-model.ts";
import type { HttpMethod } from "../../model/names.ts";

/** Under which scheme a request comes. */
export type Transport = "http" | "https";

/** An operation and the API that it is of. */
export interface Routed {
  readonly api: ApiModel;
  readonly operation: OperationModel;
}

/**
 * Which operation gets a request: that of the API with the longest base path that its scheme may use, path before method. Nothing
 * falls back to an API with a shorter one.
 */
export class RouteTable {
  readonly #mounts: readonly Mount[];

  constructor({ apis }: Pick<GatewayModel, "apis">) {
    const longestFirst = (a: ApiModel, b: ApiModel) =>
      b.basePath.length - a.basePath.length || (a.basePath < b.basePath ? -1 : 1);
    this.#mounts = apis.toSorted(longestFirst).map(mountOf);
  }

  /** Segments in the form in which requests are matched. Undefined: nobody takes it. */
  resolve(method: HttpMethod, segments: readonly string[], transport: Transport): Routed | undefined {
    for (const { api, base, trie } of this.#mounts) {
      if (!api.transports.includes(transport)) continue;
      if (base.length > segments.length || !base.every((text, index) => segments[index] === text)) continue;
      const below = segments.slice(base.length);
      // The base path with a slash after it is the API's root, like the base path itself.
      const route = trie.resolve(below.length === 1 && below[0] === "" ? [] : below);
      const operation = route?.methods.get(method)?.operation;
      return operation && { api, operation };
    }
    return undefined;
  }
}

interface Mount {
  readonly api: ApiModel;
  readonly base: readonly string[];
  readonly trie: RouteTrie<RoutedOperation & { readonly operation: OperationModel }>;
}

function mountOf(api: ApiModel): Mount {
  const trie: Mount["trie"] = new RouteTrie();
  for (const operation of api.operations) {
    const { method, template: path, segments } = operation;
    trie.add({ method, path, segments, operation });
  }
  return { api, base: baseSegments(api.basePath), trie };
}

/** The segments of a base path. */
export function baseSegments(basePath: string): readonly string[] {
  return basePath.split("/").filter((text) => text !== "");
}
