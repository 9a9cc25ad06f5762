import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { api } from "../../../runtime-lib/api.ts";
import { apiKey } from "../../../runtime-lib/auth-api-key.ts";
import { withholdCredentials } from "../../../runtime-lib/authenticate.ts";
import { cookieValue } from "../../../runtime-lib/cookies.ts";
import { relayHeadFor } from "../../../runtime-lib/relay-head.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";

describe("cookies", () => {
  test("the first of a name, compared with case; quotes are not part of a value", () => {
    const fields = ["a=1; key = x=y ;key=2", 'KEY=3; q="a b"'];
    assert.equal(cookieValue(fields, "key"), "x=y");
    assert.equal(cookieValue(fields, "KEY"), "3");
    assert.equal(cookieValue(fields, "q"), "a b");
    for (const name of ["Key", "1", "", "b"]) assert.equal(cookieValue(fields, name), undefined);
  });

  test("one that holds an API key does not reach the backend, others do (S-KEY-07)", () => {
    const petstore = api({ name: "Petstore", version: "1", basePath: "/", challenges: [] });
    apiKey(petstore, [{ in: "cookie", name: "key" }]);
    const member = { basePath: "", baseQuery: "", authorization: undefined } as Parameters<typeof relayHeadFor>[1];
    const cookiesOf = (...headers: string[]): string[] => {
      const x = new RecordedExchange({ headers });
      withholdCredentials(x, petstore);
      const raw = relayHeadFor(x, member).headers;
      return raw.filter((_text, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === "cookie");
    };
    assert.deepEqual(cookiesOf("Cookie", "a=1; key=k; b=2"), ["a=1; b=2"]);
    assert.deepEqual(cookiesOf("cookie", "key=k;key=l"), []);
    assert.deepEqual(cookiesOf("Cookie", "a=1;b=2"), ["a=1;b=2"]);
    assert.deepEqual(cookiesOf("Cookie", "key=k", "Cookie", "c=3"), ["c=3"]);
  });
});
