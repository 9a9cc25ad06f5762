/**
 * Checks of untrusted data, written beside the types that they stand for: where a type gets another member, its check does not
 * compile until it has it, too. A check says where and what is wrong, or nothing.
 */
export type Check<T> = ((value: unknown, at: string) => string | undefined) & { readonly of?: T };

/** Members that may be absent, or undefined, have checks of what they are otherwise. */
type Checks<T> = { readonly [K in keyof T]-?: Check<Exclude<T[K], undefined>> };

type OptionalOf<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];

export const text: Check<string> = (value, at) => (typeof value === "string" ? undefined : `${at} is not a text`);

export const boolean: Check<boolean> = (value, at) =>
  typeof value === "boolean" ? undefined : `${at} is neither true nor false`;

export const number: Check<number> = (value, at) =>
  typeof value === "number" && Number.isFinite(value) ? undefined : `${at} is not a number`;

/** A text of a certain form. */
export function matching<T extends string>(pattern: RegExp, what: string): Check<T> {
  return (value, at) => (typeof value === "string" && pattern.test(value) ? undefined : `${at} is not ${what}`);
}

/** One of some values. */
export function oneOf<T extends string | number | boolean>(values: readonly T[]): Check<T> {
  return (value, at) =>
    values.some((each) => each === value) ? undefined : `${at} is not one of ${values.map(String).join(", ")}`;
}

export function listOf<T>(item: Check<T>, least = 0): Check<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length < least)
      return `${at} is not a list${least > 0 ? " with something in it" : ""}`;
    for (const [index, each] of value.entries()) {
      const problem = item(each, `${at}/${index}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

/** A list that is never empty. */
export function someOf<T>(item: Check<T>): Check<readonly [T, ...T[]]> {
  return listOf(item, 1) as Check<readonly [T, ...T[]]>;
}

/** An object with these members and no other; `optional` ones may be absent. */
export function object<T extends object>(checks: Checks<T>, optional: readonly OptionalOf<T>[] = []): Check<T> {
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return `${at} is not an object`;
    const extra = Object.keys(value).find((name) => !Object.hasOwn(checks, name));
    if (extra !== undefined) return `${at} has a member ${JSON.stringify(extra)}`;
    for (const [name, check] of Object.entries(checks) as [string, Check<unknown>][]) {
      const member = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
      if (member === undefined && (optional as readonly string[]).includes(name)) continue;
      const problem = check(member, `${at}/${name}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

type Variant<T, K extends keyof T, V> = T extends unknown ? (V extends T[K] ? T : never) : never;

/** One of several objects, told apart by a member. */
export function byMember<T extends object, K extends keyof T & string>(
  member: K,
  checks: { readonly [V in T[K] & string]: Check<Variant<T, K, V>> },
): Check<T> {
  return (value, at) => {
    const word = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[member] : undefined;
    if (typeof word !== "string" || !Object.hasOwn(checks, word)) return `${at} is of no known ${member}`;
    return (checks as unknown as Readonly<Record<string, Check<unknown>>>)[word]?.(value, at);
  };
}

/** Whatever passes one of the checks. */
export function either<A, B>(a: Check<A>, b: Check<B>): Check<A | B> {
  return (value, at) => (a(value, at) === undefined ? undefined : b(value, at));
}
