import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { faultsOf, statusReportBody } from "../../../runtime-lib/faults.ts";

const textOf = (body: Uint8Array) => Buffer.from(body).toString("utf8");

describe("bodies with a text of the gateway's own", () => {
  test("are encoded once", () => {
    const faults = faultsOf("standard");
    assert.equal(faults.byStatus(404, "Nothing there").body, faults.byStatus(404, "Nothing there").body);
    assert.equal(statusReportBody(404, "Nothing there"), statusReportBody(404, "Nothing there"));
  });

  test("one text with several statuses is never mixed up", () => {
    const faults = faultsOf("standard");
    for (const status of [400, 503, 400, 404, 503]) {
      const fault = faults.byStatus(status, "Some text");
      assert.equal(fault.status, status);
      assert.equal(fault.code, status);
      assert.match(textOf(fault.body), new RegExp(`^\\{"fault":\\{"code":${status}, .*"Some text"\\}\\}$`));
      assert.match(
        textOf(statusReportBody(status, "Some text")),
        new RegExp(`^\\{"code":${status}, .*"Some text"\\}$`),
      );
    }
  });

  test("texts that vary are sent all the same", () => {
    const faults = faultsOf("standard");
    for (let i = 0; i < 1000; i++) assert.ok(textOf(faults.byStatus(400, `Text ${i}`).body).includes(`"Text ${i}"`));
  });
});
