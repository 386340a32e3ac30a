/** Which messages a command line means: a filter, or a message, a line, a batch or a submission by its name. */
import { readFileSync } from 'node:fs';
import { text as textOf } from 'node:stream/consumers';
import { codeOf, WaybillError } from '../../engine/errors.ts';
import { batchId, messageId, submissionId } from '../../engine/ids.ts';
import type { MessageState } from '../../engine/states.ts';
import { parseMessageId } from '../../engine/where.ts';
import { type Invocation, oneWord, optionalFlag, UsageError } from '../command.ts';
import { findBatch, findSubmission, type Reading } from '../ledger.ts';
import { findTarget, locateTarget } from '../trace/target.ts';

/** What is meant, as a filter. */
export interface Selection {
  readonly where: string;
  /** One message was named: nothing else can be hit, so nobody has to look first. */
  readonly single?: { readonly id: string; readonly state: MessageState };
  /** One batch was named. */
  readonly batch?: number;
  /** One submission was named as a whole. */
  readonly submission?: number;
}

/** Flags that say which messages are meant. */
export const WHERE_FLAGS = {
  where: {
    type: 'string',
    value: 'FILTER',
    description:
      'Which messages, as key=value with spaces between them: destination, state, code, entry, submission, batch, message, since, until, field.NAME; all must hold, a list with commas means any of it.',
  },
  'where-from': {
    type: 'string',
    value: 'FILE',
    description:
      'Reads the filter from a file, or - for standard input: values of fields stay out of the history of the shell.',
  },
} as const;

/** The filter of `--where` or `--where-from`; `undefined` where neither is there. @throws UsageError, WaybillError `INPUT_NOT_READABLE` */
export async function givenFilter(invocation: Invocation): Promise<string | undefined> {
  const where = optionalFlag(invocation, 'where');
  const file = optionalFlag(invocation, 'where-from');
  if (where !== undefined && file !== undefined) throw new UsageError('give --where or --where-from, not both');
  if (file === undefined) return where;
  if (file === '-') return textOf(process.stdin);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new WaybillError('INPUT_NOT_READABLE', `${file} cannot be read (${codeOf(error)}).`, { file });
  }
}

/**
 * What a filter or the one word of a command line means.
 * @param bareBatch a bare number is a batch, not a submission
 * @throws UsageError where neither or both are there; WaybillError where the word names nothing in the ledger
 */
export function selectionOf(
  open: Reading,
  invocation: Invocation,
  filter: string | undefined,
  { what, bareBatch = false }: { readonly what: string; readonly bareBatch?: boolean },
): Selection {
  if (filter !== undefined) {
    if (invocation.words.length > 0) throw new UsageError(`give --where or ${what}, not both`);
    return { where: filter };
  }
  const word = oneWord(invocation, `${what} or --where`);
  const message = parseMessageId(open.instance, word);
  if (message) return ofMessage(open, message, word);
  if (/^([a-z0-9]{4}-)?B\d+$/.test(word) || (bareBatch && /^\d+$/.test(word))) {
    const batch = findBatch(open, word);
    return { where: `batch=${batchId(open.instance, batch)}`, batch };
  }
  if (/:\d+$/.test(word)) return ofLine(open, word);
  const submission = findSubmission(open, word);
  return { where: `submission=${submissionId(open.instance, submission)}`, submission };
}

function ofMessage(
  { ledger, instance }: Reading,
  { submission, item, entry }: { submission: number; item: number; entry: number },
  word: string,
): Selection {
  const located = ledger.ask('locateItem', { submission, item });
  const name = ledger.ask('submission', { submission })?.entries[entry]?.name;
  const [message] = (located?.messages ?? [])
    .filter((each) => each.entry === name)
    .sort((a, b) => b.version - a.version);
  if (!message) throw unknown(word);
  const id = messageId(instance, submission, item, entry);
  return { where: `message=${id}`, single: { id, state: message.state } };
}

/** Every message of a line, in every entry. */
function ofLine(open: Reading, word: string): Selection {
  const target = findTarget(open, word);
  const located = locateTarget(open, target);
  if (!located) throw unknown(word);
  const entries = open.ledger.ask('submission', { submission: target.submission })?.entries ?? [];
  const ids = entries.map((_, entry) => messageId(open.instance, target.submission, located.item, entry));
  return { where: `message=${ids.join(',')}` };
}

function unknown(word: string): WaybillError {
  return new WaybillError(
    'LINE_UNKNOWN',
    `The ledger has no message ${JSON.stringify(word)}: waybill trace FILE:LINE names the messages of a line.`,
  );
}
