/** Reads the server's answer to a write: which statements are done, which one failed and why. */
import type { Document } from 'mongodb';
import { UncertainError } from '../../engine/errors.ts';
import type { MongoCode } from './errors.ts';
import { fateOf } from './failures.ts';
import type { Outcomes } from './outcomes.ts';
import type { Sender, Statement } from './write.ts';

/** The statement at which an ordered command ended. */
export interface Failed {
  readonly statement: Statement;
  readonly code: MongoCode;
  readonly fate: 'later' | 'lost' | 'refused';
  readonly words: string;
  readonly duplicate: boolean;
  /** Fields of the index that a duplicate is about; empty where the server does not say. */
  readonly index: readonly string[];
}

export interface Read {
  readonly failed?: Failed;
  /** The write concern was not met: nothing more is to be sent in this delivery. */
  readonly unconfirmed: boolean;
}

const DUPLICATE: ReadonlySet<number> = new Set([11000, 11001, 12582]);
const VALIDATION = 121;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function codeFor(code: number): MongoCode {
  if (DUPLICATE.has(code)) return 'MONGODB_DUPLICATE';
  if (code === VALIDATION) return 'MONGODB_VALIDATION';
  return { later: 'MONGODB_BUSY', lost: 'MONGODB_CONNECTION_LOST', refused: 'MONGODB_DOCUMENT_REFUSED' }[
    fateOf(code)
  ] as MongoCode;
}

/** Names of the fields that break a `$jsonSchema` (never their values), as the server lists them since version 5. */
function fieldsAtFault(errInfo: unknown): readonly string[] {
  const details = isRecord(errInfo) && isRecord(errInfo.details) ? errInfo.details : {};
  const rules = Array.isArray(details.schemaRulesNotSatisfied) ? details.schemaRulesNotSatisfied : [];
  return rules.flatMap((rule: unknown) => {
    if (!isRecord(rule)) return [];
    const missing = Array.isArray(rule.missingProperties) ? rule.missingProperties : [];
    const wrong = Array.isArray(rule.propertiesNotSatisfied) ? rule.propertiesNotSatisfied : [];
    return [...missing, ...wrong.map((one: unknown) => (isRecord(one) ? one.propertyName : undefined))].filter(
      (name) => typeof name === 'string',
    );
  });
}

/** Fields of the index: from the key pattern, or `_id` where only the text names its index. */
function indexOf(error: Record<string, unknown>): readonly string[] {
  if (isRecord(error.keyPattern)) return Object.keys(error.keyPattern);
  // The names before `index:` are ours; what follows `dup key:` is data.
  const words = String(error.errmsg ?? '').split(' dup key: ')[0] ?? '';
  return / index: _id_$/.test(words) ? ['_id'] : [];
}

function readFailed(error: Record<string, unknown>, statement: Statement, { words }: Sender): Failed {
  const code = Number(error.code);
  const fields = fieldsAtFault(error.errInfo);
  const said = `${String(error.errmsg ?? '')}${fields.length > 0 ? ` (fields: ${fields.join(', ')})` : ''}`;
  return {
    statement,
    code: codeFor(code),
    fate: fateOf(code),
    words: words.tidy(`error ${code}: ${said}`),
    duplicate: DUPLICATE.has(code),
    index: DUPLICATE.has(code) ? indexOf(error) : [],
  };
}

/** The server's count of something, for the answer that is kept. */
function count(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function addCounts(reply: Document, done: readonly Statement[], { settled }: Sender, outcomes: Outcomes): void {
  const { tally } = outcomes;
  if (settled.verb === 'delete') {
    tally.deleted = (tally.deleted ?? 0) + count(reply.n);
    return;
  }
  if (settled.filter.length === 0) {
    tally.inserted = (tally.inserted ?? 0) + done.length;
    tally.insertedIds = [...(tally.insertedIds ?? []), ...done.map(({ id }) => id)];
    return;
  }
  const upserted: readonly unknown[] = Array.isArray(reply.upserted) ? reply.upserted : [];
  tally.matched = (tally.matched ?? 0) + count(reply.n) - upserted.length;
  tally.modified = (tally.modified ?? 0) + count(reply.nModified);
  tally.upserted = (tally.upserted ?? 0) + upserted.length;
  tally.upsertedIds = [...(tally.upsertedIds ?? []), ...upserted.map((one) => (isRecord(one) ? one._id : undefined))];
}

/**
 * Notes what is done and finds the statement at which the command ended.
 * @throws UncertainError MONGODB_ANSWER_UNKNOWN
 */
export function readReply(reply: Document, statements: readonly Statement[], sender: Sender, outcomes: Outcomes): Read {
  const error: unknown = Array.isArray(reply.writeErrors) ? reply.writeErrors[0] : undefined;
  const at = isRecord(error) ? error.index : statements.length;
  const sound = typeof at === 'number' && Number.isInteger(at) && at >= 0 && at <= statements.length;
  const failing = sound ? statements[at] : undefined;
  if (!sound || reply.ok !== 1 || (isRecord(error) && failing === undefined)) {
    throw new UncertainError(
      'MONGODB_ANSWER_UNKNOWN',
      `${sender.connection.hosts}: the answer to the write has not the shape that it should have`,
      { whose: 'receiver' },
    );
  }
  const done = statements.slice(0, at);
  addCounts(reply, done, sender, outcomes);
  const concern: unknown = reply.writeConcernError;
  if (isRecord(concern)) {
    const words = sender.words.tidy(
      `Written, but not confirmed: error ${count(concern.code)}: ${String(concern.errmsg ?? '')}`,
    );
    for (const { index } of done) outcomes.add(index, 'inDoubt', 'MONGODB_WRITE_CONCERN', words);
    const failed = isRecord(error) && failing ? readFailed(error, failing, sender) : undefined;
    // A duplicate may be our own write, which is as unconfirmed as the others.
    if (failed?.duplicate) {
      return { failed: { ...failed, code: 'MONGODB_NOT_CONFIRMED', fate: 'later', words }, unconfirmed: true };
    }
    return { ...(failed ? { failed } : {}), unconfirmed: true };
  }
  const words = settledWords(sender, reply, statements.length);
  for (const { index } of done) outcomes.add(index, 'delivered', '', words);
  return isRecord(error) && failing
    ? { failed: readFailed(error, failing, sender), unconfirmed: false }
    : { unconfirmed: false };
}

function settledWords({ settled }: Sender, reply: Document, statements: number): string {
  if (settled.verb !== 'delete') return '';
  return statements === 1
    ? `${count(reply.n)} deleted`
    : `${count(reply.n)} deleted by a command of ${statements} messages`;
}
