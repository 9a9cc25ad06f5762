import { printable } from "../../diagnostics/printable.ts";
import type { SidePlace } from "../side.ts";
import type { Charge, CodePlace, ExplainedCheck, Explanation, Outcome } from "./explanation.ts";

/** An explanation as text for a terminal. */
export function renderExplanation(explanation: Explanation): string {
  const { request, path, api, operation, checks, outcome, caller, charges, assumptions } = explanation;
  const via = request.listener === "token" ? ", at the listener of tokens" : "";
  const certificate = request.certificate ? ", with a client certificate" : "";
  const client = request.client === undefined || request.client === request.from ? "" : ` for ${request.client}`;
  const lines = [
    `${request.method} ${request.target} over ${request.scheme}${via}, from ${request.from}${client}${certificate}`,
    "",
    ...(path === undefined ? [] : [`  path       ${path.normalised}${path.query}`]),
    ...(api === undefined
      ? []
      : [`  API        ${api.title} ${api.version} at ${api.basePath}  ${placeText(api.source)}`]),
    ...(operation === undefined
      ? []
      : [`  operation  ${operation.id}: ${operation.method} ${operation.template}  ${placeText(operation.source)}`]),
    ...(caller === undefined
      ? []
      : [
          `  caller     ${caller.name === "" ? "nobody by name" : caller.name} by ${caller.scheme}, ${caller.keyType} key`,
        ]),
    ...(path === undefined ? [] : [""]),
    "Checks, in order:",
    ...checks.flatMap(checkLines),
    "",
    ...outcomeLines(outcome),
    ...(charges.length === 0 ? [] : ["", "Counted:", ...charges.map(chargeLine)]),
    ...(assumptions.length === 0 ? [] : ["", "Assumed:", ...assumptions.map((text) => `  - ${text}`)]),
  ];
  return `${lines.map(printable).join("\n")}\n`;
}

const marks: Readonly<Record<ExplainedCheck["result"], string>> = {
  passed: "passes",
  assumed: "passes*",
  refused: "REFUSES",
  answered: "ANSWERS",
  "not reached": "-",
};

function checkLines({ check, result, text, source, generated }: ExplainedCheck): string[] {
  const places = [source && placeText(source), generated && codeText(generated)].filter((one) => one !== undefined);
  const line = `  ${marks[result].padEnd(8)} ${check.padEnd(16)} ${text}`;
  return places.length === 0 ? [line] : [line, `  ${"".padEnd(25)} ${places.join("  ")}`];
}

function outcomeLines(outcome: Outcome): string[] {
  switch (outcome.kind) {
    case "served":
      return [`Served by ${outcome.service}, which is the gateway's own.`];
    case "answered":
    case "refused": {
      const head =
        outcome.kind === "refused"
          ? `Refused by ${outcome.check} (${outcome.reason}): ${outcome.status}`
          : `Answered by the gateway: ${outcome.status}`;
      const shown = outcome.headers.filter(([name]) => !notShown.has(name.toLowerCase()));
      return [
        head,
        ...shown.map(([name, value]) => `  ${name}: ${value}`),
        ...(outcome.body === "" ? [] : [`  ${outcome.body}`]),
      ];
    }
    case "forwarded": {
      const { environment, urls, choice, headers, upgrade } = outcome;
      const which = choice === undefined ? "" : ` (one of them: ${choice})`;
      return [
        `Forwarded to the ${environment} backend${which}:`,
        ...urls.map(({ url, setting, etcdKey }) => {
          const etcd = etcdKey === undefined ? "" : `, or what etcd has under ${etcdKey}`;
          return `  ${url}${etcd}  (setting ${setting})`;
        }),
        ...(upgrade === undefined ? [] : [`  asks for ${upgrade}`]),
        ...headers.added.map(({ name, value }) => `  + ${name}${value === undefined ? "" : `: ${value}`}`),
        ...headers.removed.map((name) => `  - ${name}`),
      ];
    }
  }
}

const notShown: ReadonlySet<string> = new Set(["content-type", "content-length", "x-request-id"]);

function chargeLine({ level, tier, key, storedAs, count, windowMs, counted, stops }: Charge): string {
  const soft = stops ? "" : ", does not stop";
  const stored = storedAs === undefined ? "" : ` as ${storedAs}`;
  const what = counted === "requests" ? "" : ` ${counted}`;
  return `  ${level.padEnd(16)} ${tier}: ${count}${what} in ${windowMs / 1000} s${soft}  ${key}${stored}`;
}

function placeText({ file, line, column, pointer }: SidePlace): string {
  if (line === undefined) return `${file}#${pointer}`;
  return `${file}:${line}${column === undefined ? "" : `:${column}`}`;
}

function codeText({ file, line }: CodePlace): string {
  return `${file}:${line}`;
}
