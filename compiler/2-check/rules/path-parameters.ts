import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { ApiFacts, OperationFacts, PathSegment } from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import { pathRef } from "../read/operations.ts";
import type { Rule } from "./rule.ts";

/** A parameter of the template that neither the operation nor its path declares (T-OAS-16). */
export const pathParameters: Rule = {
  codes: ["path-parameter-undeclared"],
  check({ apis, log }) {
    for (const api of apis) {
      const reported = new Set<string>();
      for (const operation of api.operations) {
        const names = parameterNames(operation.segments);
        if (names.length === 0) continue;
        const declared = declaredNames(api, operation);
        for (const name of names) {
          const key = `${operation.path}\0${name}`;
          if (declared.has(name) || reported.has(key)) continue;
          reported.add(key);
          const suggestion = suggest(name, declared);
          log.report("path-parameter-undeclared", at(pathRef(api.file, operation.path), "key"), {
            name,
            operation: `${operation.method} ${operation.path}`,
            ...(suggestion && { suggestion }),
          });
        }
      }
    }
  },
};

function parameterNames(segments: readonly PathSegment[]): readonly string[] {
  return segments.flatMap((segment) =>
    segment.kind === "parameter" ? [segment.name, ...(segment.more ?? []).map(({ name }) => name)] : [],
  );
}

function declaredNames(api: ApiFacts, operation: OperationFacts): ReadonlySet<string> {
  const item = api.root.get("paths")?.get(operation.path);
  const lists: readonly (Cursor | undefined)[] = [item?.get("parameters"), operation.node.get("parameters")];
  const names = lists.flatMap((list) =>
    (list?.items() ?? []).flatMap((parameter) => {
      const name = parameter.get("name")?.value;
      return parameter.get("in")?.value === "path" && typeof name === "string" ? [name] : [];
    }),
  );
  return new Set(names);
}
