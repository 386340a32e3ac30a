/** What the tests of the MongoDB operation share: an opened operation, deliveries, and what became of them in short. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { inspect } from 'node:util';
import type { Answer, Delivery, MessageOutcome, Operation } from '../../../engine/contracts/operation.ts';
import { DeliveryError } from '../../../engine/errors.ts';
import type { MongoConfig } from '../../../operations/mongodb/config.ts';
import mongodb from '../../../operations/mongodb/index.ts';
import type { TestMongo } from '../../support/mongo.ts';
import { cleanUp } from '../../support/redis.ts';

/** Must never be seen where it does not belong: stands in documents of tests that fail. */
export const PATIENT = 'Marker-Patient-Quill';

type Given = Partial<Omit<MongoConfig, 'url'>>;

/** The operation, open on a collection `x` of the test's database. */
export async function openMongo(
  t: TestContext,
  mongo: Pick<TestMongo, 'url' | 'database'>,
  config: Given = {},
): Promise<Operation> {
  const nothing = (): void => undefined;
  const operation = await mongodb.open(
    { url: mongo.url, database: mongo.database, collection: 'x', verb: 'insertOrUpdate', ...config },
    {
      name: 'archive',
      folder: import.meta.dirname,
      logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
      resources: { timeZone: 'UTC', values: {}, tables: {}, files: {} },
    },
  );
  cleanUp(t, () => operation.close());
  return operation;
}

/** What the engine's ids of this test begin with. */
const INSTANCE = 'b0x1';

export interface Message {
  readonly id: string;
  readonly body: Uint8Array;
}

/** A message of this value as JSON, or of these bytes. */
export function message(content: unknown, id = `${INSTANCE}-1-${randomBytes(4).readUInt32BE()}`): Message {
  return { id, body: Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content)) };
}

export interface WatchedDelivery extends Delivery {
  readonly seen: { first: number; last: number };
}

export function delivery(
  messages: readonly Message[],
  on: { first?: () => void; last?: () => void } = {},
): WatchedDelivery {
  const seen = { first: 0, last: 0 };
  return {
    batchId: `${INSTANCE}-B${randomBytes(2).readUInt16BE()}`,
    attempt: 1,
    messages: messages.length,
    byteLength: messages.reduce((sum, { body }) => sum + body.byteLength, 0),
    *body() {
      for (const { body } of messages) yield body;
    },
    *each() {
      yield* messages;
    },
    firstByte() {
      seen.first += 1;
      on.first?.();
    },
    lastByte() {
      seen.last += 1;
      on.last?.();
    },
    seen,
  };
}

export const NO_LIMIT = new AbortController().signal;

export type Outcomes = Answer & { readonly kind: 'outcomes' };

export async function send(operation: Operation, messages: readonly Message[], signal = NO_LIMIT): Promise<Outcomes> {
  const answer = await operation.send(delivery(messages), signal);
  assert.equal(answer.kind, 'outcomes');
  return answer as Outcomes;
}

/** The kept answer as an object. */
export function rawOf(answer: Answer): unknown {
  return JSON.parse(Buffer.from(answer.raw).toString());
}

/** Outcome and code of each message, in order. */
export function shortly(answer: Outcomes): readonly string[] {
  return answer.outcomes.map(({ outcome, code }) => `${outcome} ${code}`.trim());
}

/** Runs of equal outcomes: `249 delivered, 1 rejected`. */
export function runs(outcomes: readonly MessageOutcome[]): string {
  const found: { outcome: string; count: number }[] = [];
  for (const { outcome } of outcomes) {
    const last = found.at(-1);
    if (last?.outcome === outcome) last.count += 1;
    else found.push({ outcome, count: 1 });
  }
  return found.map(({ outcome, count }) => `${count} ${outcome}`).join(', ');
}

/** The error that a delivery ends with; its class and code are looked at, and that it holds no patient and no password. */
export async function failure(work: Promise<unknown>, secrets: readonly string[] = []): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof DeliveryError, inspect(error));
  for (const secret of [PATIENT, ...secrets]) {
    assert.ok(
      !error.message.includes(secret) && !(error.words ?? '').includes(secret),
      `${secret} in ${error.message}`,
    );
  }
  return `${error.name} ${error.code}`;
}
