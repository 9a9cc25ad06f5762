import assert from "node:assert/strict";
import { test } from "node:test";
import { log } from "../../../runtime-lib/log.ts";
import { Refresher } from "../../../runtime-lib/refresher.ts";
import { until } from "../../support/debian-services.ts";

test("a copy that is older than three periods is an error in the log, once, and so is its end told (S-SEC-08)", async (t) => {
  const lines: string[] = [];
  for (const level of ["info", "warn", "error"] as const)
    t.mock.method(log(), level, (fields: Record<string, unknown>, text: string) => {
      lines.push(`${level} ${fields.source} ${text}${"ageSeconds" in fields ? ` ${typeof fields.ageSeconds}` : ""}`);
    });
  let attempts = 0;
  let away = false;
  const refresher = new Refresher({
    name: "list",
    refresh: async () => {
      attempts++;
      if (away) throw new Error("status 500");
    },
    periodMs: () => 20,
    firstRetryMs: 5,
    longestRetryMs: 5,
  });
  refresher.start();
  await until(() => attempts > 1);
  assert.deepEqual(lines, []);
  away = true;
  await until(() => lines.length === 2);
  assert.ok(refresher.ready, "what was there goes on");
  const { length } = lines;
  const before = attempts;
  await until(() => attempts > before + 20);
  assert.equal(lines.length, length, "told once");
  away = false;
  await until(() => lines.length > length);
  refresher.close();
  assert.deepEqual(lines, ["warn list source away", "error list source stale number", "info list source back number"]);
});
