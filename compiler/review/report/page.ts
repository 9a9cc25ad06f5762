import { createHash } from "node:crypto";
import type { Verdict } from "../diff/change.ts";
import type { DiffReport, Finding, Occurrence } from "../diff-report/report.ts";
import { acceptanceText, affectedText, operationsText, titleText, verdictText } from "../diff-report/texts.ts";
import { placeText, type ReportApi, type ReportDiagnostic, type ReportFacts, type ReportOperation } from "./facts.ts";
import { type Fragment, Html, html } from "./html.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";
import { counted, grouped } from "./words.ts";

/** Operations in one part of the table: parts that are out of sight are not laid out. */
const rowsTogether = 50;
/** Places of one difference that are listed. */
const placesAtMost = 50;

/** The whole page, a file by itself: it asks for nothing, and the browser is told to refuse if it did. Deterministic. */
export function renderPage(facts: ReportFacts): string {
  const policy = [
    "default-src 'none'",
    `style-src ${digestOf(style)}`,
    `script-src ${digestOf(script)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${facts.title}: who may call what</title>
<link rel="icon" href="data:,">
<style>${Html.trusted(style)}</style>
</head>
<body>
<a class="skip" href="#operations">Skip to the operations</a>
${header(facts)}
<main class="wrap">
${overview(facts)}
${facts.diff && differences(facts.diff, facts.baseTitle)}
${apis(facts)}
${operations(facts)}
${tiers(facts)}
${backends(facts)}
${diagnostics(facts.diagnostics)}
</main>
<footer><div class="wrap">Made by castgate. This page is complete in itself: it loads nothing and sends nothing.</div></footer>
<script>${Html.trusted(script)}</script>
</body>
</html>
`;
  return page.text;
}

function digestOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function header(facts: ReportFacts): Html {
  const links = [
    ...(facts.diff === undefined ? [] : [["differences", "Differences"] as const]),
    ["apis", "APIs"],
    ["operations", "Operations"],
    ["limits", "Limits"],
    ["backends", "Backends"],
    ...(facts.diagnostics.length === 0 ? [] : [["findings", "Findings"] as const]),
  ] as const;
  return html`<header><div class="wrap">
<div class="head"><div>
<p class="kicker">castgate report</p>
<h1>${facts.title}</h1>
<p class="soft">${kindText(facts)}</p>
</div><button type="button" id="theme">Theme</button></div>
<nav aria-label="Parts of this page"><ul>${links.map(([id, text]) => html`<li><a href="#${id}">${text}</a></li>`)}</ul></nav>
</div></header>`;
}

function kindText({ kind, compatibility, features }: ReportFacts): string {
  const what = { project: "Project", revision: "Revision", bundle: "Bundle" }[kind];
  const more =
    features.length === 0 ? "" : `, with ${counted(features.length, "feature")} that the settings can switch on`;
  return `${what}, compatibility ${compatibility}${more}.`;
}

function overview(facts: ReportFacts): Html {
  const open = facts.operations.filter(({ isPublic }) => isPublic).length;
  const closed = facts.operations.length - open;
  const warnings = facts.diagnostics.filter(({ severity }) => severity === "warning").length;
  const weaker = facts.diff?.findings.filter(({ verdict }) => verdict === "weaker").length;
  const urls = new Set(facts.backends.map(({ url }) => url)).size;
  return html`<section><h2 id="overview">At a glance</h2><dl class="facts">
${fact(facts.operations.length, "operation", "operations")}
${fact(open, "public: anyone may call", undefined, open > 0 ? "open" : undefined)}
${fact(closed, "needs credentials", "need credentials")}
${fact(facts.apis.length, "API", "APIs")}
${fact(urls, "backend URL", "backend URLs")}
${facts.denies > 0 ? fact(facts.denies, "deny condition", "deny conditions") : undefined}
${weaker === undefined ? undefined : fact(weaker, "change to weaker", "changes to weaker", weaker > 0 ? "weaker" : undefined)}
${fact(warnings, "warning", "warnings")}
</dl></section>`;
}

function fact(value: number, one: string, many = one, kind?: string): Html {
  const attribute = kind === undefined ? "" : html` class="${kind}"`;
  return html`<div${attribute}><dt>${value === 1 ? one : many}</dt><dd>${grouped(value)}</dd></div>`;
}

const signs: Readonly<Record<Verdict, string>> = { weaker: "▲", stronger: "▼", unknown: "?", neutral: "=" };

function verdictTag(verdict: Verdict): Html {
  return html`<span class="tag ${verdict}"><span aria-hidden="true">${signs[verdict]}</span> ${verdict}</span>`;
}

function differences(report: DiffReport, base: string): Html {
  return html`<section><h2 id="differences">Differences to ${base}</h2>
<p><strong>${capital(verdictText(report))}.</strong><br>${capital(operationsText(report))}.</p>
${report.findings.map((finding) => difference(finding))}
</section>`;
}

function difference(finding: Finding): Html {
  const { verdict, before, after, acceptedBy, occurrences, affected, code } = finding;
  const listed = occurrences.slice(0, placesAtMost);
  const said = [before, after].every((text) => text === undefined || finding.message.includes(text));
  const left = occurrences.length - listed.length;
  return html`<article class="finding ${verdict}"><h3>${verdictTag(verdict)} ${titleText(finding)}</h3>
${
  said ? undefined : html`<dl class="values">${value("before", before)}${value("after", after)}</dl>`
}<p class="small soft">${capital(affectedText(affected))}. <code>${code}</code></p>
${
  acceptedBy === undefined
    ? undefined
    : html`<p class="small"><span class="tag">accepted</span> ${acceptanceText(acceptedBy)}: ${acceptedBy.reason}</p>`
}<details><summary>${counted(occurrences.length, "place")}</summary><ul class="places">${listed.map(
    (one) => html`<li>${occurrenceText(one)}</li>`,
  )}${left > 0 ? html`<li>and ${grouped(left)} more</li>` : undefined}</ul></details></article>`;
}

function value(name: string, text: string | undefined): Html | undefined {
  return text === undefined ? undefined : html`<dt>${name}</dt><dd><code>${text}</code></dd>`;
}

function occurrenceText({ method, path, base, head, generated }: Occurrence): Html {
  const where = path === undefined ? "the gateway" : method === undefined ? path : `${method} ${path}`;
  const places = [
    ...(base === undefined ? [] : [`before ${placeText(base)}`]),
    ...(head === undefined ? [] : [`now ${placeText(head)}`]),
    ...(generated === undefined
      ? []
      : [`generated ${generated.file}:${generated.line}${generated.side === "base" ? " (base)" : ""}`]),
  ];
  return html`<code>${where}</code>${places.length === 0 ? "" : `: ${places.join(", ")}`}`;
}

function apis({ apis }: ReportFacts): Html {
  const row = (
    api: ReportApi,
  ): Html => html`<tr><th scope="row"><a href="#operations" data-filter="api=${api.slug}">${api.title}</a> <span class="soft">${api.version}</span></th><td><code>${api.basePath}</code></td><td>${api.transports}</td><td class="n">${grouped(api.operations)}</td><td class="n">${
    api.publicOperations === 0 ? "0" : html`<span class="tag public">${grouped(api.publicOperations)} public</span>`
  }</td><td class="small soft">${api.source}</td></tr>
`;
  return html`<section><h2 id="apis">APIs</h2>
<div class="plain" tabindex="0" role="region" aria-labelledby="apis"><table><thead><tr><th scope="col">API</th><th scope="col">Base path</th><th scope="col">Served over</th><th scope="col" class="n">Operations</th><th scope="col" class="n">Public</th><th scope="col">Written</th></tr></thead><tbody>
${apis.map(row)}</tbody></table></div></section>`;
}

function operations(facts: ReportFacts): Html {
  const open = facts.operations.filter(({ isPublic }) => isPublic);
  const closed = facts.operations.filter(({ isPublic }) => !isPublic);
  return html`<section><h2 id="operations" tabindex="-1">Operations</h2>
${filters(facts)}
<p id="status" role="status"></p>
${
  open.length === 0
    ? html`<p>No operation is public: all ask for credentials.</p>`
    : operationList("open", html`<span class="tag public">public</span> Anyone may call`, open)
}
${closed.length === 0 ? html`<p>No operation asks for credentials.</p>` : operationList("closed", "Need credentials", closed)}
</section>`;
}

function filters(facts: ReportFacts): Html {
  const methods = [...new Set(facts.operations.map(({ method }) => method))].sort();
  const credentials = [...new Set(facts.operations.flatMap(({ credentials }) => credentials))].sort();
  const changes = [...new Set(facts.operations.flatMap(({ change }) => (change === undefined ? [] : [change])))].sort();
  return html`<form class="controls" id="filters" role="search" aria-label="Operations">
<label><span>Search paths, names, tiers, backends</span><input type="search" name="search" autocomplete="off" spellcheck="false"></label>
${choice("who", "Who may call", [["public", "anyone"], ["closed", "with credentials"], ...credentials.map((one) => [one, credentialText(one)] as const)])}
${choice(
  "api",
  "API",
  facts.apis.map(({ slug, title, version }) => [slug, `${title} ${version}`]),
)}
${choice(
  "method",
  "Method",
  methods.map((one) => [one, one]),
)}
${changes.length === 0 ? undefined : choice("change", "Changed", [["any", "in any way"], ...changes.map((one) => [one, one] as const)])}
<button type="reset">Show all</button>
</form>`;
}

function credentialText(word: string): string {
  const texts: Readonly<Record<string, string>> = {
    token: "with a token",
    key: "with an API key",
    basic: "with user and password",
    certificate: "with a client certificate",
  };
  return texts[word] ?? word;
}

function choice(name: string, label: string, options: readonly (readonly [value: string, text: string])[]): Html {
  return html`<label><span>${label}</span><select name="${name}"><option value="">all</option>${options.map(
    ([value, text]) => html`<option value="${value}">${text}</option>`,
  )}</select></label>`;
}

function operationList(id: string, title: Fragment, operations: readonly ReportOperation[]): Html {
  const parts = Array.from({ length: Math.ceil(operations.length / rowsTogether) }, (_, index) =>
    operations.slice(index * rowsTogether, (index + 1) * rowsTogether),
  );
  // Rows are laid out as grids, which would cost the table its meaning for screen readers: the roles give it back.
  return html`<section class="ops" aria-labelledby="${id}"><h3 id="${id}">${title} <span class="n">${counted(operations.length, "operation")}</span></h3>
<table class="list" role="table" aria-labelledby="${id}"><thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Operation</th><th role="columnheader" scope="col">Who may call</th><th role="columnheader" scope="col">Limits</th><th role="columnheader" scope="col">Backend</th><th role="columnheader" scope="col">Checks and places</th></tr></thead>
${parts.map((part) => html`<tbody role="rowgroup">${part.map(row)}</tbody>`)}</table></section>`;
}

function row(operation: ReportOperation): Html {
  const {
    api,
    id,
    method,
    path,
    isPublic,
    access,
    why,
    credentials,
    limits,
    backends,
    checks,
    source,
    generated,
    change,
  } = operation;
  const who = isPublic ? "public" : ["closed", ...credentials].join(" ");
  return html`<tr role="row" data-who="${who}" data-api="${api}" data-method="${method}"${
    change === undefined ? "" : html` data-change="any ${change}"`
  }><th role="rowheader" scope="row"><div class="op"><b>${method}</b><code>${breakable(path)}</code></div><div class="id small soft">${id}${
    change === undefined ? "" : html` ${verdictTag(change)}`
  }</div></th><td role="cell"><div>${isPublic ? html`<span class="tag public">public</span> ` : ""}${access}</div>${
    why === undefined ? "" : html`<div class="small soft">${why}</div>`
  }</td><td role="cell">${limits.length === 0 ? html`<div class="soft">none</div>` : limits.map((one) => html`<div>${one}</div>`)}</td><td role="cell">${
    backends.length === 0
      ? html`<div class="soft">none</div>`
      : backends.map(
          (one) =>
            html`<div><code>${breakable(one.url)}</code><br><span class="small soft">${one.environment}</span></div>`,
        )
  }</td><td role="cell"><details><summary>${counted(checks.length, "check")}<span class="there"> of ${method} ${path}</span></summary><ol>${checks.map(
    ({ name, text, line }) =>
      html`<li><b>${name}</b>: ${text}${line === undefined ? "" : html` <span class="soft">line ${line}</span>`}</li>`,
  )}</ol></details><div class="small soft">${source}</div>${generated === undefined ? "" : html`<div class="small soft">${generated}</div>`}</td></tr>
`;
}

/** A long path or URL may go on in the next line after a slash. */
function breakable(text: string): readonly Html[] {
  return text.split(/(?<=[^/:]\/)(?!\/)/).map((part, index) => (index === 0 ? html`${part}` : html`<wbr>${part}`));
}

function tiers({ tiers }: ReportFacts): Html {
  if (tiers.length === 0) return html`<section><h2 id="limits">Limits</h2><p>No operation has a limit.</p></section>`;
  return html`<section><h2 id="limits">Limits</h2>
<div class="plain" tabindex="0" role="region" aria-labelledby="limits"><table><thead><tr><th scope="col">Tier</th><th scope="col">Quota</th><th scope="col">Counted for each</th><th scope="col" class="n">Operations</th></tr></thead><tbody>
${tiers.map(
  ({ name, quota, levels, operations }) =>
    html`<tr><th scope="row">${name}</th><td>${quota}</td><td>${levels}</td><td class="n">${grouped(operations)}</td></tr>
`,
)}</tbody></table></div></section>`;
}

function backends({ backends }: ReportFacts): Html {
  if (backends.length === 0)
    return html`<section><h2 id="backends">Backends</h2><p>No operation has a backend.</p></section>`;
  return html`<section><h2 id="backends">Backends</h2>
<p class="soft">URLs as written; at start, settings of these names may replace them.</p>
<div class="plain" tabindex="0" role="region" aria-labelledby="backends"><table><thead><tr><th scope="col">URL</th><th scope="col">Environment</th><th scope="col">Setting</th><th scope="col" class="n">Operations</th></tr></thead><tbody>
${backends.map(
  ({ url, environment, setting, operations }) =>
    html`<tr><th scope="row"><code>${breakable(url)}</code></th><td>${environment}</td><td><code>${setting}</code></td><td class="n">${grouped(operations)}</td></tr>
`,
)}</tbody></table></div></section>`;
}

/** Findings of one code. */
interface DiagnosticGroup {
  readonly first: ReportDiagnostic;
  readonly all: readonly ReportDiagnostic[];
}

/** So many findings of one code are listed without asking. */
const openedAtMost = 3;

function diagnostics(found: readonly ReportDiagnostic[]): Html | undefined {
  if (found.length === 0) return undefined;
  return html`<section><h2 id="findings">Findings of the compiler</h2>
${groupsOf(found).map(
  ({
    first,
    all,
  }) => html`<details class="finding"${all.length > openedAtMost ? "" : html` open`}><summary><span class="tag${
    first.severity === "warning" ? " public" : ""
  }">${first.severity}</span> <code>${first.code}</code> <span class="soft">${counted(all.length, "time")}</span></summary>
<ul>${all.map(
    ({ message, hint, place }) =>
      html`<li>${message}<div class="small soft">${place}${hint === undefined ? "" : html`<br>Hint: ${hint}`}</div></li>
`,
  )}</ul></details>
`,
)}</section>`;
}

/** Warnings first, then by code. */
function groupsOf(found: readonly ReportDiagnostic[]): readonly DiagnosticGroup[] {
  const byCode = new Map<string, ReportDiagnostic[]>();
  for (const one of found) {
    const key = `${one.severity === "note" ? 1 : 0} ${one.code}`;
    const known = byCode.get(key);
    if (known === undefined) byCode.set(key, [one]);
    else known.push(one);
  }
  return [...byCode]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, all]) => (all[0] === undefined ? [] : [{ first: all[0], all }]));
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
