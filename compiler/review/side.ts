import type { CompileResult } from "../compile.ts";
import type { Place } from "../diagnostics/place.ts";
import type { GatewayModel } from "../model/gateway-model.ts";
import type { AcceptedEntry } from "../model/loaded-project.ts";

/** One side of a comparison, or what is explained or reported. */
export interface Side {
  /** As the user named it. */
  readonly name: string;
  readonly kind: "project" | "revision" | "bundle";
  /** Of a bundle: out of its embedded manifest. */
  readonly model: GatewayModel;
  /** `generated/`, as this side has it or would have it. */
  readonly code: readonly SideCode[];
  /** Where something was written, as precisely as this side knows. */
  locate(place: Place): SidePlace;
  /** `accepted` of castgate.yaml; empty for a bundle. */
  readonly accepted: readonly AcceptedEntry[];
  /** The run-time settings that the project keeps in conf/micro-gw.conf, if it does. */
  readonly settings: SideText | undefined;
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
  throw new Error(`${spec} in ${folder}: not yet`);
}
