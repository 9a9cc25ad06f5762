import type { GatewayModel } from "../model/gateway-model.ts";
import { canonicalOf } from "./canonical.ts";
import type { KnownPart } from "./compare-known.ts";
import type { Flaw } from "./finding.ts";

/**
 * The project's own code does what the project wants, and nothing of it is proven but this: it is there because the manifest says
 * so, and uses no name of the runtime or of generated code, so that it can reach no backend through them. Returns the files by
 * the names that they declare.
 */
export function checkProjectCode(
  text: string,
  statements: KnownPart["rest"],
  part: KnownPart,
  gateway: GatewayModel,
  flaws: Flaw[],
): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const { label, declared } of statements) {
    for (const name of declared) files.set(name, label.slice("project:".length));
  }
  const others = new Set(part.declared);
  for (const { declared } of part.rest) for (const name of declared) if (!files.has(name)) others.add(name);
  for (const { node } of statements) {
    if (gateway.extensions.length === 0) {
      const message = "the manifest names no code of the project";
      flaws.push({ code: "project-code-unclaimed", message, offset: node.start });
    }
    for (const name of canonicalOf(text, node).globals) {
      if (others.has(name)) {
        flaws.push({ code: "name-misused", message: `the project's own code uses ${name}`, offset: node.start });
      } else if (name === "require" || name === "eval" || name === "Function") {
        flaws.push({ code: "name-misused", message: `the project's own code loads other code`, offset: node.start });
      }
    }
  }
  return files;
}
