/** express-gateway with the settings of a folder. From the environment: MODULES (folder of the packages), CONFIG. */
import { cpSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(`${process.env.MODULES}/package.json`);
const own = join(dirname(require.resolve("express-gateway/package.json")), "lib", "config", "models");
cpSync(own, join(process.env.CONFIG, "models"), { recursive: true });
process.env.LOG_LEVEL ??= "error";
require("express-gateway")().load(process.env.CONFIG).run();
