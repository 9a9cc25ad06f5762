import { at } from "../../diagnostics/place.ts";
import type { Rule } from "./rule.ts";

/** Files and settings that ask for what is not built. */
export const projectExtras: Rule = {
  codes: ["code-not-built", "deployment-not-built"],
  check({ loaded, log }) {
    const { codeFiles, deployments } = loaded.extras;
    for (const file of codeFiles) log.report("code-not-built", at({ file, pointer: "" }), { file });
    for (const { name, ref } of deployments) log.report("deployment-not-built", at(ref, "key"), { name });
  },
};
