import { inCharset } from './carries.ts';
import type { Format } from './contracts/format.ts';
import type { Delivery, Operation } from './contracts/operation.ts';
import { ConfigError, messageOf } from './errors.ts';
import { batchId } from './ids.ts';
import { label } from './labels.ts';
import type { Ready } from './plan-batch.ts';

export interface BatchWriting {
  /** The destination's name. */
  readonly name: string;
  readonly instance: string;
  readonly timeZone: string;
  readonly format: Format | undefined;
}

/**
 * A planned batch as an operation gets it: the same bytes at each attempt.
 * @throws ConfigError `BATCH_NOT_WRITTEN`: it cannot be written, and nothing was sent
 */
export function writeBatch(ready: Ready, attempt: number, operation: Operation, writing: BatchWriting): Delivery {
  try {
    return deliveryOf(ready, attempt, operation, writing);
  } catch (error) {
    throw new ConfigError(
      'BATCH_NOT_WRITTEN',
      `A batch for ${writing.name} cannot be written (${messageOf(error)}); nothing was sent.`,
      { cause: error, whose: 'ours' },
    );
  }
}

function deliveryOf(ready: Ready, attempt: number, operation: Operation, writing: BatchWriting): Delivery {
  const { format, instance, timeZone } = writing;
  const id = batchId(instance, ready.batch);
  const plan = {
    id,
    plannedAt: ready.plannedAt,
    timeZone,
    count: ready.members.count,
    ...(ready.replaces === undefined ? {} : { replaces: batchId(instance, ready.replaces) }),
  };
  const { charset } = operation.carries;
  const bodies = () => inCharset(ready.members.bodies(), charset);
  const body = () => (format?.write ? format.write(plan, bodies()) : bodies());
  const own = charset === 'utf-8' ? ready.members.bytes : lengthOf(bodies());
  const byteLength = format?.write ? (format.overhead ? own + format.overhead(plan) : lengthOf(body())) : own;
  return {
    batchId: id,
    attempt,
    messages: ready.members.count,
    byteLength,
    body,
    each: () => ready.members.each(instance),
    firstByte: () => label('sending.firstByte'),
    lastByte: () => label('sending.lastByte'),
  };
}

function lengthOf(chunks: Iterable<Uint8Array>): number {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return length;
}
