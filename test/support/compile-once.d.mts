export function compileOnce(folder: string): Promise<{
  readonly code: number;
  /** What the command printed. */
  readonly output: string;
}>;

export function compileBy(socket: string, folder: string): Promise<{ code: number; output: string }>;

export function startCompiler(
  directory: string,
  env?: NodeJS.ProcessEnv,
): Promise<{ readonly socket: string; stop(): void } | undefined>;
