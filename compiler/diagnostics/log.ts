import type { Compatibility, DiagnosticLevel } from "../model/names.ts";
import type { SourceRef } from "../model/source.ts";
import { type ArgsOf, type Code, catalogue, type Severity } from "./catalogue.ts";
import { Sources, type Span } from "./locate.ts";
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

/** What a project makes of a code; `within`: only of what is found there, in this file and at or below this pointer. */
export interface LevelRule {
  readonly level: DiagnosticLevel;
  readonly within?: SourceRef;
  /** Where `within` is written. */
  readonly ref?: SourceRef;
}

export interface RelatedPlace {
  readonly place: Place;
  readonly label: string;
}

/** Collects every finding of one compilation. */
export class DiagnosticLog {
  /** Known once castgate.yaml was read; until then the original's meaning. */
  compatibility: Compatibility = "wso2-3.2";
  /** Codes of warnings that are not shown. Errors cannot be silenced, notes are always listed. */
  ignored: ReadonlySet<string> = new Set();
  /** By code; of several the first that holds for a place. */
  levels: ReadonlyMap<string, readonly LevelRule[]> = new Map();
  /** Warnings fail the build. */
  denyWarnings = false;
  /** The texts that places point into. */
  readonly sources = new Sources();
  readonly #found: Diagnostic[] = [];
  readonly #secrets = new Set<string>();

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

  /** Hides a secret from whatever is printed: where it stands in its file, and in all that quotes it. */
  conceal(ref: SourceRef, secret: string): void {
    this.sources.conceal(ref, secret);
    this.#secrets.add(secret);
  }

  get hasErrors(): boolean {
    return this.#found.some((found) => this.#severityOf(found) === "error");
  }

  /** An error was found, or a warning while those are denied. */
  get failed(): boolean {
    return this.hasErrors || (this.denyWarnings && this.all().some((found) => found.severity === "warning"));
  }

  /** Everything that is to be shown, in the order in which it was found. */
  all(): readonly Diagnostic[] {
    const shown = this.#found.flatMap((found) => {
      const severity = this.#severityOf(found);
      if (severity === undefined) return [];
      return severity === found.severity ? [found] : [{ ...found, severity }];
    });
    return this.#secrets.size === 0 ? shown : shown.map((found) => this.#withoutSecrets(found));
  }

  /** As the project has it; undefined: not shown. Errors stay errors, and notes are always listed. */
  #severityOf({ code, severity, place: { ref } }: Diagnostic): Severity | undefined {
    if (severity === "error") return severity;
    const rule = this.levels.get(code)?.find(({ within }) => within === undefined || isWithin(ref, within));
    const level = rule?.level ?? (this.ignored.has(code) ? "ignore" : undefined);
    if (level === undefined) return severity;
    if (level !== "ignore") return level;
    return severity === "note" ? severity : undefined;
  }

  #withoutSecrets(found: Diagnostic): Diagnostic {
    const hide = (text: string) => [...this.#secrets].reduce((left, secret) => left.replaceAll(secret, "***"), text);
    return { ...found, message: hide(found.message), hint: found.hint === undefined ? undefined : hide(found.hint) };
  }

  /** By file, position in the file, code: the same order from the same input. The same finding is listed once. */
  sorted(): readonly Diagnostic[] {
    const located = this.all().map((found) => ({ found, span: this.sources.locate(found.place) }));
    located.sort(
      (a, b) =>
        compare(a.found.place.ref.file, b.found.place.ref.file) ||
        start(a.span) - start(b.span) ||
        compare(a.found.code, b.found.code) ||
        compare(a.found.message, b.found.message),
    );
    return located
      .filter(({ found, span }, index) => {
        const before = located[index - 1];
        return (
          before === undefined ||
          before.found.code !== found.code ||
          before.found.message !== found.message ||
          before.found.place.ref.file !== found.place.ref.file ||
          start(before.span) !== start(span)
        );
      })
      .map(({ found }) => found);
  }
}

function isWithin(ref: SourceRef, { file, pointer }: SourceRef): boolean {
  return ref.file === file && (ref.pointer === pointer || ref.pointer.startsWith(`${pointer}/`));
}

function start(span: Span | undefined): number {
  return span?.start ?? -1;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
