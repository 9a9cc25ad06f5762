import type { Access, GatewayModel } from "../model/gateway-model.ts";
import type { AccessEntry, Manifest } from "../model/manifest.ts";
import type { Flaw } from "./finding.ts";
import { nameOf } from "./routes.ts";

/**
 * Requires that what people and other programs read in a manifest, its lists of operations, says the same as the model that the
 * code is compared with.
 */
export function checkClaims(manifest: Manifest, gateway: GatewayModel, offset: number): Flaw[] {
  const flaws: Flaw[] = [];
  const refuse = (message: string, operation?: string) =>
    flaws.push({ code: "claims-differ", message, offset, operation });
  const operations = gateway.apis.flatMap((api) => api.operations.map((operation) => ({ api, operation })));
  if (manifest.operations.length !== operations.length)
    refuse("the list of operations has another length than the model");
  operations.forEach(({ api, operation }, index) => {
    const entry = manifest.operations[index];
    const name = nameOf(api, operation);
    const isSame =
      entry !== undefined &&
      entry.api === api.slug &&
      entry.operation === operation.id &&
      `${entry.method} ${entry.path}` === name &&
      isSameAccess(entry.access, operation.access);
    if (!isSame) refuse("the list of operations says something else than the model", name);
  });
  const open = operations.filter(({ operation }) => operation.access.kind === "public");
  const names = open.map(({ api, operation }) => nameOf(api, operation));
  const isListed =
    names.length === manifest.publicOperations.length &&
    names.every((name, index) => name === manifest.publicOperations[index]);
  if (!isListed) refuse("the list of public operations says something else than the model");
  if (manifest.compatibility !== gateway.compatibility) refuse("the compatibility is another one than in the model");
  return flaws;
}

function isSameAccess(entry: AccessEntry, access: Access): boolean {
  if (access.kind === "public" || entry === "public") return access.kind === entry;
  return (
    entry.length === access.anyOf.length &&
    access.anyOf.every(({ allOf, scopes }, index) => {
      const listed = entry[index];
      const kinds = allOf.map(({ kind }) => kind).join();
      return (
        listed?.schemes.join() === kinds &&
        listed.scopes?.need === scopes?.need &&
        JSON.stringify(listed.scopes?.names) === JSON.stringify(scopes?.names)
      );
    })
  );
}
