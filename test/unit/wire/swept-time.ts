import { clock, type Swept, startSweep, stopSweep } from "../../../runtime-lib/wire/sweep.ts";

/** Lets time limits pass without waiting for them: the clock of the sweep goes on by `ms`, then two sweeps look at it. */
export async function pass(ms: number): Promise<void> {
  clock.now += ms;
  for (let i = 0; i < 2; i++) await nextSweep();
}

function nextSweep(): Promise<void> {
  return new Promise((resolve) => {
    const member: Swept = {
      shortestMs: 100,
      sweep() {
        stopSweep(member);
        resolve();
      },
    };
    startSweep(member);
  });
}
