import type {
  Alternative,
  ApiModel,
  AuthScheme,
  GatewayModel,
  OperationModel,
  ScopeRule,
} from "../../model/gateway-model.ts";
import type { CorsFacts } from "../../model/loaded-project.ts";
import { expectedDeny, expectedLimits, missingTier } from "./limits.ts";
import { expectedUpstream } from "./upstream.ts";
import {
  call,
  caller,
  constant,
  type Expected,
  list,
  literal,
  member,
  method,
  record,
  texts,
  verdict,
  x,
} from "./value.ts";

/** One thing that a handler does, in order; nothing else may happen between two of them. */
export type Step =
  /** A member of the exchange is set. */
  | { readonly kind: "set"; readonly member: string; readonly value: Expected }
  /** A call; its settled result is then known by this name. */
  | { readonly kind: "do"; readonly call: Expected; readonly awaited: boolean; readonly result?: "caller" | "verdict" }
  /** A decision: if the condition is not what `passes` says, `otherwise` is returned at once. */
  | { readonly kind: "test"; readonly condition: Condition; readonly passes: boolean; readonly otherwise: Expected }
  /** What is returned in the end. */
  | { readonly kind: "return"; readonly value: Expected };

/** Something is truthy, or equal to a text. */
export type Condition =
  | { readonly is: "truthy"; readonly value: Expected }
  | { readonly is: "equal"; readonly value: Expected; readonly text: string };

/** What a handler must do, from its first statement to what it returns: the checks that the operation claims, each decisive. */
export function expectedSteps(gateway: GatewayModel, api: ApiModel, operation: OperationModel): readonly Step[] {
  const { access, backend, id } = operation;
  const steps: Step[] = [{ kind: "set", member: "operation", value: literal(id) }];
  const returns = (value: Expected): readonly Step[] => [...steps, { kind: "return", value }];
  if (backend.kind === "not-built") return returns(call("respond/notBuilt", x, texts(backend.features)));

  const apiValue = expectedApi(api);
  const isPublic = access.kind === "public";
  if (access.kind === "public") {
    steps.push({ kind: "do", call: call("authenticate/withholdCredentials", x, apiValue), awaited: false });
  } else {
    const shared = sharedScopes(access.anyOf);
    const ways = constant(`access of ${api.slug} ${id}`, () =>
      list(access.anyOf.map((one) => expectedAlternative(api, one, shared === undefined))),
    );
    steps.push({
      kind: "do",
      call: call("authenticate/authenticate", x, apiValue, ways),
      awaited: true,
      result: "caller",
    });
    steps.push(test(truthy(caller), true, call("respond/refuse", x)));
    if (operation.caller !== undefined) steps.push(expectedCaller(operation.caller.kind));
    if (shared !== undefined) steps.push(expectedScopes(shared));
  }
  if (operation.domains !== undefined) {
    const { rule } = operation.domains;
    const held =
      "claim" in rule
        ? call("domains/fromClaimedDomain", x, caller, literal(rule.header), literal(rule.claim))
        : call("domains/fromDomain", x, literal(rule.header), texts(rule.values));
    steps.push(test(truthy(held), true, call("respond/domainRefused", x)));
  }
  if (operation.upgrades !== undefined) {
    const origins = api.cors === undefined ? [] : [expectedCrossOrigin(api, api.cors)];
    const may = call("upgrade/mayUpgrade", x, texts(operation.upgrades.protocols), ...origins);
    steps.push(test(truthy(may), true, call("respond/originRefused", x)));
  }
  if (operation.denied === true) return returns(call("respond/blocked", x));
  const who = isPublic ? literal(undefined) : caller;
  if (gateway.deny !== undefined) {
    const isDenied: Expected = { is: "call", callee: expectedDeny(gateway.deny), args: [x, who] };
    steps.push(test(truthy(isDenied), false, call("respond/blocked", x)));
  }
  const limits = expectedLimits(gateway, api, operation, apiValue);
  if (limits !== undefined) {
    steps.push({ kind: "do", call: method(limits, "admit", x, who), awaited: true, result: "verdict" });
    steps.push(test(truthy(member(verdict, "allowed")), true, call("respond/tooManyRequests", x, verdict)));
  } else if (missingTier(api, operation) !== undefined) return returns(call("respond/policyMissing", x));

  const keyType = member(caller, "keyType");
  const { production, sandbox } = backend;
  const forwarded = (upstream: NonNullable<typeof production>): Expected => {
    const owner = upstream.level === "api" ? api.slug : `${api.slug} ${id}`;
    const key = `${upstream.environment} of ${owner}`;
    return call(
      "forward/forward",
      x,
      constant(key, () => expectedUpstream(upstream)),
    );
  };
  if (isPublic) {
    // Who has no token counts as PRODUCTION (T-END-13).
    if (production === undefined) return returns(call("respond/noEndpoint", x, literal("PRODUCTION")));
    return returns(forwarded(production));
  }
  if (production !== undefined && sandbox !== undefined) {
    steps.push(test({ is: "equal", value: keyType, text: "PRODUCTION" }, true, forwarded(sandbox)));
    return returns(forwarded(production));
  }
  const only = production ?? sandbox;
  if (only === undefined) return returns(call("respond/noEndpoint", x, keyType));
  const text = production === undefined ? "SANDBOX" : "PRODUCTION";
  steps.push(test({ is: "equal", value: keyType, text }, true, call("respond/noEndpoint", x, keyType)));
  return returns(forwarded(only));
}

/** The API as its checks know it. */
export function expectedApi({ slug, title, version, basePath, authHeader, challenges }: ApiModel): Expected {
  const options = {
    name: literal(title),
    version: literal(version),
    basePath: literal(basePath),
    authHeader: authHeader === undefined ? undefined : literal(authHeader),
    challenges: texts(challenges),
  };
  return constant(`api ${slug}`, () => call("api/api", record(options)));
}

/** Who may call from pages of other origins. */
export function expectedCrossOrigin(api: ApiModel, rules: CorsFacts): Expected {
  return constant(`origins of ${api.slug}`, () => expectedCors(rules));
}

export function expectedCors(rules: CorsFacts): Expected {
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAgeSeconds } = rules;
  const options = {
    allowOrigins: texts(allowOrigins),
    allowMethods: texts(allowMethods),
    allowHeaders: texts(allowHeaders),
    exposeHeaders: texts(exposeHeaders),
    allowCredentials: literal(allowCredentials),
    maxAgeSeconds: maxAgeSeconds === undefined ? undefined : literal(maxAgeSeconds),
  };
  return call("cors/cors", record(options));
}

function test(condition: Condition, passes: boolean, otherwise: Expected): Step {
  return { kind: "test", condition, passes, otherwise };
}

function truthy(value: Expected): Condition {
  return { is: "truthy", value };
}

function expectedCaller(kind: "app" | "user"): Step {
  const [check, wanted] =
    kind === "app"
      ? (["caller-kind/isApplication", "an application"] as const)
      : (["caller-kind/isUser", "a user"] as const);
  return test(truthy(call(check, caller)), true, call("respond/wrongCaller", x, literal(wanted)));
}

function expectedScopes({ need, names }: ScopeRule): Step {
  const check = need === "any" ? "scopes/hasAnyScope" : "scopes/hasAllScopes";
  const held = call(check, caller, texts(names));
  return test(truthy(held), true, call("respond/forbidden", x, caller, texts(names)));
}

/** The rule that every alternative has; one that all have is looked at once, after somebody is let in. */
function sharedScopes([first, ...others]: readonly Alternative[]): ScopeRule | undefined {
  const rule = first?.scopes;
  if (rule === undefined) return undefined;
  const isSame = ({ scopes }: Alternative) =>
    scopes?.need === rule.need &&
    scopes.names.length === rule.names.length &&
    scopes.names.every((name, index) => name === rule.names[index]);
  return others.every(isSame) ? rule : undefined;
}

function expectedAlternative(api: ApiModel, { allOf, scopes }: Alternative, scoped: boolean): Expected {
  const schemes = list(allOf.map((scheme) => expectedScheme(api, scheme)));
  if (!scoped || scopes === undefined) return { is: "either", of: [schemes, record({ allOf: schemes })] };
  const rule = call(scopes.need === "any" ? "scopes/anyScope" : "scopes/allScopes", ...scopes.names.map(literal));
  return record({ allOf: schemes, scopes: rule });
}

function expectedScheme(api: ApiModel, scheme: AuthScheme): Expected {
  const apiValue = expectedApi(api);
  const one = (words: string, value: Expected) => constant(`scheme ${words} of ${api.slug}`, () => value);
  switch (scheme.kind) {
    case "oauth2": {
      const tokens = call("auth-jwt/bearerJwt", apiValue);
      if (scheme.dpop === undefined) return one("oauth2", tokens);
      return one(`oauth2 with dpop ${scheme.dpop}`, call("auth-dpop/dpop", apiValue, tokens, literal(scheme.dpop)));
    }
    case "basic":
      return one("basic", call("auth-basic/basic", apiValue));
    case "mutual-tls":
      return one(
        `mutual-tls ${scheme.presence}`,
        call("auth-mutual-tls/mutualTls", apiValue, literal(scheme.presence)),
      );
    case "api-key": {
      const places = scheme.locations.map((place) => record({ in: literal(place.in), name: literal(place.name) }));
      const words = scheme.locations.map((place) => [place.in, place.name]);
      return one(`api-key ${JSON.stringify(words)}`, call("auth-api-key/apiKey", apiValue, list(places)));
    }
  }
}
