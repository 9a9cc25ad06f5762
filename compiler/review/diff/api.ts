import type { ApiModel, OperationModel } from "../../model/gateway-model.ts";
import { diffCors } from "./cors.ts";
import type { Findings } from "./findings.ts";
import { isEqual, listed, setDifference } from "./order.ts";
import type { Routed } from "./route-table.ts";

/** What an API says for all its operations. `takesKeys`: some operation of the base's, or the head's gateway takes API keys. */
export function diffApi(
  base: ApiModel,
  head: ApiModel,
  takesKeys: { readonly base: boolean; readonly head: boolean },
  findings: Findings,
): void {
  diffTransports(base, head, findings);
  diffCors(base.cors, head.cors, operationMethods(base, head), findings, "of this API");
  diffWithheld(base, head, takesKeys, findings);
  if (base.allowEncodedSlash !== head.allowEncodedSlash) {
    if (head.allowEncodedSlash)
      findings.add("encoded-slash-allowed", {
        message: "paths with an encoded slash are taken now; before, they were refused",
      });
    else findings.add("encoded-slash-refused", { message: "paths with an encoded slash are refused now" });
  }
  if (!isEqual([...base.challenges].sort(), [...head.challenges].sort())) {
    const [before, after] = [listed(base.challenges) || "nothing", listed(head.challenges) || "nothing"];
    findings.add("challenges-changed", { message: `a 401 asks for ${after} now`, before, after });
  } else if (!isEqual(base.challenges, head.challenges)) {
    findings.add("challenges-changed", { message: "what a 401 asks for stands in another order" });
  }
  if (base.title !== head.title || base.version !== head.version) {
    const [before, after] = [`${base.title} ${base.version}`, `${head.title} ${head.version}`];
    findings.add("api-renamed", { message: `it is called ${after} now`, before, after });
  }
}

function operationMethods(...apis: readonly ApiModel[]): ReadonlySet<string> {
  return new Set(apis.flatMap(({ operations }) => operations.map(({ method }) => method)));
}

function diffTransports(base: ApiModel, head: ApiModel, findings: Findings): void {
  const { added, removed } = setDifference(base.transports, head.transports);
  const facts = { before: listed([...base.transports].sort()), after: listed([...head.transports].sort()) };
  if (added.includes("http")) findings.add("http-allowed", { ...facts, message: "calls may come in clear now" });
  if (removed.includes("http"))
    findings.add("http-refused", { ...facts, message: "calls may no longer come in clear" });
  if (added.includes("https")) findings.add("https-allowed", { ...facts, message: "calls may come encrypted now" });
  if (removed.includes("https"))
    findings.add("https-refused", { ...facts, message: "calls may no longer come encrypted" });
  if (added.length + removed.length === 0 && !isEqual(base.transports, head.transports))
    findings.add("transports-reworded", { ...facts, message: "the transports stand in another order" });
}

/** Unless the settings say otherwise. */
const usualField = "Authorization";

function diffWithheld(
  base: ApiModel,
  head: ApiModel,
  takesKeys: { readonly base: boolean; readonly head: boolean },
  findings: Findings,
): void {
  const [before, after] = [base.authHeader ?? usualField, head.authHeader ?? usualField];
  const facts = { before, after };
  if (before.toLowerCase() !== after.toLowerCase()) {
    findings.add("credentials-field-changed", { ...facts, message: `credentials are read from ${after} now` });
    findings.add("credentials-field-forwarded", {
      ...facts,
      message: `the field ${before} is no longer kept from the backend`,
    });
    findings.add("credentials-field-withheld", {
      ...facts,
      message: `the field ${after} is kept from the backend now`,
    });
  } else if (base.authHeader !== head.authHeader) {
    const who =
      head.authHeader === undefined ? "the settings decide now" : "the definition decides now, no longer the settings";
    findings.add("credentials-field-reworded", { ...facts, message: `credentials are read from ${after}; ${who}` });
  }
  const { added, removed } = setDifference(keyPlaces(base), keyPlaces(head));
  if (added.length > 0) {
    const message = `${listed(added)} ${added.length === 1 ? "is" : "are"} kept from the backend now`;
    findings.add(takesKeys.base ? "key-withheld" : "key-now-known", { message });
  }
  if (removed.length > 0) {
    const message = `${listed(removed)} ${removed.length === 1 ? "is" : "are"} no longer kept from the backend`;
    // Without any operation that takes them, keys open nothing more.
    findings.add(takesKeys.head ? "key-forwarded" : "key-no-longer-known", { message });
  }
}

/** Where this API's credentials stand beside the usual field. */
function keyPlaces({ operations }: ApiModel): ReadonlySet<string> {
  const places = new Set<string>();
  for (const { access } of operations) {
    if (access.kind === "public") continue;
    for (const { allOf } of access.anyOf) {
      for (const scheme of allOf) {
        if (scheme.kind !== "api-key") continue;
        for (const { in: place, name } of scheme.locations) {
          if (place === "header") places.add(`the field ${name.toLowerCase()}`);
          else places.add(`the ${place === "query" ? "query parameter" : "cookie"} ${name}`);
        }
      }
    }
  }
  return places;
}

/**
 * Of an operation that takes API keys, which name the APIs that they open (S-KEY-03), or certificates, whose table does
 * (S-MTL-02): whether it is that of another API by its name.
 */
export function diffApiName(
  { api: before, operation: old }: Routed,
  { api: after, operation: now }: Routed,
  findings: Findings,
): void {
  if ((before.title === after.title && before.version === after.version) || !namesApi(old) || !namesApi(now)) return;
  const [from, to] = [`${before.title} ${before.version}`, `${after.title} ${after.version}`];
  const message = `keys and certificates that are for ${from} open it no longer, and those for ${to} do`;
  findings.add("api-name-in-credentials", { message, before: from, after: to, step: "authenticate" });
}

function namesApi({ access }: OperationModel): boolean {
  return (
    access.kind !== "public" &&
    access.anyOf.some(({ allOf }) => allOf.some(({ kind }) => kind === "api-key" || kind === "mutual-tls"))
  );
}
