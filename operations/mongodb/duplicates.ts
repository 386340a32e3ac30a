/**
 * A duplicate key: a repeat of what was written before, another document, or another writer who was faster? What is there
 * decides, not the words of the error; those only where the user may write but not read.
 */
import type { Document } from 'mongodb';
import { TransientError } from '../../engine/errors.ts';
import { BrokenCommand, type Limit } from './client.ts';
import { Refused } from './refused.ts';
import type { Failed } from './reply.ts';
import type { Sender, Statement } from './write.ts';

const UNAUTHORIZED = 13;

/** Documents as their BSON bytes, from the primary, as safe as our own writes are. */
async function find(sender: Sender, filter: Document, limit: Limit): Promise<readonly Buffer[]> {
  const { settled, connection } = sender;
  const documents: Buffer[] = [];
  try {
    const cursor = connection.db.collection(settled.collection).find(filter, {
      raw: true,
      readPreference: 'primary',
      readConcern: { level: settled.writeConcern.w === 'majority' ? 'majority' : 'local' },
      signal: limit.signal,
    });
    for await (const document of cursor) if (Buffer.isBuffer(document)) documents.push(document);
  } catch (error) {
    throw new BrokenCommand(limit.reason(), true, error);
  }
  return documents;
}

function mayNotRead(error: unknown): boolean {
  const cause = error instanceof BrokenCommand ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === UNAUTHORIZED;
}

/** An `_id` as text, equal where the server finds two of them equal: 5 is 5.0. */
function idKey({ connection }: Sender, id: unknown): string {
  const { BSON, Long, Int32, Double } = connection.driver;
  const number = id instanceof Long || id instanceof Int32 || id instanceof Double ? Number(id) : id;
  return typeof number === 'number' ? `number ${number}` : BSON.EJSON.stringify({ id }, { relaxed: false });
}

/**
 * Those of the failed statement and the ones behind it that are in the collection already.
 * @returns `undefined` where the failed one is not there: then another unique index forbids it.
 * @throws Refused MONGODB_ID_TAKEN; TransientError where another writer was faster; BrokenCommand
 */
export async function settleDuplicate(
  sender: Sender,
  failed: Failed,
  behind: readonly Statement[],
  limit: Limit,
): Promise<readonly Statement[] | undefined> {
  try {
    return sender.settled.filter.length === 0
      ? await inserted(sender, failed.statement, behind, limit)
      : await upserted(sender, failed, limit);
  } catch (error) {
    if (mayNotRead(error)) return byTheWords(failed);
    throw error;
  }
}

/**
 * A document is ours when it is the same byte for byte. An id alone is no proof: a data folder that was put back from a
 * backup gives the same ids again.
 */
async function inserted(
  sender: Sender,
  failed: Statement,
  behind: readonly Statement[],
  limit: Limit,
): Promise<readonly Statement[] | undefined> {
  const { BSON } = sender.connection.driver;
  const asked = [failed, ...behind];
  const found = await find(sender, { _id: { $in: asked.map(({ id }) => id) } }, limit);
  const stored = new Map(found.map((bytes) => [idKey(sender, BSON.deserialize(bytes)._id), bytes]));
  const there = (one: Statement): Buffer | undefined => stored.get(idKey(sender, one.id));
  const isOurs = (one: Statement): boolean => there(one)?.equals(BSON.serialize(one.statement)) ?? false;
  if (there(failed) === undefined) return undefined;
  if (!isOurs(failed)) throw idTaken('A document with this _id and other content is there; it was left as it is.');
  return asked.filter(isOurs);
}

async function upserted(sender: Sender, failed: Failed, limit: Limit): Promise<undefined> {
  const { filter } = sender.settled;
  // Only a value that the filter asks for and the update leaves as it is can have been put there by another upsert.
  const targets = new Map(filter.map(({ target, source }) => [target, source.join('.') === target]));
  const race = failed.index.length > 0 && failed.index.every((field) => targets.get(field) === true);
  if (race && (await find(sender, failed.statement.statement.q, limit)).length > 0) {
    throw new TransientError('MONGODB_BUSY', 'another writer made the document in the same moment', {
      whose: 'receiver',
    });
  }
  if (failed.index.join() === '_id' && !targets.has('_id')) {
    throw idTaken('A document with this _id is there, which the filter does not meet; it was left as it is.');
  }
  return undefined;
}

/** What the error itself says, where the user may write but not read. */
function byTheWords({ statement, index }: Failed): readonly Statement[] | undefined {
  if (index.join() !== '_id') return undefined;
  if (statement.own) return [statement];
  throw idTaken('A document with this _id is there; the user may not read it, so it could not be compared with ours.');
}

function idTaken(words: string): Refused {
  return new Refused('MONGODB_ID_TAKEN', words);
}
