import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { type RoutedDocument, sendWitnesses } from "../support/route-witnesses.ts";

/** Each path with these methods, its parameters declared. */
function document(base: string, paths: Readonly<Record<string, string>>, more: object = {}): RoutedDocument {
  return {
    openapi: "3.0.3",
    info: { title: `At ${base}`, version: "1.0.0" },
    "x-wso2-basePath": base,
    paths: Object.fromEntries(
      Object.entries(paths).map(([template, methods]) => {
        const names = [...template.matchAll(/\{([^{}*]*)\}/g)].map((match) => match[1]);
        const parameters = names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
        const operation = { parameters, responses: { 200: { description: "fine" } } };
        return [template, Object.fromEntries(methods.split(" ").map((method) => [method, operation]))];
      }),
    ),
    ...more,
  };
}

const clashing = {
  root: document("/", { "/{any}": "get", "/{any}/more": "get put", "/files/*": "get", "/shop/{kind}": "get" }),
  shop: document("/shop", {
    "/{a}/b": "get",
    "/a/{b}": "get put",
    "/{x}.json": "get",
    "/report-{y}": "get",
    "/{from}-{to}": "get",
    "/{from}.{to}": "get delete",
    "/{from}-{to}.{way}": "get",
    "/{p}~{q}": "get",
    "/{p}~~{q}": "get",
    "/pets/{id}": "get delete",
    "/pets/mine": "get",
    "/pets/*": "get post",
    "/orders/{id}": "get",
    "/{kind}/{id}/x": "get",
    "/orders/*": "get",
    "/v1/x": "get",
    "/{any}/list/{rest}": "post get",
  }),
  orders: document("/shop/orders", { "/list": "get", "/{id}/x": "put" }),
  encoded: document("/enc", { "/{a}/b": "get", "/x%2fy/{b}": "get" }, { "x-castgate-encoded-slash": "allow" }),
  plain: document("/shop/v1", { "/y": "get" }, { "x-wso2-transports": ["http"] }),
  slash: document("/slash", { "/a/": "get", "/a/*": "get put", "/{x}/c": "get", "/a/{y}": "get" }),
};

describe("the requests that show findings about routes, sent to the running bundle", () => {
  for (const compatibility of ["wso2-3.2", "standard"] as const) {
    test(`APIs that clash in all ways, ${compatibility}`, async () => {
      const { sent, mismatches } = await sendWitnesses(clashing, compatibility);
      assert.deepEqual(mismatches, []);
      assert.deepEqual(Object.keys(sent).sort(), [
        "route-ambiguous",
        "route-shadowed",
        "route-taken",
        "route-unreachable",
      ]);
      assert.ok((sent["route-ambiguous"] ?? 0) >= 8, JSON.stringify(sent));
    });
  }

  test("a published definition", async () => {
    const examples = dirname(createRequire(import.meta.url).resolve("@readme/oas-examples/package.json"));
    const petstore = JSON.parse(readFileSync(join(examples, "3.0/json/petstore.json"), "utf8")) as RoutedDocument;
    const { sent, mismatches } = await sendWitnesses({ petstore }, "wso2-3.2");
    assert.deepEqual({ sent, mismatches }, { sent: { "route-shadowed": 2 }, mismatches: [] });
  });
});
