import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type HubData, readEvent, readItem, SubscriptionStore } from "../../../runtime-lib/subscription-store.ts";

const data: HubData = {
  keys: [{ consumerKey: "key", applicationId: "1", keyType: "PRODUCTION" }],
  applications: [{ id: "1", name: "app", tier: "10PerMin" }],
  apis: [{ id: "7", name: "Pets", version: "1" }],
  subscriptions: [{ applicationId: "1", apiId: "7", tier: "Gold", state: "UNBLOCKED" }],
};
const pets = { name: "Pets", version: "1" };

function loaded(): SubscriptionStore {
  const store = new SubscriptionStore();
  store.beginLoad();
  store.endLoad(data);
  return store;
}

/** Makes what an event says; what else it may be is an error here. */
function tell(store: SubscriptionStore, type: string, time: number, event: object): void {
  const change = readEvent(type, time, event, "carbon.super");
  if (typeof change === "string") assert.fail(change);
  store.change(change);
}

describe("the store of subscriptions (S-SUB-03)", () => {
  test("leads from a consumer key to a subscription, and says where it ends", () => {
    const store = loaded();
    assert.equal(store.trace("key", pets).kind, "found");
    assert.equal(store.trace("other", pets).kind, "no-key");
    assert.equal(store.trace("key", { name: "Pets", version: "2" }).kind, "no-api");
    store.change({ about: "x", time: 1, change: { drop: "subscriptions", id: "1:1:7" } });
    assert.deepEqual(store.trace("key", pets), { kind: "no-subscription", applicationId: "1", apiId: "7" });
    store.change({ about: "y", time: 1, change: { drop: "applications", id: "1" } });
    assert.deepEqual(store.trace("key", pets), { kind: "no-application", applicationId: "1" });
  });

  test("what a load does not hold any more goes, and a load that failed changes nothing", () => {
    const store = loaded();
    store.beginLoad();
    store.endLoad(undefined);
    assert.equal(store.trace("key", pets).kind, "found");
    store.beginLoad();
    store.endLoad({ ...data, keys: [] });
    assert.equal(store.trace("key", pets).kind, "no-key");
  });

  test("an event during a load is not undone by it", () => {
    const store = loaded();
    store.beginLoad();
    tell(store, "SUBSCRIPTIONS_DELETE", 5, { applicationId: 1, apiId: 7 });
    store.endLoad(data);
    assert.equal(store.trace("key", pets).kind, "no-subscription");
    store.beginLoad();
    store.endLoad(data);
    assert.equal(store.trace("key", pets).kind, "found");
  });

  test("an API that got another version is not found under the old one", () => {
    const store = loaded();
    tell(store, "API_UPDATE", 1, { apiId: 7, apiName: "Pets", apiVersion: "2" });
    assert.equal(store.trace("key", pets).kind, "no-api");
    assert.equal(store.trace("key", { name: "Pets", version: "2" }).kind, "found");
  });
});

describe("events of the hub (S-SUB-10, S-SUB-11)", () => {
  test("each kind makes its change", () => {
    const store = new SubscriptionStore();
    store.beginLoad();
    store.endLoad({ keys: [], applications: [], apis: [], subscriptions: [] });
    tell(store, "APPLICATION_REGISTRATION_CREATE", 1, { applicationId: 1, consumerKey: "key", keyType: "SANDBOX" });
    tell(store, "APPLICATION_CREATE", 1, { applicationId: 1, applicationName: "a", applicationPolicy: "5PerMin" });
    tell(store, "API_CREATE", 1, { apiId: 7, apiName: "Pets", apiVersion: "1", apiProvider: "x", apiContext: "/p/1" });
    const subscription = { subscriptionId: 3, apiId: 7, applicationId: 1, policyId: "Gold" };
    tell(store, "SUBSCRIPTIONS_CREATE", 1, { ...subscription, subscriptionState: "UNBLOCKED" });
    assert.deepEqual(store.trace("key", pets), {
      kind: "found",
      key: { consumerKey: "key", applicationId: "1", keyType: "SANDBOX" },
      application: { id: "1", name: "a", tier: "5PerMin" },
      subscription: { applicationId: "1", apiId: "7", tier: "Gold", state: "UNBLOCKED" },
    });
    tell(store, "SUBSCRIPTIONS_UPDATE", 2, { ...subscription, subscriptionState: "BLOCKED" });
    const found = store.trace("key", pets);
    assert.equal(found.kind === "found" && found.subscription.state, "BLOCKED");
    for (const [type, event, kind] of [
      ["SUBSCRIPTIONS_DELETE", subscription, "no-subscription"],
      ["API_DELETE", { apiId: 7 }, "no-api"],
      ["APPLICATION_DELETE", { applicationId: 1 }, "no-application"],
      ["REMOVE_APPLICATION_KEYMAPPING", { applicationId: 1, consumerKey: "key", keyType: "SANDBOX" }, "no-key"],
    ] as const) {
      tell(store, type, 3, event);
      assert.equal(store.trace("key", pets).kind, kind);
    }
    tell(store, "APPLICATION_REGISTRATION_CREATE", 4, { applicationId: 1, consumerKey: "key", keyType: "SANDBOX" });
    tell(store, "APPLICATION_REGISTRATION_DELETE", 5, { consumerKey: "key" });
    assert.equal(store.trace("key", pets).kind, "no-key");
  });

  test("an older event is dropped, by its own time where it has one", () => {
    const store = loaded();
    const event = { apiId: 7, applicationId: 1, policyId: "Gold", subscriptionState: "UNBLOCKED" };
    tell(store, "SUBSCRIPTIONS_DELETE", 100, { ...event, timeStamp: 50 });
    tell(store, "SUBSCRIPTIONS_UPDATE", 200, { ...event, timeStamp: 40 });
    assert.equal(store.trace("key", pets).kind, "no-subscription");
    tell(store, "SUBSCRIPTIONS_UPDATE", 10, { ...event, timeStamp: 50 });
    assert.equal(store.trace("key", pets).kind, "found");
  });

  test("what is not about subscriptions, or about another tenant, is ignored", () => {
    for (const type of [
      "POLICY_CREATE",
      "POLICY_UPDATE",
      "POLICY_DELETE",
      "SCOPE_CREATE",
      "API_LIFECYCLE_CHANGE",
      "",
      "x",
    ])
      assert.equal(readEvent(type, 1, { apiId: 7 }, "carbon.super"), "ignored", type);
    const other = { applicationId: 1, tenantDomain: "other" };
    assert.equal(readEvent("APPLICATION_DELETE", 1, other, "carbon.super"), "ignored");
    assert.notEqual(readEvent("APPLICATION_DELETE", 1, other, "other"), "ignored");
  });

  test("what should be one and cannot be read is malformed", () => {
    for (const [type, event] of [
      ["APPLICATION_DELETE", {}],
      ["APPLICATION_DELETE", undefined],
      ["API_CREATE", { apiId: 7 }],
      ["API_DELETE", []],
      ["SUBSCRIPTIONS_UPDATE", { apiId: 7, applicationId: 1 }],
      ["SUBSCRIPTIONS_DELETE", { apiId: 7 }],
      ["APPLICATION_REGISTRATION_CREATE", { applicationId: 1, consumerKey: "k", keyType: "OTHER" }],
      ["REMOVE_APPLICATION_KEYMAPPING", { consumerKey: 5 }],
    ] as const)
      assert.equal(readEvent(type, 1, event, "carbon.super"), "malformed", type);
  });
});

test("items of the lists, with numbers or texts as ids (S-SUB-09)", () => {
  assert.deepEqual(
    readItem.subscriptions({ subscriptionId: 3, policyId: "Gold", apiId: 7, appId: "1", subscriptionState: "ON_HOLD" }),
    { applicationId: "1", apiId: "7", tier: "Gold", state: "ON_HOLD" },
  );
  assert.equal(readItem.subscriptions({ apiId: 7, appId: 1 }), undefined);
  assert.equal(readItem.apis({ apiId: 7, name: "Pets" }), undefined);
  assert.equal(readItem.keys({ consumerKey: "k", applicationId: 1 }), undefined);
  assert.equal(readItem.applications(null), undefined);
});
