import path from "node:path";

/**
 * A reporter for node:test that shows only what failed, and closes with `tests: N passed, N failed, N skipped`. Suites are
 * not counted: their tests are.
 */
export default async function* report(source) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const names = [];
  /** What has begun, by file, from the outermost suite inwards. */
  const begun = new Map();
  for await (const { type, data } of source) {
    if (type === "test:stderr") yield data.message;
    if (type === "test:start") names[data.nesting] = data.name;
    if (type === "test:dequeue")
      begun.set(data.file, [...(begun.get(data.file) ?? []).slice(0, depth(data)), data.name]);
    if (type !== "test:pass" && type !== "test:fail") continue;
    const suite = data.details?.type === "suite";
    if (type === "test:pass") {
      if (suite) continue;
      counts[data.skip !== undefined ? "skipped" : "passed"]++;
      continue;
    }
    const error = data.details?.error;
    // The tests inside have been reported.
    if (error?.failureType === "subtestsFailed") continue;
    counts.failed++;
    const where = data.file === undefined ? "" : `${path.relative(process.cwd(), data.file)}: `;
    const name = [...names.slice(0, data.nesting), data.name].join(" > ");
    const inside =
      error?.failureType === "testTimeoutFailure" ? (begun.get(data.file) ?? []).slice(depth(data) + 1) : [];
    const during = inside.length > 0 ? ` in: ${inside.join(" > ")}` : "";
    yield `\nFAILED ${where}${name}\n${describe(error)}${during}\n`;
  }
  yield `tests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`;
}

/** A file is the outermost, though the runner tells its tests as if they stood beside it. */
function depth({ name, file, nesting }) {
  return file !== undefined && path.resolve(name) === file ? 0 : nesting + 1;
}

function describe(error) {
  const cause = error?.cause ?? error;
  return String(cause?.stack ?? cause?.message ?? cause);
}
