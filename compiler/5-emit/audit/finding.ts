/** Emitted code that is not what the plan asks for: a bug of ours, never a mistake of the user. */
export interface AuditFinding {
  /** Below `generated/`. */
  readonly file: string;
  /** The handler, constant or router that it is about; `""` for the file as a whole. */
  readonly subject: string;
  readonly message: string;
}

/** Notes what is wrong in one file. */
export type Report = (subject: string, message: string) => void;
