import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { until } from "../../support/debian-services.ts";
import { type Etcd, noEtcd, startEtcd } from "../../support/etcd.ts";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { ask, compileParts, definition, get } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";

const from = (name: string, ...urls: string[]) => ({
  "x-wso2-disable-security": true,
  "x-wso2-production-endpoints": { name, urls },
});
const apis = {
  orders: definition("Orders", from("orders", "etcd(orders, http://default.test/default)"), { "/x": get() }),
  pair: definition("Pair", from("pair", "etcd (pair,http://default.test/a)", "http://default.test/b"), { "/x": get() }),
};

/** R-ETCD-01 to 08, T-OVR-07: beside a real etcd. */
describe("endpoints from etcd", { skip: noEtcd }, () => {
  let etcd: Etcd;
  let backend: StubBackend;
  let other: StubBackend;
  let project: CompiledProject;
  const gateways: RunningGateway[] = [];

  before(async () => {
    const policies = {
      subscriptionPolicies: [{ Unauthenticated: { count: 99_999, unitTime: 1, timeUnit: "day" } }],
    };
    [etcd, backend, other, project] = await Promise.all([
      startEtcd(),
      StubBackend.start(),
      StubBackend.start(),
      compileParts("discovery", { compatibility: "wso2-3.2", apis, policies }),
    ]);
  });
  after(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await Promise.all([etcd?.stop(), backend?.stop(), other?.stop()]);
    project?.remove();
  });

  /** `etcdtimer` is an hour: what comes sooner was brought by a watch. */
  async function start(settings: string, ...args: string[]): Promise<RunningGateway> {
    const defaults = ["--orders_prod_endpoint_0=", "--pair_prod_endpoint_0=", "--pair_prod_endpoint_1="];
    const gateway = await startGateway(project, {
      settings: "",
      args: [
        ...defaults.map((name) => `${name}${backend.origin}/default`),
        "--etcdtimer=3600000",
        ...settings.split(" ").filter((text) => text !== ""),
        ...args,
      ],
    });
    gateways.push(gateway);
    return gateway;
  }

  const reached = async (gateway: RunningGateway, path = "/orders/x"): Promise<string> => {
    const { status, body } = await ask(gateway.origin + path);
    return status === 200 ? JSON.parse(body).target : String(status);
  };
  const moved = (gateway: RunningGateway, target: string, path?: string) =>
    until(
      async () => (await reached(gateway, path)) === target,
      () => `not moved to ${target}:\n${gateway.log()}`,
    );
  const said = (gateway: RunningGateway, text: string | RegExp) =>
    until(
      () => (typeof text === "string" ? gateway.log().includes(text) : text.test(gateway.log())),
      () => `not in the log: ${text}\n${gateway.log()}`,
    );

  test("R-ETCD-02, 03: the value that is there at the start is used from the first request on", async () => {
    await etcd.put("orders", `${backend.origin}/start`);
    const gateway = await start(`--etcdurl=${etcd.url}`);
    assert.equal(await reached(gateway), "/start/x");
    assert.equal(await reached(gateway, "/pair/x"), "/default/x", "a key that is not there");
    await said(gateway, /"endpoint":"pair_prod_endpoint_0","msg":"etcd has no such key.*default URL/);
  });

  test("R-ETCD-05, 06: changes are watched; the last good value outlives its key and etcd itself", async () => {
    await etcd.put("orders", `${backend.origin}/first`);
    const gateway = await start(`--etcdurl=${etcd.url}`);
    assert.equal(await reached(gateway), "/first/x");
    await said(gateway, '"msg":"etcd is watched"');
    await etcd.put("orders", `  ${backend.origin}/second/\n`);
    await moved(gateway, "/second/x");
    await etcd.call("POST", "/v3/kv/deleterange", { key: Buffer.from("orders").toString("base64") });
    await said(gateway, "etcd has no such key: the endpoint stays at its last good URL");
    assert.equal(await reached(gateway), "/second/x");
    await etcd.kill();
    await said(gateway, '"msg":"etcd is not watched any more"');
    await said(gateway, '"msg":"source away"');
    assert.equal(await reached(gateway), "/second/x");
    await etcd.start();
    await etcd.put("orders", `${backend.origin}/third`);
    await moved(gateway, "/third/x");
  });

  test("R-ETCD-06: a value that is no URL for requests is refused, and logged without it", async () => {
    await etcd.put("orders", `${backend.origin}/good`);
    const gateway = await start(`--etcdurl=${etcd.url}`);
    await said(gateway, '"msg":"etcd is watched"');
    const refusals = () =>
      gateway.log().split("the value in etcd is no URL for requests: the endpoint stays").length - 1;
    for (const value of ["not a URL", "ftp://backend.test", "http://svc:hunter2@backend.test", ""]) {
      const before = refusals();
      await etcd.put("orders", value);
      await until(() => refusals() > before);
      assert.equal(await reached(gateway), "/good/x");
    }
    assert.doesNotMatch(gateway.log(), /hunter2|ftp:/);
    await etcd.put("orders", `${backend.origin}/better`);
    await moved(gateway, "/better/x");
  });

  test("R-ETCD-08, T-OVR-01: the key may be replaced at start; members of a balanced endpoint move alone", async () => {
    await etcd.put("other key", `${backend.origin}/elsewhere`);
    await etcd.put("pair", `${backend.origin}/moved`);
    const gateway = await start(`--etcdurl=${etcd.url}`, "--orders_prod_0_etcdKey=other key");
    assert.equal(await reached(gateway), "/elsewhere/x");
    const both = [await reached(gateway, "/pair/x"), await reached(gateway, "/pair/x")];
    assert.deepEqual(both.sort(), ["/default/x", "/moved/x"]);
    await etcd.call("POST", "/v3/kv/deleterange", { key: Buffer.from("pair").toString("base64") });
  });

  test("no request is lost while an endpoint moves, and connections to where it was end", async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let waiting = 0;
    const old = createServer(async (request, response) => {
      if (request.url !== "/old/x?slow") return void response.end("old");
      waiting++;
      await held;
      response.end("slow");
    });
    const sockets = new Set<object>();
    old.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    // It would keep idle connections for an hour.
    old.keepAliveTimeout = 3_600_000;
    await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve));
    try {
      await etcd.put("orders", `http://127.0.0.1:${(old.address() as AddressInfo).port}/old`);
      const gateway = await start(`--etcdurl=${etcd.url}`);
      await said(gateway, '"msg":"etcd is watched"');
      const slow = Array.from({ length: 5 }, () => ask(`${gateway.origin}/orders/x?slow`));
      await until(() => waiting === 5);
      let over = false;
      const statuses = new Set<number>();
      const stream = (async () => {
        while (!over) statuses.add((await ask(`${gateway.origin}/orders/x`)).status);
      })();
      await etcd.put("orders", `${other.origin}/new`);
      await until(() => other.seen.length > 0);
      over = true;
      await stream;
      release();
      for (const { status, body } of await Promise.all(slow)) assert.deepEqual([status, body], [200, "slow"]);
      assert.deepEqual([...statuses], [200]);
      await until(() => sockets.size === 0);
    } finally {
      release();
      old.closeAllConnections();
      old.close();
    }
  });

  test("where nobody may watch, keys are read every etcdtimer milliseconds", async () => {
    const unwatchable: Server = createServer(async (request, response) => {
      if (request.url === "/v3/watch") return void response.writeHead(404).end("{}");
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const answer = await etcd.call("POST", request.url ?? "", JSON.parse(Buffer.concat(chunks).toString()));
      response.end(answer);
    });
    await new Promise<void>((resolve) => unwatchable.listen(0, "127.0.0.1", resolve));
    try {
      await etcd.put("orders", `${backend.origin}/polled`);
      const url = `http://127.0.0.1:${(unwatchable.address() as AddressInfo).port}`;
      const gateway = await start(`--etcdurl=${url} --etcdtimer=100`);
      assert.equal(await reached(gateway), "/polled/x");
      await said(gateway, "etcd cannot be watched: its keys are read from time to time");
      await etcd.put("orders", `${backend.origin}/again`);
      await moved(gateway, "/again/x");
    } finally {
      unwatchable.closeAllConnections();
      unwatchable.close();
    }
  });

  test("R-ETCD-02: without etcdurl, or without etcd there, the defaults", async () => {
    const without = await start("");
    assert.equal(await reached(without), "/default/x");
    await said(without, /"level":"error".*etcdurl is not set/);
    const away = await start("--etcdurl=http://127.0.0.1:1");
    assert.equal(await reached(away), "/default/x");
    await said(away, /"source":"endpoints from etcd","reason":"cannot connect: ECONNREFUSED","msg":"source away"/);
  });

  test("settings that are wrong stop the start", () => {
    const check = (...args: string[]): string =>
      spawnSync(process.execPath, [project.bundle, "--check-config", "--config", "/dev/null", ...args], {
        encoding: "utf8",
      }).stderr;
    assert.match(check("--etcdurl=etcd.test"), /^error: etcdurl: /m);
    assert.match(check("--etcdurl=http://etcd.test"), /^error: etcdurl: must be an https URL/m);
    assert.match(check("--etcdurl=http://127.0.0.1:1", "--etcdusername=a"), /^error: etcdpassword: is required/m);
    assert.match(
      check("--etcdurl=http://127.0.0.1:1", "--etcdusername=root", "--etcdpassword=root"),
      /^error: etcdpassword: is the password that the original shipped for root/m,
    );
    assert.match(check("--etcdurl=http://127.0.0.1:1", "--etcdbasepath=v3"), /^error: etcdbasepath: must begin/m);
    assert.match(check("--etcdurl=http://127.0.0.1:1", "--etcdtimer=0"), /^error: etcdtimer/m);
  });

  test("R-ETCD-04: credentials; a token is asked for again when it is refused, and only then", async () => {
    const secured = await startEtcd();
    try {
      await secured.put("orders", `${backend.origin}/secured`);
      const auth = (path: string, body: object) => secured.call("POST", `/v3/auth/${path}`, body);
      const withUsers = await start(`--etcdurl=${secured.url} --etcdusername=root --etcdpassword=hunter2`);
      assert.equal(await reached(withUsers), "/secured/x", "an etcd without users takes any");
      await auth("user/add", { name: "root", password: "hunter2" });
      await auth("role/add", { name: "root" });
      await auth("user/grant", { user: "root", role: "root" });
      await auth("enable", {});
      const wrong = await start(`--etcdurl=${secured.url} --etcdusername=root --etcdpassword=guess`);
      assert.equal(await reached(wrong), "/default/x");
      await said(wrong, '"reason":"access refused","msg":"source away"');
      const nobody = await start(`--etcdurl=${secured.url}`);
      assert.equal(await reached(nobody), "/default/x");
      const right = await start(`--etcdurl=${secured.url} --etcdusername=root --etcdpassword=hunter2`);
      assert.equal(await reached(right), "/secured/x");
      await said(right, '"msg":"etcd is watched"');
      // Its tokens are gone with it.
      await secured.kill();
      await secured.start();
      const { token } = JSON.parse(await auth("authenticate", { name: "root", password: "hunter2" }));
      await secured.put("orders", `${backend.origin}/renewed`, token);
      await moved(right, "/renewed/x");
      assert.doesNotMatch(right.log() + wrong.log(), /hunter2|guess/);
    } finally {
      await secured.stop();
    }
  });
});
