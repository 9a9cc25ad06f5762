import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ClaimMapping, claimMappingOf } from "../../../runtime-lib/claim-mapping.ts";
import { type ClaimTransformer, extensions } from "../../../runtime-lib/extension.ts";
import { noBackends } from "../../support/no-backends.ts";
import { settingsFrom } from "./settings-for-test.ts";

interface Read {
  readonly mapping: ClaimMapping | undefined;
  readonly lines: readonly string[];
}

async function read(text: string, transformers: Readonly<Record<string, ClaimTransformer>> = {}): Promise<Read> {
  const { settings, report } = await settingsFrom(`[[jwtTokenConfig]]\nissuer = 'https://idp.test'\n${text}`);
  const named = Object.entries(transformers).map(([name, claimTransformer]) => [name, { claimTransformer }]);
  await extensions(Object.fromEntries(named)).configure(settings, report, noBackends);
  const [issuer] = settings.tables("jwtTokenConfig");
  assert.ok(issuer !== undefined);
  return { mapping: claimMappingOf(issuer, report), lines: report.lines() };
}

function renaming(...pairs: readonly (readonly [string, string])[]): string {
  return pairs
    .map(([remote, local]) => `[[jwtTokenConfig.claims]]\nremoteClaim = '${remote}'\nlocalClaim = '${local}'\n`)
    .join("");
}

async function mapped(text: string, claims: Readonly<Record<string, unknown>>, transformer?: ClaimTransformer) {
  const { mapping, lines } = await read(text, transformer === undefined ? {} : { own: transformer });
  assert.deepEqual(lines, []);
  assert.ok(mapping !== undefined);
  return mapping.apply(claims);
}

const original = "claimMapperClassName = 'org.wso2.micro.gateway.jwtTransformer.DefaultJwtTransformer'\n";
const own = "claimMapperClassName = 'own'\n";

describe("renaming (S-JWT-10)", () => {
  test("a claim gets its local name, and wins over one that had it", async () => {
    const claims = { sub: "a", scp: "read", scope: "admin", other: 1 };
    assert.deepEqual(await mapped(renaming(["scp", "scope"]), claims), { sub: "a", scope: "read", other: 1 });
    assert.deepEqual(await mapped(renaming(["scp", "scope"]), { sub: "a" }), { sub: "a" });
  });

  test("two claims change places", async () => {
    assert.deepEqual(await mapped(renaming(["a", "b"], ["b", "a"]), { a: 1, b: 2 }), { b: 1, a: 2 });
  });

  test("a scope that is not a string refuses the token", async () => {
    for (const scp of [["read"], 1, null, {}])
      assert.equal(await mapped(renaming(["scp", "scope"]), { scp }), undefined, JSON.stringify(scp));
  });

  test("no mapping, nothing to do", async () => {
    assert.deepEqual(await read(""), { mapping: undefined, lines: [] });
  });
});

describe("transformers", () => {
  test("the original's default: an array of scopes becomes text", async () => {
    const text = original + renaming(["scp", "scope"]);
    assert.deepEqual(await mapped(text, { scp: ["admin", "write"], x: 1 }), { scope: "admin write", x: 1 });
    assert.deepEqual(await mapped(text, { scp: "read" }), { scope: "read" });
    assert.deepEqual(await mapped(text, {}), {});
    assert.equal(await mapped(text, { scp: ["read", 1] }), undefined);
  });

  test("a project's own sees all claims, renamed, and gives those that count", async () => {
    const transformer: ClaimTransformer = ({ roles, ...claims }) => ({
      ...claims,
      scope: `x:${roles}`,
      by: claims.sub,
    });
    const claims = { iss: "i", sub: "alice", groups: "g", keep: true };
    assert.deepEqual(await mapped(own + renaming(["groups", "roles"]), claims, transformer), {
      iss: "i",
      sub: "alice",
      keep: true,
      scope: "x:g",
      by: "alice",
    });
  });

  test("it can change neither who is meant nor until when, nor what was verified", async () => {
    const claims = { iss: "i", sub: "alice", aud: "a", exp: 1, jti: "j", cnf: { jkt: "k" }, deep: { a: 1 } };
    const hostile: ClaimTransformer = (given) => {
      (given.deep as { a: number }).a = 2;
      return { iss: "evil", sub: "root", exp: 9e9, nbf: 0, iat: 0, aud: "x", cnf: {} };
    };
    assert.deepEqual(await mapped(own, claims, hostile), {
      iss: "i",
      sub: "alice",
      aud: "a",
      exp: 1,
      jti: "j",
      cnf: { jkt: "k" },
    });
    assert.deepEqual(claims.deep, { a: 1 });
  });

  test("what goes wrong in it refuses the token", async () => {
    const wrong: readonly unknown[] = [
      undefined,
      null,
      [],
      "scope",
      { scope: ["a"] },
      { scope: 1 },
      Promise.resolve({}),
    ];
    for (const value of wrong) assert.equal(await mapped(own, { a: 1 }, (() => value) as ClaimTransformer), undefined);
    const throwing: ClaimTransformer = () => {
      throw new Error("a bug");
    };
    assert.equal(await mapped(own, { a: 1 }, throwing), undefined);
    // Whatever becomes of the promise, nobody waits for it.
    const later = (async () => {
      throw new Error("a bug");
    }) as unknown as ClaimTransformer;
    assert.equal(await mapped(own, { a: 1 }, later), undefined);
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("settings", () => {
  const name = "jwtTokenConfig[0]";
  test("another class stops the start", async () => {
    for (const word of ["com.acme.Transformer", "toString"]) {
      const { mapping, lines } = await read(`claimMapperClassName = '${word}'`, { own: (claims) => ({ ...claims }) });
      assert.equal(mapping, undefined);
      assert.deepEqual(lines, [
        `error: ${name}.claimMapperClassName: "${word}" is neither built in (org.wso2.micro.gateway.jwtTransformer.DefaultJwtTransformer) nor a file of extensions/ that exports claimTransformer; Java classes cannot be loaded`,
      ]);
    }
  });

  test("half a renaming, one twice, one of what the issuer alone says", async () => {
    const text = `${renaming(["a", "b"], ["a", "c"], ["d", "b"], ["sub", "x"], ["x", "sub"])}[[jwtTokenConfig.claims]]\nremoteClaim = 'y'\n`;
    assert.deepEqual((await read(text)).lines, [
      `error: ${name}.claims[1].remoteClaim: "a" is renamed already`,
      `error: ${name}.claims[2].localClaim: "b" is the new name of another claim already`,
      `error: ${name}.claims[3].remoteClaim: must not be sub: that claim is taken as the issuer wrote it`,
      `error: ${name}.claims[4].localClaim: must not be sub: that claim is taken as the issuer wrote it`,
      `error: ${name}.claims[5].localClaim: is required`,
    ]);
  });
});
