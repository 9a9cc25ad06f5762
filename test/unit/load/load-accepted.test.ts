import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadProject } from "../../../compiler/1-load/load-project.ts";
import { DiagnosticLog } from "../../../compiler/diagnostics/log.ts";
import { memoryHost } from "../../support/memory-host.ts";

async function load(accepted: string) {
  const log = new DiagnosticLog();
  const project = await loadProject(
    "shop",
    memoryHost({ "api_definitions/a.yaml": "openapi: 3.0.3\n", "castgate.yaml": accepted }),
    log,
  );
  const found = log.sorted().filter(({ place }) => place.ref.file === "castgate.yaml");
  return {
    accepted: project?.settings.accepted ?? [],
    found: found.map(({ code, place, message }) => `${place.ref.pointer} ${code}: ${message}`),
  };
}

const fingerprint = "d1-00112233445566778899aabbccddeeff";
const good = `  - change: limit-raised
    on: "GET /a/{b: c}"
    fingerprint: ${fingerprint}
    reason: |
      They pay for it.
    expires: 2028-02-29
`;

describe("accepted", () => {
  test("a list of entries, each with its place", async () => {
    const { accepted, found } = await load(`accepted:\n${good}`);
    assert.deepEqual(found, []);
    assert.deepEqual(accepted, [
      {
        change: "limit-raised",
        on: "GET /a/{b: c}",
        fingerprint,
        reason: "They pay for it.",
        expires: "2028-02-29",
        ref: { file: "castgate.yaml", pointer: "/accepted/0" },
      },
    ]);
  });

  test("nothing, or an empty list", async () => {
    for (const text of ["accepted:\n", "accepted: []\n", "name: x\n"]) {
      assert.deepEqual(await load(text), { accepted: [], found: [] });
    }
  });

  test("every mistake is reported, and an entry with one is left out", async () => {
    const { accepted, found } = await load(`accepted:
  - 1
  - {}
  - {change: 1, on: x, fingerprint: d1-0, reason: [], expires: 2027-02-29}
  - {change: a, on: x, fingerprint: ${fingerprint}, reason: r, expires: 20270101}
  - {change: a, on: x, fingerprint: ${fingerprint}, reason: r, expires: "2027-1-1"}
  - {change: a, on: x, fingerprint: ${fingerprint.toUpperCase()}, reason: r, expires: 2027-01-01}
`);
    assert.deepEqual(accepted, []);
    assert.deepEqual(found, [
      "/accepted/0 setting-type: an entry of accepted must be a table with change, expires, fingerprint, on, reason",
      ...["change", "expires", "fingerprint", "on", "reason"].map(
        (key) => `/accepted/1 accepted-incomplete: an accepted change needs "${key}"`,
      ),
      "/accepted/2/change accepted-value: change of an accepted change: must be a text",
      "/accepted/2/fingerprint accepted-value: fingerprint of an accepted change: must be what `diff` prints: d1- and 32 hexadecimal digits",
      "/accepted/2/reason accepted-value: reason of an accepted change: must be a text",
      '/accepted/2/expires accepted-value: expires of an accepted change: "2027-02-29" is not a day; write it as 2027-01-31',
      "/accepted/3/expires accepted-value: expires of an accepted change: must be a text",
      '/accepted/4/expires accepted-value: expires of an accepted change: "2027-1-1" is not a day; write it as 2027-01-31',
      "/accepted/5/fingerprint accepted-value: fingerprint of an accepted change: must be what `diff` prints: d1- and 32 hexadecimal digits",
    ]);
  });

  test("a list is wanted", async () => {
    const { found } = await load("accepted: {a: 1}\n");
    assert.deepEqual(found, ["/accepted setting-type: accepted must be a list of entries"]);
  });
});
