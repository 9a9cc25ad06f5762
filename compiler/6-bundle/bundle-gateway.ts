import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import type { GeneratedFile } from "../model/generated-file.ts";
import type { CodeFile } from "../model/loaded-project.ts";
import type { Manifest } from "../model/manifest.ts";
import { noDigest, withDigest } from "../verify/embedded-manifest.ts";
import { type BundleSources, bundlePlugin, namespaces } from "./bundle-plugin.ts";
import { lateEntry, lateText } from "./late-library.ts";
import { licenseNotices } from "./license-notices.ts";
import { listedJson } from "./listed-json.ts";
import type { BundleContents, Description } from "./manifest.ts";
import { packageRoot } from "./package-root.ts";
import { type LibraryFacts, libraryFacts } from "./sbom.ts";

export interface Bundle {
  /** The executable: CommonJS in one file. */
  readonly text: string;
  /** As embedded. */
  readonly manifest: Manifest;
  /** What is in it that others made. By name. */
  readonly libraries: readonly LibraryFacts[];
}

/** What esbuild prints for the manifest, until it is known which modules are in the bundle. */
const placeholder = "__CASTGATE_MANIFEST__";

/**
 * Bundles the generated code with those modules of the runtime that it uses. The same input gives the same bytes, in any
 * folder and on any machine. Throws only if the generated code or the runtime is broken, which is a bug of ours.
 */
export async function bundleGateway(
  generated: readonly GeneratedFile[],
  describe: (contents: BundleContents) => Description,
  ownCode: ReadonlyMap<string, CodeFile> = new Map(),
  runtimeFolder = join(packageRoot(), "runtime-lib"),
): Promise<Bundle> {
  const root = packageRoot();
  const entry = [
    'import { main } from "castgate/runtime/main.js";',
    'import { gateway } from "./gateway.ts";',
    `main(gateway, () => JSON.parse(${placeholder}));`,
    "",
  ].join("\n");
  const folders = new Map<string, string>();
  const late = new Map<string, Set<string>>();
  const sources = { generated, code: ownCode, runtimeFolder, libraryFolder: root, libraries: folders };
  const main = await bundled({ ...sources, late, entry }, { charset: "utf8", banner: { js: "#!/usr/bin/env node" } });
  // A text with one character beyond ASCII takes twice the memory.
  const options = { charset: "ascii" } as const;
  const parts = await Promise.all(
    [...late]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(async ([library, names]) => {
        const part = await bundled({ ...sources, entry: lateEntry([...names].sort()) }, options);
        return { used: part.used, text: lateText(library, part.text) };
      }),
  );
  const used = [main, ...parts].flatMap((part) => part.used);
  const lateTexts = parts.map((part) => part.text).join("");
  const description = describe({ modules: runtimeModules(used), libraries: libraries(used) });
  const blank: Manifest = { ...description, self: { sha256: noDigest } };
  // The entry comes last: the same word earlier is text out of a definition.
  const hole = main.text.lastIndexOf(placeholder);
  const embedded = templateLiteral(listedJson(blank));
  const code = main.text.slice(0, hole) + embedded + main.text.slice(hole + placeholder.length);
  const notices = await licenseNotices(blank.libraries, folders);
  const { text, sha256 } = withDigest(code + lateTexts + notices, hole);
  return { text, manifest: { ...blank, self: { sha256 } }, libraries: libraryFacts(blank.libraries, folders) };
}

interface BundledPart {
  readonly text: string;
  /** Modules of which something is in it. */
  readonly used: readonly string[];
}

async function bundled(sources: BundleSources, options: BuildOptions): Promise<BundledPart> {
  const { metafile, outputFiles } = await build({
    ...options,
    entryPoints: ["main"],
    plugins: [bundlePlugin(sources)],
    absWorkingDir: sources.libraryFolder,
    tsconfigRaw: { compilerOptions: { target: "ES2022", verbatimModuleSyntax: true } },
    nodePaths: [],
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    outfile: "bundle.cjs",
    logLevel: "silent",
    // They would be moved to the end, words of definitions among them; licences are added by name (`licenseNotices`).
    legalComments: "none",
  });
  const inputs = Object.values(metafile.outputs)[0]?.inputs ?? {};
  const used = Object.keys(inputs).filter((name) => (inputs[name]?.bytesInOutput ?? 0) > 0);
  return { text: outputFiles[0]?.text ?? "", used };
}

/**
 * A text as JavaScript that can be read line by line. One string costs the start of a bundle next to nothing; as an object
 * literal, the manifest of 22,000 operations took 0.1 s and 80 MB at every start.
 */
function templateLiteral(text: string): string {
  return `\`${text.replaceAll(/[\\`]|\$(?=\{)/g, "\\$&")}\``;
}

function runtimeModules(used: readonly string[]): string[] {
  const prefix = `${namespaces.runtime}:`;
  return used
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length).replace(/\.ts$/, ""))
    .sort();
}

function libraries(used: readonly string[]): string[] {
  const prefix = `${namespaces.library}:`;
  const names = used
    .filter((name) => name.startsWith(prefix))
    .map((name) => /^(@[^/]+\/)?[^/]+/.exec(name.slice(prefix.length))?.[0] ?? name);
  return [...new Set(names)].sort();
}
