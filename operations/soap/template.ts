/** Requests as templates: what is always the same is written once, what is another in each call is filled in then. */
import { compileDateWriter, inZone } from '../../engine/dates.ts';
import { WaybillError } from '../../engine/errors.ts';
import type { CallSource, Child, CredentialSource, ParameterSource } from './dialect-types.ts';
import { asciiXml, XmlTextError } from './xml.ts';

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  readonly organisation?: string;
}

/** What of a destination goes into its requests. */
export interface Given {
  readonly credentials: Credentials;
  readonly parameters: Readonly<Record<string, string>>;
  readonly url: URL;
  /** Zone of times whose pattern asks for local ones. */
  readonly timeZone: string;
}

/** One call, as its request shows it. */
export interface Call {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly batchId: string;
  readonly byteLength: number;
  readonly messages: number;
  readonly ticket?: string;
  readonly controlId?: string;
  /** Bytes and a name that no other call has. */
  readonly nonce: Buffer;
  readonly messageId: string;
}

/** Text of a call, ready to stand in XML. */
export type Fill = (call: Call) => string;
/** Parts of a request in their order; neighbours that never change are one. */
export type Template = readonly (Buffer | Fill)[];

/** Gathers the parts of a template. What is written is ASCII: it is right in every charset. */
export class TemplateWriter {
  readonly #parts: (Buffer | Fill)[] = [];
  #fixed = '';

  write(xml: string): void {
    this.#fixed += xml;
  }

  fill(fill: Fill): void {
    this.#flush();
    this.#parts.push(fill);
  }

  end(): Template {
    this.#flush();
    return this.#parts;
  }

  #flush(): void {
    if (this.#fixed !== '') this.#parts.push(Buffer.from(this.#fixed, 'latin1'));
    this.#fixed = '';
  }
}

/** Whether a template is the same in each call. */
export function isFixed(template: Template): boolean {
  return template.every((part) => Buffer.isBuffer(part));
}

/** The bytes of a template for one call; of one that never changes, always the same buffer. */
export function render(template: Template, call: Call | undefined): Buffer {
  const [only] = template;
  if (template.length === 1 && Buffer.isBuffer(only)) return only;
  return Buffer.concat(template.map((part) => (Buffer.isBuffer(part) ? part : filled(part, call))));
}

function filled(fill: Fill, call: Call | undefined): Buffer {
  if (!call) throw new Error('a template with parts of a call was rendered without one');
  return Buffer.from(fill(call), 'latin1');
}

/** Where the message goes: the writer that goes on after it is another one. */
export interface Writers {
  current: TemplateWriter;
  /** Called where the message stands; gives the writer for what follows. */
  readonly atMessage: () => TemplateWriter;
}

/**
 * Writes elements in their order.
 * @param around the default namespace where they stand; empty for none
 * @throws WaybillError SOAP_CREDENTIAL_MISSING, SOAP_PARAMETER_MISSING, SOAP_CREDENTIAL_CHARACTERS
 */
export function writeChildren(writers: Writers, children: readonly Child[], around: string, given: Given): void {
  for (const child of children) writeChild(writers, child, around, given, '');
}

/** Writes one element. @param attributes what else stands in its tag, with a blank before it */
export function writeChild(writers: Writers, child: Child, around: string, given: Given, attributes: string): void {
  const namespace = child.namespace ?? around;
  const declared = namespace === around ? '' : ` xmlns="${asciiXml(namespace)}"`;
  writers.current.write(`<${child.element}${declared}${attributes}>`);
  if (child.children) writeChildren(writers, child.children, namespace, given);
  else writeContent(writers, child, given);
  writers.current.write(`</${child.element}>`);
}

function writeContent(writers: Writers, child: Child, given: Given): void {
  const { from, text } = child;
  if (from === undefined) {
    writers.current.write(asciiXml(text ?? ''));
    return;
  }
  if (from === 'message') {
    writers.current = writers.atMessage();
    return;
  }
  if (isCredential(from)) writers.current.write(credentialXml(given, from));
  else if (isParameter(from)) writers.current.write(parameterXml(given, from));
  else writers.current.fill(fillFor(from, child, given.timeZone));
}

function isCredential(from: string): from is CredentialSource {
  return from.startsWith('credentials.');
}

function isParameter(from: string): from is ParameterSource {
  return from.startsWith('parameters.');
}

/** A credential as the destination gives it. @throws WaybillError SOAP_CREDENTIAL_MISSING */
export function credential({ credentials }: Given, name: keyof Credentials): string {
  const value = credentials[name];
  if (value !== undefined) return value;
  throw new WaybillError(
    'SOAP_CREDENTIAL_MISSING',
    `the dialect sends credentials.${name}, which the destination does not have`,
    { path: `credentials.${name}` },
  );
}

/** The same, to stand in XML. @throws WaybillError SOAP_CREDENTIAL_MISSING, SOAP_CREDENTIAL_CHARACTERS */
export function credentialXml(given: Given, from: CredentialSource): string {
  const name = from.slice('credentials.'.length) as keyof Credentials;
  return xmlOf(credential(given, name), from);
}

function parameterXml({ parameters }: Given, from: ParameterSource): string {
  const name = from.slice('parameters.'.length);
  const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  if (value === undefined) {
    throw new WaybillError('SOAP_PARAMETER_MISSING', `the dialect sends ${from}, which the destination does not have`, {
      path: from,
    });
  }
  return xmlOf(value, from);
}

function xmlOf(value: string, path: string): string {
  try {
    return asciiXml(value);
  } catch (error) {
    if (!(error instanceof XmlTextError)) throw error;
    throw new WaybillError('SOAP_CREDENTIAL_CHARACTERS', `${path} holds ${error.message}`, { path });
  }
}

function fillFor(from: CallSource, { format, extension = '.hl7' }: Child, timeZone: string): Fill {
  switch (from) {
    case 'time': {
      if (format === undefined) return ({ now }) => utcTime(now);
      const write = compileDateWriter(format);
      return ({ now }) => asciiXml(write(inZone(now, timeZone), timeZone));
    }
    case 'batchId':
      return ({ batchId }) => asciiXml(batchId);
    case 'fileName':
      return ({ batchId }) => asciiXml(`${batchId.replace(/[^A-Za-z0-9._-]/g, '_')}${extension}`);
    case 'byteLength':
      return ({ byteLength }) => String(byteLength);
    case 'messages':
      return ({ messages }) => String(messages);
    case 'ticket':
      return ({ ticket }) => asciiXml(ticket ?? '');
    case 'controlId':
      return ({ controlId }) => asciiXml(controlId ?? '');
  }
}

/** An instant as xsd:dateTime in UTC, to the second. */
export function utcTime(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`;
}
