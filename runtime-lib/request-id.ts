import { randomFillSync } from "node:crypto";

const pool = Buffer.alloc(4096);
let poolAt = pool.length;

/** A request id: 32 random hex digits. Random bytes are drawn for 256 ids at a time. */
export function newRequestId(): string {
  if (poolAt === pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const id = pool.toString("hex", poolAt, poolAt + 16);
  poolAt += 16;
  return id;
}
