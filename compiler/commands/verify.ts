import { resolve } from "node:path";
import { readBundle } from "../review/bundle-file.ts";
import { checkClaims } from "../verify/claims.ts";
import { contentProblem } from "../verify/embedded-manifest.ts";
import { type Flaw, hints } from "../verify/finding.ts";
import { lineOf } from "../verify/syntax.ts";
import { type Proof, verifyBundle } from "../verify/verify-bundle.ts";
import { type Command, exitCode } from "./command.ts";

/** Something about a bundle that is not proven. */
export interface VerifyFinding {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** Of the bundle, from 1; undefined: it is about all of it. */
  readonly line?: number;
  readonly operation?: string;
}

/** `castgate verify <bundle>`: the proof. */
export const verifyCommand: Command = {
  name: "verify",
  summary: "prove that a bundle reaches no backend without its checks",
  usage: "verify <bundle>",
  positionals: [1, 1],
  options: {
    format: { choices: ["pretty", "json"], default: "pretty", describe: "how the result is printed" },
  },
  details: `Reads the bundle as Node would, runs nothing of it, and shows that

  - its bytes are those that castgate wrote (the digest in its manifest);
  - each operation of the manifest is reached by exactly its paths and its method, and nothing else is reached;
  - every way through its handler makes its checks, in order, each decisive, before its only backend call, or it stands in the
    list of public operations;
  - the rest of the bundle is the runtime and the libraries of this castgate, statement by statement.

  castgate verify shop/target/shop.cjs
  castgate verify shop/target/shop.cjs --format=json

Exit codes: 0 proven; 1 not proven, or no bundle; 2 wrong usage; 70 a bug of castgate.`,
  async run({ positionals: [name = ""], options }, terminal) {
    const bundle = await readBundle(name, resolve(terminal.folder, name));
    const started = performance.now();
    const { text, manifest, model } = bundle;
    const proof = await verifyBundle(text, model);
    const claims = checkClaims(manifest.manifest, model, manifest.start).map((flaw) => ({
      ...flaw,
      line: lineOf(text, flaw.offset),
    }));
    const content = contentProblem(text, manifest);
    const findings: VerifyFinding[] = [
      ...(content === undefined ? [] : [{ code: "digest-wrong", message: content, hint: hints["digest-wrong"] }]),
      ...[...claims, ...proof.findings].map(findingOf),
    ];
    const milliseconds = Math.round(performance.now() - started);
    const print = options.format === "json" ? printJson : printPretty;
    terminal.out(print(name, proof, findings, milliseconds));
    return findings.length === 0 ? exitCode.fine : exitCode.inputWrong;
  },
};

function findingOf({ code, message, line, operation }: Flaw & { readonly line: number }): VerifyFinding {
  return { code, message, hint: hints[code], line, ...(operation !== undefined && { operation }) };
}

function printJson(bundle: string, proof: Proof, findings: readonly VerifyFinding[], milliseconds: number): string {
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
    findings,
  };
  return `${JSON.stringify(result, undefined, 2)}\n`;
}

/** More of them say nothing new. */
const mostShown = 50;

function printPretty(bundle: string, proof: Proof, findings: readonly VerifyFinding[], milliseconds: number): string {
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
    lines.push(`${bundle}: not proven; ${proven} of ${operations} operations are`);
    return `${lines.join("\n")}\n`;
  }
  lines.push(
    `${bundle}: proven in ${milliseconds} ms`,
    `  ${operations} operations, each reached by its paths and its method alone`,
    `  ${ways} ways through their handlers, each with all of its checks (${comparisons} comparisons)`,
    `  ${knownStatements} statements of the runtime and its libraries, those of this version`,
    `  ${publicOperations.length} public operations${publicOperations.length === 0 ? "" : ":"}`,
    ...publicOperations.map((name) => `    ${name}`),
  );
  return `${lines.join("\n")}\n`;
}
