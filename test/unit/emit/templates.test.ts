import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Handlebars from "handlebars";
import { blockHelpers, partialHelpers, valueHelpers } from "../../../compiler/5-emit/template-helpers.ts";
import { compileOptions, loadTemplates, readTemplates } from "../../../compiler/5-emit/templates.ts";

const values = new Set(Object.keys(valueHelpers));
const blocks = new Set(Object.keys(blockHelpers));
const partials = new Set<string>(Object.keys(partialHelpers));
const templates = readTemplates();

type Statement = hbs.AST.Statement;

/** What a template does beyond looping over views and printing values through helpers. */
function faultsOf(template: string): string[] {
  const faults: string[] = [];
  const isPath = (node: hbs.AST.Expression) => node.type === "PathExpression";
  const nameOf = (node: hbs.AST.Expression) => (isPath(node) ? (node as hbs.AST.PathExpression).original : "");
  const noHash = (hash: hbs.AST.Hash | undefined) => hash === undefined || hash.pairs.length === 0;
  const visit = (program: hbs.AST.Program | undefined) => program?.body.forEach(check);
  function check(statement: Statement): void {
    switch (statement.type) {
      case "ContentStatement":
        return;
      case "MustacheStatement": {
        const { path, params, hash } = statement as hbs.AST.MustacheStatement;
        if (!values.has(nameOf(path)) || params.length !== 1 || !params.every(isPath) || !noHash(hash)) {
          faults.push(`{{${nameOf(path)}}} is not a value through a helper`);
        }
        return;
      }
      case "BlockStatement": {
        const { path, params, hash, program, inverse } = statement as hbs.AST.BlockStatement;
        if (!blocks.has(nameOf(path)) || params.length !== 1 || !params.every(isPath) || !noHash(hash)) {
          faults.push(`{{#${nameOf(path)}}} is not a loop over a list or a choice by a flag`);
        }
        visit(program);
        visit(inverse);
        return;
      }
      case "PartialStatement": {
        const { name, params, hash } = statement as hbs.AST.PartialStatement;
        const chosen = name.type === "SubExpression" ? nameOf((name as hbs.AST.SubExpression).path) : undefined;
        const known = chosen === undefined ? templates.has(nameOf(name)) : partials.has(chosen);
        if (!known || !params.every(isPath) || !noHash(hash)) faults.push(`{{> ${nameOf(name)}}} is not a template`);
        return;
      }
      default:
        faults.push(`${statement.type} is not allowed`);
    }
  }
  visit(Handlebars.parse(template));
  return faults;
}

describe("templates", () => {
  for (const [name, text] of templates) {
    test(`${name} only loops, chooses by flags and prints values through helpers`, () => {
      assert.deepEqual(faultsOf(text), []);
    });
  }

  const bad = {
    "a bare value": "{{symbol}}",
    "a raw value": "{{{symbol}}}",
    "two values in one helper": "{{str a b}}",
    "a helper that Handlebars brings along": "{{lookup a b}}",
    "a loop of another kind": "{{#with a}}{{str b}}{{/with}}",
    "a block that is no helper": "{{#steps}}{{str a}}{{/steps}}",
    "a literal as a value": '{{str "text"}}',
    "a partial that does not exist": "{{> nowhere}}",
    "a partial chosen by a value": "{{> (lookup . kind)}}",
    "a partial block": "{{#> layout}}{{/layout}}",
    "a bare value inside a loop inside a choice": "{{#if a}}{{#each b}}{{c}}{{/each}}{{/if}}",
    "a bare value behind else": "{{#if a}}{{else}}{{c}}{{/if}}",
  };
  for (const [what, text] of Object.entries(bad)) {
    test(`the check finds ${what}`, () => assert.equal(faultsOf(text).length, 1));
  }

  test("every kind of policy, endpoint, scheme, route, condition and setting has its template", () => {
    const names = [...templates.keys()].filter((name) => name.includes("/"));
    assert.deepEqual(names, [
      "policies/authenticate",
      "policies/blocked",
      "policies/deny",
      "policies/forward-by-key-type",
      "policies/forward",
      "policies/no-endpoint",
      "policies/not-built",
      "policies/policy-missing",
      "policies/public",
      "policies/require-caller",
      "policies/require-domain",
      "policies/require-key-type",
      "policies/require-scopes",
      "policies/throttle",
      "policies/upgrade",
      "schemes/api-key",
      "schemes/basic",
      "schemes/dpop-jwt",
      "schemes/jwt",
      "schemes/mutual-tls",
      "endpoints/balanced",
      "endpoints/failover",
      "endpoints/guarded",
      "endpoints/single",
      "routes/call",
      "routes/leaf",
      "routes/match",
      "routes/switch-character",
      "routes/switch-length",
      "expressions/alternative",
      "expressions/cors",
      "expressions/credentials-begin",
      "expressions/credentials-end",
      "expressions/depth-is",
      "expressions/depth-over",
      "expressions/endpoint-url",
      "expressions/extension",
      "expressions/filled",
      "expressions/imported",
      "expressions/literal",
      "expressions/longer",
      "expressions/managed",
      "expressions/prefix",
      "expressions/quota",
      "expressions/request-condition",
      "expressions/suffix",
      "expressions/texts",
      "expressions/tier-use",
      "expressions/tier",
      "settings/flag",
      "settings/fraction",
      "settings/group",
      "settings/number",
      "settings/numbers",
      "settings/policy",
      "settings/text",
      "settings/texts",
    ]);
  });
});

describe("a template never prints nothing instead of something", () => {
  const handlebars = Handlebars.create();
  handlebars.registerHelper({ ...valueHelpers, ...blockHelpers, ...partialHelpers });
  const render = (template: string, view: object) => handlebars.compile(template, compileOptions)(view);
  const view = { list: ["a"], text: "a", number: 1, flag: true, nothing: null };

  test("what is right is printed", () => {
    assert.equal(render("{{#each list}}{{str this}}{{/each}}{{#if flag}}{{num number}}{{/if}}", view), '"a"1');
    assert.equal(render("{{#each list}}{{/each}}", { list: [] }), "");
  });

  for (const template of [
    "{{#each typo}}x{{/each}}",
    "{{#each text}}x{{/each}}",
    "{{#each nothing}}x{{/each}}",
    "{{#if typo}}x{{/if}}",
    "{{#if nothing}}x{{/if}}",
    "{{#if text}}x{{/if}}",
    "{{#if list}}x{{/if}}",
    "{{#if number}}x{{/if}}",
    "{{str typo}}",
    "{{str number}}",
    "{{strs typo}}",
    "{{strs text}}",
    "{{id typo}}",
    "{{ids list.typo}}",
    "{{num typo}}",
    "{{num text}}",
    "{{nums typo}}",
    "{{nums list}}",
    "{{dec typo}}",
    "{{dec text}}",
    "{{comment typo}}",
    "{{path typo}}",
    "{{typo}}",
    "{{typo text}}",
    "{{#typo}}x{{/typo}}",
    "{{> typo}}",
    "{{> (policy typo)}}",
    "{{> (policy text)}}",
  ]) {
    test(`${template} throws`, () => {
      assert.throws(() => render(template, view));
    });
  }

  test("a step of a kind without a template stops the build", () => {
    const operation = {
      symbol: "a",
      method: "GET",
      template: "/a",
      file: "a.yaml",
      pointer: "",
      isAsync: false,
      upstreams: [],
      hasAccess: false,
      access: undefined,
      hasLimits: false,
      limits: undefined,
    };
    const broken = [{ kind: "throtle", summary: "", symbol: "l", caller: "undefined" }] as never;
    assert.throws(() => loadTemplates()("operation", { ...operation, steps: broken }), /policies\/throtle/);
    assert.throws(() => loadTemplates()("operation", operation as never), /"each" wants an array/);
  });
});
