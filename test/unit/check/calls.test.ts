import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check, definition, factsOf, operation } from "./check.ts";

/** `x-castgate-upgrade`, `x-castgate-caller` (K-16), `x-castgate-allowed-domains` (K-15), `x-auth-type` (T-EXT-11). */

type Compatibility = "wso2-3.2" | "standard";
const at = (more: Record<string, unknown>, method = "get") => ({ paths: { "/pets": { [method]: operation(more) } } });
const found = async (more: Record<string, unknown>, compatibility: Compatibility = "wso2-3.2") =>
  (await check(definition(more), { compatibility })).found;

describe("what is asked of calls", () => {
  test("is read at both levels", async () => {
    const domains = { header: "Origin", values: ["B.test", "*.a.test"] };
    const facts = await factsOf(
      definition({ "x-castgate-upgrade": ["WebSocket"], ...at({ "x-castgate-allowed-domains": domains }) }),
    );
    assert.deepEqual(facts.calls.upgrades?.value, ["websocket"]);
    assert.deepEqual(facts.operations[0]?.calls.domains?.value, { header: "Origin", values: ["*.a.test", "b.test"] });
    assert.equal(facts.operations[0]?.calls.upgrades, undefined);
  });

  const key = "/paths/~1pets/get";
  const wrong: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ "x-castgate-upgrade": "websocket" }, `error value-type ${key}/x-castgate-upgrade`],
    [{ "x-castgate-upgrade": ["h2c"] }, `error value-invalid ${key}/x-castgate-upgrade/0`],
    [{ "x-castgate-caller": "users" }, `error value-invalid ${key}/x-castgate-caller`],
    [{ "x-castgate-caller": true }, `error value-type ${key}/x-castgate-caller`],
    [{ "x-castgate-allowed-domains": ["a.test"] }, `error value-type ${key}/x-castgate-allowed-domains`],
    [{ "x-castgate-allowed-domains": { values: ["a.test"] } }, `error value-invalid ${key}/x-castgate-allowed-domains`],
    [{ "x-castgate-allowed-domains": { header: "a" } }, `error value-invalid ${key}/x-castgate-allowed-domains`],
    [
      { "x-castgate-allowed-domains": { header: "a", claim: "b", values: ["a.test"] } },
      `error value-invalid ${key}/x-castgate-allowed-domains`,
    ],
    [
      { "x-castgate-allowed-domains": { header: "a", values: [] } },
      `error value-invalid ${key}/x-castgate-allowed-domains`,
    ],
    [
      { "x-castgate-allowed-domains": { header: "a b", claim: "c" } },
      `error value-invalid ${key}/x-castgate-allowed-domains`,
    ],
  ];
  test("all mistakes of allowed domains are told at once", async () => {
    const domains = { heder: "Origin", values: ["*", "shop.test", 3, "sh op"], claim: "a" };
    const place = `${key}/x-castgate-allowed-domains`;
    assert.deepEqual((await found(at({ "x-castgate-allowed-domains": domains }))).toSorted(), [
      `error key-unknown ${place}/heder`,
      `error value-invalid ${place}`,
      `error value-invalid ${place}`,
      `error value-invalid ${place}/values/0`,
      `error value-invalid ${place}/values/3`,
      `error value-type ${place}/values/2`,
    ]);
  });

  for (const [more, finding] of wrong) {
    test(`${JSON.stringify(more)} is a mistake`, async () => assert.deepEqual(await found(at(more)), [finding]));
  }

  test("only a GET begins a WebSocket", async () => {
    const post = at({ "x-castgate-upgrade": ["websocket"] }, "post");
    assert.deepEqual(await found(post), ["error value-invalid /paths/~1pets/post/x-castgate-upgrade"]);
  });

  test("T-EXT-11: of x-auth-type wso2-3.2 knows None, standard all words of API Manager", async () => {
    const words = async (word: string, compatibility: Compatibility) =>
      found(at({ "x-auth-type": word }), compatibility);
    assert.deepEqual(await words("Application", "wso2-3.2"), [`warning auth-type-ignored ${key}/x-auth-type`]);
    assert.deepEqual(await words("Application & Application User", "wso2-3.2"), []);
    assert.deepEqual(await words("Nobody", "wso2-3.2"), []);
    assert.deepEqual(await words("Nobody", "standard"), [`error value-invalid ${key}/x-auth-type`]);
    for (const [word, kind] of [
      ["Application", "app"],
      ["Application User", "user"],
      ["Application & Application User", "any"],
    ] as const) {
      const facts = await factsOf(definition(at({ "x-auth-type": word })), "standard");
      assert.equal(facts.operations[0]?.calls.caller?.value, kind);
    }
  });
});
