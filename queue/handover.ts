/**
 * The hand-over on Redis, by BullMQ: wake-ups of lanes, for every process that works on the same production. A wake-up
 * carries a host and a lane, nothing else; it may come twice, and it may be lost with the Redis, since what is due is
 * in the store and is signalled again. So nothing here is awaited by the work itself, and nothing here can stop it.
 */
import type { Logger } from '../engine/contracts/runtime.ts';
import { type Link, openLink } from './link.ts';
import type { RedisAddress } from './redis-ask.ts';
import { DueSignals, Signals } from './signals.ts';

export interface HandoverOptions {
  readonly connection: RedisAddress;
  /** Who hands over to whom: one queue for each host. */
  readonly host: string;
  /** Before every key in Redis; default `waybill`. */
  readonly prefix?: string;
  readonly logger: Logger;
  /**
   * A lane has, or may have, work. Comes for signals of any process, this one too; drains until the store says empty.
   * What it throws is logged; the sweep looks again.
   */
  onWake(lane: string): Promise<void> | void;
}

export interface Handover {
  /** Wakes whoever works on a lane, soon. Never waits, never throws; dropped while the Redis is away. */
  signal(lane: string): void;
  /** Wakes the lane at a time (milliseconds since 1970) instead of any later or earlier one set before. */
  signalAt(lane: string, dueMs: number): void;
  /** Takes back what `signalAt` set. */
  cancelDue(lane: string): void;
  /** True while the Redis answers. */
  ready(): boolean;
  /** Called each time the Redis is there (again): signal every lane that has work. */
  onReady(listener: () => void): void;
  /** Ends within a few seconds, whatever the Redis does; no wake-up comes after it. */
  close(): Promise<void>;
}

/** Opens the hand-over; returns before the Redis is reached, and goes on trying for as long as it is open. */
export async function openHandover(options: HandoverOptions): Promise<Handover> {
  const { host, logger } = options;
  const link: Link = await openLink({
    connection: options.connection,
    queue: idPart(host),
    prefix: options.prefix ?? 'waybill',
    logger,
    onJob: async (lane, due) => {
      if (due) dues.arrived(lane);
      await options.onWake(lane);
    },
  });

  const signals = new Signals(link, (lane) => ({
    data: { host, lane },
    deduplication: { id: `${idPart(host)}.${idPart(lane)}`, keepLastIfActive: true },
  }));
  const dues = new DueSignals(link, {
    id: (lane) => `${idPart(host)}.${idPart(lane)}.due`,
    data: (lane) => ({ host, lane }),
  });

  return {
    signal: (lane) => signals.want(lane),
    signalAt: (lane, dueMs) => dues.want(lane, dueMs),
    cancelDue: (lane) => dues.cancel(lane),
    ready: () => link.ready(),
    onReady: (listener) => link.onReady(listener),
    close: async () => {
      signals.close();
      dues.close();
      await link.close();
    },
  };
}

/** Part of an id, as BullMQ takes it: `[a-z0-9-]`; any other character becomes `_` and its number, so that none collide. */
function idPart(name: string): string {
  return name.replace(/[^a-z0-9-]/gu, (character) => `_${character.codePointAt(0)?.toString(16)}_`);
}
