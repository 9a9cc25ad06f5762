import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { hashedSlug, identifierOf, slugOf, symbolOf } from "../../../compiler/naming/names.ts";

describe("identifierOf", () => {
  test("keeps an operationId that is a good name", () => {
    assert.equal(identifierOf("getPetById", "GET /pet/{petId}"), "getPetById");
    assert.equal(identifierOf("get_pet", "GET /pet"), "get_pet");
  });

  test("joins words that an identifier cannot hold", () => {
    assert.equal(identifierOf("repos/list-for-org", "GET /orgs/{org}/repos"), "reposListForOrg");
    assert.equal(identifierOf("get /pets/{petId}", "GET /pets/{petId}"), "getPetsPetId");
  });

  test("never returns a reserved word, a global, or a name that generated code uses", () => {
    for (const name of [
      "delete",
      "await",
      "Promise",
      "forward",
      "authenticate",
      "production",
      "x",
      "verdict",
      "__proto__",
      "constructor",
    ]) {
      const made = identifierOf(name, `GET /${name}`);
      assert.notEqual(made, name);
    }
  });

  test("never returns a name that another operation's constants could have", () => {
    assert.match(identifierOf("getPetLimits", "GET /limits"), /_[0-9a-f]{12}$/);
  });

  test("never returns a plain name that looks like one with a hash: another operation could have it", () => {
    assert.match(identifierOf("getPet_0123456789ab", "GET /pet"), /^getPet_0123456789ab_[0-9a-f]{12}$/);
  });

  test("makes hostile text harmless", () => {
    assert.equal(identifierOf("*/ process.exit() /*", "GET /a"), "processExit");
    assert.match(identifierOf("日本語", "GET /b"), /^operation_[0-9a-f]{12}$/);
    assert.match(identifierOf("", "GET /c"), /^operation_[0-9a-f]{12}$/);
  });

  test("any text gives a legal identifier, and the same one each time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (text, identity) => {
        const name = identifierOf(text, identity);
        assert.match(name, /^[A-Za-z_$][A-Za-z0-9_$]*$/);
        assert.ok(name.length <= 80);
        assert.equal(identifierOf(text, identity), name);
        new Function(`const ${name} = 1;`);
      }),
    );
  });
});

describe("slugOf", () => {
  test("shows the base path", () => {
    assert.equal(slugOf("/petstore/v1", "/petstore/v1"), "petstore-v1");
    assert.equal(slugOf("/Café Bar/1.0", "x"), "cafe-bar-1-0");
    assert.equal(slugOf("/2024", "x"), "n2024");
  });

  test("never names a device or a folder outside", () => {
    assert.match(slugOf("/con", "/con"), /^con-[0-9a-f]{12}$/);
    assert.match(slugOf("/../..", "/../.."), /^n[0-9a-f]{12}$/);
  });

  test("no plain one looks like one with a hash: another base path could have it", () => {
    assert.match(slugOf("/a-b-0123456789ab", "x"), /^a-b-0123456789ab-[0-9a-f]{12}$/);
    assert.match(slugOf("/n0123456789ab", "x"), /^n0123456789ab-[0-9a-f]{12}$/);
  });

  test("different ones are different function names", () => {
    assert.equal(symbolOf(slugOf("/shop/v11", "x")), "shopV11");
    assert.equal(symbolOf(slugOf("/shop/v1.1", "x")), "shopV1_1");
  });

  test("any text gives a short lower-case file name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const slug = slugOf(text, text);
        assert.match(slug, /^[a-z][a-z0-9-]{0,59}$/);
        assert.match(hashedSlug(slug, text), /^[a-z][a-z0-9-]{0,59}$/);
        assert.match(symbolOf(slug), /^[A-Za-z_$][A-Za-z0-9_$]*$/);
      }),
    );
  });
});
