import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePathTemplate } from "../../../../compiler/2-check/read/path-template.ts";
import type { Access, ApiModel, GatewayModel, OperationModel } from "../../../../compiler/model/gateway-model.ts";
import type { HttpMethod } from "../../../../compiler/model/names.ts";
import { diffGateways } from "../../../../compiler/review/diff/diff-gateways.ts";
import { referenceMatcher } from "../../../support/reference-matcher.ts";

/**
 * Random gateways with two APIs, and every request that could tell their routes apart: if some request is answered by the head
 * and refused by the base, the comparison says weaker, and stronger the other way round; and it says neither otherwise.
 */

let seed = Number(process.env.CASTGATE_SEED ?? 5);
function random(below: number): number {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((seed / 2_147_483_648) * below);
}
const oneOf = <T>(list: readonly T[]): T => list[random(list.length)] as T;

const origin = { file: "api.yaml", pointer: "" };
const accesses: Readonly<Record<string, Access>> = {
  public: { kind: "public", why: "security: []", origin },
  token: { kind: "authenticated", anyOf: [{ allOf: [{ kind: "oauth2" }], scopes: undefined }], origin },
  scope: {
    kind: "authenticated",
    anyOf: [{ allOf: [{ kind: "oauth2" }], scopes: { need: "all", names: ["read"] } }],
    origin,
  },
  password: { kind: "authenticated", anyOf: [{ allOf: [{ kind: "basic" }], scopes: undefined }], origin },
};
const callers = ["nobody", "token", "scope", "password"] as const;
type Caller = (typeof callers)[number];
const admitted: Readonly<Record<string, readonly Caller[]>> = {
  public: ["nobody", "token", "scope", "password"],
  token: ["token", "scope"],
  scope: ["scope"],
  password: ["password"],
};

/** `GET /a/{x}` and who may call it. */
interface Line {
  readonly api: "/" | "/a";
  readonly method: HttpMethod;
  readonly template: string;
  readonly access: string;
}

const parts = ["a", "b", "{x}", "{x}.b", "b{x}"];

function randomLine(): Line {
  const path = Array.from({ length: 1 + random(2) }, () => oneOf(parts));
  if (random(6) === 0) path[path.length - 1] = "*";
  return {
    api: random(4) === 0 ? "/a" : "/",
    method: random(3) === 0 ? "PUT" : "GET",
    template: `/${path.join("/")}`,
    access: oneOf(Object.keys(accesses)),
  };
}

function unique(lines: readonly Line[]): readonly Line[] {
  return [...new Map(lines.map((line) => [`${line.api} ${line.method} ${line.template}`, line])).values()];
}

function modelOf(lines: readonly Line[]): GatewayModel {
  const apis = (["/", "/a"] as const)
    .filter((path) => lines.some(({ api }) => api === path))
    .map((basePath) => {
      const operations = lines
        .filter(({ api }) => api === basePath)
        .map(({ method, template, access }): OperationModel => {
          const read = parsePathTemplate(template, { ignoreTrailingSlash: false, encodedSlash: false });
          assert.ok(read.kind === "segments");
          const production = { urls: ["https://b.test"], timeoutMs: 1000, pipelining: 1, environment: "production" };
          const backend = { kind: "forward", production, sandbox: undefined };
          const throttle = { resource: undefined, fromCaller: false, unauthenticated: undefined };
          return {
            method,
            template,
            segments: read.segments,
            access: accesses[access],
            backend,
            throttle,
            origin,
          } as unknown as OperationModel;
        });
      return {
        basePath,
        title: basePath,
        version: "1",
        transports: ["http", "https"],
        challenges: [],
        operations,
        origin,
      };
    });
  return {
    compatibility: "standard",
    apis: apis as unknown as readonly ApiModel[],
    callerTiers: { application: [], subscription: [] },
    counters: undefined,
    faults: { api: "fault", global: "fault" },
    builtinPaths: [],
    replacedServices: [],
    builtinCors: undefined,
    features: [],
    extensions: [],
  };
}

/** Everything that these templates could tell apart: `c` stands for what no literal is. */
const segments: readonly string[] = ["a", "b", "c", "c.b", "bc", "bc.b"];
const longer = (paths: readonly string[]) => paths.flatMap((path) => segments.map((segment) => `${path}/${segment}`));
const [one, two] = [longer([""]), longer(longer([""]))];
const targets = ["/", ...one, ...two, ...longer(two), ...two.flatMap((path) => [`/a${path}/c`, `${path}/c/c`])];

/** Who gets an answer to which request: `GET /a/b token`. */
function answered(lines: readonly Line[]): ReadonlySet<string> {
  const found = new Set<string>();
  const apis = (["/", "/a"] as const).map((base) => {
    const own = lines.filter(({ api }) => api === base);
    return {
      base,
      own,
      match: referenceMatcher(
        own.map(({ template }) => template),
        { compatibility: "standard" },
      ),
    };
  });
  const [root, below] = apis as [(typeof apis)[number], (typeof apis)[number]];
  for (const target of targets) {
    const isBelow = below.own.length > 0 && (target === "/a" || target.startsWith("/a/"));
    const { own, match } = isBelow ? below : root;
    const verdict = match(isBelow ? target.slice(2) || "/" : target);
    if (verdict.kind !== "route") continue;
    // Names of parameters are alike, so that a template is a route.
    for (const { method, access } of own.filter(({ template }) => template === verdict.template)) {
      for (const caller of admitted[access] ?? []) found.add(`${method} ${target} ${caller}`);
    }
  }
  return found;
}

test("weaker where some request is answered that was refused, stronger where one is refused that was answered", () => {
  for (let round = 0; round < 400; round++) {
    const base = unique(Array.from({ length: 1 + random(6) }, randomLine));
    // One or two edits.
    let head = [...base];
    for (let edit = 0; edit <= random(2); edit++) {
      const at = random(head.length + 1);
      const old = head[at];
      if (old === undefined || random(3) === 0) head.push(randomLine());
      else if (random(2) === 0) head.splice(at, 1);
      else head[at] = { ...old, access: oneOf(Object.keys(accesses)) };
    }
    head = [...unique(head)];
    if (head.length === 0) continue;
    const [before, after] = [answered(base), answered(head)];
    const changes = diffGateways(modelOf(base), modelOf(head));
    const said = (verdict: string) => changes.some((change) => change.verdict === verdict);
    const more = [...after].filter((one) => !before.has(one));
    const less = [...before].filter((one) => !after.has(one));
    const shown = () =>
      JSON.stringify(
        { base, head, more, less, changes: changes.map(({ verdict, code, message }) => [verdict, code, message]) },
        undefined,
        1,
      );
    assert.equal(said("weaker"), more.length > 0, shown());
    assert.equal(said("stronger"), less.length > 0, shown());
  }
});
