/** The connections of one hand-over: a producer that fails at once while the Redis is away, and a BullMQ worker. */

import { createRequire } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import type { Job, JobsOptions, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from '../engine/contracts/runtime.ts';
import { messageOf } from '../engine/errors.ts';
import type { RedisAddress } from './redis-ask.ts';

/** What a job holds: never anything of a patient, since Redis keeps it as plain text. */
export interface WakeUp {
  readonly host: string;
  readonly lane: string;
}

export interface LinkOptions {
  readonly connection: RedisAddress;
  readonly queue: string;
  readonly prefix: string;
  readonly logger: Logger;
  onJob(lane: string, due: boolean): Promise<void>;
}

export interface Link {
  /** Rejects at once while the Redis is away, after a few seconds when it hangs. */
  add(wakeUp: WakeUp, options: JobsOptions): Promise<void>;
  /** Removes the delayed job with this deduplication id, if there is one. */
  remove(deduplicationId: string): Promise<void>;
  ready(): boolean;
  onReady(listener: () => void): void;
  close(): Promise<void>;
}

/** A command that is not answered within this time has failed: a Redis may hang with its connection open. */
const COMMAND_WITHIN_MS = 3_000;
const HEARTBEAT_EVERY_MS = 2_000;
const RECONNECT_AT_MOST_EVERY_MS = 2_000;
const CLOSE_WITHIN_MS = 2_000;
/** A worker that was killed leaves its job for at most both together; the defaults of BullMQ make that a minute. */
const LOCK_MS = 10_000;
const STALLED_EVERY_MS = 5_000;
/** Lanes that are woken side by side; a wake-up is short, or waits for a receiver. */
const CONCURRENCY = 64;
/** BullMQ's stream of events is read by nobody here. */
const EVENTS_KEPT = 100;

const require = createRequire(import.meta.url);

/** The two classes that are used. BullMQ's index also loads its other back ends and flows: 3 MB and a third of its time. */
function loadBullmq(): Pick<typeof import('bullmq'), 'Queue' | 'Worker'> {
  return {
    Queue: (require('bullmq/dist/cjs/classes/queue.js') as typeof import('bullmq')).Queue,
    Worker: (require('bullmq/dist/cjs/classes/worker.js') as typeof import('bullmq')).Worker,
  };
}

/** Opens the connections without waiting for the Redis. BullMQ is loaded here, not before: it costs 0.1 s. */
export async function openLink(options: LinkOptions): Promise<Link> {
  const bullmq = loadBullmq();
  const { logger } = options;
  const retryStrategy = (times: number) => Math.min(50 * 2 ** Math.min(times, 10), RECONNECT_AT_MOST_EVERY_MS);
  const producer = new Redis({
    ...options.connection,
    retryStrategy,
    enableOfflineQueue: false,
    commandTimeout: COMMAND_WITHIN_MS,
    maxRetriesPerRequest: null,
  });
  const consumer = new Redis({ ...options.connection, retryStrategy, maxRetriesPerRequest: null });

  const listeners: (() => void)[] = [];
  let state: 'new' | 'up' | 'away' = 'new';
  let closed = false;

  function isUp(): void {
    if (closed || state === 'up') return;
    if (state === 'away')
      logger.info({ queue: options.queue }, 'Redis is back; every lane with work is signalled again');
    state = 'up';
    for (const listener of listeners) listener();
  }

  function isAway(reason: string): void {
    if (closed || state === 'away') return;
    state = 'away';
    logger.warn({ queue: options.queue, reason }, 'Redis is away; this process goes on alone, nothing is lost');
  }

  const queue: Queue<WakeUp> = new bullmq.Queue(options.queue, {
    connection: producer,
    prefix: options.prefix,
    skipMetasUpdate: true,
    streams: { events: { maxLen: EVENTS_KEPT } },
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  });
  const worker: Worker<WakeUp> = new bullmq.Worker(options.queue, handle, {
    connection: consumer,
    prefix: options.prefix,
    concurrency: CONCURRENCY,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_EVERY_MS,
    maxStalledCount: 1_000,
    runRetryDelay: 1_000,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });

  async function handle(job: Job<WakeUp>): Promise<void> {
    if (closed || typeof job.data.lane !== 'string') return;
    try {
      await options.onJob(job.data.lane, job.name === 'due');
    } catch (error) {
      logger.error({ lane: job.data.lane, reason: messageOf(error) }, 'a wake-up failed; the sweep looks again');
    }
  }

  // Each of these would otherwise print, or end the process.
  const failed = (error: unknown) => {
    if (producer.status !== 'ready') isAway(messageOf(error));
  };
  producer.on('error', failed);
  consumer.on('error', failed);
  queue.on('error', failed);
  worker.on('error', failed);
  producer.on('close', () => isAway('the connection was closed'));
  producer.on('ready', () => void beat());

  let beating = false;
  /** Also notices a Redis that hangs with its connection open, and one that is back from that. */
  async function beat(): Promise<void> {
    if (beating || closed || producer.status !== 'ready') return;
    beating = true;
    try {
      await producer.ping();
      isUp();
    } catch (error) {
      isAway(messageOf(error));
    } finally {
      beating = false;
    }
  }
  const heartbeat = setInterval(() => void beat(), HEARTBEAT_EVERY_MS);
  heartbeat.unref();

  return {
    add: async (wakeUp, jobOptions) => {
      await queue.add(jobOptions.delay === undefined ? 'wake' : 'due', wakeUp, jobOptions);
    },
    remove: async (deduplicationId) => {
      const id = await queue.getDeduplicationJobId(deduplicationId);
      if (id) await queue.remove(id);
    },
    ready: () => state === 'up',
    onReady: (listener) => {
      listeners.push(listener);
      if (state === 'up') listener();
    },
    close: async () => {
      if (closed) return;
      closed = true;
      clearInterval(heartbeat);
      const inOrder = state === 'up' ? worker.close() : Promise.resolve();
      await Promise.race([inOrder, wait(CLOSE_WITHIN_MS)]);
      state = 'away';
      // What still waits for an answer is let go: by now its wake-up is not needed here.
      const ending = [worker.close(true), queue.close()];
      for (const client of [producer, consumer]) client.disconnect();
      await Promise.race([Promise.allSettled(ending), wait(CLOSE_WITHIN_MS)]);
    },
  };
}
