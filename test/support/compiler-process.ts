import { rmSync } from "node:fs";
import { createServer } from "node:http";
import { compileCommand } from "../../compiler/commands/compile.ts";

/**
 * Compiles for a whole test run: `compiler-process.ts SOCKET` listens there, and answers the path of a project with
 * `{ code, output }` of `castgate compile`, whose code it runs. Loading the compiler anew takes longer than most projects of
 * tests take to compile. That one process makes the same of a project as many do is a test of its own.
 */
const [socket = ""] = process.argv.slice(2);

async function compile(folder: string): Promise<{ readonly code: number; readonly output: string }> {
  let output = "";
  const say = (text: string): void => {
    output += text;
  };
  const terminal = {
    folder: process.cwd(),
    out: say,
    err: say,
    interactive: false,
    colors: false,
    colorsOut: false,
    env: {},
    node: process.execPath,
    onStop: () => undefined,
  };
  try {
    const args = { positionals: [folder], options: { format: "pretty" }, rest: [] };
    return { code: await compileCommand.run(args, terminal), output };
  } catch (error) {
    return { code: 70, output: `${output}${(error as Error).stack}\n` };
  }
}

const server = createServer(async (request, response) => {
  const folder = Buffer.concat(await request.toArray()).toString();
  response.end(JSON.stringify(await compile(folder)));
});
// Projects that take long are no reason to give up.
server.requestTimeout = 0;
rmSync(socket, { force: true });
server.listen(socket);
// Whoever started it is gone.
process.stdin.resume().on("end", () => process.exit(0));
