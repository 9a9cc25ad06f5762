import { readFile } from "node:fs/promises";
import { CommandFailure } from "../commands/command.ts";
import { readable } from "../commands/signing-key.ts";
import { decodeText, HostError } from "../host.ts";
import type { GatewayModel } from "../model/gateway-model.ts";
import { type EmbeddedManifest, readManifest } from "../verify/embedded-manifest.ts";
import { unpackModel } from "./packed-model.ts";
import type { SideCode } from "./side.ts";

/** A bundle as it is read: nothing of it is executed. */
export interface BundleFile {
  readonly text: string;
  readonly manifest: EmbeddedManifest;
  readonly model: GatewayModel;
}

/** Reads a bundle. Throws `CommandFailure` when it cannot be read, or is none. `name`: as the user named it. */
export async function readBundle(name: string, path: string): Promise<BundleFile> {
  const text = await readText(name, path);
  const manifest = readManifest(text);
  if ("problem" in manifest) throw new CommandFailure(`${name} is not a bundle that can be read: ${manifest.problem}`);
  const unpacked = unpackModel(manifest.manifest.model);
  if ("problem" in unpacked)
    throw new CommandFailure(
      `${name} is not a bundle that can be read: the model in its manifest is broken, ${unpacked.problem}`,
    );
  return { text, manifest, model: unpacked.model };
}

async function readText(name: string, path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandFailure(`${name} cannot be read: ${readable[code ?? ""] ?? code}`);
  }
  try {
    return decodeText(bytes);
  } catch (error) {
    if (error instanceof HostError)
      throw new CommandFailure(`${name} is not a bundle that can be read: ${error.message}`);
    throw error;
  }
}

/** How esbuild names the module that the lines below come from. */
const section = /^\/\/ ([a-z][\w/-]*):(\S+)\n/gm;

/** What is generated code in a bundle, by file. */
export function generatedSections(bundle: string, manifest: EmbeddedManifest): readonly SideCode[] {
  const code = bundle.slice(0, manifest.start);
  const heads = [...code.matchAll(section)];
  let line = 1;
  let counted = 0;
  return heads.flatMap((head, index) => {
    if (head[1] !== "generated") return [];
    const from = head.index + head[0].length;
    const until = heads[index + 1]?.index ?? code.length;
    for (let at = code.indexOf("\n", counted); at >= 0 && at < from; at = code.indexOf("\n", counted)) {
      counted = at + 1;
      line++;
    }
    return [{ file: head[2] ?? "", text: code.slice(from, until).trimEnd().concat("\n"), firstLine: line }];
  });
}

/** Where the sources.json beside a bundle says that something was written; empty when there is none that can be used. */
export async function readSources(
  bundle: string,
): Promise<ReadonlyMap<string, { readonly line: number; readonly column?: number }>> {
  const lines = new Map<string, { readonly line: number; readonly column?: number }>();
  let value: unknown;
  try {
    value = JSON.parse(await readFile(bundle.replace(/\.cjs$/, "").concat(".sources.json"), "utf8"));
  } catch {
    return lines;
  }
  const { operations, places } = (value ?? {}) as Readonly<Record<string, unknown>>;
  for (const entry of [operations, places].flatMap((list) => (Array.isArray(list) ? list : []))) {
    const { file, pointer, line, column } = (entry ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof file !== "string" || typeof pointer !== "string" || typeof line !== "number") continue;
    lines.set(placeKey(file, pointer), { line, ...(typeof column === "number" && { column }) });
  }
  return lines;
}

export function placeKey(file: string, pointer: string): string {
  return `${file}#${pointer}`;
}
