import { resolve } from "node:path";
import { readBundle } from "../review/bundle-file.ts";
import { checkClaims } from "../verify/claims.ts";
import { contentProblem } from "../verify/embedded-manifest.ts";
import { type Flaw, hints } from "../verify/finding.ts";
import { lineOf } from "../verify/syntax.ts";
import { type Proof, verifyBundle } from "../verify/verify-bundle.ts";
import { type Command, exitCode, UsageError } from "./command.ts";
import { type SignatureReport, verifySignature } from "./verify-signature.ts";
import { besideProblem, type SourceReport, verifySource } from "./verify-source.ts";

/** Something about a bundle that is not proven. */
export interface VerifyFinding {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** Of the bundle, from 1; undefined: it is about all of it. */
  readonly line?: number;
  readonly operation?: string;
}

/** What was asked for besides the proof. */
interface Comparisons {
  readonly signature: SignatureReport | undefined;
  readonly source: SourceReport | undefined;
}

/** `castgate verify <bundle>`: the proof; with `--key` its signature, with `--source` its project. */
export const verifyCommand: Command = {
  name: "verify",
  summary: "prove that a bundle reaches no backend without its checks",
  usage: "verify <bundle>",
  positionals: [1, 1],
  options: {
    source: {
      type: "string",
      requiresArg: true,
      defaultDescription: "DIR",
      describe: "compile this project in memory, and compare every byte",
    },
    key: {
      type: "string",
      requiresArg: true,
      defaultDescription: "FILE",
      describe: "PEM with public keys or certificates, one of which must have signed",
    },
    at: {
      type: "string",
      requiresArg: true,
      defaultDescription: "TIME",
      describe: "with --key: judge certificates at this time (2026-11-30T12:00:00Z), not now",
    },
    format: { choices: ["pretty", "json"], default: "pretty", describe: "how the result is printed" },
  },
  details: `Reads the bundle as Node would, runs nothing of it, and shows that

  - its bytes are those that castgate wrote (the digest in its manifest);
  - each operation of the manifest is reached by exactly its paths and its method, and nothing else is reached;
  - every way through its handler makes its checks, in order, each decisive, before its only backend call, or it stands in the
    list of public operations;
  - the rest of the bundle is the runtime and the libraries of this castgate, statement by statement.

With --source, the bundle and the manifest beside it must also be what the project compiles to: what differs is listed.

With --key, <bundle>.sig must also be a signature of the bundle, and of those files that still stand beside it, by one of the
keys in FILE, by one of its certificates, or by one that an authority in FILE issued for the signing of code. Nothing is asked of
a network. A signature holds no time that could be trusted: certificates must be valid now, or at the time that --at names.

  castgate verify shop/target/shop.cjs
  castgate verify shop/target/shop.cjs --format=json
  castgate verify shop/target/shop.cjs --source shop
  castgate verify shop/target/shop.cjs --key release.pub.pem

Exit codes: 0 proven; 1 not proven, other bytes, no good signature, or no bundle; 2 wrong usage; 70 a bug of castgate.`,
  async run({ positionals: [name = ""], options }, terminal) {
    const path = resolve(terminal.folder, name);
    const { key, source: project } = options as { readonly key?: string; readonly source?: string };
    const time = timeOf(options.at as string | undefined, key);
    const bundle = await readBundle(name, path);
    const signature = key === undefined ? undefined : await verifySignature(path, key, time, terminal);
    const source = project === undefined ? undefined : await verifySource(path, bundle, project, terminal);
    if (project !== undefined && source === undefined) return exitCode.inputWrong;
    const started = performance.now();
    const { text, manifest, model } = bundle;
    const proof = await verifyBundle(text, model);
    const claims = checkClaims(manifest.manifest, model, manifest.start).map((flaw) => ({
      ...flaw,
      line: lineOf(text, flaw.offset),
    }));
    const content = contentProblem(text, manifest);
    const beside = await besideProblem(path, bundle);
    const findings: VerifyFinding[] = [
      ...(signature?.findings ?? []),
      ...(content === undefined ? [] : [{ code: "digest-wrong", message: content, hint: hints["digest-wrong"] }]),
      ...(beside === undefined ? [] : [{ code: "manifest-beside", message: beside, hint: hints["claims-differ"] }]),
      ...(source?.differences ?? []).map((message) => ({ code: "source-differs", message, hint: sourceHint })),
      ...[...claims, ...proof.findings].map(findingOf),
    ];
    const milliseconds = Math.round(performance.now() - started);
    const print = options.format === "json" ? printJson : printPretty;
    terminal.out(print(name, proof, findings, milliseconds, { signature, source }));
    return findings.length === 0 ? exitCode.fine : exitCode.inputWrong;
  },
};

const sourceHint =
  "the bundle is not what this project and this castgate make: compile it, or verify it with what made it";

/** The time at which certificates are judged. */
function timeOf(text: string | undefined, key: string | undefined): Date {
  if (text === undefined) return new Date();
  if (key === undefined) throw new UsageError("--at judges certificates, so it needs --key");
  const isTime =
    /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d))?$/.test(text) && !Number.isNaN(Date.parse(text));
  if (!isTime)
    throw new UsageError(`--at cannot be ${JSON.stringify(text)}`, "it is a time, as 2026-11-30T12:00:00Z, or a day");
  return new Date(text);
}

function findingOf({ code, message, line, operation }: Flaw & { readonly line: number }): VerifyFinding {
  return { code, message, hint: hints[code], line, ...(operation !== undefined && { operation }) };
}

function printJson(
  bundle: string,
  proof: Proof,
  findings: readonly VerifyFinding[],
  milliseconds: number,
  { signature, source }: Comparisons,
): string {
  const { operations, proven, publicOperations, ways, comparisons, knownStatements } = proof;
  const result = {
    bundle,
    proven: findings.length === 0,
    operations,
    provenOperations: proven,
    publicOperations,
    ways,
    comparisons,
    knownStatements,
    milliseconds,
    ...(signature && { signer: signature.signer ?? null, signedFiles: signature.files }),
    ...(source && { sameAsSource: source.differences.length === 0, otherLayout: source.layout }),
    findings,
  };
  return `${JSON.stringify(result, undefined, 2)}\n`;
}

/** More of them say nothing new. */
const mostShown = 50;

function printPretty(
  bundle: string,
  proof: Proof,
  findings: readonly VerifyFinding[],
  milliseconds: number,
  { signature, source }: Comparisons,
): string {
  const lines = findings
    .slice(0, mostShown)
    .flatMap(({ code, message, hint, line, operation }) => [
      `error[${code}]: ${operation === undefined ? "" : `${operation}: `}${message}`,
      `  --> ${bundle}${line === undefined ? "" : `:${line}`}`,
      `  = hint: ${hint}`,
    ]);
  if (findings.length > mostShown) lines.push(`... and ${findings.length - mostShown} more`);
  const { operations, proven, publicOperations, ways, comparisons, knownStatements } = proof;
  if (findings.length > 0) {
    lines.push(
      proof.findings.length > 0
        ? `${bundle}: not proven; ${proven} of ${operations} operations are`
        : `${bundle}: refused, though its ${operations} operations are proven to make the checks that it claims`,
    );
    return `${lines.join("\n")}\n`;
  }
  lines.push(
    `${bundle}: proven in ${milliseconds} ms`,
    `  ${operations} operations, each reached by its paths and its method alone`,
    `  ${ways} ways through their handlers, each with all of its checks (${comparisons} comparisons)`,
    `  ${knownStatements} statements of the runtime and its libraries, those of this version`,
    `  ${publicOperations.length} public operations${publicOperations.length === 0 ? "" : ":"}`,
    ...publicOperations.map((name) => `    ${name}`),
    ...(signature === undefined ? [] : [`  signed by ${signature.signer}: ${signature.files.join(", ")}`]),
    ...(source === undefined ? [] : [`  ${source.bytes} bytes, the same as the project compiles to`]),
    ...(source?.layout ?? []).map((difference) => `    ${difference} in its layout alone`),
  );
  return `${lines.join("\n")}\n`;
}
