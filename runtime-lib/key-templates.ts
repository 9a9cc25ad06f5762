import { BoundedMemo } from "./bounded-memo.ts";

/** What stands for the names in a template. */
export type TemplateValues = Readonly<Record<TemplateName, string>>;

const names = [
  "resourceKey",
  "userId",
  "apiContext",
  "apiVersion",
  "appTenant",
  "apiTenant",
  "appId",
  "clientIp",
] as const;
type TemplateName = (typeof names)[number];

/**
 * Templates of custom policies (R-DTH-09): `$userId:$apiContext`. With what stands for the names in them, they are keys of
 * decisions.
 */
export class KeyTemplates {
  readonly #templates = new Map<string, number>();
  /** Of those that were taken away. */
  readonly #removed = new Map<string, number>();
  readonly #parts = new BoundedMemo<readonly string[]>(1_000, (text) => text.split(placeholder));

  get any(): boolean {
    return this.#templates.size > 0;
  }

  /** All there are. */
  replace(templates: readonly string[]): void {
    const known = new Map(this.#templates);
    this.#templates.clear();
    for (const template of templates) this.#templates.set(template, known.get(template) ?? 0);
  }

  /** One was added or taken away, at `sentAt`: a word from before the last one is late. */
  change(template: string, added: boolean, sentAt: number): void {
    if (Math.max(this.#templates.get(template) ?? 0, this.#removed.get(template) ?? 0) > sentAt) return;
    const [to, from] = added ? [this.#templates, this.#removed] : [this.#removed, this.#templates];
    from.delete(template);
    to.set(template, sentAt);
    // They are few; what is gone for long comes back by no late word.
    if (this.#removed.size > 1_000) this.#removed.clear();
  }

  /**
   * Until when requests with these values are refused, as `untilOf` says of keys; 0: they are not.
   * `$customProperty.<name>` is nobody's to set here: it stays as it is.
   */
  until(values: TemplateValues, untilOf: (key: string) => number): number {
    for (const template of this.#templates.keys()) {
      const key = this.#parts
        .of(template)
        .map((part) => (isName(part) ? values[part.slice(1) as TemplateName] : part))
        .join("");
      const until = untilOf(key);
      if (until > 0) return until;
    }
    return 0;
  }
}

const placeholder = new RegExp(`(\\$(?:${names.join("|")})(?![A-Za-z0-9_]))`);

function isName(part: string): boolean {
  return part.startsWith("$") && (names as readonly string[]).includes(part.slice(1));
}
