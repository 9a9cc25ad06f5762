import type { DiagnosticLog } from "../diagnostics/log.ts";
import { at } from "../diagnostics/place.ts";
import type { CompileHost } from "../host.ts";
import type { Definition } from "../model/loaded-project.ts";
import { httpMethods } from "../model/names.ts";
import type { SourceDocument } from "../model/source.ts";
import { referenceFailure, rootCursor } from "./cursor.ts";
import { type DocumentStore, kindOf, listFiles } from "./document-store.ts";
import { type FoundReference, findReferences } from "./find-references.ts";
import { formatOf } from "./parse-document.ts";
import { memberOf, parseReference } from "./reference.ts";
import { specFindings } from "./spec-findings.ts";

/** T-OAS-04, T-PRJ-01, T-PRJ-08: any depth. */
const folders = ["api_definitions", "gen/api_definitions"];

/** Loads every definition, and every file that one refers to. `found`: candidates, usable or not. */
export async function loadDefinitions(
  store: DocumentStore,
  host: CompileHost,
  log: DiagnosticLog,
): Promise<{ readonly definitions: readonly Definition[]; readonly found: number }> {
  const files: string[] = [];
  for (const folder of folders) {
    for (const file of await listFiles(host, folder, log)) {
      if (isCandidate(file)) files.push(file);
      else if (!isHidden(file)) await reportFolderOutside(file, host, log);
    }
  }
  files.sort();
  for (const file of files) await store.load(file);

  const references = new Map<string, readonly FoundReference[]>();
  const pending = files.filter((file) => isDefinition(store.documents.get(file)));
  for (let file = pending.shift(); file !== undefined; file = pending.shift()) {
    const document = store.documents.get(file);
    if (document === undefined || references.has(file)) continue;
    const found = findReferences(document.value);
    references.set(file, found);
    const targets = new Set(found.map(({ reference }) => targetFile(file, reference)));
    for (const target of targets) {
      if (target === undefined || references.has(target)) continue;
      if ((await store.state(target)) === "read") pending.push(target);
    }
  }

  const definitions: Definition[] = [];
  for (const file of files) {
    const document = store.documents.get(file);
    const root = rootCursor(store.documents, file);
    if (document === undefined || root === undefined) continue;
    if (!isDefinition(document)) {
      // A file that a definition refers to is a part of that definition.
      if (!references.has(file)) reportNotOpenApi(document, log);
      continue;
    }
    const version = readVersion(document, log);
    if (version !== undefined)
      definitions.push({ file, version, root, findings: specFindings(document, version, store.documents) });
  }
  for (const [file, found] of references) await reportReferences(file, found, store, log);
  return { definitions, found: files.length };
}

function isCandidate(file: string): boolean {
  const format = formatOf(file);
  return (format === "json" || format === "yaml") && !isHidden(file);
}

function isHidden(file: string): boolean {
  return file.split("/").some((part) => part.startsWith("."));
}

/** What is listed as a file and is a folder is a link to one outside: the definitions there would silently be missing. */
async function reportFolderOutside(file: string, host: CompileHost, log: DiagnosticLog): Promise<void> {
  if ((await kindOf(host, file)) !== "folder") return;
  const why = "it is a link that leads out of the project folder";
  log.report("file-unreadable", at({ file, pointer: "" }), { file, why });
}

function isDefinition(document: SourceDocument | undefined): boolean {
  return versionKey(document?.value) !== undefined;
}

function versionKey(value: unknown): "openapi" | "swagger" | undefined {
  if (Array.isArray(value)) return undefined;
  if (memberOf(value, "openapi") !== undefined) return "openapi";
  return memberOf(value, "swagger") === undefined ? undefined : "swagger";
}

function targetFile(from: string, reference: string): string | undefined {
  const target = parseReference(from, reference);
  return target.kind === "project" && target.file !== from ? target.file : undefined;
}

function reportNotOpenApi(document: SourceDocument, log: DiagnosticLog): void {
  const { file, value } = document;
  const what =
    value === null
      ? "the file is empty"
      : typeof value !== "object" || Array.isArray(value)
        ? `it holds ${Array.isArray(value) ? "a list" : "a single value"}`
        : 'neither "openapi" nor "swagger" stands at its root';
  log.report("definition-not-openapi", at({ file, pointer: "" }, "missing"), { what });
}

/** T-OAS-01, and 3.1. A version without quotes (`openapi: 3.0`) is read as it is written. */
function readVersion(document: SourceDocument, log: DiagnosticLog): Definition["version"] | undefined {
  const { file, value } = document;
  const key = versionKey(value) ?? "openapi";
  const pointer = `/${key}`;
  const found = memberOf(value, key)?.value;
  const text = typeof found === "number" ? (log.sources.writtenAs(file, pointer) ?? String(found)) : found;
  if (typeof text === "string") {
    const match = /^(\d+)(?:\.(\d+))?(?:[.-].*)?$/.exec(text.trim());
    if (key === "swagger" && match?.[1] === "2") return "2.0";
    if (key === "openapi" && match?.[1] === "3" && match[2] === "0") return "3.0";
    if (key === "openapi" && match?.[1] === "3" && match[2] === "1") return "3.1";
  }
  log.report("definition-version-unsupported", at({ file, pointer }), {
    key,
    version: typeof text === "string" ? text : JSON.stringify(text ?? null).slice(0, 40),
  });
  return undefined;
}

/** Each target that leads nowhere is reported once a file, at its first use. */
async function reportReferences(
  file: string,
  found: readonly FoundReference[],
  store: DocumentStore,
  log: DiagnosticLog,
): Promise<void> {
  const verdicts = new Map<string, keyof typeof reasons | undefined>();
  const uses = new Map<string, { readonly first: FoundReference; count: number }>();
  for (const reference of found) {
    reportSiblings(file, reference, log);
    const text = reference.reference;
    if (!verdicts.has(text)) verdicts.set(text, await failure(file, text, store));
    const why = verdicts.get(text);
    if (why === undefined) continue;
    if (reference.path !== undefined) {
      log.report("path-ref-unresolved", at({ file, pointer: reference.pointer }), {
        path: reference.path,
        reference: text,
        why: reasons[why],
      });
      continue;
    }
    const use = uses.get(text);
    if (use === undefined) uses.set(text, { first: reference, count: 1 });
    else use.count++;
  }
  for (const [reference, { first, count }] of uses) {
    const why = verdicts.get(reference);
    if (why === undefined || why === "unusable") continue; // that file's own mistakes have been reported
    const place = at({ file, pointer: first.pointer });
    const more = count === 1 ? "" : ` (${count} times in this file)`;
    if (why === "remote") log.report("ref-remote", place, { reference, more });
    else if (why === "outside") log.report("ref-outside-project", place, { reference, more });
    else if (why === "loop") log.report("ref-loop", place, { reference, more });
    else log.report("ref-dangling", place, { reference, more, why: reasons[why] });
  }
}

const reasons = {
  remote: "it is on the network, and nothing is fetched at compile time",
  outside: "it leaves the project folder",
  malformed: "it is no JSON pointer",
  "no-such-file": "there is no such file",
  unusable: "that file cannot be used",
  dangling: "nothing stands there",
  loop: "it leads back to itself",
};

async function failure(
  file: string,
  reference: string,
  store: DocumentStore,
): Promise<keyof typeof reasons | undefined> {
  const why = referenceFailure(store.documents, file, reference);
  const target = why === "no-such-file" ? targetFile(file, reference) : undefined;
  return target !== undefined && (await store.state(target)) === "unusable" ? "unusable" : why;
}

const routing = new Set<string>(["parameters", "servers", ...httpMethods.map((method) => method.toLowerCase())]);

function reportSiblings(file: string, { path, pointer, siblings }: FoundReference, log: DiagnosticLog): void {
  const lost = siblings.filter((key) => routing.has(key) || key.startsWith("x-wso2-")).sort();
  if (path === undefined || lost.length === 0) return;
  log.report("path-ref-siblings", at({ file, pointer }, "key"), { path, lost: lost.join(", ") });
}
