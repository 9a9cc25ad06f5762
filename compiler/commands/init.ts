import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { type Command, CommandFailure, exitCode, type Terminal, UsageError } from "./command.ts";
import { download } from "./download.ts";
import { projectFiles, withSchema } from "./project-template.ts";
import { readable } from "./signing-key.ts";

/** `castgate init <dir>`: a new project, complete or not there at all (T-CLI-17 done right). */
export const initCommand: Command = {
  name: "init",
  summary: "make a new project",
  usage: "init <dir>",
  positionals: [1, 1],
  options: {
    "api-definition": {
      alias: "a",
      type: "string",
      array: true,
      requiresArg: true,
      defaultDescription: "FILE|URL",
      describe: "put this definition into api_definitions/; can be given several times",
    },
    force: { alias: "f", type: "boolean", describe: "replace <dir>, a project, and everything in it" },
  },
  details: `Makes <dir> with

  castgate.yaml          settings of the project (compatibility: standard)
  api_definitions/       OpenAPI 2.0, 3.0 or 3.1, JSON or YAML, at any depth
  policies.yaml          throttling tiers
  conf/micro-gw.conf     run-time settings, with every common one explained
  tsconfig.json          the generated code is type-checked with it
  biome.json             and linted with it: \`npx @biomejs/biome lint generated\`
  .gitignore             target/ and what \`run --dev\` makes

The first line of the settings and of policies.yaml leads editors to the schema of the file, which explains and checks what
they hold; it comes with \`npm install --save-dev castgate\` in <dir> or above it.
Your own TypeScript, such as claim transformers, goes into <dir>/extensions/.
A definition is a file or an http(s) URL; a URL is fetched once, now. What is wrong in it, \`compile\` says.
When anything fails, <dir> is as it was before.

  castgate init shop
  castgate init shop -a orders.yaml -a https://petstore3.swagger.io/api/v3/openapi.json
  castgate init shop -f -a orders.yaml

Exit codes: 0 fine; 1 a definition cannot be read or fetched; 2 wrong usage, no such file, or <dir> exists.`,
  obsolete: {
    "-d": "put the file into <dir>/conf/deployment-config.toml afterwards",
    "--deployment-config": "put the file into <dir>/conf/deployment-config.toml afterwards",
    "-k": "certificates are always verified; NODE_EXTRA_CA_CERTS=ca.pem makes Node trust another authority",
    "--insecure": "certificates are always verified; NODE_EXTRA_CA_CERTS=ca.pem makes Node trust another authority",
    "--headers": "fetch the definition with curl, and pass the file with -a",
    "--values": "fetch the definition with curl, and pass the file with -a",
  },
  async run({ positionals: [folder = ""], options }, terminal) {
    const target = resolve(terminal.folder, folder);
    const force = options.force === true;
    if (!force && (await exists(target))) {
      throw new UsageError(`${folder} exists already`, "choose another name, or replace it with -f");
    }
    if (force && !(await isReplaceable(target))) {
      throw new UsageError(
        `${folder} is no gateway project, so -f does not delete it`,
        "choose another name, or remove it yourself",
      );
    }
    const definitions = await readDefinitions((options["api-definition"] as string[] | undefined) ?? [], terminal);
    const schemas = await schemaFolder(target);
    const files = projectFiles.map((file) => withSchema(file, schemas));
    await createProject(target, [...files, ...definitions], force);
    terminal.out(nextSteps(folder, definitions.length > 0));
    return exitCode.fine;
  },
};

/**
 * Where this package's schemas are, relative to the project: in the nearest folder that has it installed, else in the
 * project's own `node_modules`, where it comes with `npm install --save-dev castgate`. Never outside of what is checked in.
 */
async function schemaFolder(target: string): Promise<string> {
  const inPackage = "node_modules/castgate/compiler/schemas";
  let up = "";
  for (let folder = target; dirname(folder) !== folder; folder = dirname(folder)) {
    if (await exists(join(folder, inPackage))) return up + inPackage;
    up += "../";
  }
  return inPackage;
}

interface NewFile {
  readonly file: string;
  readonly content: string | Uint8Array;
}

async function readDefinitions(sources: readonly string[], terminal: Terminal): Promise<NewFile[]> {
  const files: NewFile[] = [];
  for (const source of sources) {
    const { name, content } = /^https?:\/\//i.test(source)
      ? await download(source)
      : await readLocal(resolve(terminal.folder, source), source);
    const file = `api_definitions/${definitionName(name, content)}`;
    if (files.some((other) => other.file.toLowerCase() === file.toLowerCase())) {
      throw new UsageError(`two definitions would both be called ${file}`, "rename one of the files");
    }
    files.push({ file, content });
  }
  return files;
}

async function readLocal(path: string, source: string): Promise<{ name: string; content: Uint8Array }> {
  try {
    return { name: basename(path), content: await readFile(path) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") throw new UsageError(`there is no file ${source}`);
    throw new CommandFailure(`${source} cannot be read: ${readable[String(code)] ?? code}`);
  }
}

/** Keeps a name that `compile` will look at, and completes any other by what the content looks like (T-CLI-14). */
function definitionName(name: string, content: Uint8Array): string {
  const safe = name.replaceAll(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[.-]+/, "") || "openapi";
  if ([".json", ".yaml", ".yml"].includes(extname(safe).toLowerCase())) return safe;
  return `${safe}${/^\s*\{/.test(new TextDecoder().decode(content)) ? ".json" : ".yaml"}`;
}

/** Everything is written beside the target first, so that a failure leaves no half of a project. */
async function createProject(target: string, files: readonly NewFile[], force: boolean): Promise<void> {
  const stage = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString("hex")}.tmp`);
  const old = `${stage}.old`;
  try {
    for (const { file, content } of files) {
      await mkdir(dirname(join(stage, file)), { recursive: true });
      await writeFile(join(stage, file), content);
    }
    const replaced = force && (await exists(target));
    if (replaced) await rename(target, old);
    try {
      await rename(stage, target);
    } catch (error) {
      if (replaced) await rename(old, target);
      throw error;
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${error.code})` : "";
    throw new CommandFailure(`${basename(target)} cannot be written${code}`);
  } finally {
    await rm(stage, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

/** Nothing there, an empty folder, or a project: a wrong word after `init -f` must not cost somebody's home. */
async function isReplaceable(path: string): Promise<boolean> {
  if (!(await exists(path))) return true;
  try {
    const entries = await readdir(path);
    return entries.length === 0 || entries.some((entry) => entry === "api_definitions" || entry === "castgate.yaml");
  } catch {
    return false;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

function nextSteps(folder: string, hasDefinitions: boolean): string {
  const first = hasDefinitions ? "" : `  put OpenAPI definitions into ${folder}/api_definitions/\n`;
  return `${folder} is ready. Next:
${first}  castgate compile ${folder}       check, generate, bundle
  castgate run ${folder} --dev     run it with mocked backends and tokens
`;
}
