import type { Options } from "yargs";
import type { Command } from "./command.ts";

/** All commands, one line each. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ usage }) => usage.length));
  const lines = commands.map(({ usage, summary }) => `  castgate ${usage.padEnd(width)}  ${summary}`);
  return `castgate compiles a gateway project (OpenAPI definitions, policies.yaml) into readable TypeScript
and one executable file.

${lines.join("\n")}

A project in five minutes:

  castgate init shop -a https://petstore3.swagger.io/api/v3/openapi.json
  castgate run shop --dev             mocked backends, tokens and curl lines that work
  castgate compile shop               shop/generated/ to review and commit, shop/target/shop.cjs to ship
  node shop/target/shop.cjs --config shop/conf/micro-gw.conf

Exit codes: 0 fine, 1 the input has errors, 2 wrong usage, 70 a bug of castgate.
More: castgate help <command>, castgate help <code of a diagnostic>
`;
}

/** Usage, options and details of one command. */
export function helpOf(command: Command): string {
  const also = command.aliases === undefined ? "" : ` (also: ${command.aliases.join(", ")})`;
  const options = Object.entries(command.options).filter(([, option]) => option.hidden !== true);
  const shown = options.map(([name, option]) => [flag(name, option), option.describe ?? ""] as const);
  const width = Math.max(0, ...shown.map(([left]) => left.length));
  const list = shown.map(
    ([left, right]) => `  ${left.padEnd(width)}  ${right.replaceAll("\n", `\n${" ".repeat(width + 4)}`)}`,
  );
  return [
    `castgate ${command.usage}${also}: ${command.summary}`,
    ...(list.length === 0 ? [] : ["", ...list]),
    "",
    command.details,
    "",
  ].join("\n");
}

function flag(name: string, option: Options): string {
  const aliases = [option.alias ?? []].flat().map((alias) => `-${alias}, `);
  const value =
    option.type === "boolean" ? "" : ` ${(option.choices ?? [option.defaultDescription ?? "VALUE"]).join("|")}`;
  return `${aliases.join("")}--${name}${value}`;
}
