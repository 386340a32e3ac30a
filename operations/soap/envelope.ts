/** The request: an envelope built around the messages, its length known before the first byte goes out. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Delivery } from '../../engine/contracts/operation.ts';
import { PermanentError } from '../../engine/errors.ts';
import { type Dialect, messageChild, type RequestShape, type StatusQuery } from './dialect-types.ts';
import { httpHeaders, writeHeader } from './headers.ts';
import {
  type Call,
  type Given,
  isFixed,
  render,
  type Template,
  TemplateWriter,
  type Writers,
  writeChildren,
} from './template.ts';
import { asciiXml, type Carry, encode, encodedLength, XmlTextError } from './xml.ts';

export type { Credentials, Given } from './template.ts';

export const ENVELOPE_NAMESPACE = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
} as const;

/** A request without what changes from one delivery to the next. Holds credentials: never shown. */
export interface Frame {
  readonly head: Template;
  readonly tail: Template;
  readonly carry: Carry;
  readonly charset: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The frame around every message of a destination. Head and tail are plain ASCII, so they are right in every charset.
 * @throws WaybillError SOAP_CREDENTIAL_MISSING, SOAP_PARAMETER_MISSING, SOAP_CREDENTIAL_CHARACTERS.
 */
export function makeFrame(dialect: Dialect, given: Given): Frame {
  const { request, namespace, action } = dialect;
  const carry = messageChild(request.children)?.child.carry ?? 'text';
  return { ...envelope(dialect, { request, namespace, action }, given), carry };
}

/** The SOAP header alone; empty where the dialect has none. @throws as `makeFrame` */
export function makeHeader(dialect: Dialect, given: Given): Template {
  const header = new TemplateWriter();
  writeHeader({ current: header, atMessage: () => header }, dialect, dialect.action, given);
  return header.end();
}

/** The text of a SOAP header that `makeHeader` made, for one call; empty where there is none. */
export function headerText(header: Template): string {
  return header.length === 0
    ? ''
    : render(header, callOf({ batchId: '', byteLength: 0, messages: 0 })).toString('latin1');
}

/** The frame of a status query; the whole of it is its head. @throws as `makeFrame` */
export function makeQuery(dialect: Dialect, status: StatusQuery, given: Given): Frame {
  return { ...envelope(dialect, status, given), carry: 'text' };
}

function envelope(
  dialect: Dialect,
  {
    request,
    namespace,
    action,
  }: { readonly request: RequestShape; readonly namespace: string; readonly action: string },
  given: Given,
): Omit<Frame, 'carry'> {
  const tail = new TemplateWriter();
  const head = new TemplateWriter();
  const writers: Writers = { current: head, atMessage: () => tail };
  head.write(`<?xml version="1.0" encoding="${dialect.charset}"?>`);
  head.write(`<soap:Envelope xmlns:soap="${ENVELOPE_NAMESPACE[dialect.soap]}">`);
  writeHeader(writers, dialect, action, given);
  // A default namespace would take unqualified children in.
  const { qualified } = request;
  const element = qualified ? request.element : `r:${request.element}`;
  head.write(`<soap:Body><${element} ${qualified ? 'xmlns' : 'xmlns:r'}="${asciiXml(namespace)}">`);
  writeChildren(writers, request.children, qualified ? namespace : '', given);
  writers.current.write(`</${element}></soap:Body></soap:Envelope>`);
  return {
    head: head.end(),
    tail: tail.end(),
    charset: dialect.charset,
    headers: httpHeaders(dialect, action, given),
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
  const call = isFixed(frame.head) && isFixed(frame.tail) ? undefined : callOf(delivery);
  const head = render(frame.head, call);
  const tail = render(frame.tail, call);
  return {
    length: head.length + inner + tail.length,
    *chunks() {
      yield head;
      yield* encode(delivery.body(), frame.carry, Math.min(CHUNK, Math.max(inner, 1)));
      yield tail;
    },
  };
}

/** The body of a status query. */
export function makeQuestion(
  frame: Frame,
  about: { readonly batchId: string; readonly ticket?: string; readonly controlId?: string },
): RequestBody {
  const whole = render(frame.head, callOf({ ...about, byteLength: 0, messages: 0 }));
  return { length: whole.length, chunks: () => [whole] };
}

function callOf(about: Pick<Call, 'batchId' | 'byteLength' | 'messages' | 'ticket' | 'controlId'>): Call {
  const { batchId, byteLength, messages, ticket, controlId } = about;
  return {
    now: Date.now(),
    batchId,
    byteLength,
    messages,
    ...(ticket === undefined ? {} : { ticket }),
    ...(controlId === undefined ? {} : { controlId }),
    nonce: randomBytes(16),
    messageId: randomUUID(),
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
