import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseProto } from "../../../compiler/1-load/parse-proto.ts";
import { maxNesting } from "../../../compiler/diagnostics/place-tree-yaml.ts";

interface Rpc {
  readonly options: Record<string, unknown>;
}
interface Service extends Rpc {
  readonly methods: Record<string, Rpc>;
}

function servicesOf(text: string): Record<string, Service> {
  const parsed = parseProto(text);
  assert.equal(parsed.kind, "document", parsed.kind === "problems" ? parsed.problems[0]?.problem : parsed.kind);
  return parsed.kind === "document" ? (parsed.value as { services: Record<string, Service> }).services : {};
}

/** Services and their rpcs, as `shop.Stock: Count Watch`. */
const namesIn = (text: string) =>
  Object.entries(servicesOf(text)).map(([name, { methods }]) => `${name}: ${Object.keys(methods).join(" ")}`);

/** `<text at the place>: <problem>` of each syntax error. */
function problemsIn(text: string): string[] {
  const parsed = parseProto(text);
  assert.equal(parsed.kind, "problems");
  return parsed.kind === "problems"
    ? parsed.problems.map(({ start, end, problem }) => `${text.slice(start, end)}: ${problem}`)
    : [];
}

describe("services and rpcs (T-GRPC-06)", () => {
  for (const [what, text, names] of [
    ["an empty text", "", []],
    ["comments alone", "// a\n/* b\n */", []],
    ["messages alone (T-GRPC-14)", 'syntax = "proto3"; message A { string a = 1; }', []],
    ["no package", "service S { rpc M (A) returns (A); }", ["S: M"]],
    ["a package below", "service S { rpc M (A) returns (A); } package a.b;", ["a.b.S: M"]],
    ["several services", "package a; service S {} service T { rpc M (A) returns (A) {} };", ["a.S: ", "a.T: M"]],
    [
      "streams, and what only looks like one",
      "service S { rpc A (stream M) returns (.a.M); rpc B (stream) returns (stream stream); rpc C (stream.M) returns (M); }",
      ["S: A B C"],
    ],
    [
      "words of the language as names",
      "package package; service service { rpc rpc (message) returns (option) {}; rpc returns (A) returns (A); }",
      ["package.service: rpc returns"],
    ],
    ["edition 2023", 'edition = "2023"; message A { reserved a, b; } service S { rpc M (A) returns (A); }', ["S: M"]],
    [
      "edition 2024",
      'edition = "2024"; import option "a.proto"; export message A { local enum E { X = 0; } } service S {}',
      ["S: "],
    ],
    ["empty statements", ";; service S { ; rpc M (A) returns (A) { ; }; };", ["S: M"]],
    ["hash and slashes in strings", `service S { option (a) = "// } /*"; rpc M (A) returns (A); }`, ["S: M"]],
  ] as const) {
    test(what, () => assert.deepEqual(namesIn(text), names));
  }

  test("names that objects have already", () => {
    const services = servicesOf(
      "package constructor; service __proto__ { rpc __proto__ (A) returns (A); rpc toString (A) returns (A); }",
    );
    assert.deepEqual(Object.keys(services), ["constructor.__proto__"]);
    assert.deepEqual(Object.keys(services["constructor.__proto__"]?.methods ?? {}), ["__proto__", "toString"]);
  });

  test("all that messages, enums and extensions may hold", () => {
    const text = `syntax = "proto2";
      message A {
        optional group G = 1 { required int32 x = 1; }
        map<string, .a.B> m = 2 [deprecated = true, (x.y) = { a: 1, b: [1, 2] }];
        repeated A message_type = 0x1F [json_name = 'a' "b"];
        optional double d = 3 [default = -inf, (n) = -1.5e-3, (f) = 1.0f];
        oneof q { option (o) = 1; string a = 6; group H = 7 {} }
        extensions 100 to 199, 500 to max [declaration = { number: 4 full_name: ".a" }, verification = UNVERIFIED];
        reserved 8, 9 to 11; reserved "a", "b";
        extend A { optional int32 z = 105; }
        enum E { option allow_alias = true; X = 0; Y = -1 [deprecated = true]; reserved -5 to -2, 7; option = 9; }
        message B { message C {} }
      }
      extend A { optional int32 y = 106; }
      service S { rpc M (A) returns (A); }`;
    assert.deepEqual(namesIn(text), ["S: M"]);
  });
});

describe("options", () => {
  const optionsOf = (text: string) => servicesOf(`service S { ${text} }`).S?.options;

  for (const [what, text, options] of [
    [
      "a word, a text, numbers",
      "option (a) = JWT; option b = 'x\\n\\x41\\101' \"y\"; option c = -0x10;",
      {
        "(a)": ["JWT"],
        b: ["x\nAAy"],
        c: [-16],
      },
    ],
    [
      "repeated",
      "option (wso2.security) = JWT; option (.wso2.security) = BASIC;",
      { "(wso2.security)": ["JWT", "BASIC"] },
    ],
    [
      "by field",
      'option (e).url = "a"; option (e).more.timeout = 1;',
      {
        "(e)": [{ url: ["a"] }, { more: [{ timeout: [1] }] }],
      },
    ],
    ["the text format", "option (e) = { url: 'a', url: 'b'; more { x: 1 } list: [1, { y: 2 }] < > };", undefined],
    [
      "angle brackets, extension names",
      "option (e) = { a < b: 1 > c: < > [x.y/z.W] { d: 2 } l: [<e: 3>] };",
      {
        "(e)": [{ a: [{ b: [1] }], c: [{}], "[x.y/z.W]": [{ d: [2] }], l: [{ e: [3] }] }],
      },
    ],
    ["hostile keys", "option (__proto__) = { __proto__: 1 };", JSON.parse('{"(__proto__)": [{"__proto__": [1]}]}')],
  ] as const) {
    test(what, () => {
      if (options === undefined)
        assert.deepEqual(problemsIn(`service S { ${text} }`), ['<: a name is expected here, not "<"']);
      else assert.deepEqual(optionsOf(text), options);
    });
  }

  test("know their places", () => {
    const text = 'service S {\n  rpc M (A) returns (A) { option (o) = "x"; }\n}';
    const parsed = parseProto(text);
    assert.ok(parsed.kind === "document");
    const { places } = parsed;
    let node: number | undefined = places.root;
    const shown = ["services", "S", "methods", "M", "options", "(o)", "0"].map((token) => {
      node = node === undefined ? undefined : places.child(node, token);
      assert.ok(node !== undefined, token);
      const span = places.keySpan(node) ?? places.valueSpan(node);
      return text.slice(...span);
    });
    assert.deepEqual(shown.slice(1), ["S", "S", "M", "M", "(o)", '"x"']);
  });
});

describe("mistakes", () => {
  for (const [what, text, problems] of [
    [
      "no protobuf at all",
      "hello: world",
      ['hello: a declaration such as `service` or `message` is expected here, not "hello"'],
    ],
    [
      "a missing semicolon, and what follows",
      "service S {\n rpc A (M) returns (M)\n rpc B (M) returns (M);\n rpc (M); }",
      ['rpc: ";" is expected here, not "rpc"', '(: a name is expected here, not "("'],
    ],
    [
      "in messages too",
      "message A { string name = ; int32 1; } enum E { X; }",
      [
        ';: the number of the field is expected here, not ";"',
        '1: a name is expected here, not "1"',
        ';: "=" is expected here, not ";"',
      ],
    ],
    [
      "a block that does not end",
      "service S { rpc M (A) returns (A) {",
      [': "}" is expected here, not the end of the file'],
    ],
    [
      "a block too many",
      "service S { } }\nservice S {}",
      ["}: there is nothing to close here", 'S: the service "S" is already defined'],
    ],
    [
      "one rpc twice",
      "service S { rpc M (A) returns (A); rpc M (A) returns (A); }",
      ['M: the rpc "M" is already defined'],
    ],
    ["another syntax", 'syntax = "proto4";', ['"proto4": syntax must be "proto2" or "proto3"']],
    ["syntax below", 'package a; syntax = "proto3";', ["syntax: syntax must be the first statement"]],
    ["two packages", "package a; package b;", ["package: a file has one package"]],
    ["a text without end", 'import "a', ['"a: the string has no closing quote']],
    ["a comment without end", "/* a", ["/* a: the comment has no end"]],
    ["letters that names do not have", "service Größe {}", ['ö: "{" is expected here, not "ö"']],
    ["statements that begin with anything", "message A { ) ; ] } = ; service S { ( }", undefined],
  ] as const) {
    test(what, () => {
      const found = problemsIn(text);
      if (problems === undefined) assert.equal(found.length, 4, found.join("\n"));
      else if (what.startsWith("letters"))
        assert.deepEqual(found, ["ö: names are written with letters a to z, digits and _"]);
      else assert.deepEqual(found, problems);
    });
  }

  test("nesting has a limit", () => {
    for (const text of [
      "message A {".repeat(50_000),
      `option (a) = ${"{ b ".repeat(50_000)}`,
      `option (a) = ${"{ b < c ".repeat(50_000)}`,
    ])
      assert.equal(parseProto(text).kind, "too-deep");
    assert.equal(parseProto("message A {".repeat(maxNesting) + "}".repeat(maxNesting)).kind, "document");
  });

  test("a cut at any place is never thrown, and never ends in nothing", () => {
    const text = `syntax = "proto3"; package a; message A { map<string, A> a = 1 [x = {y: 'z'}]; } // c
      service S { option (a).b = { c: [1, 2] }; rpc M (stream A) returns (A) { option d = -1; } }`;
    for (let length = 0; length <= text.length; length++) {
      for (const cut of [text.slice(0, length), text.slice(length), text.slice(0, length) + text.slice(length + 5)])
        assert.ok(["document", "problems"].includes(parseProto(cut).kind), cut);
    }
  });
});
