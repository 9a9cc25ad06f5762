import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { castgate } from "../../support/command-line.ts";

/** Words, exit code, and what is said where. */
const table: readonly (readonly [words: string, code: number, stdout: RegExp, stderr: RegExp])[] = [
  ["", 2, /^$/, /castgate compile <dir>/],
  ["help", 0, /castgate compile <dir>/, /^$/],
  ["--help", 0, /castgate compile <dir>/, /^$/],
  ["version", 0, /^\d+\.\d+\.\d+\n$/, /^$/],
  ["help compile", 0, /--deny-warnings/, /^$/],
  ["build --help", 0, /\(also: build\)/, /^$/],
  ["help throttling-tier-unknown", 0, /warning in wso2-3\.2, error in standard\)\n\n.*T-POL-09/s, /^$/],
  ["help throtling-tier-unknown", 2, /^$/, /did you mean "throttling-tier-unknown"\?/],
  ["complie x", 2, /^$/, /^error\[usage\]: there is no command "complie"\n {2}= hint: did you mean "compile"\?\n$/],
  ["compile", 2, /^$/, /a word is missing: castgate compile <dir>/],
  ["compile a b", 2, /^$/, /"b" is one word too many/],
  ["compile a --formt=json", 2, /^$/, /did you mean --format\?/],
  ["compile a --format=xml", 2, /^$/, /it is one of: pretty, json, github, sarif/],
  ["compile a --check=yes", 2, /^$/, /--check takes no value/],
  ["compile a --out=b --out=c", 2, /^$/, /--out is given more than once/],
  ["compile a --out=", 2, /^$/, /--out has no value/],
  ["compile a --print", 2, /^$/, /--print needs --stop-after/],
  ["compile no-such-project", 1, /^$/, /error\[project-missing\]/],
  ["diff", 2, /^$/, /a word is missing: castgate diff <base> <head>\n {2}= hint: `castgate help diff` has examples/],
  ["diff a", 2, /^$/, /a word is missing/],
  ["diff --help", 0, /castgate diff main:shop shop\n/, /^$/],
  ["diff a b --today=2027-02-29", 2, /^$/, /--today=2027-02-29 is not a day/],
  ["diff a b --format=yaml", 2, /^$/, /it is one of: pretty, json, markdown, github, sarif/],
  ["diff no-such-folder b", 1, /^$/, /no-such-folder/],
  // Flags of the original (T-CLI-05, 1.2, 1.3).
  ["compile a --verbose", 2, /^$/, /--verbose has no meaning any more/],
  ["compile a --java.debug=5005", 2, /^$/, /--java\.debug has no meaning any more/],
  ["build a --docker-image=a:b", 2, /^$/, /--docker-image has no meaning any more\n {2}= hint: .*target/],
  ["init a -k", 2, /^$/, /-k has no meaning any more\n {2}= hint: .*NODE_EXTRA_CA_CERTS/],
  ["reset", 2, /^$/, /nothing to reset/],
  ["verify no-such-bundle.cjs", 1, /^$/, /no-such-bundle\.cjs cannot be read: there is no such file\n/],
  ["verify .", 1, /^$/, /^error: \. cannot be read: it is a folder\n/],
  ["verify", 2, /^$/, /verify/],
];

describe("command line", () => {
  for (const [words, code, stdout, stderr] of table) {
    test(`castgate ${words}`, async () => {
      const outcome = await castgate(words.split(" ").filter(Boolean));
      assert.match(outcome.stderr, stderr);
      assert.match(outcome.stdout, stdout);
      assert.equal(outcome.code, code);
    });
  }
});
