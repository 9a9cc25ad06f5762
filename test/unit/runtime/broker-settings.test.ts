import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { brokersFrom } from "../../../runtime-lib/broker-settings.ts";
import { linesFrom, settingsFrom } from "./settings-for-test.ts";

const key = "apim.eventHub.eventListeningEndpoints";

async function findings(url: string, compatibility: "wso2-3.2" | "standard"): Promise<readonly string[]> {
  const { settings, report } = await settingsFrom(`[apim.eventHub]\neventListeningEndpoints = "${url}"\n`, {
    compatibility,
    features: ["event-hub"],
  });
  await brokersFrom(settings, report, key, { username: undefined, password: undefined, instead: false });
  return report.lines();
}

describe("what is said to a broker can be read on the way without TLS", () => {
  const exposed = [
    "amqp://gateway:own@broker.test:5672/",
    "amqp://gateway:own@client/carbon?brokerlist='tcp://127.0.0.1:5672;tcp://broker.test:5672'",
    "amqp://gateway:own@127.0.0.1.broker.test/",
  ];
  for (const url of exposed) {
    test(`standard refuses ${url}`, async () => {
      const lines = await findings(url, "standard");
      assert.equal(lines.length, 1, lines.join("\n"));
      assert.match(lines[0] ?? "", /^error: apim\.eventHub\.eventListeningEndpoints: speaks to a broker without TLS/);
      assert.doesNotMatch(lines[0] ?? "", /own|broker\.test/);
    });
    test(`wso2-3.2 warns of ${url}`, async () => {
      const lines = await findings(url, "wso2-3.2");
      assert.equal(lines.length, 1, lines.join("\n"));
      assert.match(lines[0] ?? "", /^warning: /);
    });
  }

  for (const url of [
    "amqps://gateway:own@broker.test/",
    "amqp://gateway:own@localhost/",
    "amqp://gateway:own@127.0.0.1:5672/",
    "amqp://gateway:own@[::1]/",
    "amqp://gateway:own@client/carbon?brokerlist='tcp://broker.test:5671'&ssl='true'",
  ])
    test(`fine: ${url}`, async () => {
      for (const compatibility of ["standard", "wso2-3.2"] as const)
        assert.deepEqual(await findings(url, compatibility), []);
    });
});

test("how client id and secret are sent is one of three words, in any case", async () => {
  const lines = (word: string) => linesFrom(`[keymanager.security.oauth2]\ncredentialBearer = "${word}"\n`);
  for (const word of ["AUTH_HEADER_BEARER", "post_body_bearer", "No_Bearer"]) assert.deepEqual(await lines(word), []);
  for (const word of ["POST_BODY", "", "NO_BEARER "])
    assert.deepEqual(
      (await lines(word)).map((line) => line.replace(/^.*?keymanager/i, "keymanager")),
      ["keymanager.security.oauth2.credentialBearer: must be one of AUTH_HEADER_BEARER, POST_BODY_BEARER, NO_BEARER"],
      JSON.stringify(word),
    );
});
