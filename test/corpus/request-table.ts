/** One request of the table, below the base path. */
export interface TableRequest {
  readonly method: string;
  readonly target: string;
  /** How it was made: for reports. */
  readonly kind: string;
}

export interface TableOperation {
  readonly method: string;
  readonly template: string;
}

/**
 * Requests for every operation: its path with values of several shapes, a method that the path does not have, a segment
 * more or less, literals that are almost right, values that look like literals, and spellings that must be refused or
 * must not matter. What each must meet is for a matcher to say. The same operations give the same table.
 */
export function requestTable(operations: readonly TableOperation[], seed = 1): readonly TableRequest[] {
  const random = randomNumbers(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const methods = methodsByTemplate(operations);
  const literals = siblingLiterals(operations);
  const requests: TableRequest[] = [];

  for (const { method, template } of operations) {
    const segments = template.split("/").slice(1);
    const fill = (value: (index: number) => string) =>
      segments.map((text, index) => fillSegment(text, () => value(index)));
    const add = (kind: string, texts: readonly string[], ending = "", verb = method) =>
      requests.push({ method: verb, target: `/${texts.join("/")}${ending}`, kind });

    const plain = fill(() => pick(words) + Math.floor(random() * 1000));
    add("path", plain);
    add("path with a query", plain, "?a=%2F..%2F&b=/../c?d");
    add(
      "values of other shapes",
      fill(() => pick(oddValues)),
    );
    add(
      "values like literals",
      fill((index) => pick(literals.get(index) ?? words)),
    );
    add(
      "values longer than literals",
      fill((index) => `${pick(literals.get(index) ?? words)}x`),
    );
    const absent = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD"].filter(
      (verb) => !methods.get(template)?.has(verb),
    );
    if (absent.length > 0) add("wrong method", plain, "", pick(absent));
    add("OPTIONS", plain, "", "OPTIONS");
    add("extra segment", [...plain, pick(words)]);
    add("segment less", plain.slice(0, -1));
    add("trailing slash", plain, "/");
    add("matrix parameter", plain, ";v=1");

    const index = segments.findIndex((text) => text !== "" && !text.includes("{") && /^[\w.-]+$/.test(text));
    if (index !== -1) {
      const text = segments[index] as string;
      const change = (kind: string, other: string) => add(kind, plain.with(index, other));
      change("literal cut short", text.slice(0, -1) || "-");
      change("literal too long", `${text}s`);
      change("literal in another case", text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase());
      const at = Math.floor(random() * text.length);
      change("encoded letter", text.slice(0, at) + encode(text.charAt(at)) + text.slice(at + 1));
    }
    const cut = Math.floor(random() * (plain.length + 1));
    for (const [kind, segment] of refused) add(kind, [...plain.slice(0, cut), segment, ...plain.slice(cut)]);
  }
  return requests;
}

const words = ["cat", "Dog", "x", "1", "a-b", "under_score", "v1.2", "~me", "null", "0", "index.html"] as const;
const oddValues = [
  "a%20b",
  "caf%C3%A9",
  "%e2%82%ac",
  "@me",
  "a:b",
  "x,y",
  "(1)",
  "a=b&c",
  "'q'",
  "*",
  "$ref",
  "a%3Fb",
  "%25",
  "...",
];
const refused = [
  ["empty segment", ""],
  ["dot segment", ".."],
  ["encoded dot segment", "%2e%2E"],
  ["dot segment with a parameter", "..;a=b"],
  ["encoded slash", "a%2Fb"],
  ["backslash", "a%5cb"],
  ["control character", "a%00"],
  ["broken UTF-8", "%ff"],
] as const;

/** `{id}.json` and `point({x},{y})`: each parameter gets a value. */
function fillSegment(text: string, value: () => string): string {
  if (text === "*") return value();
  const filled = text.replace(/\{[^{}]*\}/g, value);
  return filled.replace(/[^\x21-\x7e]+/g, encodeURIComponent).replace(/[#?\\]/g, encode);
}

function encode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

function methodsByTemplate(operations: readonly TableOperation[]): ReadonlyMap<string, ReadonlySet<string>> {
  const methods = new Map<string, Set<string>>();
  for (const { template, method } of operations)
    methods.set(template, (methods.get(template) ?? new Set()).add(method));
  return methods;
}

/** Literals that stand at each position somewhere: what a value must not be taken for, unless it is one. */
function siblingLiterals(operations: readonly TableOperation[]): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, Set<string>>();
  for (const { template } of operations) {
    for (const [index, text] of template.split("/").slice(1).entries()) {
      if (/^[\w.-]+$/.test(text)) found.set(index, (found.get(index) ?? new Set()).add(text));
    }
  }
  return new Map([...found].map(([index, texts]) => [index, [...texts]]));
}

/** mulberry32: a small generator with a seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
