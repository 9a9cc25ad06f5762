import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { projectFiles } from "../../corpus/project.ts";
import { requestTable } from "../../corpus/request-table.ts";

describe("the table of requests", () => {
  const operations = [
    { method: "GET", template: "/pets" },
    { method: "GET", template: "/pets/{id}.json" },
    { method: "DELETE", template: "/pets/{id}/toys/{toy}" },
  ];

  test("is the same each time, and another for another seed", () => {
    assert.deepEqual(requestTable(operations), requestTable(operations));
    assert.notDeepEqual(requestTable(operations), requestTable(operations, 2));
  });

  test("fills parameters and keeps the text around them", () => {
    const filled = requestTable(operations).filter(({ kind }) => kind === "path");
    assert.equal(filled.length, 3);
    assert.equal(filled[0]?.target, "/pets");
    assert.match(filled[1]?.target ?? "", /^\/pets\/[^/{}]+\.json$/);
    assert.match(filled[2]?.target ?? "", /^\/pets\/[^/{}]+\/toys\/[^/{}]+$/);
  });

  test("asks for methods that a path does not have", () => {
    const [first] = requestTable(operations).filter(({ kind }) => kind === "wrong method");
    assert.equal(first?.target, "/pets");
    assert.notEqual(first?.method, "GET");
  });
});

describe("a definition as a project", () => {
  test("a backend is added as text, in JSON and in YAML", () => {
    const pass = { compatibility: "wso2-3.2", withBackend: true } as const;
    const json = projectFiles("a.json", '{"openapi": "3.0.0"}\n', pass)["api_definitions/definition.json"];
    assert.deepEqual(JSON.parse(json ?? ""), {
      openapi: "3.0.0",
      "x-wso2-production-endpoints": { urls: ["https://backend.example.com"] },
    });
    assert.equal(
      projectFiles("a.yml", "openapi: 3.0.0\n\n", pass)["api_definitions/definition.yaml"],
      'openapi: 3.0.0\n"x-wso2-production-endpoints": {"urls": ["https://backend.example.com"]}\n',
    );
  });
});
