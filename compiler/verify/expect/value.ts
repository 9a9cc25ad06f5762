import type { RuntimeName } from "../runtime-names.ts";

/** What an expression of generated code must be. */
export type Expected =
  | { readonly is: "literal"; readonly value: string | number | boolean | undefined }
  | { readonly is: "list"; readonly items: readonly Expected[] }
  /** Exactly these members, in any order. */
  | { readonly is: "record"; readonly members: readonly (readonly [key: string, value: Expected])[] }
  | { readonly is: "call"; readonly callee: Expected; readonly args: readonly Expected[] }
  | { readonly is: "runtime"; readonly name: RuntimeName }
  /** A constant of the outermost level: the same one wherever the key is the same, another one wherever it is not. */
  | { readonly is: "constant"; readonly key: string; readonly value: () => Expected }
  /** A function of the outermost level, which something else looks into; one for each key. */
  | { readonly is: "function"; readonly key: string }
  /** What a local name of the function that is looked at stands for. */
  | { readonly is: "local"; readonly name: LocalName }
  | { readonly is: "member"; readonly of: Expected; readonly name: string }
  /** What a file of the project exports under this name. */
  | { readonly is: "project"; readonly file: string; readonly name: string }
  | { readonly is: "either"; readonly of: readonly Expected[] };

/** `x`: the exchange; `path`: a part of its path. */
export type LocalName = "x" | "caller" | "verdict" | "path";

export const x: Expected = { is: "local", name: "x" };
export const caller: Expected = { is: "local", name: "caller" };
export const verdict: Expected = { is: "local", name: "verdict" };

export function literal(value: string | number | boolean | undefined): Expected {
  return { is: "literal", value };
}

export function list(items: readonly Expected[]): Expected {
  return { is: "list", items };
}

export function texts(items: readonly string[]): Expected {
  return list(items.map(literal));
}

/** Members that are `undefined` are not there. */
export function record(members: Readonly<Record<string, Expected | undefined>>): Expected {
  const present = Object.entries(members).filter((entry): entry is [string, Expected] => entry[1] !== undefined);
  return { is: "record", members: present };
}

export function runtime(name: RuntimeName): Expected {
  return { is: "runtime", name };
}

export function call(name: RuntimeName, ...args: readonly Expected[]): Expected {
  return { is: "call", callee: runtime(name), args };
}

export function method(of: Expected, name: string, ...args: readonly Expected[]): Expected {
  return { is: "call", callee: member(of, name), args };
}

export function member(of: Expected, name: string): Expected {
  return { is: "member", of, name };
}

export function constant(key: string, value: () => Expected): Expected {
  return { is: "constant", key, value };
}
