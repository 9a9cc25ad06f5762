import { existsSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Engine } from "castgate/runtime/engine.js";
import type { EngineOptions } from "castgate/runtime/engine-options.js";
import { usePlainTransports } from "../../runtime-lib/wire/transport.ts";
import { openHandles } from "../../runtime-lib/wire/transport-handles.ts";

/** What carries HTTP in a gateway: `--engine`. */
export type TestedEngine = "node" | "wire";

const modules: Readonly<Record<TestedEngine, string>> = { node: "engine-node.ts", wire: "wire/engine-wire.ts" };
const moduleFile = (engine: TestedEngine): string =>
  path.join(import.meta.dirname, "../../runtime-lib", modules[engine]);

/** The engines that there are; `TEST_ENGINE=wire` narrows that to one. */
export const testedEngines: readonly TestedEngine[] = (Object.keys(modules) as TestedEngine[]).filter(
  (engine) => (process.env.TEST_ENGINE ?? engine) === engine && existsSync(moduleFile(engine)),
);

/** An engine in this process. `wire` with the transport that `TEST_TRANSPORT` names; that holds for the whole process. */
export async function createTestedEngine(name: TestedEngine, options: EngineOptions): Promise<Engine> {
  if (name === "wire" && process.env.TEST_TRANSPORT === "handles") {
    const opened = openHandles();
    if (typeof opened === "string") throw new Error(opened);
    usePlainTransports(opened);
  }
  const { createEngine } = (await import(pathToFileURL(moduleFile(name)).href)) as {
    createEngine(options: EngineOptions): Engine;
  };
  return createEngine(options);
}
