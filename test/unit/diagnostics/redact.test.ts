import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { withoutSecrets } from "../../../compiler/diagnostics/redact.ts";

describe("secrets in a source line", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["    password: hunter2", "    password: *******"],
    ['  "password": "hun ter2",', '  "password": "*** ****",'],
    [
      "  securityConfig: {type: basic, password: hunter2, username: svc}",
      "  securityConfig: {type: basic, password: *******, username: svc}",
    ],
    ["clientSecret = 'abc'", "clientSecret = '***'"],
    ["urls: [https://svc:pw@host/x]", "urls: [https://******@host/x]"],
    ["api_key: abc", "api_key: ***"],
    ["    - api_key: []", "    - api_key: []"],
    ["    password:", "    password:"],
    ["  accessControlAllowCredentials: true", "  accessControlAllowCredentials: true"],
    ["  /pets/{petId}:", "  /pets/{petId}:"],
  ];
  for (const [line, shown] of cases) test(line, () => assert.equal(withoutSecrets(line), shown));
});
