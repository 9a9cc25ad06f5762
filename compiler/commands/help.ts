import { type Code, catalogue } from "../diagnostics/catalogue.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { type ChangeCode, changeCatalogue } from "../review/diff/catalogue.ts";
import { type Command, exitCode, UsageError } from "./command.ts";
import { helpOf, overview } from "./help-text.ts";

/** `castgate help [command | code of a diagnostic]`. */
export const helpCommand = (commands: () => readonly Command[]): Command => ({
  name: "help",
  summary: "explain a command, or the code of a diagnostic or change",
  usage: "help [<command> | <code>]",
  positionals: [0, 1],
  options: {},
  details: `Without an argument: the overview of all commands.
With the name of a command: its options, with examples.
With the code of a diagnostic, the word in brackets after error or warning: what it means, and why it is reported. So with that of a
change, the word in brackets that \`diff\` prints.

  castgate help compile
  castgate help throttling-tier-unknown`,
  async run({ positionals: [topic] }, terminal) {
    terminal.out(topic === undefined ? overview(commands()) : explain(topic, commands()));
    return exitCode.fine;
  },
});

function explain(topic: string, commands: readonly Command[]): string {
  const command = commands.find(({ name, aliases }) => name === topic || aliases?.includes(topic));
  if (command !== undefined) return helpOf(command);
  if (isCode(topic)) {
    const { severity, explanation } = catalogue[topic];
    const grades =
      typeof severity === "string"
        ? severity
        : Object.entries(severity)
            .map(([compatibility, grade]) => `${grade} in ${compatibility}`)
            .join(", ");
    return `${topic} (${grades})\n\n${explanation}\n`;
  }
  if (isChangeCode(topic)) {
    const { verdict, explanation } = changeCatalogue[topic];
    return `${topic} (a change that \`diff\` finds, ${verdict})\n\n${explanation}\n`;
  }
  const names = [...commands.map(({ name }) => name), ...Object.keys(catalogue), ...Object.keys(changeCatalogue)];
  const suggestion = suggest(topic, names);
  throw new UsageError(
    `there is no command, no diagnostic and no change "${topic}"`,
    suggestion === undefined ? "`castgate help` lists the commands" : `did you mean "${suggestion}"?`,
  );
}

function isChangeCode(topic: string): topic is ChangeCode {
  return Object.hasOwn(changeCatalogue, topic);
}

function isCode(topic: string): topic is Code {
  return Object.hasOwn(catalogue, topic);
}
