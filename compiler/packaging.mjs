// What `npm pack` and `npm publish` do before and after: compile to dist/, and ship the lock file as npm-shrinkwrap.json.
//
// The compiler's modules are put together into few files: to find and open 300 of them took a fifth of a small compilation. What a
// command loads only when it needs it stays apart. Libraries are not in them.
//
// A bundle holds code of undici, node-forge and what they depend on. With exact versions of the direct dependencies only, two
// users could get different transitive ones, and so different bundles from the same project. npm installs a shrinkwrapped
// package exactly as it was locked. It is a copy made for the package alone: in a clone, package-lock.json is the lock.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const root = dirname(import.meta.dirname);
const shrinkwrap = join(root, "npm-shrinkwrap.json");

if (process.argv[2] === "before") {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
  const compiled = spawnSync(process.execPath, [join(typescript, "bin/tsc"), "-p", "compiler/tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
  if (compiled.status !== 0) process.exit(1);
  await compileSchemas();
  await bundleCompiler();
  chmodSync(join(root, "dist/compiler/cli.js"), 0o755);
  copyFileSync(join(root, "package-lock.json"), shrinkwrap);
} else {
  rmSync(shrinkwrap, { force: true });
}

/** The schemas of OpenAPI as code: they are the same for every definition. */
async function compileSchemas() {
  const { validatorModule } = await import("../dist/compiler/1-load/spec-validators.js");
  for (const version of ["2.0", "3.0", "3.1"]) {
    writeFileSync(join(root, `dist/compiler/spec-${version}.cjs`), validatorModule(version));
  }
}

async function bundleCompiler() {
  const compiler = join(root, "dist/compiler");
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["dist/compiler/cli.js", "dist/compiler/compile.js"],
    outdir: "dist/compiler",
    allowOverwrite: true,
    chunkNames: "parts/[name]-[hash]",
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    charset: "utf8",
    metafile: true,
  });
  const made = new Set(Object.keys(metafile.outputs).map((file) => join(root, file)));
  for (const file of readdirSync(compiler, { recursive: true, encoding: "utf8" }).map((name) => join(compiler, name))) {
    if (file.endsWith(".js") && !made.has(file)) rmSync(file);
  }
}
