import { applicationSecurity } from "./application-security.ts";
import { backend } from "./backend.ts";
import { basePath } from "./base-path.ts";
import { definitionFindings } from "./definition-findings.ts";
import { duplicateApi } from "./duplicate-api.ts";
import { extensionKeys } from "./extension-keys.ts";
import { pathParameters } from "./path-parameters.ts";
import { projectExtras } from "./project-extras.ts";
import { quotaArithmetic } from "./quota-arithmetic.ts";
import { routes } from "./routes.ts";
import type { Rule } from "./rule.ts";
import { secrets } from "./secrets.ts";
import { securitySchemes } from "./security-schemes.ts";
import { slowPatterns } from "./slow-patterns.ts";
import { stopOnQuota } from "./stop-on-quota.ts";
import { tiers } from "./tiers.ts";
import { unbuiltFeatures } from "./unbuilt-features.ts";
import { unreachableRoutes } from "./unreachable-routes.ts";
import { unusedEndpoints } from "./unused-endpoints.ts";
import { unusedSchemes } from "./unused-schemes.ts";
import { unusedTiers } from "./unused-tiers.ts";

/** What is no mistake by itself, but seldom meant. They run last: a place that they name may hold a mistake as well. */
export const lints: readonly Rule[] = [
  quotaArithmetic,
  secrets,
  slowPatterns,
  stopOnQuota,
  unusedEndpoints,
  unusedSchemes,
  unusedTiers,
];

/** All rules, in the order in which they run. The order changes nothing but which of two findings at one place says more. */
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
  ...lints,
];
