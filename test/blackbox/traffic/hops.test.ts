import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  exchange,
  type GatewayProcess,
  headBackend,
  type RawBackend,
  startGateway,
} from "../../support/engine-process.ts";

/** `Via` (RFC 9110 section 7.6.3) and `Forwarded` (RFC 7239). */
describe("what messages say of the ways they came", () => {
  let backend: RawBackend;
  const heads: string[] = [];
  const running: GatewayProcess[] = [];

  before(async () => {
    backend = await headBackend((head) => {
      heads.push(head);
      return "HTTP/1.1 200 OK\r\nVia: 1.1 inner\r\nContent-Length: 2\r\n\r\nok";
    });
  });
  after(async () => {
    for (const gateway of running) assert.equal(await gateway.stop(), 0);
    backend.close();
  });

  async function gatewayWith(compatibility: string, ...args: string[]): Promise<GatewayProcess> {
    const gateway = await startGateway([`--echo_prod_endpoint_0=${backend.url}/back`, ...args], {
      TEST_COMPATIBILITY: compatibility,
    });
    running.push(gateway);
    return gateway;
  }

  /** The answer, and these fields of what the backend got. */
  async function ask(gateway: GatewayProcess, more: string, names: RegExp, version = "1.1") {
    const text = `GET /v1/pets/1 HTTP/${version}\r\nHost: gw:80\r\nConnection: close\r\n${more}\r\n`;
    const answer = await exchange(gateway.port, text);
    const lines = (heads.pop() ?? "").split("\r\n");
    return { answer, got: lines.filter((line) => names.test(line)) };
  }

  test("standard: Via both ways, under a name that tells nothing", async () => {
    const gateway = await gatewayWith("standard");
    const plain = await ask(gateway, "", /^via:/i);
    assert.deepEqual(plain.got, ["Via: 1.1 castgate"]);
    assert.deepEqual(plain.answer.match(/^Via: .*$/gm), ["Via: 1.1 inner", "Via: 1.1 castgate"]);
    const others = await ask(gateway, "Via: 1.0 a\r\nVia: 1.1 b (c)\r\n", /^via:/i);
    assert.deepEqual(others.got, ["Via: 1.0 a, 1.1 b (c), 1.1 castgate"]);
    assert.deepEqual((await ask(gateway, "", /^via:/i, "1.0")).got, ["Via: 1.0 castgate"]);
    // Not of its own answers.
    assert.doesNotMatch(
      await exchange(gateway.port, "GET /x HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n"),
      /^Via/m,
    );
  });

  test("standard: what goes round in a circle is 508", async () => {
    const gateway = await gatewayWith("standard");
    const passes = (count: number): string => `Via: ${Array(count).fill("1.1 castgate").join(", ")}\r\n`;
    assert.match((await ask(gateway, passes(4), /^via:/i)).answer, /^HTTP\/1\.1 200 /);
    const round = await ask(gateway, `${passes(3)}Via: 1.1 other, 1.1 Castgate (x),HTTP/1.1 castgate\r\n`, /./);
    assert.match(round.answer, /^HTTP\/1\.1 508 Loop Detected\r\n[\s\S]*"code":508/);
    assert.deepEqual(round.got, []);
    assert.match((await ask(gateway, "Via: 1.1 castgate.test, 1.1 my-castgate\r\n", /^via:/i)).answer, / 200 /);
  });

  test("R-HDR-04: in wso2-3.2 none is added, and a client's Via passes; a setting says otherwise", async () => {
    const gateway = await gatewayWith("wso2-3.2");
    const seen = await ask(gateway, "Via: 1.1 a\r\nForwarded: for=6.6.6.6\r\n", /^(via|forwarded):/i);
    assert.deepEqual(seen.got, ["Via: 1.1 a"]);
    assert.deepEqual(seen.answer.match(/^Via: .*$/gm), ["Via: 1.1 inner"]);
    assert.deepEqual((await ask(gateway, "", /^via:/i)).got, []);
    const other = await gatewayWith("wso2-3.2", "--castgate.via=true");
    assert.deepEqual((await ask(other, "", /^via:/i)).got, ["Via: 1.1 castgate"]);
  });

  test("Forwarded, where a setting asks for it: strangers' words are replaced, a trusted proxy's are added to", async () => {
    const stranger = await gatewayWith("standard", "--castgate.forwarded=true");
    const own = 'for=127.0.0.1;proto=http;host="gw:80"';
    assert.deepEqual((await ask(stranger, "Forwarded: for=6.6.6.6\r\n", /^forwarded:/i)).got, [`Forwarded: ${own}`]);
    const trusted = await gatewayWith("standard", "--castgate.forwarded=true", "--castgate.trustedProxies=127.0.0.1");
    assert.deepEqual((await ask(trusted, 'Forwarded: for="[2001:db8::1]"\r\n', /^forwarded:/i)).got, [
      `Forwarded: for="[2001:db8::1]", ${own}`,
    ]);
    const silent = await gatewayWith("standard");
    assert.deepEqual((await ask(silent, "Forwarded: for=6.6.6.6\r\n", /^forwarded:/i)).got, []);
  });
});
