/** A file for review. Owner: 5-emit. */
export interface GeneratedFile {
  /** Below the project's `generated/`, with `/` on every platform: `petstore-v1/router.ts`. */
  readonly file: string;
  /** Formatted, LF line ends; its first line says that it is generated. */
  readonly text: string;
}
