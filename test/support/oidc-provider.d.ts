/** Of npm `oidc-provider`, what tests use. */
declare module "oidc-provider" {
  import type { RequestListener } from "node:http";

  export default class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
    callback(): RequestListener;
    readonly Client: { find(id: string): Promise<unknown> };
    readonly Grant: new (
      of: Readonly<Record<string, unknown>>,
    ) => { addOIDCScope(scope: string): void; save(): Promise<string> };
    readonly AccessToken: new (
      of: Readonly<Record<string, unknown>>,
    ) => { save(): Promise<string> };
  }
}
