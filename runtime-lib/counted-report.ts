import type { SettingsReport } from "./settings.ts";

/** Hands findings on, and knows whether an error was among them: with one, nothing may be started. */
export class CountedReport implements SettingsReport {
  readonly #report: SettingsReport;
  #errors = 0;

  constructor(report: SettingsReport) {
    this.#report = report;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  error(key: string, message: string): void {
    this.#errors++;
    this.#report.error(key, message);
  }

  warn(key: string, message: string): void {
    this.#report.warn(key, message);
  }
}
