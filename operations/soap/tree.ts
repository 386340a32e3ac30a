/** A small XML document as a tree with its namespaces resolved: enough to walk a WSDL and its schemas. */
import { SaxesParser } from 'saxes';
import { ContractError } from './documents.ts';

/** A name with its namespace; the empty text where it has none. */
export interface QName {
  readonly uri: string;
  readonly local: string;
}

export interface Node extends QName {
  /** Values of attributes without a prefix. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly Node[];
  /** A prefixed name in an attribute (`tns:Submit`), resolved where this element stands. */
  resolve(name: string): QName;
}

const MAX_DEPTH = 64;
const MAX_ELEMENTS = 20_000;

/** Prefixes that are in force at an element, and around it. */
interface Scope {
  readonly own: Readonly<Record<string, string>>;
  readonly around: Scope | undefined;
}

function uriOf(scope: Scope | undefined, prefix: string): string {
  for (let at = scope; at !== undefined; at = at.around) {
    const uri = Object.hasOwn(at.own, prefix) ? at.own[prefix] : undefined;
    if (uri !== undefined) return uri;
  }
  return '';
}

function resolveIn(scope: Scope, name: string): QName {
  const colon = name.indexOf(':');
  const prefix = colon < 0 ? '' : name.slice(0, colon);
  return { uri: uriOf(scope, prefix), local: name.slice(colon + 1) };
}

/**
 * Parses a document.
 * @throws ContractError where it is no well-formed XML or larger than any contract needs to be.
 */
export function parseTree(xml: string): Node {
  const parser = new SaxesParser({ xmlns: true, position: false });
  const open: { readonly children: Node[]; readonly scope: Scope }[] = [];
  let root: Node | undefined;
  let elements = 0;
  parser.on('error', () => {
    throw new ContractError('it is no WSDL that can be read: no well-formed XML');
  });
  parser.on('doctype', () => {
    throw new ContractError('it has a document type, which is refused');
  });
  parser.on('opentag', (tag) => {
    elements += 1;
    if (elements > MAX_ELEMENTS || open.length >= MAX_DEPTH)
      throw new ContractError('it is no WSDL that can be read: more elements, or deeper ones, than any contract needs');
    const scope: Scope = { own: { ...tag.ns }, around: open.at(-1)?.scope };
    const attributes = Object.values(tag.attributes).filter(({ prefix }) => prefix === '');
    const children: Node[] = [];
    const node: Node = {
      uri: tag.uri,
      local: tag.local,
      attributes: new Map(attributes.map(({ local, value }) => [local, value])),
      children,
      resolve: (name) => resolveIn(scope, name),
    };
    const parent = open.at(-1);
    if (parent) parent.children.push(node);
    else root = node;
    open.push({ children, scope });
  });
  parser.on('closetag', () => {
    open.pop();
  });
  // A byte order mark is no character of the document.
  parser.write(xml.replace(/^\uFEFF/, '')).close();
  if (!root) throw new ContractError('it is no WSDL that can be read: it is empty');
  return root;
}

/** The children of this name. */
export function childrenOf(node: Node | undefined, uri: string, local: string): readonly Node[] {
  return node?.children.filter((child) => child.uri === uri && child.local === local) ?? [];
}
