/** insertOrUpdate and delete: one delivery as few commands, and what became of each of its documents. */
import type { Document } from 'mongodb';
import type { Answer, Delivery } from '../../engine/contracts/operation.ts';
import { ConfigError, DeliveryError, TransientError, UncertainError } from '../../engine/errors.ts';
import { BrokenCommand, type Connection, type Limit, limitOf, type WriteCommand } from './client.ts';
import type { Settled } from './config.ts';
import { identify, MAX_DOCUMENT_BYTES, readDocument, tooLarge } from './document.ts';
import { settleDuplicate } from './duplicates.ts';
import { brokenError, type FailureContext } from './failures.ts';
import { BY_ID, makeFilter } from './filter.ts';
import { Outcomes } from './outcomes.ts';
import { Refused } from './refused.ts';
import { type Failed, type Read, readReply } from './reply.ts';
import type { Words } from './words.ts';

/** An opened destination. */
export interface Sender {
  readonly settled: Settled;
  readonly connection: Connection;
  readonly words: Words;
}

/** One message as a statement of a command. */
export interface Statement {
  /** Position in the delivery. */
  readonly index: number;
  /** What goes into the command's list. */
  readonly statement: Document;
  readonly bytes: number;
  /** The `_id` that the document has, and whether the engine gave it. Deletes have none. */
  readonly id?: unknown;
  readonly own: boolean;
}

/** All statements of a command together stay under the limit of one BSON document, so they are one command on the wire. */
const MAX_COMMAND_STATEMENTS = 1000;

export function contextOf({ settled, connection, words }: Sender, reading: boolean): FailureContext {
  return { hosts: connection.hosts, words, timeouts: settled.timeouts, reading };
}

function upsert(filter: Document, document: Document): Document {
  const { _id, ...fields } = document;
  const known = Object.hasOwn(filter, '_id');
  return {
    q: filter,
    u: { $set: fields, ...(known ? {} : { $setOnInsert: { _id } }) },
    upsert: true,
    multi: false,
  };
}

/** The statement of one message. @throws Refused */
function makeStatement(
  sender: Sender,
  index: number,
  message: { id: string; body: Uint8Array },
  batchId: string,
): Statement {
  const { settled, connection } = sender;
  const document = readDocument(message.body, connection.driver);
  const size = (statement: Document): number => connection.driver.BSON.calculateObjectSize(statement);
  if (settled.verb === 'delete') {
    const q = makeFilter(settled.filter.length === 0 ? BY_ID : settled.filter, document);
    const statement = { q, limit: settled.deleteMany ? 0 : 1 };
    return { index, statement, bytes: size(statement), own: false };
  }
  const { document: identified, own } = identify(document, message.id, batchId);
  const statement =
    settled.filter.length === 0 ? identified : upsert(makeFilter(settled.filter, identified), identified);
  const bytes = size(statement);
  if (bytes > MAX_DOCUMENT_BYTES) throw tooLarge();
  return { index, statement, bytes, id: identified._id, own };
}

/** Statements in runs that fit one command. What cannot become one is rejected on the way and holds up nobody. */
function* commands(sender: Sender, delivery: Delivery, outcomes: Outcomes): Generator<readonly Statement[]> {
  let run: Statement[] = [];
  let bytes = 0;
  let index = -1;
  for (const message of delivery.each()) {
    index += 1;
    let next: Statement;
    try {
      next = makeStatement(sender, index, message, delivery.batchId);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      outcomes.add(index, 'rejected', error.code, error.message);
      continue;
    }
    if (run.length >= MAX_COMMAND_STATEMENTS || (run.length > 0 && bytes + next.bytes > MAX_DOCUMENT_BYTES)) {
      yield run;
      run = [];
      bytes = 0;
    }
    run.push(next);
    bytes += next.bytes;
  }
  if (run.length > 0) yield run;
}

function makeCommand({ settled }: Sender, statements: readonly Statement[]): WriteCommand {
  const list = statements.map(({ statement }) => statement);
  const { collection } = settled;
  if (settled.verb === 'delete') return { delete: collection, deletes: list };
  return settled.filter.length === 0 ? { insert: collection, documents: list } : { update: collection, updates: list };
}

/**
 * Sends a delivery once.
 * @throws DeliveryError where nothing is known of any message but that all share one fate.
 */
export async function write(sender: Sender, delivery: Delivery, signal: AbortSignal): Promise<Answer> {
  const limit = limitOf(signal, sender.settled.timeouts.total);
  const outcomes = new Outcomes(delivery.messages);
  let first = true;
  const onBegin = (): void => {
    if (first) delivery.firstByte();
    first = false;
  };
  for (const statements of commands(sender, delivery, outcomes)) {
    if (!(await writeRun(sender, statements, outcomes, limit, onBegin))) break;
  }
  if (!first) delivery.lastByte();
  return outcomes.answer(Buffer.from(sender.connection.driver.BSON.EJSON.stringify(outcomes.tally)));
}

/** Writes a run of statements; false where the rest has to wait for another batch. */
async function writeRun(
  sender: Sender,
  statements: readonly Statement[],
  outcomes: Outcomes,
  limit: Limit,
  onBegin: () => void,
): Promise<boolean> {
  let rest = statements;
  while (rest.length > 0) {
    let read: Read;
    try {
      const reply = await sender.connection.write(makeCommand(sender, rest), limit, onBegin);
      read = readReply(reply, rest, sender, outcomes);
    } catch (error) {
      giveUp(failureOf(error, sender), rest, outcomes);
      return false;
    }
    const { failed, unconfirmed } = read;
    if (failed === undefined) return !unconfirmed;
    const behind = rest.slice(rest.indexOf(failed.statement) + 1);
    const there = unconfirmed || !failed.duplicate ? [] : await alreadyThere(sender, failed, behind, outcomes, limit);
    if (there.length === 0) {
      refuse(failed, outcomes);
      return false;
    }
    rest = behind.filter((one) => !there.includes(one));
  }
  return true;
}

/** Notes which statements a repeat finds done, the failed one first; none where it is not, and then why is noted. */
async function alreadyThere(
  sender: Sender,
  failed: Failed,
  behind: readonly Statement[],
  outcomes: Outcomes,
  limit: Limit,
): Promise<readonly Statement[]> {
  let there: readonly Statement[];
  try {
    there = (await settleDuplicate(sender, failed, behind, limit)) ?? [];
  } catch (error) {
    giveUpBefore(error, failed, sender, outcomes);
    return [];
  }
  for (const { index } of there) {
    outcomes.add(index, 'delivered', 'MONGODB_ALREADY_THERE', 'The very document was there already.');
  }
  return there;
}

function failureOf(error: unknown, sender: Sender): DeliveryError {
  if (error instanceof BrokenCommand) return brokenError(error, contextOf(sender, false));
  if (error instanceof DeliveryError) return error;
  throw error;
}

/**
 * A command that gave no answer: its statements share one fate. Thrown where that is all there is to say of the batch, so
 * that the engine waits before the next try, or stops.
 */
function giveUp(failure: DeliveryError, statements: readonly Statement[], outcomes: Outcomes): void {
  const doubtful = failure instanceof UncertainError;
  if (outcomes.none && !(doubtful && statements.length < outcomes.messages)) throw failure;
  for (const { index } of statements) {
    outcomes.add(index, doubtful ? 'inDoubt' : 'queued', failure.code, failure.message);
  }
}

/** A document that was not written: the server's word on it decides, unless a look at what is there has decided. */
function refuse({ statement, code, fate, words }: Failed, outcomes: Outcomes): void {
  if (outcomes.knows(statement.index)) return;
  if (fate === 'later') {
    if (outcomes.none)
      throw new TransientError(code, 'the server put the first document of the batch off', {
        whose: 'receiver',
        words,
      });
    outcomes.add(statement.index, 'queued', code, words);
    return;
  }
  outcomes.add(statement.index, fate === 'lost' ? 'inDoubt' : 'rejected', code, words);
}

/** The look at what is there failed; the document itself was certainly not written by this command. */
function giveUpBefore(error: unknown, failed: Failed, sender: Sender, outcomes: Outcomes): void {
  if (error instanceof Refused) {
    outcomes.add(failed.statement.index, 'rejected', error.code, error.message);
    return;
  }
  const failure = error instanceof BrokenCommand ? brokenError(error, contextOf(sender, true)) : error;
  if (!(failure instanceof TransientError || failure instanceof ConfigError)) throw failure;
  giveUp(failure, [failed.statement], outcomes);
}
