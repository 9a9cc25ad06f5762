import { CompilerBug } from "../phases.ts";

/**
 * Libraries that most runs of a bundle have no use for, in half of its bytes. They stand in it as comments, which cost a
 * start a tenth of what code costs, and become code when a module of the runtime first imports them.
 */
const lateLibraries: readonly string[] = ["amqplib", "node-forge", "undici"];

/** The late library that an imported name belongs to; undefined when it is loaded like any other module. */
export function lateLibraryOf(name: string): string | undefined {
  return lateLibraries.find((library) => name === library || name.startsWith(`${library}/`));
}

/** Module of a late library that the code of every bundle has already: 72 KB that need not be there twice. */
const shared = "undici/lib/llhttp/llhttp_simd-wasm.js";

/** Whether a late library is given a module by the bundle. */
export function isShared(name: string): boolean {
  return name === shared;
}

/** What is bundled as the late library: for each of the names by which it is imported, how to load that. */
export function lateEntry(names: readonly string[]): string {
  return names.map((name) => `exports[${JSON.stringify(name)}] = () => require(${JSON.stringify(name)});\n`).join("");
}

/** The module that stands for an import of `name`, and the one that it takes the library from. */
export function lateSource(name: string): string {
  const library = lateLibraryOf(name);
  if (library === undefined) return loaderOf(name.slice(loader.length));
  return `module.exports = require(${JSON.stringify(loader + library)})[${JSON.stringify(name)}]();\n`;
}

const loader = "library:";

/** Reads the comment, and compiles it as Node compiles a CommonJS module. */
function loaderOf(library: string): string {
  return `
    const { compileFunction } = require("node:vm");
    const text = String(${holderName(library)});
    const code = text.slice(text.indexOf("/*") + 2, text.lastIndexOf("*/")).replaceAll("${escapedEnd}", "*/");
    const names = ["exports", "require", "module"];
    const wanted = ${lateLibraryOf(shared) === library ? `(name) => (name === "${shared}" ? require("${shared}") : require(name))` : "require"};
    compileFunction(code, names, { filename: ${JSON.stringify(library)} })(module.exports, wanted, module);
  `;
}

/** The function whose body is the library's code as a comment. It is there to be read, not to be called. */
export function lateText(library: string, code: string): string {
  if (code.includes(escapedEnd)) throw new CompilerBug("bundle", new Error(`${library} holds ${escapedEnd}`));
  return `\nfunction ${holderName(library)}() {/*\n${code.replaceAll("*/", escapedEnd)}*/}\n`;
}

/** Stands for the end of a comment inside of one. */
const escapedEnd = "*@/";

function holderName(library: string): string {
  return `__castgate_library_${library.replace(/[^a-z0-9]/g, "_")}`;
}
