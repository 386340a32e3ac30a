/** Reads a request as a careful receiver does: strictly, with namespaces, and the large text without a copy too many. */
import { SaxesParser } from 'saxes';
import { CUT_MARK, cutText } from '../cut.ts';
import type { Dialect } from '../dialect.ts';
import { ENVELOPE_NAMESPACE } from '../envelope.ts';

export interface SoapRequest {
  /** Local name of the element in the body. */
  readonly operation: string;
  /** Texts of its children by local name. */
  readonly texts: ReadonlyMap<string, string>;
}

/** A request that is no envelope of the dialect; the message goes into a fault. */
export class BadRequest extends Error {}

/** Parses the envelope and collects the texts of the request's children. */
function parse(xml: string, dialect: Dialect): { operation: string; texts: Map<string, string> } {
  const parser = new SaxesParser({ xmlns: true, position: false });
  const texts = new Map<string, string>();
  const path: string[] = [];
  let operation = '';
  let text = '';
  parser.on('doctype', () => {
    throw new BadRequest('a document type is refused');
  });
  parser.on('error', () => {
    throw new BadRequest('no well-formed XML');
  });
  parser.on('opentag', ({ local, uri }) => {
    path.push(local);
    text = '';
    if (path.length <= 2 && uri !== ENVELOPE_NAMESPACE[dialect.soap])
      throw new BadRequest('no envelope of this version');
    const inside = path.length > 3 && !dialect.request.qualified ? '' : dialect.namespace;
    if (path.length > 2 && path[1] === 'Body' && uri !== inside) throw new BadRequest('another namespace');
    if (path.length === 3 && path[1] === 'Body') operation = local;
  });
  parser.on('text', (part) => {
    text += part;
  });
  parser.on('cdata', (part) => {
    text += part;
  });
  parser.on('closetag', ({ local }) => {
    if (path.length === 4 && path[1] === 'Body') texts.set(local, text);
    path.pop();
  });
  parser.write(xml).close();
  if (operation === '') throw new BadRequest('an empty body');
  return { operation, texts };
}

/**
 * Reads the whole request.
 * @throws BadRequest
 */
export function readRequest(xml: string, dialect: Dialect): SoapRequest {
  const message = dialect.request.children.find((child) => child.from === 'message')?.element ?? '';
  const cut = cutText(xml, message);
  if (cut) {
    const { operation, texts } = parse(cut.skeleton, dialect);
    if (texts.get(message) === CUT_MARK) {
      texts.set(message, cut.text);
      return { operation, texts };
    }
  }
  return parse(xml, dialect);
}
