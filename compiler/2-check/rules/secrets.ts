import { at } from "../../diagnostics/place.ts";
import { isMadeUp, knownSecrets, looksRandom } from "../../diagnostics/secret-shapes.ts";
import type { SourceDocument, SourceRef } from "../../model/source.ts";
import type { Rule } from "./rule.ts";

/** Of each file this many are listed; the last one says how many more there are. */
const listedAtMost = 20;

/**
 * Secrets in what the project keeps under version control: of well known forms anywhere, credentials in extensions and URLs by where
 * they stand, and in examples and defaults by a name that asks for one and a value that has no order. The values are told
 * to the log alone, which hides them from whatever is printed.
 */
export const secrets: Rule = {
  codes: ["secret-in-file"],
  check({ loaded, log }) {
    for (const document of loaded.documents.values()) {
      const found = secretsOf(document);
      const left = found.length - listedAtMost;
      for (const { ref, text } of found) log.conceal(ref, text);
      for (const [index, { ref, what, text }] of found.slice(0, listedAtMost).entries()) {
        const more = left > 0 && index === listedAtMost - 1 ? { more: String(left) } : {};
        log.report("secret-in-file", log.sources.placeOf(ref, text) ?? at(ref), { what, ...more });
      }
    }
  },
};

interface Secret {
  readonly ref: SourceRef;
  readonly what: string;
  /** Itself. */
  readonly text: string;
}

/** Each secret once, where it is first found. */
export function secretsOf({ file, format, value }: SourceDocument): readonly Secret[] {
  if (format === "proto" || format === "xml") return [];
  const found = new Map<string, Secret>();
  const seen = new Set<object>();
  const path: Step[] = [];
  const walk = (node: unknown, kind: Kind): void => {
    if (typeof node === "string") {
      for (const { what, text } of judge(node, kind, path)) {
        if (!found.has(text)) found.set(text, { ref: { file, pointer: pointerOf(path) }, what, text });
      }
    } else if (typeof node === "object" && node !== null && !seen.has(node)) {
      // Anchors of YAML make one value stand in several places.
      seen.add(node);
      for (const key of Object.keys(node)) {
        path.push({ parent: node, key });
        walk((node as Readonly<Record<string, unknown>>)[key], kind === "structure" ? kindUnder(key) : kind);
        path.pop();
      }
    }
  };
  walk(value, "structure");
  return [...found.values()];
}

/** `example`: made up, if its author was careful. `setting`: of an extension, meant as it is written. */
type Kind = "structure" | "example" | "setting";

interface Step {
  readonly parent: object;
  readonly key: string;
}

const exampleKeys: ReadonlySet<string> = new Set(["example", "examples", "default", "const", "enum"]);
/** Say nothing of what a value is. */
const plainKeys: ReadonlySet<string> = new Set([...exampleKeys, "value", "values", "schema", "items", "content"]);

function kindUnder(key: string): Kind {
  if (exampleKeys.has(key)) return "example";
  if (!key.startsWith("x-")) return "structure";
  return /example/i.test(key) ? "example" : "setting";
}

/** The nearest name that says something of a value: a key, or the name of a parameter. */
function nameOf(path: readonly Step[]): { readonly name: string; readonly isKey: boolean } {
  for (let i = path.length - 1; i >= 0; i--) {
    const { parent, key } = path[i] as Step;
    const { name, in: place } = parent as { readonly name?: unknown; readonly in?: unknown };
    if (typeof name === "string" && typeof place === "string") return { name, isKey: false };
    const isNameOfExample = path[i - 1]?.key === "examples";
    if (!Array.isArray(parent) && !isNameOfExample && !plainKeys.has(key))
      return { name: key, isKey: i === path.length - 1 };
  }
  return { name: "", isKey: false };
}

/** Names of values that are secrets, as they end. */
const secretName =
  /(?:passw(?:or)?d|passphrase|pwd|secret|(?:api|access|private|signing|encryption|shared|secret|auth|subscription)[-_. ]?key|(?:auth|access|refresh|bearer|api|session|private|personal|bot|id|oauth|security|verification|client)[-_. ]?token|credentials?|authorization|bearer)(?:[-_. ]?value)?$/i;
/** `token` alone, and not that of a page. */
const tokenName = /^(?:x[-_])?token$/i;

function asksForSecret(name: string): boolean {
  return secretName.test(name) || tokenName.test(name);
}

function judge(text: string, kind: Kind, path: readonly Step[]): readonly { what: string; text: string }[] {
  const known = knownSecrets(text);
  if (known.length > 0)
    return known.map(({ what, start, end }) => ({ what: `this looks like ${what}`, text: text.slice(start, end) }));
  if (kind === "structure" || text.length < 6) return [];
  if (kind === "setting" && /^https?:\/\//i.test(text)) return inQuery(text);
  const { name, isKey } = nameOf(path);
  // The password of an endpoint has a code of its own, which says where it goes.
  if (!asksForSecret(name) || path[path.length - 2]?.key === "securityConfig") return [];
  const bare = text.trim().replace(/^(?:Bearer|Basic|Token|ApiKey)\s+/i, "");
  const isMeant = kind === "setting" && isKey;
  const isFound = isMeant ? !/\s/.test(bare) && !isReference(bare) && !isMadeUp(bare) : looksRandom(bare, random);
  if (!isFound) return [];
  const whose = kind === "example" ? "example" : "value";
  return [{ what: `the ${whose} of "${shown(name)}" looks like a real secret`, text: bare }];
}

/** Of a URL in a setting, which would be compiled in. */
function inQuery(url: string): readonly { what: string; text: string }[] {
  return [...url.matchAll(/[?&]([^=&#]+)=([^&#]{6,})/g)].flatMap(([, name = "", value = ""]) =>
    asksForSecret(name) && !isReference(value) && !isMadeUp(value)
      ? [{ what: `"${shown(name)}" in the query of a URL looks like a real secret`, text: value }]
      : [],
  );
}

/** What machines make; shorter words of people have less. */
const random = { length: 16, bits: 3.4 };

/** Names something that is elsewhere: `@env:{X}`, `${X}`, `#/a/b`, a URL; or is words, as settings have. */
function isReference(text: string): boolean {
  return /^[@$#%/]|^[a-z+]+:\/\/|^[a-z_.-]+$/i.test(text) || text.length > 512;
}

function shown(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}...` : name;
}

function pointerOf(path: readonly Step[]): string {
  return path.map(({ key }) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
