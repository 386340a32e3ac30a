/** Asks the receiver what became of messages: by its ticket for a request, or by each message's control id. */
import type { MessageOutcome, Probe, ProbeAnswer } from '../../engine/contracts/operation.ts';
import { type DeliveryError, DeliveryError as Failure } from '../../engine/errors.ts';
import { type AcknowledgementRead, readAcknowledgements } from '../../hl7/acknowledgements.ts';
import type { StatusQuery } from './dialect-types.ts';
import { type Frame, makeQuestion } from './envelope.ts';
import { unexplainedStatus } from './failures.ts';
import { tidyWords } from './faults.ts';
import { exchange, type Sender } from './sender.ts';
import type { HttpAnswer } from './transport.ts';
import { acknowledgement, oneOf, type Reader, type Received, receive, unreadableError } from './understand.ts';

/** What one question was answered with. */
export type Status =
  | {
      readonly kind: 'working' | 'unknown' | 'delivered' | 'rejected' | 'strange';
      readonly words: string;
      readonly raw: Uint8Array;
    }
  | { readonly kind: 'acknowledged'; readonly text: string; readonly answer: HttpAnswer };

const UNHEARD = { firstByte: () => undefined, lastByte: () => undefined };

/**
 * What the answer to a status query means.
 * @throws DeliveryError for a fault, a status that refuses, or an answer that cannot be read
 */
function understandStatus(reader: Reader, status: StatusQuery, received: HttpAnswer): Status {
  const { answer, state, states, words } = status;
  const places = {
    element: answer?.element ?? state ?? '',
    content: answer?.content ?? ('text' as const),
    encoding: answer?.encoding ?? ('text' as const),
    also: { state, words },
  };
  const got = receive(reader, received, places);
  if (!got.good) throw unexplainedStatus(got.answer, reader.url.host, reader.dialect.statuses);
  if (got.unreadable && got.text === undefined) throw unreadableError(got.unreadable, got.answer, reader.url.host);
  const said = tidyWords(got.content.values.words?.join(' ') ?? '', reader.secrets);
  const raw = got.answer.body;
  const word = state === undefined ? undefined : (got.content.values.state?.[0] ?? '').trim();
  if (word !== undefined) {
    const kinds = ['working', 'unknown', 'delivered', 'rejected'] as const;
    const kind = kinds.find((each) => oneOf(word, states[each]));
    if (kind) return { kind, words: said, raw };
    if (!oneOf(word, states.done)) return { kind: 'strange', words: said, raw };
  }
  return verdict(got, answer !== undefined, word !== undefined, said);
}

/** It is done, or has no word for how far it is: the acknowledgement decides, and while there is none it is not done. */
function verdict({ text, answer }: Received, hasPlace: boolean, isDone: boolean, words: string): Status {
  if (hasPlace && text !== undefined && text.trim() !== '') return { kind: 'acknowledged', text, answer };
  return { kind: isDone ? 'strange' : 'working', words, raw: answer.body };
}

/**
 * Asks about messages in doubt.
 * @throws DeliveryError where nobody knows yet
 */
export async function probe(sender: Sender, about: Probe, signal: AbortSignal): Promise<ProbeAnswer> {
  const { dialect, query } = sender;
  const { status } = dialect;
  if (!status || !query) return { kind: 'notYet', words: 'the dialect has no status query' };
  if (status.by === 'controlId') return probeEach(sender, { status, query }, about, signal);
  if (about.ticket === undefined) {
    return {
      kind: 'notYet',
      words: 'the receiver gave no ticket for this batch, so it cannot be asked',
      ...wait(status),
    };
  }
  const asked = { batchId: about.batchId, ticket: about.ticket };
  const found = await ask(sender, { status, query }, asked, signal);
  if (found.kind === 'acknowledged') return acknowledgement(sender, found.answer, found.text);
  if (found.kind === 'working' || found.kind === 'strange') {
    return { kind: 'notYet', words: found.words || OPEN[found.kind], ...wait(status) };
  }
  const each = decided(found.kind, found.words);
  return { kind: 'outcomes', outcomes: about.ids.map((_, index) => ({ index, ...each })), raw: found.raw };
}

const OPEN = {
  working: 'the receiver has not decided yet',
  strange: 'the receiver said a word that the dialect does not know',
} as const;

function wait({ every }: StatusQuery): { readonly askAfterMs?: number } {
  return every === undefined ? {} : { askAfterMs: every };
}

interface Query {
  readonly status: StatusQuery;
  readonly query: Frame;
}

async function ask(
  sender: Sender,
  { status, query }: Query,
  about: { readonly batchId: string; readonly ticket?: string; readonly controlId?: string },
  signal: AbortSignal,
): Promise<Status> {
  const answer = await exchange(sender, query, makeQuestion(query, about), signal, UNHEARD);
  return understandStatus(sender, status, answer);
}

type Verdict = Omit<MessageOutcome, 'index'>;

function decided(kind: 'unknown' | 'delivered' | 'rejected', words: string): Verdict {
  switch (kind) {
    case 'delivered':
      return { outcome: 'delivered', code: 'SOAP_ASKED_TAKEN', words };
    case 'rejected':
      return {
        outcome: 'rejected',
        code: 'SOAP_ASKED_REFUSED',
        words: words || 'the receiver has refused the message',
      };
    case 'unknown':
      return {
        outcome: 'queued',
        code: 'SOAP_ASKED_NOT_THERE',
        words: words || 'the receiver does not have the message',
      };
  }
}

/**
 * One question for each message. Where some were answered and another was not, what is known is told and the rest stays in
 * doubt. @throws DeliveryError where the first was not answered
 */
async function probeEach(sender: Sender, how: Query, about: Probe, signal: AbortSignal): Promise<ProbeAnswer> {
  const outcomes: MessageOutcome[] = [];
  const raw: Uint8Array[] = [];
  let open = 0;
  for (const [index, controlId] of about.ids.entries()) {
    const found = await ask(sender, how, { batchId: about.batchId, controlId }, signal).catch(failureOf);
    if (found instanceof Failure) {
      if (index === 0) throw found;
      outcomes.push(
        ...about.ids.slice(index).map((_, at) => ({ index: index + at, ...undecided('it could not be asked') })),
      );
      break;
    }
    const verdict = verdictOn(controlId, found, sender);
    if (verdict.outcome === 'inDoubt') open += 1;
    outcomes.push({ index, ...verdict });
    raw.push(found.kind === 'acknowledged' ? found.answer.body : found.raw);
  }
  if (open === about.ids.length) return { kind: 'notYet', words: OPEN.working, ...wait(how.status) };
  return { kind: 'outcomes', outcomes, raw: Buffer.concat(raw.flatMap((each) => [each, LINE_END])) };
}

const LINE_END = Buffer.from('\n');

function failureOf(error: unknown): DeliveryError {
  if (error instanceof Failure) return error;
  throw error;
}

function undecided(words: string): Verdict {
  return { outcome: 'inDoubt', code: 'SOAP_ASKED_OPEN', words };
}

function verdictOn(controlId: string, found: Status, { secrets }: Sender): Verdict {
  if (found.kind === 'working' || found.kind === 'strange') return undecided(found.words || OPEN[found.kind]);
  if (found.kind !== 'acknowledged') return decided(found.kind, found.words);
  const named = acknowledgementsIn(found.text).filter((one) => one.controlId === controlId);
  const [first] = named;
  if (!first || named.some(({ code }) => code !== first.code))
    return undecided('the answer does not name this message plainly');
  const words = tidyWords(first.words, secrets);
  if (first.code === 'AA' || first.code === 'CA') return decided('delivered', words);
  if (/^(AE|AR|CE|CR)$/.test(first.code)) return decided('rejected', words);
  return undecided('the acknowledgement has a code that says neither yes nor no');
}

/** The acknowledgements of an answer; none where it is no HL7. */
function acknowledgementsIn(text: string): readonly AcknowledgementRead[] {
  try {
    return readAcknowledgements(text).acknowledgements;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ANSWER_NOT_UNDERSTOOD') return [];
    throw error;
  }
}
