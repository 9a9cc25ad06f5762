/** Said twice: for systems in the dark, and for readers who choose it. */
const dark = `color-scheme: dark;
  --page: #15181c; --card: #1c2025; --sunk: #23282e; --text: #e6e8ea; --soft: #a7afb8; --line: #30363d; --edge: #7d8690;
  --link: #7fb8ff; --focus: #7fb8ff;
  --open: #ffbf75; --open-back: #3a2a14;
  --weaker: #ff9a92; --weaker-back: #421d1b;
  --stronger: #83d6a0; --stronger-back: #17331f;
  --unknown: #cfb0f7; --unknown-back: #322346;
  --neutral: #bcc3ca; --neutral-back: #2b3036;`;

/**
 * Colour says something, and never alone: what is open to everyone, and which way a change goes, each with its word beside.
 * All pairs of colours have a contrast of at least 4.5 : 1 (WCAG 2.2, 1.4.3), borders of controls 3 : 1.
 */
export const style = `
:root {
  color-scheme: light;
  --page: #fbfbfa; --card: #fff; --sunk: #f3f3f1; --text: #1d2125; --soft: #565d66; --line: #e2e2de; --edge: #868c94;
  --link: #0a58b5; --focus: #0a58b5;
  --open: #8a4600; --open-back: #fdf0e0;
  --weaker: #a8201c; --weaker-back: #fdecea;
  --stronger: #17663a; --stronger-back: #e6f4ea;
  --unknown: #6b3fa0; --unknown-back: #f2ebfa;
  --neutral: #4d545c; --neutral-back: #eeeeec;
  --mono: ui-monospace, "SF Mono", SFMono-Regular, Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root:not([data-theme="light"]) {
    ${dark}
  }
}
:root[data-theme="dark"] {
  ${dark}
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
.wrap { max-width: 88rem; margin: 0 auto; padding: 0 1.5rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 1rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: 0 0 .75rem; max-width: 46rem; }
a { color: var(--link); text-underline-offset: .15em; }
code { font-family: var(--mono); font-size: .875em; overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: .5rem; top: -4rem; background: var(--card); padding: .5rem 1rem; z-index: 3; }
.skip:focus { top: .5rem; }
.soft { color: var(--soft); }
.small { font-size: .8125rem; }
.there { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

header { padding: 2.25rem 0 0; }
.head { display: flex; gap: 1rem; justify-content: space-between; align-items: flex-start; }
.kicker { margin: 0 0 .25rem; color: var(--soft); font-size: .875rem; }
header nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: 1.25rem 0 0; padding: 0; }
header nav a { display: inline-block; padding: .25rem 0; }
main > section { padding: 2rem 0 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 0; }
.facts > div {
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .875rem 1rem;
  display: flex; flex-direction: column-reverse; justify-content: flex-end;
}
.facts dt { color: var(--soft); font-size: .8125rem; line-height: 1.35; }
.facts dd { margin: 0 0 .125rem; font-size: 1.625rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.facts .open { background: var(--open-back); border-color: var(--open); }
.facts .open dd, .facts .open dt { color: var(--open); }
.facts .weaker { background: var(--weaker-back); border-color: var(--weaker); }
.facts .weaker dd, .facts .weaker dt { color: var(--weaker); }

.tag {
  display: inline-block; border-radius: 4px; padding: .0625rem .4375rem; font-size: .75rem; font-weight: 600;
  line-height: 1.5; white-space: nowrap; background: var(--neutral-back); color: var(--neutral);
}
.tag.public { background: var(--open-back); color: var(--open); }
.tag.weaker { background: var(--weaker-back); color: var(--weaker); }
.tag.stronger { background: var(--stronger-back); color: var(--stronger); }
.tag.unknown { background: var(--unknown-back); color: var(--unknown); }

table { width: 100%; border-collapse: collapse; font-size: .875rem; }
caption { text-align: left; }
.plain { background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow-x: auto; }
.plain th, .plain td { text-align: left; vertical-align: top; padding: .5rem 1rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.plain thead th { border-top: 0; color: var(--soft); font-weight: 600; white-space: nowrap; font-size: .8125rem; }
.plain th[scope="row"] { font-weight: 400; min-width: 10rem; }
.plain td:not(.n) { min-width: 7rem; }
.plain .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }

.finding { border: 1px solid var(--line); border-left: 4px solid var(--neutral); border-radius: 6px; background: var(--card); padding: .75rem 1rem; margin: 0 0 .75rem; }
.finding.weaker { border-left-color: var(--weaker); }
.finding.stronger { border-left-color: var(--stronger); }
.finding.unknown { border-left-color: var(--unknown); }
.finding h3 { font-weight: 600; overflow-wrap: anywhere; }
.finding p, .finding dl { margin: .375rem 0 0; max-width: none; overflow-wrap: anywhere; }
.values { display: grid; grid-template-columns: auto 1fr; gap: .125rem .75rem; font-size: .875rem; }
.values dt { color: var(--soft); }
.values dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--link); padding: .125rem 0; width: fit-content; }
.finding ul { margin: .375rem 0 0; padding-left: 1.25rem; }
.finding li + li { margin-top: .375rem; }
.finding li { overflow-wrap: anywhere; }
.finding summary { color: var(--text); }
.finding.weaker summary, .finding.stronger summary, .finding.unknown summary, .finding.neutral summary { color: var(--link); }
.places { margin: .25rem 0 0; padding-left: 1.25rem; font-size: .8125rem; }

.controls { display: none; }
.js .controls {
  display: grid; grid-template-columns: minmax(14rem, 2fr) repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; align-items: end;
  background: var(--sunk); border-radius: 8px; padding: 1rem; margin: 0 0 .75rem;
}
.controls label { display: block; font-size: .8125rem; color: var(--soft); }
.controls label > span { display: block; margin: 0 0 .25rem; }
input, select, button {
  font: inherit; font-size: 1rem; color: var(--text); background: var(--card); border: 1px solid var(--edge); border-radius: 6px;
  min-height: 2.5rem; padding: .25rem .625rem; width: 100%; max-width: 100%;
}
button { width: auto; cursor: pointer; white-space: nowrap; }
#theme { display: none; }
.js #theme { display: block; }
#status { margin: 0 0 1rem; color: var(--soft); font-size: .875rem; min-height: 1.3125rem; }

.ops { margin: 0 0 2rem; }
.ops > h3 { display: flex; flex-wrap: wrap; gap: .25rem .625rem; align-items: baseline; padding: 0 0 .625rem; }
.ops h3 .n { font-weight: 400; color: var(--soft); font-size: .875rem; }
.list { display: block; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.list thead, .list tbody { display: block; }
.list tbody { content-visibility: auto; contain-intrinsic-size: auto none auto 5500px; }
.list tr { display: grid; grid-template-columns: minmax(0, 2.3fr) minmax(0, 1.5fr) minmax(0, 1.5fr) minmax(0, 1.9fr) minmax(0, 1.8fr); border-top: 1px solid var(--line); }
.list thead tr { border-top: 0; }
.list th, .list td { display: block; text-align: left; padding: .5rem .5rem .5rem 1rem; font-weight: 400; overflow-wrap: anywhere; }
.list thead th { color: var(--soft); font-weight: 600; font-size: .8125rem; }
.list td > div + div { margin-top: .25rem; }
.op { display: flex; gap: .5rem; align-items: baseline; }
.op b { font: 600 .75rem/1.5 var(--mono); min-width: 3.75rem; color: var(--soft); }
.op code { font-size: .875rem; }
.id { padding-left: 4.25rem; }
.list ol { margin: .25rem 0 .375rem; padding-left: 1.25rem; font-size: .8125rem; }
.list ol b { font-weight: 600; }
footer { padding: 2.5rem 0 3rem; color: var(--soft); font-size: .8125rem; }

@media (max-width: 60rem) {
  .wrap { padding: 0 1rem; }
  header { padding-top: 1.25rem; }
  .list thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .list tbody { contain-intrinsic-size: auto none auto 17000px; }
  .list tr { display: block; padding: .75rem 1rem; }
  .list thead + tbody tr:first-child { border-top: 0; }
  .list th, .list td { padding: 0; }
  .list td { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); column-gap: .75rem; margin-top: .375rem; }
  .list td > * { grid-column: 2; }
  .list td::before { color: var(--soft); grid-column: 1; grid-row: 1; }
  .list td:nth-child(2)::before { content: "Who may call" / ""; }
  .list td:nth-child(3)::before { content: "Limits" / ""; }
  .list td:nth-child(4)::before { content: "Backend" / ""; }
  .list td:nth-child(5)::before { content: "Checks" / ""; }
  .id { padding-left: 0; }
  .op { flex-wrap: wrap; gap: 0 .5rem; }
  .op b { min-width: 0; }
  .js .controls { grid-template-columns: 1fr 1fr; }
  .js .controls > :first-child { grid-column: 1 / -1; }
}
@media (max-width: 30rem) {
  .facts { grid-template-columns: 1fr 1fr; }
  .facts dd { font-size: 1.375rem; }
  .head { flex-direction: column; }
  .list td { grid-template-columns: minmax(0, 1fr); }
  .list td > * { grid-column: 1; }
  .list td::before { grid-row: auto; font-size: .75rem; }
  .plain th, .plain td { padding: .5rem .625rem; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
@media (forced-colors: active) { .tag, .facts > div { border: 1px solid; } }
@media print {
  :root { --page: #fff; --card: #fff; --text: #000; }
  .js .controls, .js #theme, #status, .skip, header nav { display: none; }
  .list tbody { content-visibility: visible; }
  .list tr, .finding { break-inside: avoid; }
  .list, .plain { border-color: #999; overflow: visible; }
}
`;
