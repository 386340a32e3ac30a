/** The request: an envelope built around the messages, its length known before the first byte goes out. */
import type { Delivery } from '../../engine/contracts/operation.ts';
import { PermanentError, WaybillError } from '../../engine/errors.ts';
import type { Dialect, Source } from './dialect.ts';
import { asciiXml, type Carry, encode, encodedLength, XmlTextError } from './xml.ts';

export const ENVELOPE_NAMESPACE = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
} as const;

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  readonly organisation?: string;
}

/** Everything of a request that is the same for each delivery. Holds credentials: never shown. */
export interface Frame {
  readonly head: Buffer;
  readonly tail: Buffer;
  readonly carry: Carry;
  readonly charset: string;
  readonly headers: Readonly<Record<string, string>>;
}

type CredentialName = keyof Credentials;

function credentialName(from: Exclude<Source, 'message'>): CredentialName {
  if (from === 'credentials.username') return 'username';
  if (from === 'credentials.password') return 'password';
  return 'organisation';
}

function credentialText(dialect: Dialect, credentials: Credentials, name: CredentialName): string {
  const value = credentials[name];
  if (value === undefined) {
    throw new WaybillError(
      'SOAP_CREDENTIAL_MISSING',
      `the dialect ${dialect.dialect} sends credentials.${name}, which the destination does not have`,
      { path: `credentials.${name}` },
    );
  }
  try {
    return asciiXml(value);
  } catch (error) {
    if (!(error instanceof XmlTextError)) throw error;
    throw new WaybillError('SOAP_CREDENTIAL_CHARACTERS', `credentials.${name} holds ${error.message}`, {
      path: `credentials.${name}`,
    });
  }
}

/** HTTP headers that say what the body is and which operation is meant. */
function requestHeaders(dialect: Dialect): Record<string, string> {
  const { contentType, charset, action } = dialect;
  const base = { accept: 'application/soap+xml, text/xml, application/xml', 'accept-encoding': 'identity' };
  if (contentType !== 'application/soap+xml') {
    return { ...base, 'content-type': `${contentType}; charset=${charset}`, soapaction: `"${action}"` };
  }
  const parameter = action === '' ? '' : `; action="${action}"`;
  return { ...base, 'content-type': `${contentType}; charset=${charset}${parameter}` };
}

/**
 * The frame around every message of a destination. Head and tail are plain ASCII, so they are right in every charset.
 * @throws WaybillError SOAP_CREDENTIAL_MISSING, SOAP_CREDENTIAL_CHARACTERS.
 */
export function makeFrame(dialect: Dialect, credentials: Credentials): Frame {
  const { children, qualified } = dialect.request;
  const namespace = asciiXml(dialect.namespace);
  // A default namespace would take unqualified children in.
  const element = qualified ? dialect.request.element : `r:${dialect.request.element}`;
  let head = `<?xml version="1.0" encoding="${dialect.charset}"?>`;
  head += `<soap:Envelope xmlns:soap="${ENVELOPE_NAMESPACE[dialect.soap]}"><soap:Body>`;
  head += `<${element} ${qualified ? 'xmlns' : 'xmlns:r'}="${namespace}">`;
  let tail = '';
  let carry: Carry = 'text';
  let before = true;
  for (const child of children) {
    if (child.from === 'message') {
      carry = child.carry ?? 'text';
      head += `<${child.element}>`;
      tail += `</${child.element}>`;
      before = false;
      continue;
    }
    const text = credentialText(dialect, credentials, credentialName(child.from));
    const whole = `<${child.element}>${text}</${child.element}>`;
    if (before) head += whole;
    else tail += whole;
  }
  tail += `</${element}></soap:Body></soap:Envelope>`;
  return {
    head: Buffer.from(head, 'latin1'),
    tail: Buffer.from(tail, 'latin1'),
    carry,
    charset: dialect.charset,
    headers: requestHeaders(dialect),
  };
}

/** A request's body: its exact length, and its bytes in chunks, from the start at each call. */
export interface RequestBody {
  readonly length: number;
  chunks(): Iterable<Buffer>;
}

const CHUNK = 128 * 1024;

/**
 * The envelope around one delivery. Reads the messages once to know the length and again while they are sent; constant
 * memory.
 * @throws PermanentError SOAP_XML_CHARACTER, before anything is sent.
 */
export function makeBody(frame: Frame, delivery: Delivery): RequestBody {
  const inner = measured(frame, delivery);
  return {
    length: frame.head.length + inner + frame.tail.length,
    *chunks() {
      yield frame.head;
      yield* encode(delivery.body(), frame.carry, Math.min(CHUNK, Math.max(inner, 1)));
      yield frame.tail;
    },
  };
}

function measured(frame: Frame, delivery: Delivery): number {
  try {
    return encodedLength(delivery.body(), frame.carry, frame.charset);
  } catch (error) {
    if (!(error instanceof XmlTextError)) throw error;
    throw new PermanentError(
      'SOAP_XML_CHARACTER',
      `batch ${delivery.batchId} was not sent: its messages hold ${error.message}`,
      { whose: 'data' },
    );
  }
}
