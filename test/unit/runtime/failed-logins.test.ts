import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { beforeEach, describe, mock, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { api, configureApis } from "../../../runtime-lib/api.ts";
import { basic, basicModule } from "../../../runtime-lib/auth-basic.ts";
import { type Alternative, authenticate } from "../../../runtime-lib/authenticate.ts";
import { addressIsLimited, countIdentityFailure, identityIsLimited } from "../../../runtime-lib/failed-logins.ts";
import { hashPassword } from "../../../runtime-lib/password.ts";
import { refuse } from "../../../runtime-lib/respond.ts";
import type { Scheme } from "../../../runtime-lib/scheme.ts";
import { allScopes } from "../../../runtime-lib/scopes.ts";
import { noBackends } from "../../support/no-backends.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { settingsFrom } from "./settings-for-test.ts";

/** S-SEC-05: guessing and floods of bad credentials are limited, before anything expensive is done for them. */
describe("failed log-ins", () => {
  const shop = api({ name: "Shop", version: "1", basePath: "/shop", challenges: ["basic"] });
  const anyOf = [[basic(shop)]];
  const sha = (text: string) => `@sha256:{${createHash("sha256").update(text).digest("hex")}}`;
  let minute = 1_000_000;

  beforeEach(async () => {
    mock.timers.reset();
    minute++;
    mock.timers.enable({ apis: ["Date"], now: minute * 60_000 + 15_000 });
    await configure("wso2-3.2");
  });

  async function configure(compatibility: "wso2-3.2" | "standard"): Promise<void> {
    const text = [
      "[castgate]",
      "failedLoginsPerMinute = 5",
      "failedLoginsPerIdentityPerMinute = 3",
      ...["alice", "bob"].flatMap((name) => [`[b7a.users.${name}]`, `password = "${sha(`${name}-secret`)}"`]),
    ].join("\n");
    const { settings, report } = await settingsFrom(text, { compatibility });
    configureApis(settings);
    await basicModule.configure(settings, report, noBackends);
    assert.deepEqual(report.lines(), []);
  }

  async function login(credentials: string, clientAddress = "192.0.2.1"): Promise<number | string> {
    const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
    const x = new RecordedExchange({ headers: ["Authorization", authorization], clientAddress });
    const caller = await authenticate(x, shop, anyOf);
    if (caller !== undefined) return caller.name;
    refuse(x);
    const { status, headers } = x.answer as NonNullable<typeof x.answer>;
    const after = headers.find(([name]) => name === "Retry-After")?.[1];
    return status === 429 ? `429 ${x.refusal?.code} ${after}` : status;
  }

  test("an address that fails too often gets 429 until the minute is over, other addresses go on", async () => {
    for (let i = 0; i < 5; i++) assert.equal(await login(`user-${i}:wrong`), 401);
    assert.equal(await login("alice:alice-secret"), "429 900800 45");
    assert.equal(await login("alice:alice-secret", "192.0.2.2"), "alice");
    mock.timers.setTime((minute + 1) * 60_000);
    assert.equal(await login("bob:bob-secret"), "bob");
    minute++;
  });

  test("each wrong credential of a request counts, once however many alternatives look at it", async () => {
    await configure("standard");
    const key: Scheme = {
      kind: "api-key",
      present: () => true,
      verify: () => ({ ok: false, code: 900901, reason: "api-key: signature" }),
    };
    const password = basic(shop);
    const tries = async (anyOf: readonly Alternative[]): Promise<number> => {
      minute++;
      mock.timers.setTime(minute * 60_000);
      for (let count = 0; count < 10; count++) {
        const authorization = `Basic ${Buffer.from(`name${count}:wrong`).toString("base64")}`;
        const x = new RecordedExchange({ headers: ["Authorization", authorization] });
        if (addressIsLimited(x)) return count;
        await authenticate(x, shop, anyOf);
      }
      return 10;
    };
    assert.equal(await tries([[password]]), 5);
    assert.equal(await tries([[password], { allOf: [password], scopes: allScopes("a") }]), 5);
    assert.equal(await tries([[key], [key]]), 5);
    assert.equal(await tries([[password], [key]]), 3, "two at a time");
  });

  test("a caller who lacks a scope cannot guess keys beside it", async () => {
    await configure("standard");
    const key: Scheme = {
      kind: "api-key",
      present: () => true,
      verify: () => ({ ok: false, code: 900901, reason: "api-key: signature" }),
    };
    const anyOf = [{ allOf: [basic(shop)], scopes: allScopes("a") }, [key]];
    const codes: unknown[] = [];
    for (let i = 0; i < 7; i++) {
      const authorization = `Basic ${Buffer.from("alice:alice-secret").toString("base64")}`;
      const x = new RecordedExchange({ headers: ["Authorization", authorization] });
      await authenticate(x, shop, anyOf);
      codes.push(x.refusal?.code);
      if (addressIsLimited(x)) break;
    }
    assert.deepEqual(codes, Array(5).fill(900910));
  });

  test("who is known to be right passes all the same", async () => {
    assert.equal(await login("alice:alice-secret"), "alice");
    for (let i = 0; i < 5; i++) await login(`user-${i}:wrong`);
    assert.equal(await login("alice:alice-secret"), "alice");
    assert.equal(await login("bob:bob-secret"), "429 900800 45");
  });

  test("an identity is limited from wherever it is tried; its owner, once logged in, is not locked out", async () => {
    assert.equal(await login("alice:alice-secret", "198.51.100.1"), "alice");
    for (let i = 0; i < 3; i++) assert.equal(await login(`alice:guess-${i}`, `203.0.113.${i}`), 401);
    assert.equal(await login("alice:guess-4", "203.0.113.9"), "429 900800 45");
    assert.equal(await login("alice:alice-secret", "198.51.100.1"), "alice");
    assert.equal(await login("bob:bob-secret", "203.0.113.9"), "bob");
  });

  test("guesses that wait for their turn are counted before they get it", async () => {
    const { settings, report } = await settingsFrom(
      `[castgate]\nfailedLoginsPerIdentityPerMinute = 3\n[b7a.users.carol]\npassword = "${await hashPassword("carol-secret")}"`,
    );
    await basicModule.configure(settings, report, noBackends);
    const guesses = Array.from({ length: 20 }, (_, i) => login(`carol:guess-${i}`, `203.0.113.${i}`));
    const tried = (await Promise.all(guesses)).filter((outcome) => outcome === 401);
    assert.ok(tried.length >= 3 && tried.length <= 4, `${tried.length}: two are verified at a time`);
  });

  test("an unknown user is counted like a known one", async () => {
    for (let i = 0; i < 3; i++) assert.equal(await login("nobody:x", `203.0.113.${i}`), 401);
    assert.equal(await login("nobody:x", "203.0.113.9"), "429 900800 45");
  });

  test("long names are told apart to their end, and cost no more memory than short ones", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const name = (end: number) => `${"x".repeat(6_000)}${end}`;
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 5_000; i++) countIdentityFailure(Buffer.from(name(i)).toString("latin1"));
    collect();
    const perName = (process.memoryUsage().heapUsed - before) / 5_000;
    assert.ok(perName < 1_000, `${Math.round(perName)} bytes a name`);
    for (let i = 0; i < 3; i++) countIdentityFailure(name(1));
    assert.deepEqual([identityIsLimited(name(1)), identityIsLimited(name(2))], [true, false]);
  });

  test("an IPv6 client is its /64", async () => {
    for (let i = 0; i < 5; i++) assert.equal(await login(`user-${i}:wrong`, `2001:db8:1:2::${i}`), 401);
    assert.equal(await login("alice:alice-secret", "2001:db8:1:2:ffff::1"), "429 900800 45");
    assert.equal(await login("alice:alice-secret", "2001:db8:1:3::1"), "alice");
  });

  test("what is missing or not enabled is no failed log-in", async () => {
    for (let i = 0; i < 20; i++) {
      await authenticate(new RecordedExchange({}), shop, anyOf);
      await authenticate(new RecordedExchange({ headers: ["Authorization", "Bearer a.b.c"] }), shop, anyOf);
    }
    assert.equal(await login("alice:alice-secret"), "alice");
  });
});
