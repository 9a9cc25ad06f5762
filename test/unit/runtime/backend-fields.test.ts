import assert from "node:assert/strict";
import { test } from "node:test";
import { api } from "../../../runtime-lib/api.ts";
import { addBackendFields } from "../../../runtime-lib/backend-fields.ts";
import { forward } from "../../../runtime-lib/forward.ts";
import type { Upstream } from "../../../runtime-lib/upstream.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { verifiedCaller } from "../../support/verified-caller.ts";

const shop = api({ name: "Shop", version: "1", basePath: "/shop", challenges: ["oauth2"] });
const caller = verifiedCaller();

const sent: (readonly string[] | undefined)[] = [];
const upstream: Upstream = {
  key: "k",
  async send(x) {
    sent.push(x.backendFields);
  },
};

function forwarded(): { readonly x: RecordedExchange; readonly done: Promise<void> } {
  const x = new RecordedExchange({});
  x.api = shop;
  x.caller = caller;
  sent.length = 0;
  return { x, done: forward(x, upstream) };
}

test("fields of all sources, in order; at once unless one of them waits; none of them may fail", async () => {
  let second: readonly string[] | undefined | Promise<readonly string[] | undefined> = ["B", "2"];
  addBackendFields(() => ["A", "1"]);
  addBackendFields(() => second);
  addBackendFields(() => ["C", "3"]);

  const all = ["A", "1", "B", "2", "C", "3"];
  const { done } = forwarded();
  assert.deepEqual(sent, [all], "before anything is awaited");
  await done;

  second = Promise.resolve(["B", "2"]);
  const waiting = forwarded();
  assert.deepEqual(sent, []);
  await waiting.done;
  assert.deepEqual(sent, [all]);

  for (const failed of [undefined, Promise.resolve(undefined)]) {
    second = failed;
    const { x, done } = forwarded();
    await done;
    assert.deepEqual(sent, []);
    assert.deepEqual([x.answer?.status, x.refusal?.code], [500, 900900]);
  }

  second = Promise.reject(new Error("away"));
  const rejected = forwarded();
  await assert.rejects(rejected.done, { message: "away" });
  assert.deepEqual(sent, []);
});
