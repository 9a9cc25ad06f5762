import type { DiffReport } from "./report.ts";

/** 10: something is weaker; 12: else something cannot be ordered; 0: neither, or all of it is accepted. */
export function exitCodeOf({ verdict }: Pick<DiffReport, "verdict">): 0 | 10 | 12 {
  return verdict === "weaker" ? 10 : verdict === "unknown" ? 12 : 0;
}
