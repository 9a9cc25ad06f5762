/**
 * An object as JSON with a line for each member, and a line for each element of a member that is a list: small, and a
 * difference shows the elements that differ.
 */
export function listedJson(value: Readonly<object>): string {
  const members = Object.entries(value).map(([key, member]) => `  ${JSON.stringify(key)}: ${list(member)}`);
  return `{\n${members.join(",\n")}\n}\n`;
}

function list(value: unknown): string {
  if (!Array.isArray(value) || value.length === 0) return JSON.stringify(value);
  return `[\n${value.map((element) => `    ${JSON.stringify(element)}`).join(",\n")}\n  ]`;
}
