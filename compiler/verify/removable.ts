import type { Expression, Statement } from "acorn";

/** Whether esbuild may leave it out where nothing uses what it declares: it has no effect of its own. */
export function isRemovable(node: Statement): boolean {
  switch (node.type) {
    case "FunctionDeclaration":
    case "EmptyStatement":
      return true;
    case "VariableDeclaration":
      return node.declarations.every(({ id, init }) => id.type === "Identifier" && (init == null || isInert(init)));
    default:
      return false;
  }
}

/** Whether it makes a value and does nothing else, as far as that shows without looking anything up. */
function isInert(node: Expression): boolean {
  switch (node.type) {
    case "Literal":
    case "Identifier":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return true;
    case "TemplateLiteral":
      return node.expressions.length === 0;
    case "UnaryExpression":
      return isInert(node.argument);
    case "BinaryExpression":
      return node.left.type !== "PrivateIdentifier" && isInert(node.left) && isInert(node.right);
    case "ArrayExpression":
      return node.elements.every((each) => each !== null && each.type !== "SpreadElement" && isInert(each));
    case "ObjectExpression":
      return node.properties.every((each) => each.type === "Property" && !each.computed && isInert(each.value));
    case "NewExpression":
      return (
        isBuiltIn(node.callee as Expression) &&
        node.arguments.every((each) => each.type !== "SpreadElement" && isInert(each))
      );
    case "CallExpression":
      return (
        isLoad(node.callee as Expression) &&
        node.arguments.every((each) => each.type !== "SpreadElement" && isInert(each))
      );
    case "ClassExpression":
      return node.body.body.every(
        (member) =>
          member.type !== "StaticBlock" &&
          !member.computed &&
          (member.type !== "PropertyDefinition" || !member.static || member.value == null || isInert(member.value)),
      );
    default:
      return false;
  }
}

function isBuiltIn(callee: Expression): boolean {
  return callee.type === "Identifier" && ["Map", "Set", "WeakMap", "WeakSet"].includes(callee.name);
}

/** Modules of Node, and those of libraries, which run only when they are asked for. */
function isLoad(callee: Expression): boolean {
  return callee.type === "Identifier" && ["require", "__commonJS", "__toESM", "Symbol"].includes(callee.name);
}
