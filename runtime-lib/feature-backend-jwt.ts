import { backendJwtModule } from "./backend-jwt.ts";
import type { Feature } from "./feature.ts";

/**
 * Tokens about the caller for backends. Switched on by `jwtGeneratorConfig.jwtGeneratorEnabled`; in `wso2-3.2` always on, since
 * a token's own `backendJwt` passes even when nothing is generated (S-BJW-02), whatever the settings.
 */
export const backendJwt: Feature = {
  name: "backend-jwt",
  enabled: (settings) =>
    settings.compatibility === "wso2-3.2" || settings.boolean("jwtGeneratorConfig.jwtGeneratorEnabled") === true,
  module: backendJwtModule,
};
