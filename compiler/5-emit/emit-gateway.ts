import { setImmediate } from "node:timers/promises";
import type { ApiPlan, GatewayPlan } from "../model/gateway-plan.ts";
import type { GeneratedFile } from "../model/generated-file.ts";
import { formatAlways, formatPiece } from "./format.ts";
import { ImportList } from "./import-list.ts";
import { loadTemplates, type Render } from "./templates.ts";
import { conditionsView } from "./views/conditions-view.ts";
import { gatewayView, tiersView } from "./views/gateway-view.ts";
import { operationView } from "./views/operation-view.ts";
import { routerViews } from "./views/router-view.ts";
import { routesTextView } from "./views/routes-text-view.ts";
import { sharedView } from "./views/shared-view.ts";

/**
 * Prints the plan: the same files, byte for byte, from the same plan, sorted by name. Total: throws only on a bug of ours.
 */
export async function emitGateway(plan: GatewayPlan): Promise<readonly GeneratedFile[]> {
  const render = loadTemplates();
  const files: GeneratedFile[] = [];
  const imports = new ImportList();
  files.push(
    await codeFile(render, "gateway.ts", "", imports, [
      await formatAlways(render("gateway", gatewayView(plan, imports))),
    ]),
  );
  if (plan.apis.some((api) => api.usesCallerTiers)) {
    const imports = new ImportList();
    files.push(
      await codeFile(render, "tiers.ts", "", imports, [await formatAlways(render("tiers", tiersView(plan, imports)))]),
    );
  }
  if (plan.conditions !== undefined) {
    const imports = new ImportList();
    const text = render("conditions", conditionsView(plan.conditions, imports));
    files.push(await codeFile(render, "conditions.ts", "", imports, [await formatAlways(text)]));
  }
  for (const api of plan.apis) files.push(...(await emitApi(render, plan, api)));
  return files.sort((a, b) => (a.file < b.file ? -1 : 1));
}

async function emitApi(render: Render, plan: GatewayPlan, api: ApiPlan): Promise<GeneratedFile[]> {
  const { slug, origin } = api;
  const files: GeneratedFile[] = [];

  const sharedImports = new ImportList();
  const shared = await formatAlways(render("shared", sharedView(api, sharedImports)));
  files.push(await codeFile(render, `${slug}/shared.ts`, origin.file, sharedImports, [shared]));

  const routerImports = new ImportList();
  const { main, subrouters } = routerViews(plan, api, routerImports);
  const functions = [render("router", main), ...subrouters.map((view) => render("subrouter", view))];
  files.push(await codeFile(render, `${slug}/router.ts`, origin.file, routerImports, functions));

  for (const group of api.groups) {
    const imports = new ImportList();
    const handlers = group.handlers.map((handler) => render("operation", operationView(api, handler, imports)));
    files.push(await codeFile(render, `${slug}/${group.slug}.ts`, origin.file, imports, handlers));
  }

  files.push({ file: `${slug}/routes.txt`, text: render("routes.txt", routesTextView(api)) });
  return files;
}

/** A generated module: what it imports, computed from use, then its pieces with a blank line between. */
async function codeFile(
  render: Render,
  file: string,
  origin: string,
  imports: ImportList,
  pieces: readonly string[],
): Promise<GeneratedFile> {
  const header = render("header", { file: origin, hasFile: origin !== "", imports: imports.views() }).trimEnd();
  // Others have work going on as well: what it asks for meanwhile is not kept waiting.
  await setImmediate();
  const formatted: string[] = [];
  for (const piece of pieces) formatted.push(await formatPiece(piece));
  return { file, text: `${[header, ...formatted].join("\n\n")}\n` };
}
