import yaml from "js-yaml";
import { type ParseError, parse as parseJsonc, printParseErrorCode } from "jsonc-parser";
import { parse as parseToml, TomlError } from "smol-toml";
import { parseAllDocuments } from "yaml";
import type { DiagnosticLog } from "../diagnostics/log.ts";
import { atOffset } from "../diagnostics/place.ts";
import { maxNesting, yamlSchema } from "../diagnostics/place-tree-yaml.ts";
import type { SourceDocument } from "../model/source.ts";
import { parseProto } from "./parse-proto.ts";
import { parseXml } from "./parse-xml.ts";

/** More are no help: they follow from the first ones. */
const maxSyntaxErrors = 20;

/** Above this size only the first YAML error is reported: the parser that finds all needs 0.5 s and 50 MB for each MB. */
const maxRecoveringYaml = 4_000_000;

/** The format that a file's name promises; undefined for a file that the compiler does not read. */
export function formatOf(file: string): SourceDocument["format"] | undefined {
  const extension = file.slice(file.lastIndexOf(".") + 1).toLowerCase();
  if (extension === "json") return "json";
  if (extension === "yaml" || extension === "yml") return "yaml";
  if (extension === "toml" || extension === "conf") return "toml";
  if (extension === "proto") return "proto";
  if (extension === "xml") return "xml";
  return undefined;
}

/**
 * Parses a file. Every syntax error is reported with its place, and then there is no document. An empty file is a document
 * whose value is null.
 */
export function parseDocument(
  file: string,
  format: SourceDocument["format"],
  content: string,
  log: DiagnosticLog,
): SourceDocument | undefined {
  const text = content.startsWith("\uFEFF") ? content.slice(1) : content;
  log.sources.add(file, format, text);
  if (text.trim() === "") return { file, format, text, value: null };
  const parsed = parsers[format](file, text, log);
  if (parsed === undefined) return undefined;
  // Aliases share values, so a small text can stand for a huge one, or for one that contains itself.
  const size = measure(parsed.value, Math.max(1_000_000, text.length));
  if (size === "too-deep") {
    log.report("nesting-too-deep", atOffset(file, 0, 0), { limit: String(maxNesting) });
    return undefined;
  }
  if (size === "too-large") {
    log.report("yaml-aliases-excessive", atOffset(file, 0, 0), {});
    return undefined;
  }
  if (parsed.mayRepeatKeys || (format === "json" && size.keys !== countJsonKeys(text))) reportDuplicates(file, log);
  return { file, format, text, value: parsed.value };
}

interface Parsed {
  readonly value: unknown;
  readonly mayRepeatKeys: boolean;
}

const parsers = { json: parseJson, proto, toml, xml, yaml: parseYaml };

function parseJson(file: string, text: string, log: DiagnosticLog): Parsed | undefined {
  let problem: string;
  try {
    return { value: JSON.parse(text), mayRepeatKeys: false };
  } catch (error) {
    problem = error instanceof RangeError ? "the text is nested too deeply" : "the text is not JSON";
  }
  const errors: ParseError[] = [];
  try {
    parseJsonc(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  } catch {
    errors.length = 0; // nested too deeply for the recovering parser
  }
  if (errors.length === 0) log.report("json-syntax", atOffset(file, 0, 0), { problem });
  for (const { error, offset, length } of distinct(errors, text)) {
    log.report("json-syntax", atOffset(file, offset, offset + Math.max(1, length)), { problem: jsonProblem(error) });
  }
  return undefined;
}

/** A recovering parser says several things of one mistake: those that follow closely on the same line are left out. */
function distinct(errors: readonly ParseError[], text: string): readonly ParseError[] {
  let last = Number.NEGATIVE_INFINITY;
  const kept = errors.filter(({ offset }) => {
    const follows = offset - last < 20 && !text.slice(last, offset).includes("\n");
    last = offset;
    return !follows;
  });
  return kept.slice(0, maxSyntaxErrors);
}

function jsonProblem(code: number): string {
  switch (printParseErrorCode(code)) {
    case "InvalidCommentToken":
      return "JSON has no comments";
    case "PropertyNameExpected":
      return "a property name in double quotes is expected here";
    case "ValueExpected":
      return "a value is expected here";
    case "ColonExpected":
      return 'a ":" is expected here';
    case "CommaExpected":
      return 'a "," is expected here';
    case "CloseBraceExpected":
      return 'a "}" is expected here';
    case "CloseBracketExpected":
      return 'a "]" is expected here';
    case "EndOfFileExpected":
      return "nothing more is expected here";
    case "InvalidNumberFormat":
      return "this is not a number that JSON allows";
    case "UnexpectedEndOfString":
      return "the string has no closing quote";
    case "UnexpectedEndOfNumber":
      return "the number is not complete";
    case "InvalidUnicode":
      return "\\u wants four hexadecimal digits";
    case "InvalidEscapeCharacter":
      return "JSON does not know this escape";
    case "InvalidCharacter":
      return "a control character must be written as an escape";
    default:
      return "this is not JSON";
  }
}

function parseYaml(file: string, text: string, log: DiagnosticLog): Parsed | undefined {
  const load = (json: boolean) => {
    const documents: unknown[] = [];
    yaml.loadAll(text, (value) => documents.push(value), {
      schema: yamlSchema,
      json,
      maxDepth: maxNesting,
    } as yaml.LoadOptions);
    // A leading or trailing `---` with nothing behind it is no second document.
    const filled = documents.filter((value) => value !== null && value !== undefined);
    if (filled.length > 1) log.report("yaml-multiple-documents", atOffset(file, ...secondDocument(text)), {});
    return filled[0] ?? null;
  };
  try {
    return { value: load(false), mayRepeatKeys: false };
  } catch (error) {
    if (!(error instanceof yaml.YAMLException)) {
      log.report("nesting-too-deep", atOffset(file, 0, 0), { limit: String(maxNesting) });
      return undefined;
    }
    if (error.reason.startsWith("duplicated mapping key")) {
      try {
        return { value: load(true), mayRepeatKeys: true };
      } catch {
        // There are other mistakes as well: those are reported below.
      }
    }
    reportYamlErrors(file, text, error, log);
    return undefined;
  }
}

function secondDocument(text: string): [number, number] {
  const separator = /^---(?=\s|$)/gm;
  const starts = [...text.matchAll(separator)].map(({ index }) => index);
  const before = starts[0] === undefined ? "" : text.slice(0, starts[0]).replaceAll(/^(#.*|%.*|\s*)$/gm, "");
  const second = (before.trim() === "" ? starts[1] : starts[0]) ?? 0;
  return [second, second + 3];
}

function reportYamlErrors(file: string, text: string, first: yaml.YAMLException, log: DiagnosticLog): void {
  if (first.reason.startsWith("nesting exceeded")) {
    log.report("nesting-too-deep", atOffset(file, first.mark.position, first.mark.position + 1), {
      limit: String(maxNesting),
    });
    return;
  }
  const found: { start: number; end: number; problem: string }[] = [];
  if (text.length <= maxRecoveringYaml) {
    try {
      const documents = parseAllDocuments(text, { uniqueKeys: false, prettyErrors: false, logLevel: "silent" });
      for (const document of Array.isArray(documents) ? documents : [documents]) {
        for (const { pos, message } of document.errors) {
          found.push({ start: pos[0], end: Math.max(pos[0] + 1, pos[1]), problem: message });
        }
      }
    } catch {
      // Nested too deeply for the recovering parser.
    }
  }
  if (found.length === 0) {
    const { position } = first.mark;
    found.push({ start: position, end: position + 1, problem: first.reason });
  }
  const seen = new Set<number>();
  for (const { start, end, problem } of found) {
    if (seen.has(start) || seen.size >= maxSyntaxErrors) continue;
    seen.add(start);
    log.report("yaml-syntax", atOffset(file, start, end), { problem: problem.split("\n")[0] ?? "" });
  }
}

function toml(file: string, text: string, log: DiagnosticLog): Parsed | undefined {
  try {
    return { value: parseToml(text), mayRepeatKeys: false };
  } catch (error) {
    const at = error instanceof TomlError ? offsetOf(text, error.line, error.column) : 0;
    const problem =
      error instanceof TomlError ? error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") : undefined;
    log.report("toml-syntax", atOffset(file, at, at + 1), { problem: problem ?? "the text is not TOML" });
    return undefined;
  }
}

function proto(file: string, text: string, log: DiagnosticLog): Parsed | undefined {
  const parsed = parseProto(text);
  if (parsed.kind === "document") {
    log.sources.add(file, "proto", text, parsed.places);
    return { value: parsed.value, mayRepeatKeys: false };
  }
  if (parsed.kind === "too-deep") {
    log.report("nesting-too-deep", atOffset(file, parsed.offset, parsed.offset + 1), { limit: String(maxNesting) });
    return undefined;
  }
  for (const { start, end, problem, first } of parsed.problems.slice(0, maxSyntaxErrors)) {
    const related = first === undefined ? [] : [{ place: atOffset(file, ...first), label: "first defined here" }];
    log.report("proto-syntax", atOffset(file, start, end), { problem }, related);
  }
  return undefined;
}

function xml(file: string, text: string, log: DiagnosticLog): Parsed | undefined {
  const parsed = parseXml(text);
  if (parsed.kind === "document") {
    log.sources.add(file, "xml", text, parsed.places);
    return { value: parsed.value, mayRepeatKeys: false };
  }
  const place = atOffset(file, parsed.offset, parsed.offset + 1);
  if (parsed.kind === "too-deep") log.report("nesting-too-deep", place, { limit: String(maxNesting) });
  else log.report("xml-syntax", place, { problem: parsed.problem });
  return undefined;
}

function offsetOf(text: string, line: number, column: number): number {
  let offset = 0;
  for (let at = 1; at < line; at++) {
    const next = text.indexOf("\n", offset);
    if (next < 0) break;
    offset = next + 1;
  }
  return Math.min(text.length, offset + column - 1);
}

function reportDuplicates(file: string, log: DiagnosticLog): void {
  for (const { key, first, repeated } of log.sources.duplicateKeys(file)) {
    log.report("key-duplicate", atOffset(file, ...repeated), { key }, [
      { place: atOffset(file, ...first), label: "first written here" },
    ]);
  }
}

/** How many keys there are, aliases counted as often as they are used; stops where a limit is passed. */
function measure(root: unknown, limit: number): { readonly keys: number } | "too-deep" | "too-large" {
  let nodes = 0;
  let keys = 0;
  const visit = (value: unknown, depth: number): "too-deep" | "too-large" | undefined => {
    if (++nodes > limit) return "too-large";
    if (typeof value !== "object" || value === null) return undefined;
    if (depth >= maxNesting) return "too-deep";
    const members = Array.isArray(value) ? value : Object.values(value);
    if (!Array.isArray(value)) keys += members.length;
    for (const member of members) {
      const problem = visit(member, depth + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
  return visit(root, 0) ?? { keys };
}

/** Keys as written: more than there are in the parsed value when one is repeated. */
function countJsonKeys(text: string): number {
  let count = 0;
  let from = 0;
  for (;;) {
    const quote = text.indexOf('"', from);
    const until = quote < 0 ? text.length : quote;
    for (let at = from; at < until; at++) if (text.charCodeAt(at) === 0x3a) count++;
    if (quote < 0) return count;
    let end = quote + 1;
    for (;;) {
      end = text.indexOf('"', end);
      if (end < 0) return count;
      let slashes = 0;
      while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
      if (slashes % 2 === 0) break;
      end++;
    }
    from = end + 1;
  }
}
