import type { StatusAnswer } from '../engine/contracts/store.ts';
import { batchId } from '../engine/ids.ts';
import { counted, isoTime, localTime, span, stateCounts } from './output.ts';

export type DestinationStatus = StatusAnswer['destinations'][number];

/**
 * How a destination is: `stopped` (a person must mend something), `paused` (by the breaker, a maintenance window or the
 * rate; it goes on by itself), `held` (a batch is in doubt and nothing else is sent), `sending`, `retrying` (waits for its
 * next try), `waiting` (for its turn), `idle`.
 */
export type Situation = 'stopped' | 'paused' | 'held' | 'sending' | 'retrying' | 'waiting' | 'idle';

export function situationOf({ stop, inDoubt, head, counts, pauses, inFlight }: DestinationStatus): Situation {
  if (stop) return 'stopped';
  if (inFlight > 0) return 'sending';
  if (pauses.length > 0) return 'paused';
  if (inDoubt.length > 0) return 'held';
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
    ...pauseLines(status, now),
    ...headLines(status, instance, now),
    ...limitLines(status),
    ...doubtLines(status, instance, now),
  ];
}

const HEADLINES: Readonly<Record<Situation, string>> = {
  stopped: 'STOPPED',
  paused: 'paused, no call begins',
  held: 'HELD, waits for a decision about what is in doubt',
  sending: 'moving, calls are in flight',
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

/** What holds calls back other than a stop: since when, by what, what happens next and when. */
function pauseLines({ pauses }: DestinationStatus, now: number): string[] {
  return pauses.flatMap(({ kind, since, until, reason, next }) => [
    `  paused (${kind}) since ${localTime(since)}, until ${localTime(until)} (${until > now ? `in ${span(until - now)}` : 'now'})`,
    `  why: ${reason}`,
    `  next: ${next}`,
  ]);
}

/** How many messages the receiver takes at once, where that was learned. */
function limitLines({ limit }: DestinationStatus): string[] {
  if (!limit) return [];
  const { messages, tooMany, tryLargerAt } = limit;
  const known = tooMany === undefined ? '' : `; ${tooMany} were too many`;
  return [
    `  size of a batch: ${counted(messages, 'message')} at once${known}; a larger one is tried at ${localTime(tryLargerAt)}`,
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
  return inDoubt.flatMap(({ batch, messages, since, overdue, ...doubt }) => {
    const id = batchId(instance, batch);
    return [
      `  in doubt: ${id}, ${counted(messages, 'message')}, since ${localTime(since)} (${span(now - since)})${overdue ? ', OVERDUE' : ''}`,
      ...askedLines(doubt, now),
      `  do: ask the receiver whether it has them (waybill trace tells their control ids), then one of`,
      ...['--delivered', '--rejected', '--resend', '--cancel'].map(
        (flag) => `      waybill resolve ${id} ${flag} --reason "..."`,
      ),
    ];
  });
}

/** Whether and when the receiver is asked by itself. */
function askedLines(
  { asked, askAt, ticket }: Pick<DestinationStatus['inDoubt'][number], 'asked' | 'askAt' | 'ticket'>,
  now: number,
): string[] {
  if (asked === 0 && ticket === undefined) return [];
  const times = asked === 0 ? 'not asked yet' : `asked ${asked === 1 ? 'once' : `${asked} times`}`;
  const next = askAt > now ? `again in ${span(askAt - now)}` : 'again now';
  return [`  the receiver ${ticket === undefined ? 'may be asked' : 'answers later'}: ${times}, ${next}`];
}

/** The same as data. */
export function destinationJson(status: DestinationStatus, instance: string) {
  const { name, counts, stop, head, inDoubt, oldestUnsettledAt, pauses, limit, inFlight } = status;
  return {
    name,
    state: situationOf(status),
    counts,
    oldestUnsettledAt: isoTime(oldestUnsettledAt),
    inFlight,
    pauses: pauses.map((pause) => ({ ...pause, since: isoTime(pause.since), until: isoTime(pause.until) })),
    limit: limit ? { ...limit, since: isoTime(limit.since), tryLargerAt: isoTime(limit.tryLargerAt) } : null,
    stop: stop ? { ...stop, since: isoTime(stop.since) } : null,
    head: head
      ? { ...head, batch: batchId(instance, head.batch), dueAt: head.dueAt === 0 ? null : isoTime(head.dueAt) }
      : null,
    inDoubt: inDoubt.map(({ batch, messages, since, asked, overdue, ticket }) => ({
      batch: batchId(instance, batch),
      messages,
      since: isoTime(since),
      asked,
      overdue,
      ticket: ticket ?? null,
    })),
  };
}
