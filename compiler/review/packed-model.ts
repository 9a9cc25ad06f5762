import type { GatewayModel } from "../model/gateway-model.ts";
import type { PackedModel } from "../model/manifest.ts";
import { modelProblem } from "./model-shape.ts";

/**
 * A gateway's model as small as it gets without a compressor, whose bytes would depend on the version of Node: what occurs
 * twice stands there once. The same model has the same packed form everywhere.
 */
export function packModel(model: GatewayModel): PackedModel {
  const parts = new Parts();
  const root = parts.of(model) as Part;
  const texts = [...parts.texts].sort();
  const others = [...parts.others.values()].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const shapes = [...parts.shapes].sort();
  const scalarNumbers = new Map<Member, number>([...texts, ...others].map((value, index) => [value, index]));
  const shapeNumbers = new Map([listShape, ...shapes].map((shape, index) => [shape, index - 1]));
  const shared = new Map<Part, number>();
  const printed: string[] = [];
  const print = ({ shape, members }: Part): string =>
    `[${[shapeNumbers.get(shape), ...members.map(printMember)].join(",")}]`;
  const printMember = (member: Member): number | string => {
    if (!(member instanceof Part)) return scalarNumbers.get(member) as number;
    if (member.uses === 1) return print(member);
    let place = shared.get(member);
    if (place === undefined) {
      const text = print(member);
      place = -printed.push(text);
      shared.set(member, place);
    }
    return place;
  };
  printed.push(print(root));
  return { shapes, texts: frontCoded(texts), others, parts: `[${printed.join(",")}]` };
}

/**
 * The model that was packed. What it is given may come from anywhere: unless it is the packed form of a model, says what is wrong
 * with it.
 */
export function unpackModel(packed: unknown): { readonly model: GatewayModel } | { readonly problem: string } {
  try {
    const model = unpacked(packed);
    const problem = modelProblem(model);
    return problem === undefined ? { model: model as GatewayModel } : { problem };
  } catch (error) {
    if (error instanceof Broken) return { problem: error.message };
    throw error;
  }
}

type Other = number | boolean | null;
type Member = string | Other | Part;

/** The "members" of a list. */
const listShape = "";
/** Ends the name of a member that is there, but undefined. */
const absent = "?";

/** An object or a list; one for all that are equal. */
class Part {
  uses = 0;
  readonly shape: string;
  readonly members: readonly Member[];

  constructor(shape: string, members: readonly Member[]) {
    this.shape = shape;
    this.members = members;
  }
}

/** All that a model consists of, each thing once. */
class Parts {
  readonly texts = new Set<string>();
  readonly others = new Set<Other>();
  readonly shapes = new Set<string>();
  readonly #known = new Map<string, Part>();
  readonly #keys = new Map<Part, string>();

  of(value: unknown): Member {
    if (typeof value === "string") {
      this.texts.add(value);
      return value;
    }
    if (typeof value !== "object" || value === null) {
      this.others.add(value as Other);
      return value as Other;
    }
    const isList = Array.isArray(value);
    const entries = Object.entries(value);
    const shape = isList
      ? listShape
      : entries.map(([name, member]) => (member === undefined ? name + absent : name)).join(" ");
    const members = entries.filter(([, member]) => member !== undefined).map(([, member]) => this.of(member));
    const key = JSON.stringify([isList, shape, ...members.map((member) => this.#key(member))]);
    let part = this.#known.get(key);
    if (part === undefined) {
      if (!isList) this.shapes.add(shape);
      part = new Part(shape, members);
      for (const member of members) if (member instanceof Part) member.uses++;
      this.#keys.set(part, `${this.#known.size}`);
      this.#known.set(key, part);
    }
    return part;
  }

  #key(member: Member): unknown {
    return member instanceof Part ? [this.#keys.get(member)] : member;
  }
}

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Sorted texts, each without what it shares with the one before it, and with one character for how much that is. */
function frontCoded(texts: readonly string[]): string[] {
  return texts.map((text, index) => {
    const before = texts[index - 1] ?? "";
    let common = 0;
    while (common < digits.length - 1 && common < before.length && text[common] === before[common]) common++;
    return digits.charAt(common) + text.slice(common);
  });
}

class Broken extends Error {}

/** Deeper than any model, and nowhere near the end of the stack. */
const deepest = 40;
/** Shared parts make a small text a huge model: no gateway has so many members. */
const largest = 50_000_000;

function unpacked(packed: unknown): unknown {
  const { shapes, texts, others, parts } = partsOf(packed);
  const members = shapes.map((shape) => (shape === "" ? [] : shape.split(" ")));
  const scalars: readonly unknown[] = [...plain(texts), ...others];
  const shared: { readonly value: unknown; readonly size: number }[] = [];
  let size = 0;

  const read = (part: unknown, depth: number): unknown => {
    if (depth > deepest) throw new Broken("it is nested too deeply");
    if (++size > largest) throw new Broken("it is too large");
    if (Array.isArray(part)) return readPart(part, depth);
    if (typeof part !== "number" || !Number.isInteger(part)) throw new Broken("it holds something that is not a part");
    if (part >= scalars.length) throw new Broken("it refers to a text that it does not hold");
    if (part >= 0) return scalars[part];
    const found = shared[-part - 1];
    if (found === undefined) throw new Broken("it refers to a part that does not stand before it");
    size += found.size;
    return found.value;
  };
  const readPart = ([head, ...rest]: readonly unknown[], depth: number): unknown => {
    if (head === -1) return rest.map((part) => read(part, depth + 1));
    const names = typeof head === "number" ? members[head] : undefined;
    if (names === undefined) throw new Broken("it refers to a shape that it does not hold");
    const value: Record<string, unknown> = {};
    let next = 0;
    for (const name of names) {
      if (name === "__proto__") throw new Broken("it has a member __proto__");
      if (name.endsWith(absent)) value[name.slice(0, -1)] = undefined;
      else value[name] = read(rest[next++], depth + 1);
    }
    if (next !== rest.length) throw new Broken("a part has more members than its shape");
    return value;
  };

  for (const part of parts) {
    size = 0;
    const value = read(part, 0);
    shared.push({ value, size });
  }
  return shared.at(-1)?.value;
}

function plain(texts: readonly string[]): string[] {
  let before = "";
  return texts.map((text) => {
    const common = digits.indexOf(text.charAt(0));
    if (text === "" || common > before.length) throw new Broken("its texts are not as they are packed");
    before = before.slice(0, common) + text.slice(1);
    return before;
  });
}

function partsOf(packed: unknown) {
  const { shapes, texts, others, parts } = (packed ?? {}) as Readonly<Record<string, unknown>>;
  if (!isListOf<string>(shapes, isText) || !isListOf<string>(texts, isText) || !isListOf<Other>(others, isOther))
    throw new Broken("it lacks its tables");
  let list: unknown;
  try {
    list = JSON.parse(String(parts));
  } catch {
    throw new Broken("its parts are no JSON");
  }
  if (!Array.isArray(list)) throw new Broken("its parts are no list");
  return { shapes, texts, others, parts: list as readonly unknown[] };
}

function isListOf<T>(value: unknown, is: (item: unknown) => boolean): value is readonly T[] {
  return Array.isArray(value) && value.every(is);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isOther(value: unknown): boolean {
  return typeof value === "number" || typeof value === "boolean" || value === null;
}
