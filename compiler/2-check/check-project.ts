import type { DiagnosticLog } from "../diagnostics/log.ts";
import type { ApiFacts, CheckedProject } from "../model/checked-project.ts";
import type { LoadedProject } from "../model/loaded-project.ts";
import { readApi } from "./read/api.ts";
import { readCounters } from "./read/counters.ts";
import { readGrpcApi } from "./read/grpc-api.ts";
import { readPolicies } from "./read/policies.ts";
import type { Reading } from "./read/values.ts";
import { rules } from "./rules/index.ts";

/**
 * Finds every semantic mistake of a project and turns it into typed facts. Undefined once any error was reported, here
 * or while loading. Never throws on what a user wrote.
 */
export function checkProject(loaded: LoadedProject, log: DiagnosticLog): CheckedProject | undefined {
  const { compatibility } = loaded.settings;
  const reading: Reading = { log, compatibility };
  const policies = readPolicies(reading, loaded.policies, loaded.tierFiles);
  const counters = readCounters(reading, loaded.policies);
  const defined = loaded.definitions
    .map((definition) => readApi(reading, definition))
    .filter((api): api is ApiFacts => api !== undefined);
  const apis = [...defined, ...loaded.services.map((service) => readGrpcApi(reading, service))];
  const checked: CheckedProject = { loaded, apis, policies, counters };
  for (const rule of rules) rule.check({ ...checked, compatibility, log });
  return log.hasErrors ? undefined : checked;
}
