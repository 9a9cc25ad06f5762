import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import Handlebars from "handlebars";
import { blockHelpers, partialFolders, partialHelpers, valueHelpers } from "./template-helpers.ts";
import type { TemplateViews } from "./views/template-views.ts";

/** Renders a template from its view. */
export type Render = <K extends keyof TemplateViews>(name: K, view: TemplateViews[K]) => string;

const ending = ".ts.hbs";

/** Every template by name: `operation`, `policies/throttle`. */
export function readTemplates(): ReadonlyMap<string, string> {
  const root = templateFolder();
  const templates = new Map<string, string>();
  for (const folder of ["", ...Object.values(partialFolders)]) {
    for (const file of readdirSync(join(root, folder)).sort()) {
      if (!file.endsWith(".hbs")) continue;
      const name = folder === "" ? file.replace(/(?:\.ts)?\.hbs$/, "") : `${folder}/${file.slice(0, -ending.length)}`;
      const text = readFileSync(join(root, folder, file), "utf8").replaceAll("\r\n", "\n");
      // Expressions and settings stand inside a line.
      const inside = folder === "expressions" || folder === "settings";
      templates.set(name, inside ? text.replace(/\n$/, "") : text);
    }
  }
  return templates;
}

export const compileOptions = {
  noEscape: true,
  strict: true,
  knownHelpersOnly: true,
  knownHelpers: Object.fromEntries(
    Object.keys({ ...valueHelpers, ...blockHelpers, ...partialHelpers }).map((name) => [name, true]),
  ),
} as const satisfies CompileOptions;

/** Compiles all templates. Holds no state between renderings. */
export function loadTemplates(): Render {
  const handlebars = Handlebars.create();
  for (const helper of Object.keys(handlebars.helpers)) handlebars.unregisterHelper(helper);
  handlebars.registerHelper({ ...valueHelpers, ...blockHelpers, ...partialHelpers });
  const compiled = new Map<string, HandlebarsTemplateDelegate>();
  for (const [name, text] of readTemplates()) {
    const template = handlebars.compile(text, compileOptions);
    compiled.set(name, template);
    handlebars.registerPartial(name, template);
  }
  return (name, view) => {
    const template = compiled.get(name);
    if (template === undefined) throw new Error(`no template "${name}"`);
    return template(view);
  };
}

/** Beside the sources, and beside `dist/` in the published package. */
function templateFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return join(folder, "templates");
}
