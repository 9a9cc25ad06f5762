/** What the command line of a bundle asks for. */
export type CommandLine =
  | { readonly kind: "help" | "manifest" | "version" }
  | { readonly kind: "error"; readonly message: string }
  | Options;

/** `wire`: our own data path. `node`: node:http and undici. */
export type EngineName = "wire" | "node";

/** Of the engine `wire`, for plain connections. `handles`: on libuv's handles, which Node does not make public. */
export type TransportName = "net" | "handles";

export interface Options {
  readonly kind: "run";
  readonly config: string | undefined;
  readonly checkOnly: boolean;
  readonly workers: number;
  readonly engine: EngineName;
  readonly transport: TransportName;
  readonly allowKnownDefaults: boolean;
  /** File of the starter that is to be written at the end. */
  readonly precompile: string | undefined;
  /** `--name=value` for every setting and endpoint, in order. */
  readonly overrides: readonly (readonly [name: string, value: string])[];
}

const engines: readonly EngineName[] = ["wire", "node"];
const transports: readonly TransportName[] = ["net", "handles"];

export const usage = `Usage: <bundle> [options]
  --config FILE           settings (default: conf/micro-gw.conf, when it is there)
  --<setting>=<value>     one setting or endpoint override, for example --listenerConfig.httpPort=9190
  --engine NAME           what carries HTTP: ${engines.join(" or ")} (default ${engines[0]})
  --transport NAME        how the engine wire uses sockets: ${transports.join(" or ")} (default ${transports[0]})
  --workers N             processes that share the listeners (default 1)
  --precompile FILE       when stopped, write FILE: it starts this bundle with the code that was used compiled already
  --check-config          check the settings and stop: 0 fine, 78 wrong
  --allow-known-defaults  accept well-known passwords and certificates; for tests and trials only
  --manifest              print what the bundle was built from
  --version, --help
`;

/** Reads the arguments after the script's name. Never throws. */
export function readOptions(args: readonly string[]): CommandLine {
  const overrides: (readonly [string, string])[] = [];
  let config: string | undefined;
  let precompile: string | undefined;
  let workers = 1;
  let engine = engines[0] as EngineName;
  let transport = transports[0] as TransportName;
  let checkOnly = false;
  let allowKnownDefaults = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    switch (arg) {
      case "--help":
      case "-h":
        return { kind: "help" };
      case "--manifest":
        return { kind: "manifest" };
      case "--version":
        return { kind: "version" };
      case "--check-config":
        checkOnly = true;
        continue;
      case "--allow-known-defaults":
        allowKnownDefaults = true;
        continue;
    }
    const equals = arg.indexOf("=");
    const name = arg.startsWith("--") ? arg.slice(2, equals === -1 ? undefined : equals) : "";
    if (name === "") return { kind: "error", message: `unexpected argument: ${arg}` };
    if (name === "config" || name === "workers" || name === "engine" || name === "transport" || name === "precompile") {
      const value = equals === -1 ? args[++i] : arg.slice(equals + 1);
      if (value === undefined || value === "") return { kind: "error", message: `--${name} needs a value` };
      if (name === "config") {
        config = value;
      } else if (name === "precompile") {
        precompile = value;
      } else if (name === "engine") {
        const known = engines.find((each) => each === value);
        if (known === undefined) return { kind: "error", message: `--engine needs one of: ${engines.join(", ")}` };
        engine = known;
      } else if (name === "transport") {
        const known = transports.find((each) => each === value);
        if (known === undefined)
          return { kind: "error", message: `--transport needs one of: ${transports.join(", ")}` };
        transport = known;
      } else {
        workers = /^\d{1,3}$/.test(value) ? Number(value) : 0;
        if (workers < 1) return { kind: "error", message: "--workers needs a number from 1 to 999" };
      }
      continue;
    }
    // The value is not repeated: it may be a password.
    if (equals === -1)
      return { kind: "error", message: `unknown option --${name}; a setting is given as --${name}=...` };
    overrides.push([name, arg.slice(equals + 1)]);
  }
  if (precompile !== undefined && checkOnly)
    return { kind: "error", message: "--precompile is for a gateway that serves, not for --check-config" };
  if (precompile !== undefined && workers > 1)
    return { kind: "error", message: "--precompile needs one process, not --workers" };
  return { kind: "run", config, checkOnly, workers, engine, transport, allowKnownDefaults, precompile, overrides };
}
