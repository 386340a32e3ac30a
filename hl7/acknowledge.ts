import { MessageBuilder } from './build.ts';
import { isComplete, STANDARD_DELIMITERS } from './delimiters.ts';
import { type Message, parseMessage } from './parse.ts';
import { formatTimestamp } from './timestamps.ts';

/** One ERR of an acknowledgement. */
export interface AcknowledgedError {
  /** Segment, occurrence and field at fault, as ERR-2 has them: `PID^1^11`, raw. */
  readonly location?: string;
  /** Code of table 0357, such as 101 (required field missing); default 207 (application internal error). */
  readonly code?: string;
  /** Text of that code. */
  readonly meaning?: string;
  /** E error, W warning, I information (table 0516); default E. */
  readonly severity?: 'E' | 'W' | 'I';
  /** For people (ERR-8). */
  readonly words: string;
}

export interface AcknowledgementOptions {
  /** MSA-1. */
  readonly code: 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';
  /** MSH-10 of the acknowledgement itself. */
  readonly controlId: string;
  /** MSH-7: milliseconds since 1970, and minutes east of UTC (default 0). */
  readonly at: number;
  readonly offset?: number;
  /** MSA-3. */
  readonly words?: string;
  readonly errors?: readonly AcknowledgedError[];
}

/**
 * The acknowledgement of a message: sender and receiver change places, trigger event, processing id, version and charset
 * are the message's own, MSA-2 is its control id (HL7 v2.5.1, 2.9 and 2.14). Written with the message's delimiters, or
 * the usual ones where it does not declare all of them.
 * @throws WaybillError HL7_NOT_A_MESSAGE, HL7_DELIMITERS_INVALID.
 */
export function buildAcknowledgement(message: Message | string, options: AcknowledgementOptions): string {
  const original = typeof message === 'string' ? parseMessage(message) : message;
  const delimiters = isComplete(original.delimiters) ? original.delimiters : STANDARD_DELIMITERS;
  const ack = new MessageBuilder(delimiters);
  const copy = (to: string, from: string) => ack.setRaw(to, original.raw(from) ?? '');
  copy('MSH-3', 'MSH-5');
  copy('MSH-4', 'MSH-6');
  copy('MSH-5', 'MSH-3');
  copy('MSH-6', 'MSH-4');
  ack.set('MSH-7', formatTimestamp(options.at, options.offset ?? 0));
  ack.set('MSH-9.1', 'ACK');
  const trigger = original.raw('MSH-9.2') ?? '';
  if (trigger !== '') ack.setRaw('MSH-9.2', trigger).set('MSH-9.3', 'ACK');
  ack.set('MSH-10', options.controlId);
  copy('MSH-11', 'MSH-11');
  copy('MSH-12', 'MSH-12');
  copy('MSH-18', 'MSH-18');
  ack.set('MSA-1', options.code);
  copy('MSA-2', 'MSH-10');
  ack.set('MSA-3', options.words ?? '');
  for (const error of options.errors ?? []) {
    ack
      .append('ERR')
      .setRaw('ERR-2', error.location ?? '')
      .set('ERR-3.1', error.code ?? '207')
      .set('ERR-3.2', error.meaning ?? (error.code === undefined ? 'Application internal error' : ''))
      .set('ERR-3.3', 'HL70357')
      .set('ERR-4', error.severity ?? 'E')
      .set('ERR-8', error.words);
  }
  return ack.print();
}
