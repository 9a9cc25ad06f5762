import { createHash } from "node:crypto";
import { type AnyNode, type Comment, type ModuleDeclaration, type Program, parse, type Statement } from "acorn";

/** A statement of the outermost level of a bundle. */
export interface TopStatement {
  readonly node: Statement;
  /**
   * What the comment above says of where it comes from: `castgate/runtime:forward.ts`; `""` before the first one. Only a hint
   * of what to compare the statement with: nothing is taken for proven because of it.
   */
  readonly label: string;
}

export interface Syntax {
  readonly statements: readonly TopStatement[];
  readonly comments: readonly { readonly start: number; readonly end: number }[];
}

/** The text is no JavaScript: `message` has the line. */
export class NotJavaScript extends Error {
  override name = "NotJavaScript";
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const labelled = /^ ([a-z/-]+:.*)$/;

/** Parses a script as Node does: CommonJS, so `return` stands in functions only and nothing is strict unless it says so. */
export function parseBundle(text: string): Syntax {
  const comments: Comment[] = [];
  const { body } = parsed(text, comments);
  const statements: TopStatement[] = [];
  let label = "";
  let next = 0;
  for (const node of body) {
    for (; next < comments.length && (comments[next] as Comment).end <= node.start; next++) {
      const { type, value } = comments[next] as Comment;
      if (type === "Line") label = labelled.exec(value)?.[1] ?? label;
    }
    while (next < comments.length && (comments[next] as Comment).start < node.end) next++;
    statements.push({ node: statementOf(node), label });
  }
  return { statements, comments };
}

function parsed(text: string, onComment: Comment[]): Program {
  try {
    return parse(text, { ecmaVersion: 2024, sourceType: "script", allowHashBang: true, onComment });
  } catch (error) {
    if (error instanceof SyntaxError && "pos" in error) throw new NotJavaScript(error.message, Number(error.pos));
    throw error;
  }
}

/** A script holds no imports and exports: the parser refuses them. */
function statementOf(node: Statement | ModuleDeclaration): Statement {
  return node as Statement;
}

/** The line, from 1, of a place in a text. */
export function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

/** Every value of a node that is a node, in the order of the text as far as the parser keeps it. */
export function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = [];
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) for (const each of value) if (isNode(each)) children.push(each);
    if (isNode(value)) children.push(value);
  }
  return children;
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

/** SHA-256 in hexadecimal digits. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
