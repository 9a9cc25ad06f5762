import type { UpstreamModel } from "../../model/gateway-model.ts";
import type { ImportList } from "../import-list.ts";
import type { EndpointView, SettingView } from "./template-views.ts";

/** How an upstream is reached, in order. They follow other members. */
export function bindingViews({ pool, appendPath, pins }: UpstreamModel): readonly SettingView[] {
  const settings: SettingView[] = [];
  if (pool !== undefined) {
    const { maxActiveConnections: most, ...others } = pool;
    const limits = Object.entries({ ...(most > 0 && { maxActiveConnections: most }), ...others });
    settings.push({
      kind: "group",
      name: "pool",
      first: false,
      members: limits.map(([name, value], index) => ({ kind: "number", name, value, first: index === 0 })),
    });
  }
  if (appendPath === false) settings.push({ kind: "flag", name: "appendPath", value: false, first: false });
  if (pins !== undefined) settings.push({ kind: "texts", name: "pins", texts: pins, first: false });
  return settings;
}

type CredentialsView = Pick<
  EndpointView,
  "hasScopes" | "headerName" | "scopes" | "sendsHeader" | "sendsToken" | "tokenUrl"
>;

/** What stands around an upstream that sends credentials other than Basic. */
export function credentialsView({ credentials }: UpstreamModel, imports: ImportList): CredentialsView {
  const none = { sendsHeader: false, headerName: "", sendsToken: false, tokenUrl: "", hasScopes: false, scopes: [] };
  if (credentials === undefined) return none;
  if (credentials.type === "header") {
    imports.runtime("upstream-header", "sendHeader");
    return { ...none, sendsHeader: true, headerName: credentials.name };
  }
  imports.runtime("upstream-oauth2", "clientCredentials");
  const { tokenUrl, scopes } = credentials;
  return { ...none, sendsToken: true, tokenUrl, hasScopes: scopes.length > 0, scopes };
}
