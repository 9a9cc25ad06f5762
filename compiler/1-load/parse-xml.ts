import sax from "sax";
import { PlaceTree } from "../diagnostics/place-tree.ts";
import { maxNesting } from "../diagnostics/place-tree-yaml.ts";

/** An element as the compiler reads it. */
interface XmlElement {
  /** Without its prefix. */
  readonly name: string;
  /** By name without prefix. */
  readonly attributes: Record<string, string>;
  /** What stands in it beside its children, without blanks around it. */
  text: string;
  readonly children: XmlElement[];
}

export type ParsedXml =
  | { readonly kind: "document"; readonly value: unknown; readonly places: PlaceTree }
  | { readonly kind: "problem"; readonly offset: number; readonly problem: string }
  | { readonly kind: "too-deep"; readonly offset: number };

/**
 * Reads a well-formed XML document: `{ name, attributes, text, children }`, comments and processing instructions dropped. One with a
 * document type is refused: then no entity stands for anything but a character.
 */
export function parseXml(text: string): ParsedXml {
  const parser = sax.parser(true, { position: true, xmlns: true });
  const places = new PlaceTree();
  const open: { readonly element: XmlElement; readonly node: number; readonly children: number }[] = [];
  let root: XmlElement | undefined;
  let found: Exclude<ParsedXml, { kind: "document" }> | undefined;
  const stop = (problem: typeof found) => {
    found ??= problem;
  };

  parser.onerror = (error) => {
    // sax adds where it was in lines of its own.
    stop({ kind: "problem", offset: parser.position, problem: error.message.split("\n", 1)[0] ?? "" });
    parser.error = null as unknown as Error;
  };
  parser.ondoctype = () => {
    stop({ kind: "problem", offset: parser.startTagPosition, problem: "a document type is not allowed" });
  };
  parser.onopentag = (tag) => {
    if (open.length >= maxNesting) stop({ kind: "too-deep", offset: parser.startTagPosition });
    if (found !== undefined) return;
    const attributes: Record<string, string> = {};
    for (const attribute of Object.values(tag.attributes)) {
      if (typeof attribute === "string" || attribute.prefix === "xmlns") continue;
      Object.defineProperty(attributes, attribute.local, { value: attribute.value, enumerable: true });
    }
    const name = "local" in tag ? tag.local : tag.name;
    const element: XmlElement = { name, attributes, text: "", children: [] };
    const node = places.add(parser.startTagPosition - 1, parser.position);
    const children = places.add(parser.startTagPosition - 1, parser.position);
    places.appendMember(node, "children", parser.startTagPosition - 1, parser.position, children);
    const parent = open.at(-1);
    if (parent === undefined) root ??= element;
    else {
      parent.element.children.push(element);
      places.append(parent.children, node);
    }
    open.push({ element, node, children });
  };
  const onText = (words: string) => {
    const top = open.at(-1);
    if (top !== undefined) top.element.text += words;
  };
  parser.ontext = onText;
  parser.oncdata = onText;
  parser.onclosetag = () => {
    const top = open.pop();
    if (top === undefined) return;
    top.element.text = top.element.text.trim();
    // What has children is shown by its first tag.
    if (top.element.children.length === 0) places.setEnd(top.node, parser.position);
  };
  parser.write(text).close();
  if (found !== undefined) return found;
  if (root === undefined) return { kind: "problem", offset: 0, problem: "there is no element" };
  return { kind: "document", value: root, places };
}
