import { printable } from "../../diagnostics/printable.ts";

/** Text that is HTML already. Made by `html` only, so that all that comes out of a project is escaped. */
export class Html {
  readonly text: string;

  private constructor(text: string) {
    this.text = text;
  }

  /** Source of this program, never of a project. */
  static trusted(text: string): Html {
    return new Html(text);
  }
}

/** What may stand in a template; undefined: nothing. */
export type Fragment = string | number | Html | readonly Html[] | undefined;

/** HTML of a template: strings among the values are escaped, for text and for attributes in double quotes alike. */
export function html(parts: TemplateStringsArray, ...values: readonly Fragment[]): Html {
  let text = parts[0] ?? "";
  for (const [index, value] of values.entries()) text += textOf(value) + (parts[index + 1] ?? "");
  return Html.trusted(text);
}

function textOf(value: Fragment): string {
  if (value === undefined) return "";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return escaped(value);
  if (value instanceof Html) return value.text;
  let text = "";
  for (const one of value) text += one.text;
  return text;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Also shows what could not be seen: control characters, direction marks. One line. */
function escaped(text: string): string {
  return printable(text).replace(/[&<>"']/g, (sign) => entities[sign] as string);
}
