/** What a WSDL 1.1 says about its operations: the requests that a receiver takes and the answers that it gives. */
import { ContractError, Documents, placeOf, type WsdlSource } from './documents.ts';
import { type SchemaChild, type SchemaElement, type SchemaPath, Schemas } from './schemas.ts';
import { childrenOf, type Node, parseTree, type QName } from './tree.ts';

const WSDL = 'http://schemas.xmlsoap.org/wsdl/';
const XSD = 'http://www.w3.org/2001/XMLSchema';
const BINDINGS = {
  'http://schemas.xmlsoap.org/wsdl/soap/': '1.1',
  'http://schemas.xmlsoap.org/wsdl/soap12/': '1.2',
} as const;

/** Namespaces of the standards themselves: tools import them from their makers' hosts, and no request is described there. */
const STANDARD: ReadonlySet<string> = new Set([
  XSD,
  'http://schemas.xmlsoap.org/soap/encoding/',
  'http://schemas.xmlsoap.org/soap/envelope/',
  'http://www.w3.org/2003/05/soap-encoding',
  'http://www.w3.org/2003/05/soap-envelope',
  'http://www.w3.org/2005/05/xmlmime',
  'http://www.w3.org/XML/1998/namespace',
]);

/** One operation in one binding. */
export interface ContractOperation {
  readonly name: string;
  readonly soap: '1.1' | '1.2';
  readonly action: string;
  /** The element in the body and its namespace. */
  readonly request: QName;
  readonly children: readonly SchemaChild[];
  /** The children with all that stands in them. */
  readonly elements: readonly SchemaElement[];
  /** False: the schema lets the children stand in any order. */
  readonly ordered: boolean;
  /** Elements that the WSDL wants in the SOAP header. */
  readonly headers: readonly QName[];
  /** Local names from the answer's element inwards, joined by /, for all elements of the answer. */
  readonly answers: readonly string[];
  /** Those of them that hold bytes as base64. */
  readonly encoded: readonly string[];
}

export interface Contract {
  readonly operations: readonly ContractOperation[];
}

/** The documents of a WSDL and what is defined in them by name. */
class Definitions {
  readonly schemas = new Schemas();
  readonly bindings: Node[] = [];
  readonly #named = new Map<string, Node>();
  readonly #seen = new Set<string>();
  readonly #documents: Documents;

  constructor(documents: Documents) {
    this.#documents = documents;
  }

  find(kind: 'message' | 'portType', { uri, local }: QName): Node | undefined {
    return this.#named.get(`${kind} {${uri}}${local}`);
  }

  async load(place: string): Promise<void> {
    if (this.#seen.has(place)) return;
    this.#seen.add(place);
    const root = parseTree(await this.#documents.read(place));
    if (root.uri === XSD && root.local === 'schema') return this.#schema(root, place, '');
    if (root.uri !== WSDL || root.local !== 'definitions')
      throw new ContractError('it is no WSDL that can be read: its root is not definitions of WSDL 1.1');
    const target = root.attributes.get('targetNamespace') ?? '';
    for (const child of root.children) await this.#definition(child, target, place);
  }

  async #definition(node: Node, target: string, place: string): Promise<void> {
    if (node.uri !== WSDL) return;
    const location = node.attributes.get('location');
    if (node.local === 'import' && location !== undefined)
      await imported(location, () => this.load(Documents.follow(place, location)));
    if (node.local === 'types')
      for (const schema of childrenOf(node, XSD, 'schema')) await this.#schema(schema, place, '');
    if (node.local === 'binding') this.bindings.push(node);
    if (node.local === 'message' || node.local === 'portType')
      this.#named.set(`${node.local} {${target}}${node.attributes.get('name')}`, node);
  }

  /** An included schema without a namespace of its own takes that of the one which includes it. */
  async #schema(node: Node, place: string, including: string): Promise<void> {
    const target = node.attributes.get('targetNamespace') ?? including;
    this.schemas.add(node, target);
    for (const child of node.children) {
      const location = child.attributes.get('schemaLocation');
      if (child.uri !== XSD || location === undefined || !['import', 'include'].includes(child.local)) continue;
      if (STANDARD.has(child.attributes.get('namespace') ?? '')) continue;
      await imported(location, () => this.#schemaAt(Documents.follow(place, location), child.local, target));
    }
  }

  async #schemaAt(at: string, way: string, target: string): Promise<void> {
    const including = way === 'include' ? target : '';
    const key = `${at} ${including}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const root = parseTree(await this.#documents.read(at));
    if (root.uri !== XSD || root.local !== 'schema') throw new ContractError('it is no schema');
    await this.#schema(root, at, including);
  }
}

/** Does what an import asks for; an error says where the import was to lead. */
async function imported(location: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ContractError) || error.message.startsWith('it imports ')) throw error;
    const shown = location.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
    throw new ContractError(`it imports ${shown}: ${error.message}`, { cause: error });
  }
}

/**
 * Reads a WSDL with all that it imports.
 * @throws ContractError
 */
export async function readContract(source: WsdlSource, documents: Documents): Promise<Contract> {
  const definitions = new Definitions(documents);
  await definitions.load(placeOf(source));
  const operations = definitions.bindings.flatMap((binding) => operationsOf(binding, definitions));
  if (operations.length === 0) throw new ContractError('it is no WSDL that can be read: it has no operation over SOAP');
  return { operations };
}

/** The extension of SOAP below a WSDL element (`soap:binding`, `soap:operation`, `soap:body`), of either version. */
function extension(node: Node | undefined, local: string): Node | undefined {
  return node?.children.find((child) => Object.hasOwn(BINDINGS, child.uri) && child.local === local);
}

function operationsOf(binding: Node, definitions: Definitions): readonly ContractOperation[] {
  const soap = extension(binding, 'binding');
  const portType = definitions.find('portType', binding.resolve(binding.attributes.get('type') ?? ''));
  if (!soap || !portType) return [];
  const bindingStyle = soap.attributes.get('style') ?? 'document';
  return childrenOf(binding, WSDL, 'operation').flatMap((bound) => {
    const name = bound.attributes.get('name') ?? '';
    const port = childrenOf(portType, WSDL, 'operation').find((each) => each.attributes.get('name') === name);
    if (!port) return [];
    const own = extension(bound, 'operation');
    const rpc = (own?.attributes.get('style') ?? bindingStyle) === 'rpc';
    const sides = { bound, port, name, rpc, definitions };
    const request = bodyOf(sides, 'input');
    if (!request) return [];
    const answers = answersOf(bodyOf(sides, 'output'), definitions);
    return [
      {
        name,
        soap: BINDINGS[soap.uri as keyof typeof BINDINGS],
        action: own?.attributes.get('soapAction') ?? '',
        request: request.element,
        children: request.children,
        elements: definitions.schemas.expand(request.children),
        ordered: request.ordered,
        headers: headersOf(bound, definitions, 'input').flatMap((part) => elementOf(part) ?? []),
        answers: answers.map(({ path }) => path),
        encoded: answers.filter(({ text }) => text === 'base64Binary').map(({ path }) => path),
      },
    ];
  });
}

function answersOf(answer: Body | undefined, { schemas }: Definitions): readonly SchemaPath[] {
  if (!answer) return [];
  const { element, children } = answer;
  return schemas.paths({ path: element.local, text: schemas.textOf(element) }, children);
}

interface Sides {
  readonly bound: Node;
  readonly port: Node;
  readonly name: string;
  readonly rpc: boolean;
  readonly definitions: Definitions;
}

interface Body {
  readonly element: QName;
  readonly children: readonly SchemaChild[];
  readonly ordered: boolean;
}

/** What stands in the body, in one direction: an element of a schema, or (rpc) one that is named after the operation. */
function bodyOf({ bound, port, name, rpc, definitions }: Sides, side: 'input' | 'output'): Body | undefined {
  const [direction] = childrenOf(port, WSDL, side);
  if (!direction) return undefined;
  const message = definitions.find('message', direction.resolve(direction.attributes.get('message') ?? ''));
  const parts = childrenOf(message, WSDL, 'part');
  const body = extension(childrenOf(bound, WSDL, side)[0], 'body');
  const inHeader = headersOf(bound, definitions, side);
  const listed = body?.attributes.get('parts')?.trim().split(/\s+/);
  if (rpc) {
    const element = {
      uri: body?.attributes.get('namespace') ?? '',
      local: side === 'input' ? name : `${name}Response`,
    };
    const ours = parts.filter((part) =>
      listed ? listed.includes(part.attributes.get('name') ?? '') : !inHeader.includes(part),
    );
    return { element, children: ours.map((part) => definitions.schemas.part(part)), ordered: true };
  }
  // With several parts, those of headers stand beside the one of the body.
  const part = parts.find((each) =>
    listed?.[0]
      ? each.attributes.get('name') === listed[0]
      : each.attributes.has('element') && !inHeader.includes(each),
  );
  const element = part && elementOf(part);
  return element && { element, ...definitions.schemas.content(element) };
}

function elementOf(part: Node): QName | undefined {
  const reference = part.attributes.get('element');
  return reference === undefined ? undefined : part.resolve(reference);
}

/** Parts of messages that stand in the SOAP header (WSDL 1.1, 3.7). */
function headersOf(bound: Node, definitions: Definitions, side: 'input' | 'output'): readonly Node[] {
  const [direction] = childrenOf(bound, WSDL, side);
  const headers = direction?.children.filter(({ uri, local }) => Object.hasOwn(BINDINGS, uri) && local === 'header');
  return (headers ?? []).flatMap((header) => {
    const message = definitions.find('message', header.resolve(header.attributes.get('message') ?? ''));
    const name = header.attributes.get('part');
    return childrenOf(message, WSDL, 'part').filter((part) => part.attributes.get('name') === name);
  });
}
