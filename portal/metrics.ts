import { codeOf, messageOf } from '../engine/errors.ts';
import { EVENTS, emit, onEvent } from '../engine/events.ts';
import { MESSAGE_STATES, type MessageState, SUBMISSION_STATES, type SubmissionState } from '../engine/states.ts';
import type { HealthSource } from './health.ts';

export interface Metrics {
  text(): Promise<string>;
  readonly contentType: string;
  close(): void;
}

/** What prom-client gives as content type of its text format. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Metrics of the process, of events, and of the ledger; labels are names of the configuration, states and codes. Events are
 * counted from now on; what writes the metrics is loaded when they are first asked for, and times of the process (event
 * loop, collections of memory) begin then.
 */
export function openMetrics(source: HealthSource): Metrics {
  const counts = new Map<string, number>(Object.keys(EVENTS).map((event) => [event, 0]));
  const close = onEvent(({ name }) => counts.set(name, (counts.get(name) ?? 0) + 1));
  let making: Promise<Instruments> | undefined;
  return {
    contentType: CONTENT_TYPE,
    close,
    async text() {
      making ??= makeInstruments();
      const instruments = await making;
      const answers = await askLedger(source);
      instruments.redis.set(source.redisReady() ? 1 : 0);
      instruments.ledger.set(answers && source.storeWell() ? 1 : 0);
      instruments.events.reset();
      for (const [event, count] of counts) instruments.events.inc({ event }, count);
      setLedger(instruments, answers);
      return instruments.registry.metrics();
    },
  };
}

type Answers = Awaited<ReturnType<typeof askLedger>>;
type Instruments = Awaited<ReturnType<typeof makeInstruments>>;

/** What the ledger does not say now is left out. */
function setLedger({ messages, submissions, stopped, oldest, broken }: Instruments, answers: Answers): void {
  for (const gauge of [messages, submissions, stopped, oldest]) gauge.reset();
  if (!answers) return;
  const { status, mismatches } = answers;
  broken.set(mismatches);
  for (const state of Object.keys(SUBMISSION_STATES) as SubmissionState[])
    submissions.set({ state }, status.submissions[state] ?? 0);
  for (const { name: destination, counts, stop, oldestUnsettledAt } of status.destinations) {
    for (const state of Object.keys(MESSAGE_STATES) as MessageState[])
      messages.set({ destination, state }, counts[state] ?? 0);
    stopped.set({ destination }, stop ? 1 : 0);
    oldest.set({ destination }, oldestUnsettledAt === undefined ? 0 : (Date.now() - oldestUnsettledAt) / 1000);
  }
}

async function makeInstruments() {
  const { Counter, collectDefaultMetrics, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    events: new Counter({ name: 'waybill_events_total', help: 'Events by name.', labelNames: ['event'], registers }),
    messages: new Gauge({
      name: 'waybill_messages',
      help: 'Ledger rows by destination and state.',
      labelNames: ['destination', 'state'],
      registers,
    }),
    submissions: new Gauge({
      name: 'waybill_submissions',
      help: 'Submissions by state.',
      labelNames: ['state'],
      registers,
    }),
    stopped: new Gauge({
      name: 'waybill_destination_stopped',
      help: '1 where a destination is stopped.',
      labelNames: ['destination'],
      registers,
    }),
    oldest: new Gauge({
      name: 'waybill_destination_oldest_unsettled_seconds',
      help: 'Age of the oldest message that is not settled.',
      labelNames: ['destination'],
      registers,
    }),
    broken: new Gauge({
      name: 'waybill_conservation_mismatches',
      help: 'Entries whose counters do not add up to the items read.',
      registers,
    }),
    redis: new Gauge({
      name: 'waybill_redis_ready',
      help: '1 while the Redis of the hand-over answers.',
      registers,
    }),
    ledger: new Gauge({ name: 'waybill_ledger_ready', help: '1 while the ledger can be written.', registers }),
  };
}

/** What the gauges say of the ledger; `undefined` where it cannot be read: then they are left out, and the others are told. */
async function askLedger(source: HealthSource) {
  try {
    const status = await source.ask('status', {});
    const { mismatches } = await source.ask('conservation', {});
    return { status, mismatches };
  } catch (error) {
    emit('ledgerNotRead', { code: codeOf(error), reason: messageOf(error) });
    return undefined;
  }
}
