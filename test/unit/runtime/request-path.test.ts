import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  canonicalSegment,
  depthBelow,
  type PathRules,
  parseRequestTarget,
  pathRules,
} from "../../../runtime-lib/request-path.ts";

const original = pathRules("wso2-3.2", false);
const standard = pathRules("standard", false);
const withSlash = pathRules("standard", true);

function parsed(target: string, rules: PathRules) {
  const path = parseRequestTarget(target, rules);
  assert.ok(typeof path === "object", `${target}: ${String(path)}`);
  return path;
}

describe("a request target is parsed once", () => {
  const paths: readonly [target: string, rules: PathRules, raw: string, query: string, segments: readonly string[]][] =
    [
      ["/", original, "/", "", []],
      ["/?", original, "/", "?", []],
      ["/a/b?x=%20a", original, "/a/b", "?x=%20a", ["a", "b"]],
      ["/a?b?c/d", standard, "/a", "?b?c/d", ["a"]],
      // One trailing slash is not matched, and forwarded (R-RTE-03); exact in `standard`.
      ["/a/", original, "/a/", "", ["a"]],
      ["/a/", standard, "/a/", "", ["a", ""]],
      ["/a%20b/", standard, "/a%20b/", "", ["a%20b", ""]],
      // Unreserved characters are decoded in both forms, hex digits are upper case.
      ["/%70ets/%7eme", original, "/pets/~me", "", ["pets", "~me"]],
      ["/caf%c3%a9", standard, "/caf%C3%A9", "", ["caf%C3%A9"]],
      ["/%F0%9F%90%B6", standard, "/%F0%9F%90%B6", "", ["%F0%9F%90%B6"]],
      // What a decoding backend takes for `@me` is matched as `@me`, and forwarded as it came.
      ["/users/%40me", standard, "/users/%40me", "", ["users", "@me"]],
      ["/a%2Bb/c%3fd/%25", standard, "/a%2Bb/c%3Fd/%25", "", ["a+b", "c%3Fd", "%25"]],
      // Matrix parameters: not matched and forwarded in `wso2-3.2`, ordinary in `standard`.
      ["/pet;a=4;b=5/value1;x=10/up", original, "/pet;a=4;b=5/value1;x=10/up", "", ["pet", "value1", "up"]],
      ["/a%3Bb", original, "/a%3Bb", "", ["a%3Bb"]],
      ["/a%2fb", withSlash, "/a%2Fb", "", ["a%2Fb"]],
      // Dots are only special alone.
      ["/.../a./.b/c..d", original, "/.../a./.b/c..d", "", ["...", "a.", ".b", "c..d"]],
      ["/%2e%2e%2e", original, "/...", "", ["..."]],
    ];
  for (const [target, rules, raw, query, segments] of paths) {
    test(`${target} is ${segments.join(" | ") || "the root"}`, () => {
      const path = parsed(target, rules);
      assert.deepEqual([path.raw, path.query, path.segments], [raw, query, segments]);
    });
  }

  test("ends tell where each segment ends in raw", () => {
    assert.deepEqual(parsed("/pet;a=4/%70/x?q", original).ends, [8, 10, 12]);
    assert.deepEqual(parsed("/pets/1", original).ends, [5, 7]);
    assert.deepEqual(parsed("/pets/", standard).ends, [5, 6]);
  });
});

describe("what two parties could read differently is refused", () => {
  const both = [original, standard];
  const flaws: readonly [flaw: string, targets: readonly string[], rules?: readonly PathRules[]][] = [
    ["not a path", ["", "*", "http://h/a", "h:80", "a/b", "?x"]],
    ["fragment", ["/a#b", "/#", "/a?b#c", "/%20#"]],
    ["dot segment", ["/.", "/..", "/a/..", "/a/../b", "/a/./b", "/a/..?x", "/./", "/../"]],
    ["dot segment", ["/%2e", "/%2E%2e", "/.%2e/a", "/a/%2e./b", "/%2e%2e?x"]],
    ["dot segment", ["/..;", "/..;/a", "/.;x=1", "/a/%2e%2e;x/b", "/..%3b/a", "/%2e%2E%3Bx"]],
    ["empty segment", ["//", "//a", "/a//b", "/a//", "/a%20//b"]],
    ["empty segment", ["/;a=1", "/;a/b", "/x/;/y"], [original]],
    ["matrix parameter", ["/;a=1", "/a;b", "/orders;x/1", "/a%20b;c"], [standard]],
    ["backslash", ["/\\", "/a\\b", "/%5c", "/..%5Cwindows", "/a%20\\"]],
    ["encoded slash", ["/a%2fb", "/%2F", "/..%2f..%2fetc"]],
    [
      "illegal character",
      ["/a b", "/a\x00", "/\x7f", "/é", "/日", "/a\tb", "/%00", "/a%0d%0a", "/%1f", "/%7F", "/a?b c", "/?é", "/%20é"],
    ],
    ["bad percent-encoding", ["/%", "/%4", "/%zz", "/%u0041", "/a%2", "/%%20", "/a/%g0?x"]],
    [
      "bad UTF-8",
      [
        "/%80",
        "/%c0%ae",
        "/%C1%9C",
        "/%e0%80%ae",
        "/%ed%a0%80",
        "/%f4%90%80%80",
        "/%f5%80%80%80",
        "/%ff",
        "/%c3",
        "/%c3/a",
        "/%c3a9",
        "/%e2%82",
        "/%c3?x",
      ],
    ],
  ];
  for (const [flaw, targets, rules] of flaws) {
    for (const target of targets) {
      test(`${JSON.stringify(target)}: ${flaw}`, () => {
        for (const rule of rules ?? both) assert.equal(parseRequestTarget(target, rule), flaw);
      });
    }
  }

  test("an API that opted in to encoded slashes still gets no dot segment between them", () => {
    for (const target of ["/..%2fa", "/a%2f..", "/a%2f%2e%2e%2fb", "/a%2f.;x", "/.%2F"]) {
      assert.equal(parseRequestTarget(target, withSlash), "dot segment", target);
    }
  });

  test("an encoded slash in a matrix parameter, which nobody matches, is refused all the same", () => {
    for (const target of ["/a;%2Fsecret", "/a;x=%2f../b", "/a;x=%2F%2e%2e", "/a;x=1%2Fb/c"]) {
      assert.equal(parseRequestTarget(target, pathRules("wso2-3.2", true)), "encoded slash", target);
    }
  });
});

describe("properties", () => {
  // Pieces that matter, so that the interesting inputs are frequent.
  const piece = fc.constantFrom(
    "/",
    "a",
    "b",
    ".",
    "..",
    ";",
    "%2e",
    "%2F",
    "%5c",
    "%3B",
    "%61",
    "%c3%a9",
    "%25",
    "%",
    "?",
    "x=1",
    "@",
    "%40",
    "é",
    "~",
  );
  const target = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`);
  const rules = fc.constantFrom(original, standard, pathRules("wso2-3.2", true), withSlash);

  test("what is forwarded parses to the same segments again, and is its own normal form", () => {
    fc.assert(
      fc.property(target, rules, (text, rule) => {
        const path = parseRequestTarget(text, rule);
        if (typeof path === "string") return;
        const again = parsed(path.raw + path.query, rule);
        assert.equal(again.raw, path.raw);
        assert.deepEqual(again.segments, path.segments);
        assert.deepEqual(again.ends, path.ends);
      }),
      { numRuns: 5_000 },
    );
  });

  test("a decoding backend sees the segments that were matched", () => {
    fc.assert(
      fc.property(target, rules, (text, rule) => {
        const path = parseRequestTarget(text, rule);
        if (typeof path === "string" || path.encodedSlash) return;
        const seen = path.raw
          .slice(1)
          .split("/")
          .map((segment) => decodeURIComponent(rule.matrixParameters ? (segment.split(";")[0] as string) : segment));
        if (seen.at(-1) === "" && (rule.ignoreTrailingSlash || path.raw === "/")) seen.pop();
        assert.deepEqual(path.segments.map(decodeURIComponent), seen);
      }),
      { numRuns: 5_000 },
    );
  });

  test("no accepted path resolves to another one", () => {
    fc.assert(
      fc.property(target, rules, (text, rule) => {
        const path = parseRequestTarget(text, rule);
        if (typeof path === "string") return;
        assert.equal(new URL(path.raw, "http://h").pathname, path.raw);
      }),
      { numRuns: 5_000 },
    );
  });

  test("hostile strings never throw", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), rules, (text, rule) => {
        parseRequestTarget(text, rule);
        parseRequestTarget(`/${text}`, rule);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("base paths", () => {
  const below: readonly [target: string, rules: PathRules, base: string, depth: number][] = [
    ["/petstore/v1/pet", original, "/petstore/v1", 2],
    ["/petstore/v1", original, "/petstore/v1", 2],
    ["/petstore/v1/", original, "/petstore/v1", 2],
    ["/petstore/v1/", standard, "/petstore/v1", 2],
    ["/petstore/v1/pet", standard, "/petstore/v1/", 2],
    ["/petstore/v10", original, "/petstore/v1", -1],
    ["/petstore/v1.0", original, "/petstore/v1", -1],
    ["/petstore", original, "/petstore/v1", -1],
    ["/Petstore/v1", original, "/petstore/v1", -1],
    ["/x/petstore/v1", original, "/petstore/v1", -1],
    ["/anything", original, "/", 0],
    ["/", standard, "/", 0],
    ["/pet%73tore/%761/x", standard, "/petstore/v1", 2],
    ["/petstore;a=1/v1;b/pet", original, "/petstore/v1", 2],
    ["/a%2Fb/c", withSlash, "/a", -1],
    ["/petstore/v1%2Fpet", withSlash, "/petstore/v1", -1],
    ["/%40me/x", standard, "/@me", 1],
  ];
  for (const [target, rules, base, depth] of below) {
    test(`${target} below ${base}: ${depth}`, () => assert.equal(depthBelow(parsed(target, rules), base), depth));
  }

  test("what is forwarded is what was matched: the remainder parses to the segments that the router sees", () => {
    const piece = fc.constantFrom(
      "/a",
      "/b",
      "/",
      "a",
      "b",
      ";x=1",
      "%61",
      "%2F",
      "%2e",
      "..",
      "%40",
      "@",
      "?q",
      "%c3%a9",
    );
    const text = fc.array(piece, { maxLength: 10 }).map((pieces) => `/a${pieces.join("")}`);
    fc.assert(
      fc.property(
        text,
        fc.constantFrom(original, withSlash),
        fc.constantFrom("/a", "/a/b", "/"),
        (target, rules, base) => {
          const path = parseRequestTarget(target, rules);
          if (typeof path === "string") return;
          const depth = depthBelow(path, base);
          if (depth < 0) return;
          const rest = path.raw.slice(depth === 0 ? 0 : path.ends[depth - 1]);
          assert.match(rest, /^(\/|$)/);
          // The base path and the base path with a slash are both the API's root.
          const routed = rest === "" || rest === "/" ? [] : path.segments.slice(depth);
          assert.deepEqual(parsed(rest === "" ? "/" : rest, rules).segments, routed);
        },
      ),
      { numRuns: 20_000 },
    );
  });
});

describe("literals of definitions", () => {
  const literals: readonly [text: string, form: string | undefined][] = [
    ["pets", "pets"],
    ["%70ets", "pets"],
    ["@me", "@me"],
    ["%40me", "@me"],
    ["café", "caf%C3%A9"],
    ["caf%c3%a9", "caf%C3%A9"],
    ["a b", "a%20b"],
    ["a%20b", "a%20b"],
    ["v1.0", "v1.0"],
    ["..", undefined],
    ["a/b", undefined],
    ["a?b", undefined],
    ["", undefined],
    ["\ud800", undefined],
  ];
  for (const [text, form] of literals) {
    test(JSON.stringify(text), () => assert.equal(canonicalSegment(text), form));
  }
});
