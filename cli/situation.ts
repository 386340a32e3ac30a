import type { StatusAnswer } from '../engine/contracts/store.ts';
import { batchId } from '../engine/ids.ts';
import { counted, isoTime, localTime, span, stateCounts } from './output.ts';

export type DestinationStatus = StatusAnswer['destinations'][number];

/**
 * How a destination is: `stopped` (a person must mend something), `held` (a batch is in doubt and the lane waits for a
 * decision), `sending`, `retrying` (waits for its next try), `waiting` (for its turn), `idle`.
 */
export type Situation = 'stopped' | 'held' | 'sending' | 'retrying' | 'waiting' | 'idle';

export function situationOf({ stop, inDoubt, head, counts }: DestinationStatus): Situation {
  if (stop) return 'stopped';
  if (inDoubt.length > 0) return 'held';
  if (head?.state === 'sending') return 'sending';
  if (head && head.attempts > 0) return 'retrying';
  return head || (counts.queued ?? 0) > 0 ? 'waiting' : 'idle';
}

/** What is to be said of a destination: how it is, since when, by what, what happens next, what a person can do. */
export function destinationLines(
  status: DestinationStatus,
  instance: string,
  engineRuns: boolean,
  now: number,
): string[] {
  const situation = situationOf(status);
  return [
    `${status.name}: ${headline(situation, engineRuns)}`,
    `  messages: ${stateCounts(status.counts)}`,
    ...(status.oldestUnsettledAt === undefined
      ? []
      : [`  oldest under way: since ${localTime(status.oldestUnsettledAt)} (${span(now - status.oldestUnsettledAt)})`]),
    ...stopLines(status),
    ...headLines(status, instance, now),
    ...doubtLines(status, instance, now),
  ];
}

const HEADLINES: Readonly<Record<Situation, string>> = {
  stopped: 'STOPPED',
  held: 'HELD, waits for a decision about what is in doubt',
  sending: 'moving, a call is in flight',
  retrying: 'moving, waits for its next try',
  waiting: 'moving, messages wait for their turn',
  idle: 'moving, nothing waits',
};

function headline(situation: Situation, engineRuns: boolean): string {
  if (situation === 'sending' && !engineRuns) return 'a call was in flight when the engine ended; it becomes in doubt';
  return engineRuns ? HEADLINES[situation] : `${HEADLINES[situation].replace('moving, ', '')}; the engine does not run`;
}

function stopLines({ name, stop }: DestinationStatus): string[] {
  if (!stop) return [];
  return [
    `  stopped since ${localTime(stop.since)} by ${stop.code}${stop.whose === '' ? '' : ` (whose: ${stop.whose})`}`,
    `  why: ${stop.reason}`,
    `  next: ${stop.next}`,
    `  do: mend the cause, then  waybill resume ${name}`,
  ];
}

function headLines({ head, stop }: DestinationStatus, instance: string, now: number): string[] {
  if (!head) return [];
  const id = batchId(instance, head.batch);
  const last =
    head.lastWords === '' && head.lastCode === '' ? [] : [`  last answer: ${head.lastWords} (${head.lastCode})`];
  const due =
    stop || head.state !== 'planned'
      ? ''
      : head.dueAt > now
        ? `, due at ${localTime(head.dueAt)} (in ${span(head.dueAt - now)})`
        : ', due now';
  return [
    `  head of the lane: ${id}, ${counted(head.count, 'message')}, ${head.state}, ${counted(head.attempts, 'attempt')}${due}`,
    ...last,
  ];
}

function doubtLines({ inDoubt }: DestinationStatus, instance: string, now: number): string[] {
  return inDoubt.flatMap(({ batch, messages, since }) => {
    const id = batchId(instance, batch);
    return [
      `  in doubt: ${id}, ${counted(messages, 'message')}, since ${localTime(since)} (${span(now - since)})`,
      `  do: ask the receiver whether it has them (waybill trace tells their control ids), then one of`,
      ...['--delivered', '--rejected', '--resend', '--cancel'].map(
        (flag) => `      waybill resolve ${id} ${flag} --reason "..."`,
      ),
    ];
  });
}

/** The same as data. */
export function destinationJson(status: DestinationStatus, instance: string) {
  const { name, counts, stop, head, inDoubt, oldestUnsettledAt } = status;
  return {
    name,
    state: situationOf(status),
    counts,
    oldestUnsettledAt: isoTime(oldestUnsettledAt),
    stop: stop ? { ...stop, since: isoTime(stop.since) } : null,
    head: head
      ? { ...head, batch: batchId(instance, head.batch), dueAt: head.dueAt === 0 ? null : isoTime(head.dueAt) }
      : null,
    inDoubt: inDoubt.map(({ batch, messages, since }) => ({
      batch: batchId(instance, batch),
      messages,
      since: isoTime(since),
    })),
  };
}
