import type { Code } from "../../diagnostics/catalogue.ts";
import type { DiagnosticLog } from "../../diagnostics/log.ts";
import type { CheckedProject } from "../../model/checked-project.ts";
import type { Compatibility } from "../../model/names.ts";

/** What a rule looks at: all facts of the project. */
export interface CheckContext extends CheckedProject {
  readonly compatibility: Compatibility;
  readonly log: DiagnosticLog;
}

/** Looks for one semantic mistake. Pure but for what it reports, and independent of the other rules. */
export interface Rule {
  readonly codes: readonly Code[];
  check(context: CheckContext): void;
}
