/**
 * Compiles a project as `castgate compile` does, and says as JSON how long each phase took (`write` is last). Arguments: the
 * compiler's module as a URL, and the project's folder. Plain JavaScript: its own compilation would count.
 */
const [compiler, root] = process.argv.slice(2);
const { compile, nodeHost, writeOutput } = await import(compiler);

const phases = [];
let begun = performance.now();
const end = () => {
  if (phases.length > 0) phases[phases.length - 1][1] = (performance.now() - begun) / 1000;
  begun = performance.now();
};
const begin = (name) => {
  end();
  phases.push([name, 0]);
};

let operations = 0;
let failure;
try {
  const { build, failed, diagnostics } = await compile(root, nodeHost(root), { onPhase: begin });
  operations = build?.model.apis.reduce((sum, api) => sum + api.operations.length, 0) ?? 0;
  if (failed || build === undefined) {
    failure = diagnostics.find(({ severity }) => severity === "error")?.message ?? "failed";
  } else {
    begin("write");
    await writeOutput(nodeHost(root), [...build.generated, ...build.target]);
  }
} catch (error) {
  failure = `${error.phase ?? "?"}: ${error.message}`;
}
end();
const peakMiB = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ operations, phases, peakMiB, failure })}\n`);
