import type { CompileHost } from "../../compiler/host.ts";
import { memoryHost } from "../support/memory-host.ts";

/** How a published definition is made a project. */
export interface Pass {
  readonly compatibility: "wso2-3.2" | "standard";
  /**
   * Adds a production endpoint to the root, for definitions whose servers are relative or missing: so that the phases
   * after the checks see them, too.
   */
  readonly withBackend: boolean;
  /** Bundling takes most of the time of a small definition. */
  readonly upTo: "emit" | "bundle";
}

type ProjectPass = Omit<Pass, "upTo">;

/** The project of one definition, in memory. `name` ends in the definition's own extension. */
export function projectOf(name: string, text: string, pass: ProjectPass): CompileHost {
  return memoryHost(projectFiles(name, text, pass));
}

/** The same as files. */
export function projectFiles(name: string, text: string, pass: ProjectPass): Record<string, string> {
  const extension = name.endsWith(".json") ? "json" : "yaml";
  return {
    [`api_definitions/definition.${extension}`]: pass.withBackend ? addBackend(text, extension) : text,
    "policies.yaml": policies,
    // A project without this file is a migrated one: wso2-3.2.
    ...(pass.compatibility === "standard" ? { "castgate.yaml": "compatibility: standard\n" } : {}),
  };
}

const backend = '"x-wso2-production-endpoints": {"urls": ["https://backend.example.com"]}';

/** As text, so that the places of all other values stay where they were. */
function addBackend(text: string, extension: "json" | "yaml"): string {
  if (extension === "yaml") return `${text.trimEnd()}\n${backend}\n`;
  return text.replace(/\}\s*$/, () => `,${backend}}`);
}

/** Both policies that a call without further tiers is counted against; large enough for any table of requests. */
const policies = `subscriptionPolicies:
  - Default: {count: 1000000000, unitTime: 1, timeUnit: min}
  - Unauthenticated: {count: 1000000000, unitTime: 1, timeUnit: min}
`;
