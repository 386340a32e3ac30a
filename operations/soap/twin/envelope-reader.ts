/** Reads an envelope strictly, with namespaces, and the large text without a copy too many. */
import { SaxesParser } from 'saxes';
import { CUT_MARK, cutText } from '../cut.ts';
import { ENVELOPE_NAMESPACE } from '../envelope.ts';

/** A request that is none of the dialect; the message goes into a fault. */
export class BadRequest extends Error {}

/** An element of a request. */
export interface Element {
  readonly local: string;
  readonly uri: string;
  /** Values by namespace and local name, joined by a blank. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly Element[];
  /** Its own character data. */
  readonly text: string;
}

export interface Envelope {
  readonly headers: readonly Element[];
  /** The one element of the body. */
  readonly body: Element;
}

interface Open extends Element {
  readonly children: Open[];
  text: string;
}

const MAX_DEPTH = 64;
const MAX_ELEMENTS = 10_000;

/**
 * Reads the whole request.
 * @param largeText local name of the element whose text may be large
 * @throws BadRequest
 */
export function readEnvelope(xml: string, soap: '1.1' | '1.2', largeText: string): Envelope {
  const cut = cutText(xml, largeText);
  if (cut) {
    const envelope = parts(parse(cut.skeleton), soap);
    if (putBack(envelope.body, largeText, cut.text)) return envelope;
  }
  return parts(parse(xml), soap);
}

/** Puts the text that was cut out in the place of its mark. @returns false where it did not stand for a whole text */
function putBack(element: Element, local: string, text: string): boolean {
  for (const child of element.children) {
    if (child.local === local) {
      if (child.text !== CUT_MARK) return false;
      (child as Open).text = text;
      return true;
    }
    if (putBack(child, local, text)) return true;
  }
  return false;
}

function parse(xml: string): Element {
  const parser = new SaxesParser({ xmlns: true, position: false });
  const open: Open[] = [];
  let root: Open | undefined;
  let elements = 0;
  parser.on('doctype', () => {
    throw new BadRequest('a document type is refused');
  });
  parser.on('error', () => {
    throw new BadRequest('no well-formed XML');
  });
  parser.on('opentag', ({ local, uri, attributes }) => {
    elements += 1;
    if (elements > MAX_ELEMENTS || open.length >= MAX_DEPTH) throw new BadRequest('more elements than a request has');
    const values = new Map(Object.values(attributes).map((each) => [`${each.uri} ${each.local}`, each.value]));
    const element: Open = { local, uri, attributes: values, children: [], text: '' };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  const add = (text: string): void => {
    const element = open.at(-1);
    if (element) element.text += text;
  };
  parser.on('text', add);
  parser.on('cdata', add);
  parser.on('closetag', () => {
    open.pop();
  });
  parser.write(xml).close();
  if (!root) throw new BadRequest('no well-formed XML');
  return root;
}

function parts(root: Element, soap: '1.1' | '1.2'): Envelope {
  const uri = ENVELOPE_NAMESPACE[soap];
  const own = root.children.filter((child) => child.uri === uri);
  const isEnvelope = root.uri === uri && root.local === 'Envelope' && own.length === root.children.length;
  const body = own.at(-1);
  if (!isEnvelope || body?.local !== 'Body') throw new BadRequest('no envelope of this version');
  const [header, ...others] = own.slice(0, -1);
  if (others.length > 0 || (header && header.local !== 'Header')) throw new BadRequest('no envelope of this version');
  const [request, ...more] = body.children;
  if (!request) throw new BadRequest('an empty body');
  if (more.length > 0) throw new BadRequest('more than one element in the body');
  return { headers: header?.children ?? [], body: request };
}
