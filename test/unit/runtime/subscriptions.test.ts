import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { type Api, api } from "../../../runtime-lib/api.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { checkCaller } from "../../../runtime-lib/caller-checks.ts";
import { eventHub } from "../../../runtime-lib/feature-event-hub.ts";
import type { RuntimeModule } from "../../../runtime-lib/module.ts";
import type { Verified } from "../../../runtime-lib/scheme.ts";
import { until } from "../../support/debian-services.ts";
import { type ListAnswer, type ListServer, startListServer } from "../../support/list-server.ts";
import { jmsMap, noRabbitMq, type RabbitMq, startRabbitMq } from "../../support/rabbitmq.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { settingsFrom } from "./settings-for-test.ts";

const pets = api({ name: "Pets & more", version: "1", basePath: "/pets/v1", challenges: ["oauth2"] });
const other = api({ name: "Other", version: "1", basePath: "/other", challenges: ["oauth2"] });

interface Parts {
  readonly scheme?: Caller["scheme"];
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly consumerKey?: string;
  readonly subscriptions?: Caller["application"]["subscriptions"];
}

function caller({
  scheme = "jwt",
  claims = { iss: "issuer" },
  consumerKey = "key",
  subscriptions = [],
}: Parts = {}): Caller {
  return {
    name: "alice",
    scheme,
    scopes: new Set(),
    scopesApply: true,
    keyType: "PRODUCTION",
    application: { id: "__unknown__", tier: "Unlimited", subscriptions },
    claims,
    consumerKey,
    revocationIds: ["x"],
  };
}

function check(one: Caller, at: Api = pets): Verified | Promise<Verified> {
  return checkCaller(new RecordedExchange(), at, one);
}

/** `in`, or status and code. */
async function verdict(parts?: Parts, at?: Api): Promise<string> {
  const outcome = await check(caller(parts), at);
  return outcome.ok ? "in" : `${outcome.status ?? "-"} ${outcome.code}`;
}

let module: RuntimeModule;
let findings: readonly string[];

async function started(text: string, compatibility: "wso2-3.2" | "standard" = "wso2-3.2"): Promise<void> {
  const loaded = await settingsFrom(text, { compatibility, features: ["event-hub"] });
  assert.deepEqual(loaded.report.lines(), []);
  assert.equal(eventHub.enabled(loaded.settings), true);
  module = eventHub.module;
  await module.configure(loaded.settings, loaded.report, () => assert.fail("it opens no pool"));
  findings = loaded.report.lines();
}

afterEach(() => module?.close?.());

const everywhere = "[security]\nvalidateSubscriptions = true\n";

describe("subscriptions without an event hub", () => {
  const claims = { iss: "issuer", application: { id: 1 } };
  const subscribed = (name: string, version: string): Parts => ({
    claims,
    subscriptions: [{ name, version, tier: "" }],
  });

  test("a token that names its application is judged by its own list (S-SUB-02)", async () => {
    await started(everywhere);
    assert.match(findings.join(), /^warning: apim\.eventHub\.enable: is off/);
    assert.equal(await verdict(subscribed("Pets & more", "1")), "in");
    assert.equal(await verdict(subscribed("Pets & more", "*")), "in");
    assert.equal(await verdict(subscribed("Pets & more", "2")), "- 900908");
    assert.equal(await verdict(subscribed("pets & more", "1")), "- 900908");
    assert.equal(await verdict({ claims }), "- 900908");
  });

  test("all others are refused: JWT 900908, opaque 900901 (S-SUB-05)", async () => {
    await started(everywhere);
    assert.equal(await verdict(), "- 900908");
    assert.equal(await verdict({ scheme: "opaque" }), "- 900901");
    for (const scheme of ["basic", "api-key", "mutual-tls"] as const) assert.equal(await verdict({ scheme }), "in");
  });

  test("an issuer's own switch wins, the stricter of two (S-SUB-01)", async () => {
    const issuer = (name: string, own: boolean): string =>
      `[[jwtTokenConfig]]\nissuer = "${name}"\nvalidateSubscription = ${own}\n`;
    await started(everywhere + issuer("open", false) + issuer("both", true) + issuer("both", false));
    assert.equal(await verdict({ claims: { iss: "open" } }), "in");
    assert.equal(await verdict({ claims: { iss: "both" } }), "- 900908");
    assert.equal(await verdict({ claims: { iss: "else" } }), "- 900908");
    assert.equal(await verdict({ scheme: "opaque", claims: { iss: "open" } }), "- 900901");
    await started(issuer("strict", true));
    assert.equal(await verdict({ claims: { iss: "strict" } }), "- 900908");
    assert.equal(await verdict({ claims: { iss: "else" } }), "in");
    assert.equal(await verdict({ scheme: "opaque", claims: { iss: "strict" } }), "in");
  });
});

/** API Manager's side: what its lists hold, and how it answers. */
interface Hub {
  keys: object[];
  applications: object[];
  apis: object[];
  subscriptions: object[];
}

const lists: Readonly<Record<string, keyof Hub>> = {
  "/internal/data/v1/application-key-mappings": "keys",
  "/internal/data/v1/applications": "applications",
  "/internal/data/v1/apis": "apis",
  "/internal/data/v1/subscriptions": "subscriptions",
};

describe("subscriptions of the event hub", () => {
  let hub: Hub;
  let server: ListServer;
  /** What whole lists hold; look-ups see `hub`. */
  let whole: Hub | undefined;

  function answer(request: IncomingMessage): ListAnswer {
    const url = new URL(request.url ?? "", "http://hub");
    const list = lists[url.pathname];
    assert.ok(list !== undefined, request.url);
    assert.equal(
      request.headers.authorization,
      `Basic ${Buffer.from("gateway@carbon.super:a secret").toString("base64")}`,
    );
    if (url.search === "") return envelope((whole ?? hub)[list]);
    const wanted = [...url.searchParams].map(
      ([name, value]) => [list === "applications" ? "id" : name, value] as const,
    );
    return envelope(
      hub[list].filter((item) => wanted.every(([name, value]) => String(Reflect.get(Object(item), name)) === value)),
    );
  }

  function envelope(list: readonly object[]): ListAnswer {
    return { body: JSON.stringify({ count: list.length, list }) };
  }

  before(async () => {
    server = await startListServer(answer);
  });
  after(() => server.close());
  beforeEach(() => {
    whole = undefined;
    server.answer = answer;
    hub = {
      keys: [
        { applicationId: 1, consumerKey: "key", keyType: "PRODUCTION", keyManager: "x" },
        { applicationId: 1, consumerKey: "sandbox key", keyType: "SANDBOX", keyManager: "x" },
      ],
      applications: [{ id: 1, uuid: "u", name: "app", subName: "owner", policy: "10PerMin" }],
      apis: [{ apiId: 7, provider: "p", name: "Pets & more", version: "1", context: "/pets/v1", policy: "" }],
      subscriptions: [{ subscriptionId: 3, policyId: "Gold", apiId: 7, appId: 1, subscriptionState: "UNBLOCKED" }],
    };
  });

  const settings = (endpoint = "amqp://127.0.0.1:1/", more = ""): string => `
[apim.eventHub]
enable = true
serviceUrl = "${server.url}/"
internalDataContext = "/internal/data/v1/"
username = "gateway@carbon.super"
password = "a secret"
eventListeningEndpoints = "${endpoint}"
[castgate.eventHub]
refreshSeconds = 1
${more}`;

  const ready = (): Promise<void> => until(() => module.waitingFor?.() === undefined);

  test("tiers and key type come from the hub, in one object for a token that is used again", async () => {
    await started(settings());
    await ready();
    const token = caller({ consumerKey: "sandbox key" });
    token.quotas = {} as never;
    const outcome = await check(token);
    assert.ok(outcome.ok);
    assert.equal(outcome.caller.keyType, "SANDBOX");
    assert.equal(outcome.caller.quotas, undefined);
    assert.deepEqual(outcome.caller.application, {
      id: "1",
      name: "app",
      tier: "10PerMin",
      subscriptions: [{ name: "Pets & more", version: "1", tier: "Gold" }],
    });
    const again = check(token);
    assert.ok(!(again instanceof Promise) && again.ok);
  });

  test("states by key type (S-SUB-04)", async () => {
    for (const [state, production, sandbox] of [
      ["UNBLOCKED", "in", "in"],
      ["TIER_UPDATE_PENDING", "in", "in"],
      ["ON_HOLD", "- 900909", "- 900909"],
      ["BLOCKED", "- 900907", "- 900907"],
      ["PROD_ONLY_BLOCKED", "- 900907", "in"],
      ["REJECTED", "- 900908", "- 900908"],
      ["unblocked", "- 900908", "- 900908"],
    ] as const) {
      hub.subscriptions = [{ policyId: "Gold", apiId: 7, appId: 1, subscriptionState: state }];
      await started(settings(undefined, everywhere));
      await ready();
      for (const scheme of ["jwt", "opaque"] as const) {
        assert.equal(await verdict({ scheme }), production, state);
        assert.equal(await verdict({ scheme, consumerKey: "sandbox key" }), sandbox, state);
      }
      await module.close?.();
      // S-SUB-06: without validation a blocked subscription passes, with its tiers.
      await started(settings());
      await ready();
      const outcome = await check(caller());
      assert.equal(outcome.ok && outcome.caller.application.tier, "10PerMin", state);
      await module.close?.();
    }
  });

  test("misses are 900908, and are not looked up again at once (S-SUB-05)", async () => {
    await started(settings(undefined, everywhere));
    await ready();
    assert.equal(await verdict({}, other), "- 900908");
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => verdict({ consumerKey: "a b&c=d" })));
    assert.deepEqual([...new Set(outcomes)], ["- 900908"]);
    assert.equal(await verdict({ consumerKey: "a b&c=d" }), "- 900908");
    const asked = server.asked.filter((line) => line.includes("a%20b"));
    assert.deepEqual(asked, ["GET /internal/data/v1/application-key-mappings?consumerKey=a%20b%26c%3Dd"]);
    assert.equal(await verdict({ consumerKey: "" }), "- 900908");
    assert.equal(await verdict({ scheme: "opaque", consumerKey: "" }), "- 900900");
    await started(settings(undefined, everywhere), "standard");
    await ready();
    assert.equal(await verdict({ scheme: "opaque", consumerKey: "" }), "- 900901");
  });

  test("what is not known yet is looked up, step by step", async () => {
    whole = { keys: [], applications: [], apis: [], subscriptions: [] };
    await started(settings(undefined, everywhere));
    await ready();
    const before = server.asked.length;
    const both = await Promise.all([verdict(), verdict()]);
    assert.deepEqual(both, ["in", "in"]);
    const asked = server.asked.slice(before).filter((line) => line.includes("?"));
    assert.deepEqual(asked, [
      "GET /internal/data/v1/application-key-mappings?consumerKey=key",
      "GET /internal/data/v1/applications?appId=1",
      "GET /internal/data/v1/apis?context=%2Fpets%2Fv1&version=1",
      "GET /internal/data/v1/subscriptions?apiId=7&appId=1",
    ]);
  });

  test("an answer about something else ends the search", async () => {
    server.answer = (request) => {
      if (request.url?.includes("?") !== true) return answer(request);
      return envelope([{ applicationId: 1, consumerKey: "another", keyType: "PRODUCTION" }]);
    };
    await started(settings(undefined, everywhere));
    await ready();
    assert.equal(await verdict({ consumerKey: "wanted" }), "- 900908");
  });

  test("nobody is let in before all is loaded, whatever is answered until then (S-SEC-16)", async () => {
    let asked = 0;
    const garbage: readonly (ListAnswer | undefined)[] = [
      undefined,
      { status: 500, body: "{}" },
      { body: "<html>" },
      { body: "[]" },
      { body: '{"count":0}' },
      { body: '{"list":{}}' },
    ];
    server.answer = () => garbage[asked++ % garbage.length];
    await started(settings(undefined, everywhere));
    for (const seen of [1, 8, 12]) {
      await until(() => asked >= seen);
      assert.equal(await verdict(), "503 900900");
      assert.equal(module.waitingFor?.(), "subscriptions of the event hub");
    }
    server.answer = answer;
    await ready();
    assert.equal(await verdict(), "in");
  });

  test("while the hub is away the last data goes on, and unknown keys are undecided", async () => {
    await started(settings(undefined, everywhere));
    await ready();
    server.answer = () => undefined;
    const { length } = server.asked;
    await until(() => server.asked.length > length);
    assert.equal(await verdict(), "in");
    assert.equal(await verdict({ consumerKey: "unknown" }), "503 900900");
    assert.equal(module.waitingFor?.(), undefined);
    server.answer = answer;
    // What the hub has deleted meanwhile goes with the next load.
    hub.subscriptions = [];
    await until(async () => (await verdict()) === "- 900908");
  });

  test("items that cannot be read let nobody in", async () => {
    hub.keys = [null as never, { consumerKey: "key" }, 5 as never];
    await started(settings(undefined, everywhere));
    await ready();
    assert.equal(await verdict(), "- 900908");
  });

  test("known defaults and what can be read on the way (S-SEC-01)", async () => {
    await started(`[apim.eventHub]\nenable = true\nserviceUrl = "${server.url}"\n`);
    const { length } = server.asked;
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(server.asked.length, length, "what is refused is not sent");
    const errors = findings.filter((line) => line.startsWith("error"));
    assert.equal(errors.length, 2);
    assert.match(errors[0] ?? "", /apim\.eventHub\.password: is the password that the original shipped for admin/);
    assert.match(errors[1] ?? "", /apim\.eventHub\.eventListeningEndpoints: is the password/);
    await module.close?.();
    await started(settings("amqp://broker.invalid/", ""));
    assert.match(findings.join(), /^warning: apim\.eventHub\.eventListeningEndpoints: speaks to a broker without TLS/);
  });

  describe("with a broker", { skip: noRabbitMq }, () => {
    let rabbit: RabbitMq;

    before(async () => {
      rabbit = await startRabbitMq();
    });
    after(async () => {
      await module?.close?.();
      await rabbit.stop();
    });

    const publish = (eventType: string, event: object | string, timestamp = Date.now()): Promise<void> => {
      const text = typeof event === "string" ? event : Buffer.from(JSON.stringify(event)).toString("base64");
      return rabbit.publish("notification", jmsMap({ eventType, timestamp: String(timestamp), event: text }));
    };

    test("events change it; the broker is stopped and started: what was missed is found", async () => {
      const url = `amqp://${rabbit.username}:${encodeURIComponent(rabbit.password)}@127.0.0.1:${rabbit.port}/`;
      await started(settings(url, everywhere).replace("refreshSeconds = 1", "refreshSeconds = 3600"));
      await ready();
      assert.equal(await verdict(), "in");
      const subscription = {
        subscriptionId: 3,
        apiId: 7,
        applicationId: 1,
        policyId: "Gold",
        tenantDomain: "carbon.super",
      };
      // The queue may not be there yet.
      await until(async () => {
        await publish("SUBSCRIPTIONS_UPDATE", { ...subscription, subscriptionState: "BLOCKED", timeStamp: 2_000 });
        return (await verdict()) === "- 900907";
      });
      await publish("SUBSCRIPTIONS_UPDATE", { ...subscription, subscriptionState: "UNBLOCKED", timeStamp: 1_000 });
      await publish("POLICY_UPDATE", { policyId: 1 });
      await publish("APPLICATION_DELETE", { applicationId: 1, tenantDomain: "other" });
      await publish("SUBSCRIPTIONS_UPDATE", { ...subscription, subscriptionState: "ON_HOLD", timeStamp: 3_000 });
      await until(async () => (await verdict()) === "- 900909");
      await publish("SUBSCRIPTIONS_UPDATE", { ...subscription, subscriptionState: "UNBLOCKED", timeStamp: 4_000 });
      await until(async () => (await verdict()) === "in");
      // What cannot be read may have been a deletion: all is loaded again.
      hub.keys = hub.keys.slice(1);
      await publish("REMOVE_APPLICATION_KEYMAPPING", "garbage");
      await until(async () => (await verdict()) === "- 900908");
      assert.equal(await verdict({ consumerKey: "sandbox key" }), "in");
      await publish("REMOVE_APPLICATION_KEYMAPPING", { consumerKey: "sandbox key" });
      hub.keys = [];
      await until(async () => (await verdict({ consumerKey: "sandbox key" })) === "- 900908");

      hub.keys = [{ applicationId: 1, consumerKey: "late", keyType: "PRODUCTION" }];
      assert.equal(await verdict({ consumerKey: "late" }), "in");
      await rabbit.kill();
      hub.keys = [];
      assert.equal(await verdict({ consumerKey: "late" }), "in");
      await rabbit.start();
      await until(async () => (await verdict({ consumerKey: "late" })) === "- 900908");
    });
  });
});
