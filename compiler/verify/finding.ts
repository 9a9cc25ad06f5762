/** Something that is not proven. `offset` is a place in the bundle's text. */
export interface Flaw {
  readonly code: FlawCode;
  readonly message: string;
  readonly offset: number;
  /** `GET /base/path`, where one operation is concerned. */
  readonly operation?: string | undefined;
}

/** What a flaw is about; `hints` says what to do. */
export type FlawCode = keyof typeof hints;

const rebuild = "compile the project again, and ship what comes out as it is";

/** What to do about a flaw, by its code. */
export const hints = {
  "bundle-unreadable": rebuild,
  "code-unknown": `the runtime and the libraries in a bundle are those of the castgate that verifies it: use the version that the manifest names, or ${rebuild}`,
  "code-incomplete": `a part of the runtime was left out: ${rebuild}`,
  "code-not-understood": `generated code is only what castgate writes: ${rebuild}`,
  "name-repeated": `a second declaration would replace the first: ${rebuild}`,
  "name-misused": `only generated code may use what the runtime has: ${rebuild}`,
  "claims-differ": `the parts of a manifest were not made together: ${rebuild}`,
  "digest-wrong": `the bytes are not those that castgate wrote: ${rebuild}`,
  "project-code-unclaimed": `the manifest lists the project's own code: ${rebuild}`,
  "check-wrong": `the operation does not make the checks that the manifest claims: ${rebuild}`,
  "route-wrong": `requests do not reach the operations as the manifest claims: ${rebuild}`,
  "constant-wrong": `a constant is not what the manifest claims: ${rebuild}`,
  "constant-unclaimed": `nothing in the manifest asks for it: ${rebuild}`,
  "operation-missing": `the manifest claims an operation that nothing answers: ${rebuild}`,
  "gateway-wrong": `what is handed to the runtime is not what the manifest claims: ${rebuild}`,
} as const;
