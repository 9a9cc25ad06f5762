import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type {
  Access,
  Alternative,
  AuthScheme,
  GatewayModel,
  OperationModel,
} from "../../../../compiler/model/gateway-model.ts";
import type { Compatibility } from "../../../../compiler/model/names.ts";
import { diffAccess } from "../../../../compiler/review/diff/access.ts";
import { ChangeLog } from "../../../../compiler/review/diff/findings.ts";
import { describeWays, waysOf } from "../../../../compiler/review/diff/ways.ts";

const origin = { file: "api.yaml", pointer: "" };
const token: AuthScheme = { kind: "oauth2" };
const proven: AuthScheme = { kind: "oauth2", dpop: "required" };
const password: AuthScheme = { kind: "basic" };
const certificate: AuthScheme = { kind: "mutual-tls", presence: "mandatory" };
const rightCertificate: AuthScheme = { kind: "mutual-tls", presence: "optional" };
const keys = (...names: readonly string[]): AuthScheme => ({
  kind: "api-key",
  locations: names.map((name) => ({ in: "header", name })),
});

type Rule = readonly ["any" | "all", ...string[]];

function way(allOf: readonly AuthScheme[], rule?: Rule): Alternative {
  const [need, ...names] = rule ?? [];
  const scopes = need === undefined ? undefined : { need, names: names as unknown as readonly [string, ...string[]] };
  return { allOf: allOf as unknown as Alternative["allOf"], scopes };
}

function access(...anyOf: readonly Alternative[]): Access {
  if (anyOf.length === 0) return { kind: "public", why: "security: []", origin };
  return { kind: "authenticated", anyOf: anyOf as unknown as readonly [Alternative, ...Alternative[]], origin };
}

function changes(base: Access, head: Access, compatibility: Compatibility = "standard"): readonly string[] {
  const log = new ChangeLog();
  const [before, after] = [base, head].map((one) => ({ access: one }) as OperationModel);
  const gateway = { compatibility } as GatewayModel;
  diffAccess(before as OperationModel, after as OperationModel, gateway, gateway, log.about(undefined));
  return log.sorted().map(({ verdict, message }) => `${verdict}: ${message}`);
}

describe("what changes of who may call are called", () => {
  const cases: readonly (readonly [base: Access, head: Access, expected: readonly string[]])[] = [
    [access(way([token])), access(way([token])), []],
    [access(way([token])), access(), ["weaker: everyone may call now, without credentials; before, it took a token"]],
    [
      access(),
      access(way([token], ["all", "a"])),
      ["stronger: it is no longer public; it takes a token holding the scope a now"],
    ],
    [
      access(way([token])),
      access(way([token]), way([keys("X-Key")])),
      ["weaker: callers with only an API key in the header field x-key may call now"],
    ],
    [
      access(way([token]), way([password])),
      access(way([token])),
      ["stronger: callers with only a user name and password may no longer call"],
    ],
    [
      access(way([certificate, token])),
      access(way([token])),
      ["weaker: a client certificate is no longer asked for beside a token"],
    ],
    [
      access(way([token])),
      access(way([rightCertificate, token])),
      ["stronger: a right client certificate, if any, is asked for now beside a token"],
    ],
    [
      access(way([proven])),
      access(way([token])),
      ["weaker: a token with proof of possession is no longer asked for beside a token"],
    ],
    [
      access(way([token], ["all", "a", "b"])),
      access(way([token], ["all", "a"])),
      ["weaker: the scope b is no longer needed"],
    ],
    [
      access(way([token], ["all", "a"])),
      access(way([token], ["all", "a", "b", "c"])),
      ["stronger: the scopes b and c are needed now"],
    ],
    [
      access(way([token], ["any", "a", "b"])),
      access(way([token], ["any", "a"])),
      ["stronger: the scope b no longer suffices"],
    ],
    [
      access(way([token], ["any", "a"])),
      access(way([token], ["all", "a"])),
      ["neutral: what is asked of callers is said otherwise; the same callers may call"],
    ],
    [
      access(way([token], ["all", "a", "b"])),
      access(way([token], ["any", "a", "b"])),
      ["weaker: the scope a is no longer needed", "weaker: the scope b is no longer needed"],
    ],
    [
      access(way([keys("A", "B")])),
      access(way([keys("A")]), way([keys("b")])),
      ["neutral: what is asked of callers is said otherwise; the same callers may call"],
    ],
    [
      access(way([token], ["any", "a"]), way([password], ["any", "a"])),
      access(way([token], ["any", "a", "b"]), way([password], ["any", "a", "b"])),
      ["weaker: the scope b now suffices"],
    ],
  ];
  for (const [base, head, expected] of cases) {
    test(`${describeWays(waysOf(base, undefined, "standard"))}, then ${describeWays(waysOf(head, undefined, "standard"))}`, () => {
      assert.deepEqual(changes(base, head), expected);
    });
  }

  test("keys have no scopes in wso2-3.2 (S-SCP-05)", () => {
    const [base, head] = [access(way([keys("K")], ["any", "a"])), access(way([keys("K")], ["any", "b"]))];
    assert.match(changes(base, head, "wso2-3.2").join(), /^neutral/);
    assert.equal(changes(base, head, "standard").length, 2);
  });
});

test("whatever a caller has: weaker says that some were refused who may call, and stronger the converse", () => {
  let seed = 11;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const schemes = [
    token,
    proven,
    password,
    certificate,
    rightCertificate,
    keys("A"),
    keys("B"),
    keys("A", "B"),
    keys(),
  ];
  const rules: readonly (Rule | undefined)[] = [
    undefined,
    ["any", "a"],
    ["any", "a", "b"],
    ["all", "a", "b"],
    ["all", "b"],
  ];
  const randomAccess = () =>
    access(
      ...Array.from({ length: random(4) }, () =>
        way(
          Array.from({ length: 1 + random(2) }, () => schemes[random(schemes.length)] as AuthScheme),
          rules[random(rules.length)],
        ),
      ),
    );
  for (let round = 0; round < 3000; round++) {
    const [base, head] = [randomAccess(), randomAccess()];
    const compatibility = random(2) === 0 ? "wso2-3.2" : "standard";
    const callers = everyCaller();
    const may = (one: Access) => callers.filter((caller) => admits(one, caller, compatibility));
    const [before, after] = [may(base), may(head)];
    const said = changes(base, head, compatibility);
    const shown = () => JSON.stringify({ base, head, said, compatibility }, undefined, 1);
    assert.equal(
      after.some((one) => !before.includes(one)),
      said.some((one) => one.startsWith("weaker")),
      shown(),
    );
    assert.equal(
      before.some((one) => !after.includes(one)),
      said.some((one) => one.startsWith("stronger")),
      shown(),
    );
  }
});

/** What somebody comes with. A certificate may be wrong. */
interface Caller {
  readonly token: "none" | "plain" | "proven";
  readonly password: boolean;
  readonly certificate: "none" | "right" | "wrong";
  readonly keys: readonly string[];
  readonly scopes: readonly string[];
}

function everyCaller(): readonly Caller[] {
  const subsets = (names: readonly string[]) => [[], [names[0]], [names[1]], names] as readonly string[][];
  const found: Caller[] = [];
  for (const token of ["none", "plain", "proven"] as const) {
    for (const password of [false, true]) {
      for (const certificate of ["none", "right", "wrong"] as const) {
        for (const keys of subsets(["a", "b"]))
          for (const scopes of subsets(["a", "b"])) found.push({ token, password, certificate, keys, scopes });
      }
    }
  }
  return found;
}

/** The meaning of an access, written down without a thought of comparing. Scopes are those of whoever calls, keys exempt. */
function admits(one: Access, caller: Caller, compatibility: Compatibility): boolean {
  if (one.kind === "public") return true;
  return one.anyOf.some(({ allOf, scopes }) => {
    if (!allOf.every((scheme) => gives(caller, scheme))) return false;
    const kinds = allOf.map(({ kind }) => kind);
    const isKey = kinds.includes("api-key") && !kinds.includes("oauth2") && !kinds.includes("basic");
    if (scopes === undefined || (isKey && compatibility === "wso2-3.2")) return true;
    const holds = (name: string) => caller.scopes.includes(name);
    return scopes.need === "any" ? scopes.names.some(holds) : scopes.names.every(holds);
  });
}

function gives(caller: Caller, scheme: AuthScheme): boolean {
  switch (scheme.kind) {
    case "oauth2":
      return scheme.dpop === "required" ? caller.token === "proven" : caller.token !== "none";
    case "basic":
      return caller.password;
    case "mutual-tls":
      return scheme.presence === "mandatory" ? caller.certificate === "right" : caller.certificate !== "wrong";
    case "api-key":
      return scheme.locations.some(({ name }) => caller.keys.includes(name.toLowerCase()));
  }
}
