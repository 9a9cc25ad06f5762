import { existsSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Engine } from "castgate/runtime/engine.js";
import type { EngineOptions } from "castgate/runtime/engine-options.js";

/** What carries HTTP in a gateway: `--engine`. */
export type TestedEngine = "node" | "wire";

const modules: Readonly<Record<TestedEngine, string>> = { node: "engine-node.ts", wire: "wire/engine-wire.ts" };
const moduleFile = (engine: TestedEngine): string =>
  path.join(import.meta.dirname, "../../runtime-lib", modules[engine]);

/** The engines that there are; `TEST_ENGINE=wire` narrows that to one. */
export const testedEngines: readonly TestedEngine[] = (Object.keys(modules) as TestedEngine[]).filter(
  (engine) => (process.env.TEST_ENGINE ?? engine) === engine && existsSync(moduleFile(engine)),
);

/** An engine in this process. */
export async function createTestedEngine(name: TestedEngine, options: EngineOptions): Promise<Engine> {
  const { createEngine } = (await import(pathToFileURL(moduleFile(name)).href)) as {
    createEngine(options: EngineOptions): Engine;
  };
  return createEngine(options);
}
