import type { Command } from "./command.ts";
import { dayOf } from "./day.ts";

const formats = ["pretty", "json", "markdown", "github", "sarif"] as const;

/** `castgate diff <base> <head>`: what changed for whom. */
export const diffCommand: Command = {
  name: "diff",
  summary: "what changed between two gateways, and for whom: weaker, stronger, neutral, unknown",
  usage: "diff <base> <head>",
  positionals: [2, 2],
  options: {
    format: { choices: formats, default: "pretty", describe: "how it is printed to standard output" },
    today: {
      type: "string",
      requiresArg: true,
      defaultDescription: "YYYY-MM-DD",
      describe: "the day (UTC) on which accepted changes must hold, if not today",
    },
  },
  details: `Each side is a project folder, a bundle (target/<name>.cjs), or a folder of a git revision: main:gateway, HEAD~1:. (nothing
is checked out). Compares what the gateways do, not their text: reordered, renamed or reformatted definitions differ in nothing.

  weaker    something that was refused before may pass now: more often, from more places, with fewer proofs, to more
  stronger  the converse
  unknown   cannot be ordered: another backend URL, other code
  neutral   differs, but nobody may do more or less

The same change at many operations is one finding. Each says where it was written on both sides, and the line of generated code.

A weakening that is meant is written into castgate.yaml of the head. \`diff\` prints the entry; the reason and the last day, at most a
year from now, are yours. It counts for that very change at those very operations, and is shown with its reason:

  accepted:
    - change: limit-raised
      on: GET /shop/v1/items
      fingerprint: d1-0f3c...
      reason: the summer sale
      expires: 2027-08-31

  castgate diff main:shop shop
  castgate diff shop-1.4.cjs shop/target/shop.cjs
  castgate diff origin/main:shop shop --format=markdown > comment.md        for a pull request
  castgate help limit-raised                                                what a change means

Exit codes: 0 nothing weaker or unknown that is not accepted; 10 weaker; 12 unknown, and nothing weaker; 1 a side has errors or cannot
be read; 2 wrong usage; 70 a bug of castgate.`,
  async run({ positionals: [base = "", head = ""], options }, terminal) {
    const day = dayOf(options.today as string | undefined);
    // Loaded when needed: `help` and the like answer at once.
    const { compareSides } = await import("./diff/compare-sides.ts");
    return compareSides({ base, head, format: options.format as (typeof formats)[number], day }, terminal);
  },
};
