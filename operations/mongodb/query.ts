/** query: the message gives the values of the filter, the documents that are found are the answer. */
import type { Document } from 'mongodb';
import type { Answer, Delivery } from '../../engine/contracts/operation.ts';
import { ConfigError, TransientError } from '../../engine/errors.ts';
import { BrokenCommand, type Limit, limitOf } from './client.ts';
import { type Driver, readDocument } from './document.ts';
import { brokenError } from './failures.ts';
import { BY_ID, makeFilter } from './filter.ts';
import { Outcomes } from './outcomes.ts';
import { Refused } from './refused.ts';
import { contextOf, type Sender } from './write.ts';

/** Whole numbers that a number of JSON cannot hold stay exact. */
function exact(value: unknown, driver: Driver): unknown {
  if (value instanceof driver.Long) return { $numberLong: value.toString() };
  if (Array.isArray(value)) return value.map((item) => exact(item, driver));
  if (typeof value !== 'object' || value === null || value instanceof Date || '_bsontype' in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, exact(item, driver)]));
}

/** A document as a line of relaxed Extended JSON. */
function line(document: Document, driver: Driver): Buffer {
  return Buffer.from(`${driver.BSON.EJSON.stringify(exact(document, driver) as Document, { relaxed: true })}\n`);
}

/** The answer to one message. @throws Refused MONGODB_ANSWER_TOO_LARGE; BrokenCommand */
async function ask(sender: Sender, filter: Document, limit: Limit): Promise<readonly Buffer[]> {
  const { settled, connection } = sender;
  const { projection, sort, limit: most, maxAnswerBytes } = settled.query;
  const lines: Buffer[] = [];
  let bytes = 0;
  let begun = false;
  try {
    await connection.ready(limit);
    begun = true;
    const cursor = connection.db.collection(settled.collection).find(filter, {
      limit: most,
      signal: limit.signal,
      ...(projection === undefined ? {} : { projection }),
      ...(sort.length === 0 ? {} : { sort: new Map(sort) }),
    });
    for await (const document of cursor) {
      const next = line(document, connection.driver);
      bytes += next.length;
      if (bytes > maxAnswerBytes) {
        throw new Refused('MONGODB_ANSWER_TOO_LARGE', `The answer is larger than maxAnswerBytes (${maxAnswerBytes}).`);
      }
      lines.push(next);
    }
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new BrokenCommand(limit.reason(), begun, error);
  }
  return lines;
}

/**
 * Asks for each message of a delivery; the answer's raw bytes are a line for each document found.
 * @throws TransientError, ConfigError: a query changes nothing, so it is never in doubt.
 */
export async function query(sender: Sender, delivery: Delivery, signal: AbortSignal): Promise<Answer> {
  const { settled, connection } = sender;
  const limit = limitOf(signal, settled.timeouts.total);
  const outcomes = new Outcomes(delivery.messages);
  const found: Buffer[] = [];
  let bytes = 0;
  let index = -1;
  delivery.firstByte();
  for (const { body } of delivery.each()) {
    index += 1;
    try {
      const filter = makeFilter(
        settled.filter.length === 0 ? BY_ID : settled.filter,
        readDocument(body, connection.driver),
      );
      const lines = await ask(sender, filter, limit);
      const more = lines.reduce((sum, { length }) => sum + length, 0);
      // Together too large, each alone not: the next batch asks on.
      if (bytes + more > settled.query.maxAnswerBytes) break;
      bytes += more;
      found.push(...lines);
      outcomes.add(index, 'delivered', '', `${lines.length} found`);
    } catch (error) {
      if (error instanceof Refused) {
        outcomes.add(index, 'rejected', error.code, error.message);
        continue;
      }
      const failure = error instanceof BrokenCommand ? brokenError(error, contextOf(sender, true)) : error;
      if (outcomes.none || !(failure instanceof TransientError || failure instanceof ConfigError)) throw failure;
      break;
    }
  }
  delivery.lastByte();
  return outcomes.answer(Buffer.concat(found));
}
