import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { getDocument } from "../../../runtime-lib/jwks.ts";
import { identity } from "../../support/self-signed.ts";
import { ServiceUnderTest } from "../../support/service-under-test.ts";
import { noTinyproxy, startTinyproxy, type Tinyproxy } from "../../support/tinyproxy.ts";

describe("key sources behind a forward proxy (R-EP-09)", { skip: noTinyproxy }, () => {
  const own = identity("localhost", { type: 2, value: "localhost" });
  const secure = new ServiceUnderTest(own);
  let proxy: Tinyproxy;

  before(async () => {
    proxy = await startTinyproxy("gateway", "hunter2");
    await secure.start();
  });
  after(() => Promise.all([proxy?.stop(), secure.stop()]));

  test("they are asked through a tunnel, and their certificates are their own", async () => {
    const options = { timeoutMs: 5_000, ca: [own.cert] };
    const through = { host: "127.0.0.1", port: proxy.port, username: "gateway", password: "hunter2" };
    secure.answer = (response) => void response.end('{"keys":[]}');
    const seen = proxy.requests().length;
    assert.equal((await getDocument(`${secure.url}/jwks`, { ...options, proxy: through })).text, '{"keys":[]}');
    assert.deepEqual(proxy.requests().slice(seen), [`CONNECT localhost:${secure.port} HTTP/1.1`]);
    assert.equal(secure.requests.pop()?.url, "/jwks");
    const misnamed = `https://127.0.0.1:${secure.port}/jwks`;
    await assert.rejects(getDocument(misnamed, { ...options, proxy: through }), {
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
    const guess = { ...through, password: "guess" };
    await assert.rejects(getDocument(`${secure.url}/jwks`, { ...options, proxy: guess }), { code: "PROXY_REFUSED" });
    assert.equal(secure.requests.length, 0);
  });
});
