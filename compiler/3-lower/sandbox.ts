import type { LoweringNote, OperationModel } from "../model/gateway-model.ts";

/**
 * Sandbox endpoints that no request reaches: only tokens and API keys say that they are of a sandbox, all other callers count as
 * PRODUCTION (T-END-13). One note for each endpoint.
 */
export function sandboxNotes(operations: readonly OperationModel[]): readonly LoweringNote[] {
  const found = new Map<string, { readonly note: LoweringNote; isReached: boolean }>();
  for (const { backend, access, method, template } of operations) {
    const sandbox = backend.kind === "forward" ? backend.sandbox : undefined;
    if (sandbox === undefined) continue;
    const { file, pointer } = sandbox.origin;
    const key = `${file}#${pointer}`;
    const args = { operation: `${method} ${template}` };
    const entry = found.get(key) ?? {
      note: { code: "sandbox-unreachable", ref: sandbox.origin, args },
      isReached: false,
    };
    found.set(key, entry);
    entry.isReached ||= access.kind !== "public" && access.anyOf.some(({ allOf }) => allOf.some(namesKeyType));
  }
  return [...found.values()].filter(({ isReached }) => !isReached).map(({ note }) => note);
}

function namesKeyType({ kind }: { readonly kind: string }): boolean {
  return kind === "oauth2" || kind === "api-key";
}
