import type { DiagnosticLog } from "../diagnostics/log.ts";
import { at } from "../diagnostics/place.ts";
import { type CompileHost, HostError } from "../host.ts";
import type { SourceDocument } from "../model/source.ts";
import { formatOf, parseDocument } from "./parse-document.ts";

/** Reads and parses each file of a project at most once. */
export class DocumentStore {
  readonly documents = new Map<string, SourceDocument>();
  readonly #asked = new Map<string, Promise<"absent" | "unusable" | "read">>();
  readonly #host: CompileHost;
  readonly #log: DiagnosticLog;

  constructor(host: CompileHost, log: DiagnosticLog) {
    this.#host = host;
    this.#log = log;
  }

  /** A file's document; undefined when there is no such file, or, reported, when it cannot be read or parsed. */
  async load(file: string): Promise<SourceDocument | undefined> {
    await this.state(file);
    return this.documents.get(file);
  }

  /** Reads a file and tells what came of it; what is unusable has been reported. */
  state(file: string): Promise<"absent" | "unusable" | "read"> {
    let asked = this.#asked.get(file);
    if (asked === undefined) {
      asked = this.#read(file);
      this.#asked.set(file, asked);
    }
    return asked;
  }

  async #read(file: string): Promise<"absent" | "unusable" | "read"> {
    const format = formatOf(file);
    if (format === undefined) return "absent";
    const text = await readText(this.#host, file, this.#log);
    if (text === undefined) return "absent";
    if (text === unreadable) return "unusable";
    const document = parseDocument(file, format, text, this.#log);
    if (document === undefined) return "unusable";
    this.documents.set(file, document);
    return "read";
  }
}

const unreadable = Symbol("unreadable");

/** A file's text; undefined when there is no such file; `unreadable`, reported, when it cannot be read. */
async function readText(host: CompileHost, file: string, log: DiagnosticLog) {
  try {
    return await host.read(file);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    log.report("file-unreadable", at({ file, pointer: "" }), { file, why: error.message });
    return unreadable;
  }
}

/** Files below a folder; none, reported, when it cannot be read. */
export async function listFiles(host: CompileHost, folder: string, log: DiagnosticLog): Promise<readonly string[]> {
  try {
    return await host.list(folder);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    log.report("file-unreadable", at({ file: folder, pointer: "" }), { file: folder, why: error.message });
    return [];
  }
}

/** What stands at a path; `unreadable` where nobody can tell: reading it says why. */
export async function kindOf(host: CompileHost, path: string) {
  try {
    return await host.stat(path);
  } catch (error) {
    if (error instanceof HostError) return unreadable;
    throw error;
  }
}
