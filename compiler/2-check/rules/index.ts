import { applicationSecurity } from "./application-security.ts";
import { backend } from "./backend.ts";
import { basePath } from "./base-path.ts";
import { definitionFindings } from "./definition-findings.ts";
import { duplicateApi } from "./duplicate-api.ts";
import { extensionKeys } from "./extension-keys.ts";
import { pathParameters } from "./path-parameters.ts";
import { projectExtras } from "./project-extras.ts";
import { routes } from "./routes.ts";
import type { Rule } from "./rule.ts";
import { securitySchemes } from "./security-schemes.ts";
import { tiers } from "./tiers.ts";
import { unbuiltFeatures } from "./unbuilt-features.ts";
import { unreachableRoutes } from "./unreachable-routes.ts";

/** All rules, in the order in which they run. The order changes nothing but that the findings come last. */
export const rules: readonly Rule[] = [
  duplicateApi,
  basePath,
  extensionKeys,
  securitySchemes,
  applicationSecurity,
  tiers,
  backend,
  pathParameters,
  routes,
  unreachableRoutes,
  unbuiltFeatures,
  projectExtras,
  definitionFindings,
];
