import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { dirname, resolve } from "node:path";
import { printableJson } from "../diagnostics/printable.ts";
import type { ReviewedRequest } from "../review/explain/request.ts";
import type { SettingsInput } from "../review/explain/run-time-settings.ts";
import { type Arguments, type Command, CommandFailure, exitCode, type Terminal, UsageError } from "./command.ts";

/** `castgate explain <project, revision or bundle> <METHOD> <path>`: what becomes of one request. */
export const explainCommand: Command = {
  name: "explain",
  summary: "say what becomes of a request: operation, checks, limits, backend",
  usage: "explain <dir | bundle | revision:path> <METHOD> <path> [-- <settings>]",
  positionals: [3, 3],
  options: {
    header: {
      type: "array",
      string: true,
      alias: "H",
      defaultDescription: "'NAME: VALUE'",
      describe: "a header field; as often as needed",
    },
    scheme: { choices: ["http", "https"], default: "http", describe: "the listener that the request comes to" },
    listener: { choices: ["api", "token"], default: "api", describe: "that of the APIs, or the one of tokens (https)" },
    from: {
      type: "string",
      requiresArg: true,
      default: "127.0.0.1",
      defaultDescription: "ADDRESS",
      describe: "address of the client, or of the proxy before it",
    },
    "client-cert": {
      type: "string",
      requiresArg: true,
      defaultDescription: "FILE",
      describe: "certificate that the client shows in the TLS handshake (PEM)",
    },
    config: {
      type: "string",
      requiresArg: true,
      defaultDescription: "FILE",
      describe: "run-time settings: issuers and their certificates, users, trusted proxies, overrides",
    },
    format: { choices: ["pretty", "json"], default: "pretty", describe: "json: all of it as data" },
  },
  details: `Tells, without a server and without the network, what the gateway does with a request: the path as it is matched and
forwarded, the operation, each check in order with the place where it was written and the line of generated code, what is
counted against which tier, and the URL of the backend; or which check refuses it, with the fault as the client gets it.

<path> goes with its query, exactly as a client sends it. A bundle is read, not run. Nothing is fetched: issuers with keys
at a URL, key managers, event hubs and the like are taken at their word, and the output says so. Without --config, and
without settings behind --, credentials cannot be judged: one that is well-formed and has not expired counts as accepted.

  castgate explain shop GET /petstore/v3/pet/7 -H "Authorization: Bearer $TOKEN" --config shop/conf/micro-gw.conf
  castgate explain shop/target/shop.cjs GET /petstore/v3/pet/7 --format=json
  castgate explain HEAD~1:shop DELETE "/petstore/v3/pet/a%2Fb"

Exit codes: 0, also for a request that is refused; 1 the input has errors; 2 wrong usage; 70 a bug of castgate.`,
  async run(args, terminal) {
    const [spec = ""] = args.positionals;
    const request = requestOf(args, terminal);
    const input = await settingsInput(args, terminal);
    // Loaded when needed: `help` and the like answer at once.
    const { sideOf } = await import("./read-side.ts");
    const side = await sideOf(spec, terminal);
    if (side === undefined) return exitCode.inputWrong;
    const { openExplainer } = await import("../review/explain/explain.ts");
    const explainer = await openExplainer(side, input);
    if (!("explain" in explainer)) {
      terminal.err(`${explainer.join("\n")}\n`);
      return exitCode.inputWrong;
    }
    const explanation = await explainer.explain(request);
    if (args.options.format === "json") terminal.out(`${printableJson(explanation)}\n`);
    else terminal.out((await import("../review/explain/render-text.ts")).renderExplanation(explanation));
    return exitCode.fine;
  },
};

function requestOf({ positionals, options }: Arguments, terminal: Terminal): ReviewedRequest {
  const [, method = "", target = ""] = positionals;
  if (method === "") throw new UsageError("the method is empty");
  refuseBreak("the method", method);
  refuseBreak("the path", target);
  const from = options.from as string;
  if (isIP(from) === 0) throw new UsageError(`--from is no address: ${from}`);
  const listener = options.listener as "api" | "token";
  const scheme = listener === "token" ? "https" : (options.scheme as "http" | "https");
  const file = options["client-cert"] as string | undefined;
  if (file !== undefined && scheme === "http")
    throw new UsageError("--client-cert needs --scheme=https: certificates are shown in the TLS handshake");
  return {
    method: bytesOf(method),
    target: bytesOf(target),
    headers: ((options.header ?? []) as string[]).map(fieldOf),
    scheme,
    listener,
    from,
    certificate: file === undefined ? undefined : certificateIn(resolve(terminal.folder, file), file),
  };
}

function fieldOf(text: string): readonly [name: string, value: string] {
  const colon = text.indexOf(":");
  if (colon < 1) throw new UsageError(`-H needs a name and a value: "${text}"`, "as in -H 'Accept: text/plain'");
  refuseBreak("-H", text);
  return [bytesOf(text.slice(0, colon)), bytesOf(text.slice(colon + 1).trim())];
}

/** More than one line would be more than one request. */
function refuseBreak(what: string, text: string): void {
  if (/[\r\n]/.test(text)) throw new UsageError(`${what} holds a line break`);
}

/** As clients send what is typed: in UTF-8, here one character a byte. */
function bytesOf(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

function certificateIn(path: string, name: string): Uint8Array {
  try {
    return new X509Certificate(readFileSync(path)).raw;
  } catch (error) {
    throw new CommandFailure(`--client-cert ${name}: ${reasonOf(error, "no certificate in PEM or DER")}`);
  }
}

function reasonOf(error: unknown, otherwise: string): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EISDIR") return "it is a folder";
  return code === "EACCES" ? "it may not be read" : otherwise;
}

/** Undefined: none were given. */
async function settingsInput({ options, rest }: Arguments, terminal: Terminal): Promise<SettingsInput | undefined> {
  const { settingsOfWords } = await import("../review/explain/run-time-settings.ts");
  const more = settingsOfWords(rest);
  if (typeof more === "string") throw new UsageError(`behind --: ${more}`, "as in -- --listenerConfig.httpPort=8080");
  const name = options.config as string | undefined;
  if (name === undefined && rest.length === 0) return undefined;
  const path = name === undefined ? undefined : resolve(terminal.folder, name);
  return {
    file: path === undefined ? undefined : { name: name as string, text: textIn(path, name as string) },
    overrides: more.overrides,
    allowKnownDefaults: more.allowKnownDefaults,
    env: terminal.env,
    fileFolder: path === undefined ? terminal.folder : dirname(path),
    workingFolder: terminal.folder,
  };
}

function textIn(path: string, name: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new CommandFailure(`--config ${name}: ${reasonOf(error, "cannot be read")}`);
  }
}
