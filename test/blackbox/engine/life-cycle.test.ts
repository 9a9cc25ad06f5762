import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import {
  eventually,
  exchange,
  headBackend,
  rawClient,
  spawnGateway,
  startGateway,
} from "../../support/engine-process.ts";
import { freePort } from "../../support/gateway-under-test.ts";

describe("start", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "castgate-life-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const run = async (...args: string[]) => {
    const spawned = await spawnGateway(args);
    return { code: await spawned.exited, stdout: spawned.stdout(), stderr: spawned.stderr() };
  };

  test("--version, --help, --manifest, --check-config", async () => {
    assert.deepEqual(await run("--version"), { code: 0, stdout: "engine-test 0\n", stderr: "" });
    assert.match((await run("--help")).stdout, /^Usage: /);
    assert.deepEqual(JSON.parse((await run("--manifest")).stdout), { name: "engine-test", version: "0" });
    const checked = await run("--check-config");
    assert.equal(checked.code, 0);
    assert.equal(checked.stdout, "The settings are fine.\n");
  });

  test("wrong usage is 2", async () => {
    for (const args of [["stray"], ["--unknown"], ["--config"], ["--workers", "0"], ["--workers=x"]]) {
      const { code, stderr } = await run(...args);
      assert.equal(code, 2, args.join(" "));
      assert.match(stderr, /Usage: /);
    }
  });

  test("wrong settings are 78, all of them listed, no value of a secret among them", async () => {
    const file = join(folder, "bad.conf");
    await writeFile(
      file,
      '[listenerConfig]\nhttpPort = 99999999\nkeyStorePath = "/nowhere.p12"\nkeyStorePassword = "hush"\n',
    );
    const { code, stderr } = await run(
      "--config",
      file,
      "--castgate.trustedProxies=10.0.0.0/8,300.1.1.1",
      "--echo_prod_endpoint_0=ftp://user:hush@host/",
    );
    assert.equal(code, 78);
    for (const what of [/httpPort/, /keyStorePath/, /trustedProxies/, /echo_prod_endpoint_0/])
      assert.match(stderr, what);
    assert.doesNotMatch(stderr, /hush/);
    assert.equal((await run("--config", join(folder, "none.conf"))).code, 78);
  });

  test("settings that only a worker finds wrong end the parent too, listed once", async () => {
    const { code, stderr } = await run("--workers", "3", "--echo_prod_endpoint_0=nonsense");
    assert.equal(code, 78);
    assert.equal(stderr.match(/echo_prod_endpoint_0/g)?.length, 1, stderr);
  });

  test("a port in use is said plainly", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const { code, stderr } = await run("--listenerConfig.host=127.0.0.1", `--listenerConfig.httpPort=${port}`);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: the address is in use\n`));
    taken.close();
  });
});

describe("stop", { timeout: 90_000 }, () => {
  /** Its backend may take longer than any test; it does not outlive its own. */
  const start = async (t: TestContext, ...args: string[]) => {
    const gateway = await startGateway(args, { TEST_BACKEND_TIMEOUT_MS: "120000" });
    t.after(() => void gateway.child.kill("SIGKILL"));
    return gateway;
  };

  test("SIGTERM: requests in flight finish, idle connections close, exit code 0", async (t) => {
    let answer = (): void => {};
    const backend = await headBackend((_head, socket) => {
      answer = () => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      return undefined;
    });
    t.after(() => backend.close());
    const gateway = await start(t, `--echo_prod_endpoint_0=${backend.url}`);
    const idle = await rawClient(gateway.port, "GET /readyz HTTP/1.1\r\nHost: gw\r\n\r\n");
    await idle.until(/\{"status":"ready"\}$/);
    const busy = await rawClient(gateway.port, "GET /v1/pets/1 HTTP/1.1\r\nHost: gw\r\n\r\n");
    await eventually("the backend is asked", () => backend.sockets.size > 0);
    const stopped = gateway.stop();
    await idle.closed;
    await eventually("nobody is let in", async () => {
      try {
        (await rawClient(gateway.port)).socket.destroy();
        return false;
      } catch {
        return true;
      }
    });
    answer();
    assert.match(await busy.closed, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/);
    assert.equal(await stopped, 0);
  });

  test("what does not finish in time is cut off; a second signal ends at once", async (t) => {
    const backend = await headBackend(() => undefined);
    t.after(() => backend.close());
    const gateway = await start(t, `--echo_prod_endpoint_0=${backend.url}`, "--castgate.drainSeconds=1");
    const other = await start(t, `--echo_prod_endpoint_0=${backend.url}`, "--castgate.drainSeconds=60");
    const busy = await rawClient(gateway.port, "GET /v1/pets/1 HTTP/1.1\r\nHost: gw\r\n\r\n");
    await eventually("the backend is asked", () => backend.sockets.size > 0);
    const held = await rawClient(other.port, "GET /v1/pets/1 HTTP/1.1\r\nHost: gw\r\n\r\n");
    await eventually("the backend is asked", () => backend.sockets.size > 1);
    const stopped = gateway.stop();
    void other.stop();
    await eventually("it drains", () => other.log.some((line) => line.msg === "draining"));
    assert.equal(await other.stop(), 1);
    await held.closed;
    assert.equal(await busy.closed, "");
    assert.equal(await stopped, 0);
  });
});

describe("settings of the listener", () => {
  test("keepAlive NEVER closes, server.header names the gateway, the access log has no query", async () => {
    const gateway = await startGateway([
      "--listenerConfig.keepAlive=NEVER",
      "--server.header=gw",
      "--b7a.http.accesslog.console=true",
    ]);
    const answer = await exchange(
      gateway.port,
      "GET /health?token=hush HTTP/1.1\r\nHost: gw\r\nX-Request-ID: a1\r\n\r\n",
    );
    assert.match(answer, /\r\nServer: gw\r\n/);
    assert.match(answer, /\r\nConnection: close\r\n/);
    await eventually("it is logged", () => gateway.log.some((line) => line.msg === "access"));
    const line = gateway.log.find((entry) => entry.msg === "access") as Record<string, unknown>;
    assert.deepEqual(
      [line.id, line.client, line.method, line.path, line.status],
      ["a1", "127.0.0.1", "GET", "/health", 200],
    );
    assert.doesNotMatch(JSON.stringify(gateway.log), /hush/);
    assert.equal(await gateway.stop(), 0);
  });

  test("R-HDR-07: listed fields get another value where they are present, both ways", async () => {
    const backend = await headBackend((head) => {
      const fields = (head.match(/^(user-agent|x-a|x-b|x-keep): .*$/gim) ?? []).join("|").replaceAll("\r", "");
      return `HTTP/1.1 200 OK\r\nServer: theirs\r\nX-A: secret\r\nContent-Length: ${fields.length}\r\n\r\n${fields}`;
    });
    const folder = await mkdtemp(join(tmpdir(), "castgate-headers-"));
    const file = join(folder, "micro-gw.conf");
    const entry = (name: string, more: string): string => `[[server.headerConf]]\nheaderName = "${name}"\n${more}\n`;
    await writeFile(
      file,
      entry("User-Agent", 'overrideValue = "gw"') +
        entry("X-A", 'overrideValue = "new"') +
        entry("X-B", "") +
        entry("X-Keep", "preserveHeader = true") +
        entry("Server", 'preserveHeader = false\noverrideValue = "gw"'),
    );
    const gateway = await startGateway(["--config", file, `--echo_prod_endpoint_0=${backend.url}`]);
    const answer = await exchange(
      gateway.port,
      "GET /v1/pets/1 HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nX-A: 1\r\nX-A: 2\r\nX-Keep: k\r\n\r\n",
    );
    assert.match(answer, /\r\nServer: gw\r\nX-A: new\r\n/);
    assert.match(answer, /\r\n\r\nX-A: new\|X-Keep: k\|User-Agent: gw$/);
    assert.match(
      await exchange(gateway.port, "GET /x HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n"),
      /\r\nServer: gw\r\n/,
    );
    assert.equal(await gateway.stop(), 0);
    backend.close();
    await rm(folder, { recursive: true });
  });

  test("S-PIPE-06 done right: X-Forwarded-For is believed from trusted proxies only", async () => {
    const backend = await headBackend((head) => {
      const fields = (head.match(/^x-forwarded.*$/gim) ?? []).join("|");
      return `HTTP/1.1 200 OK\r\nContent-Length: ${fields.length}\r\n\r\n${fields}`;
    });
    const gateway = await startGateway([
      `--echo_prod_endpoint_0=${backend.url}`,
      "--castgate.trustedProxies=127.0.0.0/8",
      "--castgate.accessLog=true",
    ]);
    const answer = await exchange(
      gateway.port,
      "GET /v1/pets/1 HTTP/1.1\r\nHost: inner\r\nConnection: close\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nX-Forwarded-For: 127.0.0.9\r\n" +
        "X-Forwarded-Proto: https\r\nX-Forwarded-Host: outer\r\nX-Forwarded-Port: 443\r\n\r\n",
    );
    assert.ok(
      answer.endsWith(
        "X-Forwarded-Port: 443\r|X-Forwarded-For: 6.6.6.6, 203.0.113.7, 127.0.0.9, 127.0.0.1\r|X-Forwarded-Proto: https\r|X-Forwarded-Host: outer\r",
      ) || answer.includes("X-Forwarded-For: 6.6.6.6, 203.0.113.7, 127.0.0.9, 127.0.0.1"),
      answer,
    );
    await eventually("it is logged", () => gateway.log.some((line) => line.msg === "access"));
    assert.equal(gateway.log.find((line) => line.msg === "access")?.client, "203.0.113.7");
    assert.equal(await gateway.stop(), 0);
    backend.close();
  });

  test("--workers shares the listeners and drains all", async () => {
    const backend = await headBackend(() => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const port = await freePort();
    const gateway = await startGateway([
      `--echo_prod_endpoint_0=${backend.url}`,
      `--listenerConfig.httpPort=${port}`,
      "--workers",
      "2",
    ]);
    await eventually("both listen", () => gateway.log.filter((line) => line.msg === "listening").length === 2);
    for (let i = 0; i < 4; i++) {
      const answer = await exchange(port, "GET /v1/pets/1 HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
      assert.match(answer, /\r\n\r\nok$/);
    }
    assert.equal(await gateway.stop(), 0);
    backend.close();
  });
});

test("a worker that crashes is started again", async (t) => {
  const port = await freePort();
  const gateway = await startGateway([`--listenerConfig.httpPort=${port}`, "--workers=2"]);
  t.after(async () => assert.equal(await gateway.stop(), 0, gateway.stderr()));
  const listening = (): number => gateway.log.filter((line) => line.msg === "listening").length;
  await eventually("both listen", () => listening() === 2);
  const children = await readFile(`/proc/${gateway.child.pid}/task/${gateway.child.pid}/children`, "utf8");
  process.kill(Number(children.split(" ")[0]), "SIGKILL");
  await eventually("another one listens", () => listening() === 3);
  // Who says so is another process than the one that listens.
  await eventually("its end is logged", () =>
    gateway.log.some((line) => line.msg === "worker ended" && line.signal === "SIGKILL"),
  );
  const answer = await exchange(port, "GET /health HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
  assert.match(answer, /^HTTP\/1\.1 200 /);
});
