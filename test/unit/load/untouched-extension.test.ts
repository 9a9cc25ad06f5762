import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { doesNothing } from "../../../compiler/1-load/untouched-extension.ts";

const emptyHook = [
  "import ballerina/http;",
  "",
  "# Called at start.",
  "public function onStart() {",
  '    // io:println("started");',
  "}",
].join("\n");

const passingFilter = [
  "import ballerina/http;",
  "public type PassingFilter object {",
  "    public function filterRequest(http:Caller caller, http:Request request, http:FilterContext context) returns boolean {",
  "        return true;",
  "    }",
  "    public function filterResponse(@tainted http:Response response, http:FilterContext context) returns boolean {",
  "        int status = response.statusCode;",
  "        if (status == 401) {",
  "            onUnauthorized(response, context);",
  "        } else if (status >= 500 || status == 429) {",
  "            onOther(response, context);",
  "        }",
  "        return true;",
  "    }",
  "};",
  "function onUnauthorized(http:Response response, http:FilterContext context) {",
  '    //response.setTextPayload("no");',
  "}",
  "function onOther(http:Response response, http:FilterContext context) {}",
].join("\r\n");

describe("has no effect (T-PRJ-03)", () => {
  test("an empty hook", () => assert.equal(doesNothing(emptyHook), true));
  test("a filter that lets all pass and calls empty hooks", () => assert.equal(doesNothing(passingFilter), true));
  test("an empty file", () => assert.equal(doesNothing(""), true));
});

describe("may have an effect", () => {
  const edits: readonly (readonly [string, string, string])[] = [
    ["a hook that does something", '//response.setTextPayload("no");', 'response.setTextPayload("no");'],
    ["a hook that sets a member", '//response.setTextPayload("no");', "response.statusCode = 200;"],
    ["a filter that refuses", "return true;", "return false;"],
    ["a filter that decides", "return true;", "return caller.ok;"],
    ["a call elsewhere", "onOther(response, context);", "http:respond(response);"],
    ["a remote call", "onOther(response, context);", "var x = caller->respond(response);"],
    ["a panic", "onOther(response, context);", "panic e;"],
    ["an element that is set", "onOther(response, context);", 'context.attributes["a"] = "b";'],
    ["a service beside it", "};\r\n", "};\r\nservice s on new http:Listener(9) {}\r\n"],
    ["a text that hides the end of a comment", "onOther(response, context);", 'string s = "//"; log(s);'],
  ];
  for (const [name, before, after] of edits) {
    test(name, () => {
      assert.ok(passingFilter.includes(before));
      assert.equal(doesNothing(passingFilter.replace(before, after)), false);
    });
  }
  test("a start hook with a body", () => assert.equal(doesNothing(emptyHook.replace("// ", "")), false));
  test("a template text", () => assert.equal(doesNothing("public function f() { string s = `x`; }"), false));
});
