import type { Condition } from "./conditions.ts";
import { type ChosenTier, Limit, type Tier } from "./throttle.ts";

/** A quota for requests that meet all of its conditions. */
export interface TierGroup extends Tier {
  readonly when: readonly Condition[];
}

/** A tier whose quota depends on the request: that of the first group whose conditions are met, else the last one (R-DTH-11). */
export function conditionalTier(groups: readonly TierGroup[], otherwise: Tier): ChosenTier {
  return {
    limits(level, key) {
      const limits = groups.map((group, index) => new Limit(level, group, `${key} ${index}`));
      const last = new Limit(level, otherwise, key);
      return {
        choose(x, caller) {
          const index = groups.findIndex(({ when }) => when.every((condition) => condition(x, caller)));
          return limits[index] ?? last;
        },
      };
    },
  };
}
