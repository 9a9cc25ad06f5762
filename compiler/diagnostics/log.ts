import type { Compatibility } from "../model/names.ts";
import { type ArgsOf, type Code, catalogue, type Severity } from "./catalogue.ts";
import type { Place } from "./place.ts";

export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  readonly place: Place;
  readonly message: string;
  readonly hint: string | undefined;
  /** The other side of a clash, with a label: `first defined here`. */
  readonly related: readonly RelatedPlace[];
}

export interface RelatedPlace {
  readonly place: Place;
  readonly label: string;
}

/** Collects every finding of one compilation. */
export class DiagnosticLog {
  /** Known once castgate.yaml was read; until then the original's meaning. */
  compatibility: Compatibility = "wso2-3.2";
  readonly #found: Diagnostic[] = [];

  report<C extends Code>(code: C, place: Place, args: ArgsOf<C>, related: readonly RelatedPlace[] = []): void {
    const { severity, message, hint } = catalogue[code];
    this.#found.push({
      code,
      severity: typeof severity === "string" ? severity : severity[this.compatibility],
      place,
      message: (message as (args: ArgsOf<C>) => string)(args),
      hint: (hint as ((args: ArgsOf<C>) => string | undefined) | undefined)?.(args),
      related,
    });
  }

  get hasErrors(): boolean {
    return this.#found.some((found) => found.severity === "error");
  }

  /** By file, position in the file, code: the same order from the same input. Positions are resolved by the renderer. */
  all(): readonly Diagnostic[] {
    return this.#found;
  }
}
