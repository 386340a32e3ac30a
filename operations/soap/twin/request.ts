/** Understands a request by its dialect: what it is for, and the values in it. Whatever the contract does not have is refused. */
import type { Child, Dialect, RequestShape } from '../dialect.ts';
import { leaves, messageChild } from '../dialect.ts';
import { ENVELOPE_NAMESPACE } from '../envelope.ts';
import { BadRequest, type Element, readEnvelope } from './envelope-reader.ts';
import type { Purpose } from './scenario.ts';

/** A value of a request and the line of the dialect that it belongs to. */
export interface Value {
  readonly child: Child;
  /** `undefined` where the element is missing. */
  readonly text: string | undefined;
}

export interface SoapRequest {
  /** `undefined`: an operation that the dialect does not have. */
  readonly purpose: Purpose | undefined;
  readonly values: readonly Value[];
  /** The message as text, decoded; empty where it is missing. */
  readonly message: string;
  /** For a probe: the element whose text is to be given back, and the text. */
  readonly echo: { readonly element: string; readonly text: string };
  /** Elements of the SOAP header. */
  readonly headers: readonly Element[];
}

/** The elements of the dialect's probe, and of its answer: some contracts call the request NAME, others NAMERequest. */
export function probeElements(dialect: Dialect): { readonly request: string; readonly response: string } | undefined {
  const { probe, request } = dialect;
  if (probe === undefined) return undefined;
  const bare = probe.replace(/Request$/, '');
  const element = request.element.endsWith('Request') ? `${bare}Request` : probe;
  return { request: element, response: `${bare}Response` };
}

/** What stands in an element's children, in the order of the contract. @throws BadRequest */
function collect(expected: readonly Child[], parent: Element, namespace: string, into: Map<Child, string>): void {
  let next = 0;
  for (const given of parent.children) {
    const fits = (child: Child): boolean =>
      child.element === given.local && (child.namespace ?? namespace) === given.uri;
    const place = expected.findIndex((child, index) => index >= next && fits(child));
    const child = expected[place];
    if (!child) {
      if (expected.some(fits)) throw new BadRequest('elements in another order than the contract has');
      const other = expected.some((each) => each.element === given.local);
      throw new BadRequest(other ? 'another namespace' : 'an element that the contract does not have');
    }
    next = place + 1;
    if (child.children) collect(child.children, given, child.namespace ?? namespace, into);
    else if (given.children.length > 0) throw new BadRequest('elements where the contract has a text');
    else into.set(child, given.text);
  }
}

/** The values of these children, in the order of the dialect. @throws BadRequest */
export function valuesOf(
  children: readonly Child[],
  parent: Pick<Element, 'children'>,
  namespace: string,
): readonly Value[] {
  const texts = new Map<Child, string>();
  collect(children, { ...EMPTY, children: parent.children }, namespace, texts);
  return leaves(children).map(({ child }) => ({ child, text: texts.get(child) }));
}

const EMPTY: Element = { local: '', uri: '', attributes: new Map(), children: [], text: '' };

function shapeValues(shape: RequestShape, namespace: string, body: Element): readonly Value[] {
  return valuesOf(shape.children, body, shape.qualified ? namespace : '');
}

/** The message of a request as text. @throws BadRequest where it is not carried as the dialect says */
function messageText(values: readonly Value[], charset: string): string {
  const value = values.find(({ child }) => child.from === 'message');
  const text = value?.text ?? '';
  if (value?.child.carry !== 'base64') return text;
  const packed = text.replace(/\s+/g, '');
  if (packed.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) throw new BadRequest('no base64');
  try {
    return new TextDecoder(charset, { fatal: true }).decode(Buffer.from(packed, 'base64'));
  } catch (error) {
    if (error instanceof TypeError) throw new BadRequest(`no text in ${charset}`);
    throw error;
  }
}

/**
 * Understands a request.
 * @throws BadRequest
 */
export function readRequest(xml: string, dialect: Dialect): SoapRequest {
  const { request, status, namespace } = dialect;
  const message = messageChild(request.children)?.child.element ?? '';
  const { headers, body } = readEnvelope(xml, dialect.soap, message);
  const nothing = { values: [], message: '', echo: { element: '', text: '' }, headers };
  const isStatus = status !== undefined && body.local === status.request.element && body.uri === status.namespace;
  if (isStatus) {
    return { ...nothing, purpose: 'status', values: shapeValues(status.request, status.namespace, body) };
  }
  if (body.uri !== namespace) throw new BadRequest('another namespace');
  if (body.local === request.element) {
    const values = shapeValues(request, namespace, body);
    return { ...nothing, purpose: 'submit', values, message: messageText(values, dialect.charset) };
  }
  if (body.local === probeElements(dialect)?.request) {
    const [first] = body.children;
    return { ...nothing, purpose: 'test', echo: { element: first?.local ?? '', text: first?.text ?? '' } };
  }
  return { ...nothing, purpose: undefined };
}

/** True where a header element says that whoever does not know it must refuse the request. */
export function mustBeUnderstood(header: Element, dialect: Dialect): boolean {
  const value = header.attributes.get(`${ENVELOPE_NAMESPACE[dialect.soap]} mustUnderstand`);
  return value === '1' || value === 'true';
}
