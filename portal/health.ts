import type { Questions } from '../engine/contracts/store.ts';
import { codeOf, messageOf } from '../engine/errors.ts';

/** What health looks at. */
export interface HealthSource {
  /** The ledger took what was last asked of it. */
  storeWell(): boolean;
  /** Why it did not: a code and a sentence without anything of a patient. */
  storeTrouble?(): string | undefined;
  /** The hand-over's Redis answers. A single node delivers without it. */
  redisReady(): boolean;
  stopping(): boolean;
  ask<K extends keyof Questions>(question: K, request: Questions[K]['with']): Promise<Questions[K]['gives']>;
}

export interface Readiness {
  readonly ready: boolean;
  readonly ledger: string;
  readonly redis: string;
  readonly destinations: Readonly<Record<string, string>>;
}

/** Ready: inputs can be taken in. A stopped destination or a Redis away is told, and is no reason to turn senders away. */
export async function readiness(source: HealthSource): Promise<Readiness> {
  const redis = source.redisReady() ? 'ready' : 'away: this node delivers, other processes are not woken';
  if (source.stopping()) return { ready: false, ledger: 'the engine is stopping', redis, destinations: {} };
  if (!source.storeWell())
    return {
      ready: false,
      ledger: `cannot be written: ${source.storeTrouble?.() ?? 'look at the log and at the disk'}`,
      redis,
      destinations: {},
    };
  const status = await source.ask('status', {}).catch((error: unknown) => `${codeOf(error)}: ${messageOf(error)}`);
  if (typeof status === 'string') return { ready: false, ledger: `cannot be read: ${status}`, redis, destinations: {} };
  const destinations = status.destinations.map(
    ({ name, stop }) => [name, stop ? `stopped (${stop.code})` : 'moving'] as const,
  );
  return { ready: true, ledger: 'ready', redis, destinations: Object.fromEntries(destinations) };
}
