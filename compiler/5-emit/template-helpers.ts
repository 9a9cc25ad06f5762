import type { HelperDelegate, HelperOptions } from "handlebars";
import { commentText, fractionLiteral, identifier, numberLiteral, pathText, stringLiteral } from "./escape.ts";

/**
 * Every value of a view reaches a template through one of these. Each throws on a value of another type, so that a
 * misspelt name in a template stops the build instead of printing nothing.
 */
export const valueHelpers = {
  str: textHelper("str", stringLiteral),
  strs: listHelper("strs", stringLiteral),
  id: textHelper("id", identifier),
  ids: listHelper("ids", identifier),
  comment: textHelper("comment", commentText),
  comments: listHelper("comments", commentText, " "),
  path: textHelper("path", pathText),
  num: (value: unknown) => numberLiteral(typeof value === "number" ? value : wrong("num", "a number", value)),
  nums: (values: unknown) => {
    if (!Array.isArray(values)) return wrong("nums", "an array", values);
    const print = (value: unknown) =>
      numberLiteral(typeof value === "number" ? value : wrong("nums", "numbers", value));
    return values.map(print).join(", ");
  },
  dec: (value: unknown) => fractionLiteral(typeof value === "number" ? value : wrong("dec", "a number", value)),
} satisfies Record<string, HelperDelegate>;

/** `{{#each list}}` and `{{#if flag}}` that know only arrays and booleans: Handlebars' own skip whatever they do not know. */
export const blockHelpers = {
  each(list: unknown, options: HelperOptions): string {
    if (!Array.isArray(list)) return wrong("each", "an array", list);
    let text = "";
    for (const item of list) text += options.fn(item);
    return text;
  },
  if(flag: unknown, options: HelperOptions): string {
    if (typeof flag !== "boolean") return wrong("if", "a boolean", flag);
    return flag ? options.fn(this) : options.inverse(this);
  },
} satisfies Record<string, HelperDelegate>;

/** Folders whose templates are chosen by a view's `kind`: `{{> (policy kind)}}`. */
export const partialFolders = {
  policy: "policies",
  scheme: "schemes",
  endpoint: "endpoints",
  route: "routes",
  condition: "expressions",
  setting: "settings",
};

/** The name of the template for a kind. That it exists is checked by Handlebars, which throws on an unknown partial. */
export const partialHelpers = Object.fromEntries(
  Object.entries(partialFolders).map(([helper, folder]) => [
    helper,
    (kind: unknown) => `${folder}/${typeof kind === "string" ? kind : wrong(helper, "a kind", kind)}`,
  ]),
) as Record<keyof typeof partialFolders, HelperDelegate>;

function textHelper(name: string, print: (text: string) => string): HelperDelegate {
  return (value: unknown) => print(typeof value === "string" ? value : wrong(name, "a string", value));
}

function listHelper(name: string, print: (text: string) => string, separator = ", "): HelperDelegate {
  return (values: unknown) => {
    if (!Array.isArray(values)) return wrong(name, "an array", values);
    return values
      .map((value) => print(typeof value === "string" ? value : wrong(name, "strings", value)))
      .join(separator);
  };
}

function wrong(helper: string, wanted: string, value: unknown): never {
  throw new Error(`template helper "${helper}" wants ${wanted}, got ${value === null ? "null" : typeof value}`);
}
