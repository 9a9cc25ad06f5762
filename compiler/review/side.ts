import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { CommandFailure } from "../commands/command.ts";
import { type CompileResult, compile, generate } from "../compile.ts";
import type { Place } from "../diagnostics/place.ts";
import { type CompileHost, HostError } from "../host.ts";
import { nodeHost } from "../host-node.ts";
import type { GatewayModel } from "../model/gateway-model.ts";
import type { AcceptedEntry } from "../model/loaded-project.ts";
import { generatedSections, placeKey, readBundle, readSources } from "./bundle-file.ts";
import { openGitTree } from "./git-tree.ts";

/** One side of a comparison, or what is explained or reported. */
export interface Side {
  /** As the user named it. */
  readonly name: string;
  readonly kind: "project" | "revision" | "bundle";
  /** Of a bundle: out of its embedded manifest. */
  readonly model: GatewayModel;
  /** `generated/`, as this side has it or would have it: a project's is generated when it is first asked for. */
  code(): Promise<readonly SideCode[]>;
  /** Where something was written, as precisely as this side knows. */
  locate(place: Place): SidePlace;
  /** `accepted` of castgate.yaml; empty for a bundle. */
  readonly accepted: readonly AcceptedEntry[];
  /** The run-time settings that the project keeps in conf/micro-gw.conf, if it does. */
  readonly settings: SideText | undefined;
  /** Warnings and notes of compiling it; a bundle has none. */
  readonly found?: Pick<CompileResult, "diagnostics">;
}

export interface SideText {
  /** Project-relative. */
  readonly file: string;
  readonly text: string;
}

export interface SideCode extends SideText {
  /** Below `generated/`: `petstore-v1/router.ts`. In a bundle its text has lost its types. */
  readonly file: string;
  /** The line of the first line of `text`, from 1: in the file itself 1, in a bundle where the section begins. */
  readonly firstLine: number;
}

export interface SidePlace {
  readonly file: string;
  /** From 1; undefined where only the pointer is known, as of a bundle without its sources.json. */
  readonly line?: number;
  readonly column?: number;
  /** RFC 6901. */
  readonly pointer: string;
}

/** `failed`: the project has errors, which the command prints; it then exits with 1. */
export type SideResult = { readonly side: Side } | { readonly failed: CompileResult };

/**
 * Reads one side: a project folder, a bundle (a file), or `<revision>:<path>` of the git repository that `folder` is in
 * (`HEAD~1:gateway`; `HEAD:` is its root). Relative names are meant from `folder`. Nothing is written, checked out or executed.
 * Throws `CommandFailure` when there is no such side, or it cannot be read.
 */
export async function readSide(spec: string, folder: string): Promise<SideResult> {
  const path = resolve(folder, spec);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return readProject(spec, "project", path, nodeHost(path));
  if (found?.isFile()) return { side: await readBundleSide(spec, path) };
  if (!spec.includes(":")) {
    throw new CommandFailure(
      `${spec}: there is no such folder or file`,
      "a project is a folder, a bundle a file, and a folder of a git revision is written <revision>:<folder>",
    );
  }
  const tree = await openGitTree(spec, folder);
  try {
    return await readProject(spec, "revision", spec.slice(spec.indexOf(":") + 1), tree.host);
  } finally {
    tree.close();
  }
}

async function readProject(
  name: string,
  kind: "project" | "revision",
  root: string,
  host: CompileHost,
): Promise<SideResult> {
  try {
    const result = await compile(root, host, { stopAfter: "lower" });
    if (result.failed || result.lowered === undefined) return { failed: result };
    const { checked, model } = result.lowered;
    const settings = await host.read(settingsFile).catch(ignoreUnreadable);
    if (settings !== undefined) result.sources.add(settingsFile, "toml", settings);
    let code: Promise<readonly SideCode[]> | undefined;
    return {
      side: {
        name,
        kind,
        model,
        code: () => {
          code ??= generate(model).then((files) => files.map(({ file, text }) => ({ file, text, firstLine: 1 })));
          return code;
        },
        locate: (place) => {
          const { file, pointer } = place.ref;
          const span = result.sources.locate(place);
          return { file, pointer, ...(span && { line: span.line, column: span.column }) };
        },
        accepted: checked.loaded.settings.accepted,
        settings: settings === undefined ? undefined : { file: settingsFile, text: settings },
        found: { diagnostics: result.diagnostics },
      },
    };
  } catch (error) {
    throw error instanceof HostError ? new CommandFailure(`${name}: ${error.message}`) : error;
  }
}

const settingsFile = "conf/micro-gw.conf";

/** They are no part of the model: what cannot be read there is for whoever starts the gateway. */
function ignoreUnreadable(error: unknown): undefined {
  if (!(error instanceof HostError)) throw error;
}

async function readBundleSide(name: string, path: string): Promise<Side> {
  const { text, manifest, model } = await readBundle(name, path);
  const lines = await readSources(path);
  return {
    name,
    kind: "bundle",
    model,
    code: async () => generatedSections(text, manifest),
    locate: ({ ref: { file, pointer } }) => ({ file, pointer, ...lines.get(placeKey(file, pointer)) }),
    accepted: [],
    settings: undefined,
  };
}
