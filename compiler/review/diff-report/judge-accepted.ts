import type { AcceptedEntry } from "../../model/loaded-project.ts";
import type { AcceptanceUse, Finding } from "./report.ts";

/** How far away the last day of an entry may be: a leap year. */
const longestDays = 366;

/**
 * What an entry comes to on a day (UTC, `2027-01-31`). It covers a finding only if it is that very one, is weaker or unknown, and
 * the entry's last day is neither over nor further away than a year.
 */
export function judgeAccepted(
  entry: AcceptedEntry,
  findings: readonly Pick<Finding, "code" | "fingerprint" | "on" | "verdict">[],
  day: string,
): Pick<AcceptanceUse, "state" | "complaint"> {
  const finding = findings.find(({ fingerprint }) => fingerprint === entry.fingerprint);
  if (finding === undefined) {
    return { state: "unused", complaint: "there is no such change: remove it, or paste the entry that is printed now" };
  }
  if (finding.code !== entry.change || finding.on !== entry.on) {
    return {
      state: "mismatched",
      complaint: `its fingerprint is that of ${finding.code} on ${finding.on}: paste the entry as it is printed`,
    };
  }
  if (finding.verdict !== "weaker" && finding.verdict !== "unknown") {
    return { state: "unused", complaint: "there is nothing to accept in this change: remove it" };
  }
  if (entry.expires < day) return { state: "expired", complaint: `it expired on ${entry.expires}` };
  if (entry.expires > dayAfter(day, longestDays)) {
    return { state: "too-far", complaint: `it would hold until ${entry.expires}: at most a year is accepted` };
  }
  return { state: "used", complaint: undefined };
}

function dayAfter(day: string, days: number): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}
