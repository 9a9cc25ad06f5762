import type { FileDigest, Manifest } from "../model/manifest.ts";

/** A bundle as its text and what it says of itself. */
export interface ComparedBundle {
  readonly text: string;
  readonly manifest: Manifest;
}

/**
 * How a bundle differs from the one that its project compiles to now, in sentences; empty: not in a byte. Says first what is the
 * cause of the rest: the compiler, then the input.
 */
export function differencesOf(bundle: ComparedBundle, rebuilt: ComparedBundle): readonly string[] {
  if (bundle.text === rebuilt.text) return [];
  const [theirs, ours] = [bundle.manifest, rebuilt.manifest];
  const found = [
    ...(theirs.version === ours.version
      ? []
      : [`castgate ${theirs.version} made it, and this is castgate ${ours.version}`]),
    ...listDifferences("was made with", theirs.tools, ours.tools),
    ...fileDifferences("input", theirs.inputs, ours.inputs),
    ...fileDifferences("generated file", theirs.generated, ours.generated),
    ...listDifferences("holds the runtime's module", theirs.modules, ours.modules),
    ...listDifferences("holds the library", theirs.libraries, ours.libraries),
  ];
  for (const name of compared) {
    if (JSON.stringify(theirs[name]) !== JSON.stringify(ours[name])) found.push(`its manifest has other ${name}`);
  }
  const [code, otherCode] = [withoutManifest(bundle.text), withoutManifest(rebuilt.text)];
  if (code !== otherCode) found.push(firstDifference(code, otherCode));
  if (found.length === 0) found.push(firstDifference(bundle.text, rebuilt.text));
  return found;
}

/** Of the raw files of the input, those that are laid out differently from when the bundle was made: it is the same nevertheless. */
export function layoutDifferences(
  then: readonly FileDigest[] | undefined,
  now: readonly FileDigest[] | undefined,
): readonly string[] {
  return fileDifferences("file", then ?? [], now ?? []);
}

/** The rest of a manifest follows from these, and from what is listed by itself. */
const compared = [
  "compatibility",
  "operations",
  "endpoints",
  "hosts",
  "hostSettings",
  "environment",
  "features",
  "model",
] as const;

function listDifferences(verb: string, then: readonly string[], now: readonly string[]): string[] {
  return [
    ...then.filter((each) => !now.includes(each)).map((each) => `it ${verb} ${each}, and would not now`),
    ...now.filter((each) => !then.includes(each)).map((each) => `now it would be one that ${verb} ${each}`),
  ];
}

function fileDifferences(what: string, then: readonly FileDigest[], now: readonly FileDigest[]): string[] {
  const [before, after] = [then, now].map((list) => new Map(list.map(({ file, sha256 }) => [file, sha256])));
  const names = [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].sort();
  return names.flatMap((name) => {
    const [old, current] = [before?.get(name), after?.get(name)];
    if (old === current) return [];
    if (old === undefined) return [`${what} ${name} is new`];
    if (current === undefined) return [`${what} ${name} is gone`];
    return [`${what} ${name} has changed`];
  });
}

/** Manifests are compared by what they say. */
function withoutManifest(text: string): string {
  return text.replace(/^(main\d*\(gateway\d*, \(\) => JSON\.parse\()`\{\n[\s\S]*?\n\}\n`/m, "$1");
}

function firstDifference(text: string, other: string): string {
  const [lines, others] = [text.split("\n"), other.split("\n")];
  let index = lines.findIndex((line, at) => line !== others[at]);
  if (index < 0) index = lines.length;
  const head = lines.slice(0, index + 1).findLast((line) => /^\/\/ [\w/-]+:\S+$/.test(line));
  return `its code differs first at line ${index + 1}${head === undefined ? "" : `, in ${head.slice(3)}`}`;
}
