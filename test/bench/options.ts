import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type ScenarioName, scenarioNames } from "./scenarios.ts";

export const parts = ["throughput", "latency", "start", "memory", "idle", "workers", "compile"] as const;
export type Part = (typeof parts)[number];

export const compileProjects = ["petstore", "github", "synthetic", "graph"] as const;
export type CompileProject = (typeof compileProjects)[number];

export interface BenchOptions {
  readonly only: readonly Part[];
  readonly scenarios: readonly ScenarioName[];
  /** Undefined: those that the bundle's help names. */
  readonly engines: readonly string[] | undefined;
  /** Of the engine `wire`. */
  readonly transports: readonly string[];
  readonly nodes: "current" | "lts" | "all";
  readonly rounds: number;
  /** Of each measurement, after `warm` seconds that do not count. */
  readonly seconds: number;
  readonly warm: number;
  readonly rate: number;
  readonly starts: number;
  readonly requests: number;
  readonly connections: number;
  readonly projects: readonly CompileProject[];
  /** Our own alone, and the baseline: for a quick look. */
  readonly peers: boolean;
  readonly check: boolean;
  readonly margin: number;
  /** Folder of RESULTS.json and RESULTS.md. */
  readonly out: string;
  /** Folder for CPU profiles of our own. */
  readonly profile: string | undefined;
}

export const usage = `npm run bench -- [options]
  --only=${parts.join(",")}
  --scenario=all, or some of ${scenarioNames.join(",")}
  --engines=node,...     default: all that the bundle's help names
  --transports=net,handles  of the engine wire; default: net
  --node=current|lts|all default: all
  --rounds=N             default: 5; with --check: 3
  --secs=N --warm=N      of each measurement, and before it; default: 6 and 2; with --check: 3 and 2
  --rate=N               requests a second of the latency part; default: 5000
  --starts=N             default: 20
  --requests=N           of the memory part; default: 1000000
  --connections=N        idle ones that are held; default: 10000
  --projects=${compileProjects.join(",")}
  --no-peers             only nginx and our own
  --check                a short run that writes nothing: exit code 1 when a ratio is worse than the recorded one
  --margin=N             by more than this share; default: 0.15
  --out=FOLDER           of RESULTS.md and RESULTS.json
  --profile=FOLDER       a CPU profile of each run of ours; it costs some speed
`;

/** Reads the arguments; a text says what is wrong with them. */
export function readOptions(args: readonly string[]): BenchOptions | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        scenario: { type: "string" },
        engines: { type: "string" },
        transports: { type: "string", default: "net" },
        node: { type: "string", default: "all" },
        rounds: { type: "string" },
        secs: { type: "string" },
        warm: { type: "string", default: "2" },
        rate: { type: "string", default: "5000" },
        starts: { type: "string", default: "20" },
        requests: { type: "string", default: "1000000" },
        connections: { type: "string", default: "10000" },
        projects: { type: "string", default: compileProjects.join(",") },
        "no-peers": { type: "boolean", default: false },
        check: { type: "boolean", default: false },
        margin: { type: "string", default: "0.15" },
        profile: { type: "string" },
        out: { type: "string", default: fileURLToPath(new URL(".", import.meta.url)) },
      },
    });
    const { check } = values;
    // The short run has what everything else builds on.
    const defaultScenarios = check ? "full,plain,jwt-new" : scenarioNames.join(",");
    const defaultParts = check ? "throughput,start" : parts.join(",");
    return {
      only: listOf("only", values.only ?? defaultParts, parts),
      scenarios: listOf(
        "scenario",
        values.scenario === "all" ? scenarioNames.join(",") : (values.scenario ?? defaultScenarios),
        scenarioNames,
      ),
      engines: values.engines?.split(",").filter((name) => name !== ""),
      transports: listOf("transports", values.transports, ["net", "handles"]),
      nodes: listOf("node", values.node, ["current", "lts", "all"] as const)[0] ?? "all",
      rounds: numberOf("rounds", values.rounds ?? (check ? "3" : "5"), 1),
      seconds: numberOf("secs", values.secs ?? (check ? "3" : "6"), 1),
      warm: numberOf("warm", values.warm, 1),
      rate: numberOf("rate", values.rate, 1),
      starts: numberOf("starts", values.starts, 1),
      requests: numberOf("requests", values.requests, 1),
      connections: numberOf("connections", values.connections, 1),
      projects: listOf("projects", values.projects, compileProjects),
      peers: !values["no-peers"] && !check,
      check,
      margin: numberOf("margin", values.margin, 0),
      out: values.out,
      profile: values.profile,
    };
  } catch (error) {
    return (error as Error).message;
  }
}

function listOf<T extends string>(name: string, text: string, known: readonly T[]): readonly T[] {
  const wanted = text.split(",");
  const unknown = wanted.find((one) => !known.includes(one as T));
  if (unknown !== undefined) throw new Error(`--${name}: "${unknown}" is not one of ${known.join(", ")}`);
  // In the order of the list, whatever the order in which they were named.
  return known.filter((one) => wanted.includes(one));
}

function numberOf(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= least)) throw new Error(`--${name} needs a number of at least ${least}`);
  return value;
}
