import { UsageError } from "./command.ts";

/** The day of `--today`, in UTC; of the clock, unless one is given. */
export function dayOf(given: string | undefined): string {
  if (given === undefined) return new Date().toISOString().slice(0, 10);
  const time = /^\d{4}-\d{2}-\d{2}$/.test(given) ? Date.parse(`${given}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(given)) {
    throw new UsageError(`--today=${given} is not a day`, "write it as 2027-01-31");
  }
  return given;
}
