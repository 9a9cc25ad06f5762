/**
 * Loaded into the gateway's process before it (`--require`): says what the process holds, and where it opens connections to.
 * It looks from Node's side; the gateway knows nothing of it. On SIGUSR2, what is held once the garbage is gone goes to the
 * file CHAOS_HELD; each attempt to connect is a line of CHAOS_ATTEMPTS.
 */
const { subscribe } = require("node:diagnostics_channel");
const { openSync, renameSync, writeFileSync, writeSync } = require("node:fs");
const v8 = require("node:v8");

const { CHAOS_HELD, CHAOS_ATTEMPTS } = process.env;
const attempts = openSync(CHAOS_ATTEMPTS, "a");
subscribe("net.client.socket", ({ socket }) => {
  socket.on("connectionAttempt", (_address, port) => writeSync(attempts, `${port} ${Date.now()}\n`));
});

const timer = setTimeout(() => undefined, 0);
const Timeout = timer.constructor;
clearTimeout(timer);

process.on("SIGUSR2", () => {
  globalThis.gc();
  // All of them, also those that keep no process alive; not those that are over, which somebody may still have in hand.
  const timers = v8
    .queryObjects(Timeout, { format: "summary" })
    .filter((text) => /_destroyed: false/.test(text)).length;
  const { heapUsed, external, rss } = process.memoryUsage();
  writeFileSync(`${CHAOS_HELD}.new`, JSON.stringify({ heapUsed, external, rss, timers }));
  renameSync(`${CHAOS_HELD}.new`, CHAOS_HELD);
});
