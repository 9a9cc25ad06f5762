import { resolve } from "node:path";
import { type Signer, signatureFile } from "../6-bundle/sign.ts";
import type { Build } from "../compile.ts";
import { type Phase, phases } from "../phases.ts";
import { buildProject, compareBuild, writeBuild } from "./build-project.ts";
import { type Command, exitCode, type Terminal, UsageError } from "./command.ts";
import { printPhase } from "./print-phase.ts";
import { type Format, formats } from "./render.ts";
import { passwordVariable, signerOf } from "./signing-key.ts";

const noContainer = "containers are not built yet: `node:alpine` with target/<project>.cjs copied into it is an image";

/** `castgate compile <dir>`: check, generate, bundle. */
export const compileCommand: Command = {
  name: "compile",
  aliases: ["build"],
  summary: "check a project, generate its code and bundle it",
  usage: "compile <dir>",
  positionals: [1, 1],
  options: {
    check: { type: "boolean", describe: "write nothing; exit 1 if generated/ is not what the project compiles to" },
    format: {
      choices: formats,
      default: "pretty",
      describe: "how diagnostics are printed (anything but pretty: to standard output)",
    },
    "deny-warnings": { type: "boolean", describe: "warnings fail the compilation, too" },
    out: {
      type: "string",
      requiresArg: true,
      defaultDescription: "DIR",
      describe: "write the bundle there instead of into <dir>/target",
    },
    sign: {
      type: "string",
      requiresArg: true,
      defaultDescription: "FILE",
      describe: "sign what is built with the private key in this PEM file, and add its certificates",
    },
    "key-password-file": {
      type: "string",
      requiresArg: true,
      defaultDescription: "FILE",
      describe: `with --sign: a file with the password of the key (else ${passwordVariable} in the environment)`,
    },
    "stop-after": { choices: phases, describe: "end after this phase, and write nothing" },
    print: { type: "boolean", describe: "with --stop-after: print what the phase made, as JSON" },
  },
  details: `Reads api_definitions/ (and gen/api_definitions/), grpc_definitions/, extensions/, policies.yaml, castgate.yaml and
conf/toolkit-config.toml of <dir>.
Reports every mistake at once, each with its place. Without errors, writes

  <dir>/generated/                     TypeScript for review: commit it; routes.txt has one line an operation
  <dir>/target/<name>.cjs              the executable: needs Node and nothing else
  <dir>/target/<name>.manifest.json    digests of the input, operations, what is in the bundle
  <dir>/target/<name>.sbom.json        software bill of materials: CycloneDX 1.6
  <dir>/target/<name>.sources.json     the lines at which operations were written
  <dir>/target/<name>.cjs.sig          with --sign: the signature of all files of target/ (DSSE, in-toto)

<name> is \`name\` in castgate.yaml, else the folder's name. The same input gives the same bytes, on any machine.
Files in generated/ that castgate did not make stay untouched; those that it made and no longer needs are removed.

  castgate compile shop
  castgate compile shop --check --format=github --deny-warnings      in CI
  castgate compile shop --sign release.key.pem                       \`castgate verify --key\` checks it, offline
  castgate compile shop --stop-after=plan --print                    for a bug report

Exit codes: 0 fine; 1 errors, or generated/ is stale with --check; 2 wrong usage; 70 a bug of castgate.`,
  obsolete: {
    "-d": "put the file into <dir>/conf/deployment-config.toml yourself",
    "--deployment-config": "put the file into <dir>/conf/deployment-config.toml yourself",
    "--docker": noContainer,
    "--docker-image": noContainer,
    "--docker-base-image": noContainer,
  },
  async run({ positionals: [folder = ""], options }, terminal) {
    const stopAfter = options["stop-after"] as Phase | undefined;
    const print = options.print === true;
    const check = options.check === true;
    const out = options.out as string | undefined;
    if (print && stopAfter === undefined) throw new UsageError("--print needs --stop-after=<phase>");
    if (check && out !== undefined) throw new UsageError("--check writes nothing, so --out has no meaning with it");
    const format = options.format as Format;
    if (print && format !== "pretty") throw new UsageError("--print and --format would both write to standard output");
    const keyFile = options.sign as string | undefined;
    const passwordFile = options["key-password-file"] as string | undefined;
    if (keyFile !== undefined && (check || stopAfter !== undefined))
      throw new UsageError(`--${check ? "check" : "stop-after"} writes nothing, so there is nothing to sign`);
    if (keyFile === undefined && passwordFile !== undefined)
      throw new UsageError("--key-password-file is for the key that --sign names");
    // Before the work: who cannot sign need not wait for it.
    const signer = keyFile === undefined ? undefined : await signerOf(keyFile, passwordFile, terminal);
    const result = await buildProject(
      {
        folder,
        format,
        denyWarnings: options["deny-warnings"] === true,
        stopAfter: stopAfter ?? (check ? "audit" : undefined),
      },
      terminal,
    );
    if (print && result.value !== undefined) terminal.out(printPhase(result.value));
    if (result.failed) return exitCode.inputWrong;
    if (stopAfter !== undefined || result.build === undefined) return exitCode.fine;
    const root = resolve(terminal.folder, folder);
    if (check) return checkDrift(root, result.build, format, terminal);
    const build = signer === undefined ? result.build : signed(result.build, signer);
    const written = await writeBuild(root, build, out === undefined ? undefined : resolve(terminal.folder, out));
    if (format === "pretty") terminal.out(summary(build, written.changed, written.removed));
    return exitCode.fine;
  },
};

function signed(build: Build, signer: Signer): Build {
  return { ...build, target: [...build.target, signatureFile(build.target, signer)] };
}

async function checkDrift(root: string, build: Build, format: Format, terminal: Terminal): Promise<number> {
  const { changed, stale } = await compareBuild(root, build);
  if (changed.length === 0 && stale.length === 0) {
    if (format === "pretty") terminal.out("generated/ is up to date\n");
    return exitCode.fine;
  }
  const lines = [
    ...changed.map(({ file }) => `  ${file}\n`),
    ...stale.map((file) => `  ${file} (no longer generated)\n`),
  ];
  terminal.err(`generated/ is stale; \`castgate compile\` brings it up to date:\n${lines.join("")}`);
  return exitCode.inputWrong;
}

function summary(build: Build, changed: readonly string[], removed: readonly string[]): string {
  const operations = build.model.apis.flatMap((api) => api.operations);
  const open = operations.filter(({ access }) => access.kind === "public").length;
  const lines = [
    `${build.name}: ${count(operations.length, "operation")} in ${count(build.model.apis.length, "API")}, ${open} of them public`,
    ...shorten(changed.map((file) => `  wrote ${file}`)),
    ...shorten(removed.map((file) => `  removed ${file}, which is no longer generated`)),
  ];
  if (changed.length + removed.length === 0) lines.push("  everything was up to date");
  return `${lines.join("\n")}\n`;
}

function shorten(lines: readonly string[]): string[] {
  const most = 20;
  return lines.length <= most ? [...lines] : [...lines.slice(0, most), `  ... and ${lines.length - most} more files`];
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
