import type { ApiPlan } from "../../model/gateway-plan.ts";
import { httpMethods } from "../../model/names.ts";
import type { RoutesTextView } from "./template-views.ts";

/** `<slug>/routes.txt`: one line an operation, by path, then method. */
export function routesTextView(api: ApiPlan): RoutesTextView {
  const base = api.basePath === "/" ? "" : api.basePath.replace(/\/$/, "");
  const handlers = api.groups.flatMap((group) => group.handlers);
  handlers.sort((a, b) => {
    if (a.template !== b.template) return a.template < b.template ? -1 : 1;
    return httpMethods.indexOf(a.method) - httpMethods.indexOf(b.method);
  });
  return {
    routes: handlers.map(({ method, template, summary }) => ({ method, path: base + template, more: [], ...summary })),
  };
}
