export function compileOnce(folder: string): Promise<{
  readonly code: number;
  /** What the command printed. */
  readonly output: string;
}>;
