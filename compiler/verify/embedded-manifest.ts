import { createHash } from "node:crypto";
import type {
  AlternativeEntry,
  EndpointEntry,
  FileDigest,
  HostEntry,
  Manifest,
  OperationEntry,
  PackedModel,
} from "../model/manifest.ts";
import { featureNames, httpMethods, type NonEmpty } from "../model/names.ts";
import { type Check, either, listOf, matching, number, object, oneOf, someOf, text } from "../review/shape.ts";

/** The manifest of a bundle, and where in its text the template literal stands that holds it, quotes included. */
export interface EmbeddedManifest {
  readonly manifest: Manifest;
  readonly start: number;
  readonly end: number;
}

/** The digest in a bundle while that digest is computed. */
export const noDigest = "0".repeat(64);

/** The only line of a bundle that begins so: the texts of definitions stand in literals without line ends. */
const holder = /^main\d*\(gateway\d*, \(\) => JSON\.parse\(/gm;
const format = 2;

/**
 * Reads what a bundle says of itself out of its text; nothing of it is executed. Nothing is believed either: whether it is true
 * is what the digest in it, a signature and the proof of the bundle say. A problem is half a sentence: "it ...".
 */
export function readManifest(bundle: string): EmbeddedManifest | { readonly problem: string } {
  const holders = [...bundle.matchAll(holder)];
  const [found] = holders;
  if (found === undefined) return { problem: "it has no manifest, so castgate did not make it" };
  if (holders.length > 1) return { problem: "it has more than one manifest" };
  const start = found.index + found[0].length;
  const end = literalEnd(bundle, start);
  if (end === undefined) return { problem: "its manifest is not written as castgate writes it" };
  const written = bundle.slice(start + 1, end - 1);
  let value: unknown;
  try {
    value = JSON.parse(written.replaceAll(/\\([\\`$])/g, "$1"));
  } catch {
    return { problem: "its manifest is no JSON" };
  }
  const problem = formatProblem(value) ?? manifestCheck(value, "");
  if (problem !== undefined) return { problem: `it has a manifest that is none: ${problem}` };
  return { manifest: value as Manifest, start, end };
}

/** Behind the template literal that begins at `start`; undefined when it is none, or holds more than text. */
function literalEnd(bundle: string, start: number): number | undefined {
  if (bundle[start] !== "`") return undefined;
  const special = /[\\`$]/g;
  special.lastIndex = start + 1;
  for (let found = special.exec(bundle); found !== null; found = special.exec(bundle)) {
    const next = bundle[found.index + 1];
    if (found[0] === "`") return bundle.startsWith("`));\n", found.index) ? found.index + 1 : undefined;
    if (found[0] === "$" && next === "{") return undefined;
    if (found[0] === "\\") {
      if (next === undefined || !"\\`$".includes(next)) return undefined;
      special.lastIndex = found.index + 2;
    }
  }
  return undefined;
}

/**
 * Whether the bundle is still as it was made, as far as it can tell itself: its manifest holds the SHA-256 of all of it but that
 * digest. Undefined when it is. It finds damage; whoever changes a bundle on purpose can change the digest, too, but no signature.
 */
export function contentProblem(bundle: string, { manifest, start, end }: EmbeddedManifest): string | undefined {
  const place = digestPlace(bundle, start, end);
  if (place === undefined) return "it holds no digest of itself";
  const blank = bundle.slice(0, place) + noDigest + bundle.slice(place + noDigest.length);
  return sha256(blank) === manifest.self.sha256 ? undefined : "it is not as it was made: its digest is another one";
}

/** A new bundle, in which `noDigest` stands, with the digest in its place. */
export function withDigest(bundle: string, from: number): { readonly text: string; readonly sha256: string } {
  const place = digestPlace(bundle, from, bundle.length);
  if (place === undefined) throw new Error("the bundle has no place for its digest");
  const digest = sha256(bundle);
  return { text: bundle.slice(0, place) + digest + bundle.slice(place + noDigest.length), sha256: digest };
}

/** Where in the manifest the digest begins. */
function digestPlace(bundle: string, start: number, end: number): number | undefined {
  const intro = '\n  "self": {"sha256":"';
  const place = bundle.lastIndexOf(intro, end);
  return place < start ? undefined : place + intro.length;
}

function sha256(bundle: string): string {
  return createHash("sha256").update(bundle).digest("hex");
}

function formatProblem(value: unknown): string | undefined {
  const found = (value as { readonly manifest?: unknown } | null)?.manifest;
  if (found === format || typeof found !== "number") return undefined;
  const { version } = value as { readonly version?: unknown };
  const maker = typeof version === "string" && /^[\w.+-]{1,40}$/.test(version) ? ` (castgate ${version} made it)` : "";
  return `it is of format ${found}, and this castgate reads format ${format}${maker}; compile the project with this one`;
}

const digest = matching(/^[0-9a-f]{64}$/, "a SHA-256");
const fileDigest = object<FileDigest>({ file: text, sha256: digest });
const alternative = object<AlternativeEntry>(
  {
    schemes: listOf(text),
    scopes: object<NonNullable<AlternativeEntry["scopes"]>>({
      need: oneOf(["any", "all"] as const),
      names: listOf(text),
    }),
  },
  ["scopes"],
);
const operation = object<OperationEntry>({
  api: text,
  operation: text,
  method: oneOf(httpMethods),
  path: text,
  access: either(oneOf(["public"] as const), listOf(alternative)),
});
const endpoint = object<EndpointEntry>(
  {
    key: text,
    environment: oneOf(["production", "sandbox"] as const),
    urls: listOf(text),
    fromEtcd: someOf(object<{ index: number; key: string }>({ index: number, key: text })) as Check<
      NonEmpty<{ readonly index: number; readonly key: string }>
    >,
  },
  ["fromEtcd"],
);
const manifestCheck = object<Manifest>({
  manifest: oneOf([format] as const),
  name: oneOf(["castgate"] as const),
  version: text,
  tools: listOf(text),
  compatibility: oneOf(["wso2-3.2", "standard"] as const),
  inputs: listOf(fileDigest),
  generated: listOf(fileDigest),
  operations: listOf(operation),
  publicOperations: listOf(text),
  endpoints: listOf(endpoint),
  hosts: listOf(object<HostEntry>({ origin: text, use: oneOf(["backend", "token"] as const), settings: listOf(text) })),
  hostSettings: listOf(text),
  environment: listOf(text),
  features: listOf(oneOf(featureNames)),
  modules: listOf(text),
  libraries: listOf(text),
  // What is in it is checked where it is unpacked.
  model: object<PackedModel>({
    shapes: listOf(text),
    texts: listOf(text),
    others: listOf<number | boolean | null>((value, at) =>
      value === null || typeof value === "number" || typeof value === "boolean" ? undefined : `${at} is a text`,
    ),
    parts: text,
  }),
  self: object<Manifest["self"]>({ sha256: digest }),
});
