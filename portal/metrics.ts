import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { codeOf, messageOf } from '../engine/errors.ts';
import { EVENTS, emit, onEvent } from '../engine/events.ts';
import { MESSAGE_STATES, type MessageState, SUBMISSION_STATES, type SubmissionState } from '../engine/states.ts';
import type { HealthSource } from './health.ts';

export interface Metrics {
  text(): Promise<string>;
  readonly contentType: string;
  close(): void;
}

/** Metrics of the process, of events, and of the ledger; labels are names of the configuration, states and codes. */
export function openMetrics(source: HealthSource): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const events = new Counter({
    name: 'waybill_events_total',
    help: 'Events by name.',
    labelNames: ['event'],
    registers: [registry],
  });
  for (const event of Object.keys(EVENTS)) events.inc({ event }, 0);
  const messages = new Gauge({
    name: 'waybill_messages',
    help: 'Ledger rows by destination and state.',
    labelNames: ['destination', 'state'],
    registers: [registry],
  });
  const submissions = new Gauge({
    name: 'waybill_submissions',
    help: 'Submissions by state.',
    labelNames: ['state'],
    registers: [registry],
  });
  const stopped = new Gauge({
    name: 'waybill_destination_stopped',
    help: '1 where a destination is stopped.',
    labelNames: ['destination'],
    registers: [registry],
  });
  const oldest = new Gauge({
    name: 'waybill_destination_oldest_unsettled_seconds',
    help: 'Age of the oldest message that is not settled.',
    labelNames: ['destination'],
    registers: [registry],
  });
  const broken = new Gauge({
    name: 'waybill_conservation_mismatches',
    help: 'Entries whose counters do not add up to the items read.',
    registers: [registry],
  });
  const redis = new Gauge({
    name: 'waybill_redis_ready',
    help: '1 while the Redis of the hand-over answers.',
    registers: [registry],
  });
  const ledger = new Gauge({
    name: 'waybill_ledger_ready',
    help: '1 while the ledger can be written.',
    registers: [registry],
  });
  const unsubscribe = onEvent(({ name }) => events.inc({ event: name }));

  return {
    contentType: registry.contentType,
    close: unsubscribe,
    async text() {
      redis.set(source.redisReady() ? 1 : 0);
      const answers = await askLedger(source);
      ledger.set(answers && source.storeWell() ? 1 : 0);
      for (const gauge of [messages, submissions, stopped, oldest]) gauge.reset();
      if (!answers) return registry.metrics();
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
      return registry.metrics();
    },
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
