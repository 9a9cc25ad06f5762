import type { RuntimeModule } from "./module.ts";

/**
 * What a project may write itself, in TypeScript files of its folder `extensions/`. A file exports what it is by name; the name
 * of the file, without `.ts`, is how settings refer to it. The compiler imports the files in generated/gateway.ts, so that
 * their code is in the bundle and nothing is loaded from elsewhere.
 *
 *     // extensions/corp-claims.ts
 *     import type { ClaimTransformer } from "castgate/runtime/extension.js";
 *
 *     export const claimTransformer: ClaimTransformer = ({ groups, ...claims }) => ({
 *       ...claims,
 *       scope: Array.isArray(groups) ? groups.join(" ") : "",
 *     });
 *
 *     # conf/micro-gw.conf
 *     [[jwtTokenConfig]]
 *       claimMapperClassName = "corp-claims"
 */

/**
 * Makes the claims that the gateway goes by out of those of a verified token, after `[[jwtTokenConfig.claims]]` has renamed
 * some. It gets a copy of its own, and is asked once for a token, not for each request. What it cannot change: `iss`, `sub`,
 * `aud`, `exp`, `nbf`, `iat`, `jti` and `cnf`, which are as the issuer wrote them. When it throws, returns something else than
 * an object, or a `scope` that is no string, the token is refused (900901).
 */
export type ClaimTransformer = (claims: Readonly<Record<string, unknown>>) => Record<string, unknown>;

/** What a file of `extensions/` exports. */
export interface Extension {
  readonly claimTransformer?: ClaimTransformer;
}

let byName: ReadonlyMap<string, Extension> = new Map();

/**
 * The project's extensions by the names of their files. Generated gateway.ts lists it before the modules that make use of them:
 *
 *     import { claimTransformer as corpClaims } from "../extensions/corp-claims.js";
 *     modules: [extensions({ "corp-claims": { claimTransformer: corpClaims } }), jwtModule, upstreamModule],
 */
export function extensions(named: Readonly<Record<string, Extension>>): RuntimeModule {
  return {
    name: "extensions",
    configure(_settings, report) {
      byName = new Map(Object.entries(named));
      for (const [name, { claimTransformer }] of byName) {
        // A compiler that checks types would have said so, but bundling does not need one.
        if (claimTransformer !== undefined && typeof claimTransformer !== "function")
          report.error(`extensions/${name}.ts`, "exports a claimTransformer that is not a function");
      }
    },
  };
}

/** The claim transformer of that name; undefined when no file has one. */
export function claimTransformerNamed(name: string): ClaimTransformer | undefined {
  return byName.get(name)?.claimTransformer;
}
