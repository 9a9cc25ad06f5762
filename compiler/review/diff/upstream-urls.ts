import type { UpstreamModel } from "../../model/gateway-model.ts";
import type { ChangeCode } from "./catalogue.ts";
import { isEqual, listed, setDifference } from "./order.ts";

/** Adds a finding about an upstream. */
export type AddUpstreamChange = (code: ChangeCode, message: string, before?: string, after?: string) => void;

/** Which URLs a backend has. Another host cannot be ordered; whether requests go in clear can. */
export function diffUrls(before: UpstreamModel, after: UpstreamModel, what: string, add: AddUpstreamChange): void {
  const [old, now] = [before.urls.map(normalized), after.urls.map(normalized)];
  const [from, to] = [listed(before.urls), listed(after.urls)];
  const { added, removed } = setDifference(old, now);
  const others = (urls: readonly string[], known: readonly string[]) => {
    const places = new Set(known.map(schemeless));
    return urls.filter((url) => !places.has(schemeless(url)));
  };
  const [isClearBefore, isClearAfter] = [old.some(isClear), now.some(isClear)];
  if (isClearAfter && (!isClearBefore || added.some((url) => isClear(url) && old.includes(secured(url)))))
    add("backend-in-clear", `requests go to ${what} in clear now`, from, to);
  if (isClearBefore && (!isClearAfter || removed.some((url) => isClear(url) && now.includes(secured(url)))))
    add("backend-encrypted", `requests no longer go to ${what} in clear`, from, to);
  const [unknown, gone] = [others(added, removed), others(removed, added)];
  if (unknown.length > 0 && gone.length > 0)
    add("backend-url-changed", `requests go to ${listed(unknown)} instead of ${listed(gone)}`, from, to);
  else if (unknown.length > 0) add("backend-url-added", `requests may go to ${listed(unknown)} too`, from, to);
  else if (gone.length > 0) add("backend-url-removed", `requests no longer go to ${listed(gone)}`, from, to);
  else if (added.length + removed.length === 0 && !isEqual(old, now))
    add("backend-order-changed", `the URLs of ${what} are listed in another order`, from, to);
  if (!isEqual(keysOf(before), keysOf(after))) {
    const [keyBefore, keyAfter] = [listed(keysOf(before)) || "none", listed(keysOf(after)) || "none"];
    add(
      "backend-etcd-changed",
      `what stands in etcd decides otherwise where requests for ${what} go`,
      keyBefore,
      keyAfter,
    );
  }
}

function keysOf({ fromEtcd, urls }: UpstreamModel): readonly string[] {
  return (fromEtcd ?? []).map(({ index, key }) => `${key} for ${normalized(urls[index] ?? "")}`).sort();
}

/** Case of the host, the usual port, and one slash at the end say nothing (R-RTE-04). */
function normalized(url: string): string {
  if (!URL.canParse(url)) return url;
  const { href } = new URL(url);
  return href.replace(/\/(?=$|\?)/, "");
}

function isClear(url: string): boolean {
  return url.startsWith("http:");
}

function secured(url: string): string {
  return url.replace(/^http:/, "https:");
}

function schemeless(url: string): string {
  return url.replace(/^https?:/, "");
}
