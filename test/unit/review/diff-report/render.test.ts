import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { Ajv } from "ajv";
import { load } from "js-yaml";
import type { Change } from "../../../../compiler/review/diff/change.ts";
import { renderGithub } from "../../../../compiler/review/diff-report/render-github.ts";
import { renderJson } from "../../../../compiler/review/diff-report/render-json.ts";
import { longestComment, renderMarkdown } from "../../../../compiler/review/diff-report/render-markdown.ts";
import { renderSarif } from "../../../../compiler/review/diff-report/render-sarif.ts";
import { renderTerminal } from "../../../../compiler/review/diff-report/render-terminal.ts";
import type { DiffReport } from "../../../../compiler/review/diff-report/report.ts";
import { changes, sampleReport } from "./sample-report.ts";

const explanations = {
  "backend-moved": "Where requests go cannot be ordered.",
  "limit-raised": "More calls pass than before.",
  "operation-became-public": "Nothing is asked of callers.",
  "text-changed": "Words only.",
};

/** One finding is accepted, and an entry is left over. */
async function withAccepted(): Promise<DiffReport> {
  const [first] = (await sampleReport()).findings;
  assert.ok(first !== undefined);
  const entry = { reason: "the list is on the web site", expires: "2027-06-01" };
  return sampleReport(changes, [
    { ...entry, change: first.code, on: first.on, fingerprint: first.fingerprint },
    { ...entry, change: "limit-raised", on: "GET /gone", fingerprint: `d1-${"0".repeat(32)}` },
  ]);
}

/** What somebody may write into a definition, to be read by a terminal, a browser or a workflow. */
const hostileTexts = [
  "`</code></td></tr></table><img src=x onerror=alert(1)>`",
  "| a | b |\n\n# Approved\n\n- [x] done",
  "::error file=x::approved%0A::set-output name=a::b",
  "@everyone #1 GH-2 https://evil.example www.evil.example :tada: [a](javascript:b) <!-- -->",
  "\u001b[2J\u001b]0;x\u0007 \u202egnp\u202c \r\n::warning::x",
  "&lt;b&gt; &#64; ]]> */ $(x) %{x} `x`",
];

const hostile = hostileTexts.map(
  (text, index): Change => ({
    code: "limit-raised",
    verdict: index % 2 === 0 ? "weaker" : "stronger",
    aspect: "limits",
    subject: { basePath: "/shop", method: "GET", template: `/${text}` },
    message: `the tier ${text} allows more`,
    before: text,
    after: text,
    head: { file: `api_definitions/${text}.yaml`, pointer: `/${text}` },
  }),
);

describe("the terminal", () => {
  test("the gravest first, with places, and an entry ready to paste", async () => {
    const text = renderTerminal(await withAccepted());
    assert.equal(
      text.replace(/d1-[0-9a-f]{32}/g, "d1-..."),
      `weaker[limit-raised]: GET /shop/items and 1 more: the tier 10PerMin allows 20 calls a minute now, not 10
  before    10 a minute
  after     20 a minute
  affects   2 of 3 operations (1 public), 2 tiers, 1 backend
  at        GET /shop/items, GET /shop/inventory
  base      HEAD~1:shop/policies.yaml:2:5
  head      shop/policies.yaml:2:5
  code      shop/generated/shop/items.ts:24, shop/generated/shop/inventory.ts:16

weaker, accepted[operation-became-public]: GET /shop/inventory: everyone may call now
  before    jwt[read]
  after     public
  affects   1 of 3 operations (1 public), 2 tiers, 1 backend
  base      HEAD~1:shop/api_definitions/shop.yaml:8:1
  head      shop/api_definitions/shop.yaml:17:7
  code      shop/generated/shop/inventory.ts:13
  accepted  by the head itself, until 2027-06-01: the list is on the web site

unknown[backend-moved]: /shop: requests go to another URL
  affects   3 of 3 operations (1 public), 2 tiers, 1 backend
  base      HEAD~1:shop/api_definitions/shop.yaml:4:1
  head      shop/api_definitions/shop.yaml:4:1
  code      shop/generated/shop/shared.ts:7

neutral[text-changed]: the gateway: the title is another
  affects   3 of 3 operations (1 public), 2 tiers, 1 backend

accepted, but does not count: limit-raised on GET /gone
  because   there is no such change: remove it, or paste the entry that is printed now
  head      shop/castgate.yaml:2:190

to accept on purpose, in castgate.yaml, with a reason and the last day on which it holds:
  accepted:
    - change: limit-raised
      on: GET /shop/items and 1 more
      fingerprint: d1-...
      reason: ""
      expires: ""
    - change: backend-moved
      on: /shop
      fingerprint: d1-...
      reason: ""
      expires: ""

2 weaker (1 accepted), 1 unknown, 1 neutral
3 operations, 1 public (before: 3, 0 public); 0 added, 0 removed, 3 changed
weaker: something that was refused before may pass now
`,
    );
  });

  test("nothing differs", async () => {
    assert.equal(
      renderTerminal(await sampleReport([])),
      "nothing differs\n3 operations, 1 public (before: 3, 0 public); 0 added, 0 removed, 0 changed\nthe gateways do the same\n",
    );
  });

  test("colours only when asked for, and no character of a definition that a terminal would act on", async () => {
    const report = await sampleReport(hostile);
    const control = String.fromCharCode(27);
    assert.ok(renderTerminal(report, { color: true }).includes(`${control}[1;31mweaker[limit-raised]${control}[0m`));
    const text = renderTerminal(report);
    assert.doesNotMatch(text, /[^\P{C}\n]/u);
    for (const line of text.split("\n")) assert.doesNotMatch(line, /^(?:::|#)/);
  });

  test("the entry to paste is YAML that says just what is meant", async () => {
    const template = '/{id}/"a: b" #c';
    const report = await sampleReport(
      changes.slice(2, 3).map((change) => ({ ...change, subject: { basePath: "/shop", method: "GET", template } })),
    );
    const paste = /^ {2}accepted:\n(?: {4}.*\n)+/m.exec(renderTerminal(report))?.[0] ?? "";
    assert.deepEqual(load(paste), {
      accepted: [
        {
          change: "operation-became-public",
          on: `GET /shop${template}`,
          fingerprint: report.findings[0]?.fingerprint,
          reason: "",
          expires: "",
        },
      ],
    });
  });
});

describe("JSON", () => {
  const schemaFile = "../../../../compiler/review/diff-report/diff-output.schema.json";
  const schema = JSON.parse(readFileSync(path.join(import.meta.dirname, schemaFile), "utf8"));
  const validate = new Ajv({ strict: true, allErrors: true }).compile(schema);

  test("is what the published schema says", async () => {
    for (const report of [
      await sampleReport(),
      await withAccepted(),
      await sampleReport([]),
      await sampleReport(hostile),
    ]) {
      assert.ok(validate(JSON.parse(renderJson(report))), JSON.stringify(validate.errors, undefined, 2));
    }
  });

  test("the schema notices what is amiss", async () => {
    const document = JSON.parse(renderJson(await withAccepted()));
    for (const edit of [
      () => ({ version: 2 }),
      () => ({ verdict: "worse" }),
      () => ({ more: 1 }),
      () => ({ findings: [{ ...document.findings[0], occurrences: [] }] }),
      () => ({ findings: [{ ...document.findings[0], fingerprint: "d1-" }] }),
    ]) {
      assert.equal(validate({ ...document, ...edit() }), false);
    }
  });

  test("says what a program has to know", async () => {
    const { verdict, exitCode, operations, counts, findings, accepted } = JSON.parse(renderJson(await withAccepted()));
    assert.deepEqual({ verdict, exitCode }, { verdict: "weaker", exitCode: 10 });
    assert.deepEqual(operations, { base: 3, head: 3, added: 0, removed: 0, changed: 3 });
    assert.deepEqual(counts, {
      weaker: { findings: 2, accepted: 1 },
      unknown: { findings: 1, accepted: 0 },
      stronger: { findings: 0, accepted: 0 },
      neutral: { findings: 1, accepted: 0 },
    });
    assert.deepEqual(findings[0].occurrences[1], {
      method: "GET",
      path: "/shop/inventory",
      base: { file: "policies.yaml", line: 2, column: 5, pointer: "/resourcePolicies/0/10PerMin" },
      head: { file: "policies.yaml", line: 2, column: 5, pointer: "/resourcePolicies/0/10PerMin" },
      generated: { side: "head", file: "shop/inventory.ts", line: 16 },
    });
    assert.deepEqual(findings[1].accepted, {
      reason: "the list is on the web site",
      expires: "2027-06-01",
      isNew: true,
    });
    assert.deepEqual(
      accepted.map(({ state }: { state: string }) => state),
      ["used", "unused"],
    );
  });
});

describe("Markdown", () => {
  test("tables, and places in what can be unfolded; what is accepted with its reason", async () => {
    const text = renderMarkdown(await withAccepted());
    assert.match(text, /^### castgate diff: weaker\n\n<p>/);
    assert.match(
      text,
      /<td><b>weaker<\/b><\/td><td><code>GET \/shop\/items and 1 more<\/code>: the tier <code>10PerMin<\/code>/,
    );
    assert.match(
      text,
      /<td>weaker, accepted<\/td>.*accepted by the head itself, until 2027-06-01: <code>the list is on the web site<\/code>/,
    );
    assert.match(
      text,
      /<details><summary>2 places<\/summary><code>GET \/shop\/items<\/code>, was <code>HEAD~1:shop\/policies/,
    );
    assert.match(text, /<pre lang="yaml">accepted:\n {2}- change: limit-raised\n/);
    assert.match(text, /<li>An accepted change does not count: <code>limit-raised<\/code> on <code>GET \/gone<\/code>/);
    assert.match(text, /<details><summary>1 neutral<\/summary>/);
    const [first] = changes;
    assert.ok(first !== undefined);
    const [finding] = (await sampleReport([first])).findings;
    assert.ok(finding !== undefined);
    const { code: change, on, fingerprint } = finding;
    const entry = { change, on, fingerprint, reason: "decided", expires: "2027-06-01" };
    assert.match(
      renderMarkdown(await sampleReport([first], [entry])),
      /^### castgate diff: none, but for 1 accepted change \(1 of them accepted by the head itself\)\n/,
    );
  });

  test("nothing of a definition is Markdown, HTML, a mention or a link", async () => {
    const report = await sampleReport(hostile);
    const [entry] = report.findings;
    assert.ok(entry !== undefined);
    const mean = hostileTexts.join(" ");
    const accepted = {
      change: entry.code,
      on: entry.on,
      fingerprint: entry.fingerprint,
      reason: mean,
      expires: "2027-06-01",
    };
    for (const text of [renderMarkdown(report), renderMarkdown(await sampleReport(hostile, [accepted]))]) {
      // Only tags of ours, each closed in its block, and each block is HTML to its end.
      const tags = /<\/?(?:p|br|table|tr|th|td|b|code|details|summary|ul|li|pre)(?: lang="yaml")?>/g;
      const [, ...blocks] = text.split("\n\n");
      for (const block of blocks) {
        assert.match(block, /^<(?:p|table|details|ul)>/);
        const open: string[] = [];
        for (const [tag] of block.matchAll(tags)) {
          const name = /[a-z]+/.exec(tag)?.[0] ?? "";
          if (tag.startsWith("</")) assert.equal(open.pop(), name, block);
          else if (name !== "br") open.push(name);
        }
        assert.deepEqual(open, []);
        assert.doesNotMatch(block.replace(tags, ""), /[<>]/);
      }
      // Mentions, references and addresses are code: nobody is told, nothing is linked.
      const outside = text
        .replace(/<code>[^<]*<\/code>/g, "")
        .replace(/<pre [^>]*>[^<]*<\/pre>/g, "")
        .replace(tags, "");
      assert.doesNotMatch(
        outside.split("\n").slice(1).join("\n"),
        /[@#`*_[\]|~!\\]|https?:|www\.|GH-|:[a-z]+:|&(?!quot;|#39;|amp;)/,
      );
      assert.doesNotMatch(text, /[^\P{C}\n]/u);
    }
  });

  test("stays below the limit, shows the gravest, and says what was left out", async () => {
    const many = Array.from(
      { length: 3000 },
      (_, index): Change => ({
        code: index % 3 === 0 ? "limit-raised" : "backend-moved",
        verdict: index % 3 === 0 ? "weaker" : "unknown",
        aspect: "limits",
        subject: { basePath: "/shop", method: "GET", template: `/items/${index}` },
        message: `number ${index} ${"<&>".repeat(100)}`,
      }),
    );
    const report = await sampleReport(many);
    const text = renderMarkdown(report);
    assert.ok(text.length <= longestComment && text.length > longestComment / 2, String(text.length));
    const weaker = text.match(/<b>weaker<\/b>/g)?.length ?? 0;
    assert.match(
      text,
      new RegExp(`Left out here, as it would be too long:</b> ${1000 - weaker} weaker, 2000 unknown\\.`),
    );
    assert.doesNotMatch(text, /<b>unknown<\/b>/);
    assert.match(text, /<\/table>\n/);
    for (const limit of [2000, 5000, 20_000]) assert.ok(renderMarkdown(report, limit).length <= limit);
  });
});

describe("annotations of GitHub", () => {
  test("at places of the head, or of the base where it was removed", async () => {
    const removed: Change = {
      code: "operation-removed",
      verdict: "stronger",
      aspect: "route",
      subject: { basePath: "/shop", method: "GET", template: "/old" },
      message: "it is gone",
      base: { file: "api_definitions/shop.yaml", pointer: "/paths/~1items/post" },
    };
    const text = renderGithub(await sampleReport([...changes, removed]));
    assert.deepEqual(
      text
        .trimEnd()
        .split("\n")
        .map((line) => line.replace(/::weaker.*|::unknown.*|::stronger.*/, "")),
      [
        "::error file=shop/api_definitions/shop.yaml,line=17,col=7,title=operation-became-public",
        "::error file=shop/policies.yaml,line=2,col=5,title=limit-raised",
        "::warning file=shop/api_definitions/shop.yaml,line=4,col=1,title=backend-moved",
        "::notice file=shop/api_definitions/shop.yaml,line=13,col=5,title=operation-removed",
      ],
    );
  });

  test("what the head itself accepts is a warning, and an entry that does not count a warning", async () => {
    const text = renderGithub(await withAccepted());
    assert.match(
      text,
      /^::warning file=.*,title=operation-became-public::weaker, accepted: .*%0Aaccepted by the head itself, until 2027-06-01: /m,
    );
    assert.match(
      text,
      /^::warning file=shop\/castgate\.yaml,line=2,col=\d+,title=accepted::accepted limit-raised on GET \/gone does/m,
    );
  });

  test("a text is one command, whatever stands in it", async () => {
    const lines = renderGithub(await sampleReport(hostile))
      .trimEnd()
      .split("\n");
    assert.equal(lines.length, hostile.length);
    for (const line of lines) {
      assert.match(line, /^::(?:error|notice) (?:file=[^:,]*,)?(?:line=\d+,col=\d+,)?title=limit-raised::/);
      assert.doesNotMatch(line, /[^\P{C}\n]/u);
    }
  });
});

describe("SARIF", () => {
  test("nothing of a definition is a link", async () => {
    const [run] = JSON.parse(renderSarif(await sampleReport(hostile), { version: "1.2.3", explanations })).runs;
    for (const { message } of run.results) assert.doesNotMatch(message.text, /(?<!\\)\[[^\]]*\]\(/);
  });

  test("a rule for each code, a result for each finding, with a fingerprint that is not about lines", async () => {
    const [run] = JSON.parse(renderSarif(await withAccepted(), { version: "1.2.3", explanations })).runs;
    assert.deepEqual(
      run.tool.driver.rules.map(({ id, help }: { id: string; help: { text: string } }) => [id, help.text]),
      Object.entries(explanations),
    );
    assert.deepEqual(
      run.results.map(({ ruleId, kind, level, suppressions }: Record<string, unknown>) => [
        ruleId,
        kind,
        level,
        suppressions,
      ]),
      [
        ["limit-raised", "fail", "error", []],
        [
          "operation-became-public",
          "fail",
          "error",
          [
            {
              kind: "external",
              status: "accepted",
              justification: "the list is on the web site (by the head itself, until 2027-06-01)",
            },
          ],
        ],
        ["backend-moved", "fail", "warning", []],
        ["text-changed", "informational", "none", []],
      ],
    );
    for (const result of run.results) {
      assert.equal(run.tool.driver.rules[result.ruleIndex].id, result.ruleId);
      assert.match(result.fingerprints["castgateChange/v1"], /^d1-/);
    }
    assert.deepEqual(run.results[1].locations, [
      {
        physicalLocation: {
          artifactLocation: { uri: "shop/api_definitions/shop.yaml" },
          region: { startLine: 17, startColumn: 7 },
        },
        logicalLocations: [{ fullyQualifiedName: "GET /shop/inventory", kind: "resource" }],
      },
    ]);
  });
});
