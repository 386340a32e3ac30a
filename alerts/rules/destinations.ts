/** Levels of destinations: stopped, late, in doubt. */
import type { AlertCondition, AlertRule } from '../../engine/contracts/alerts.ts';
import type { StatusAnswer } from '../../engine/contracts/questions.ts';
import { batchId } from '../../engine/ids.ts';
import type { Condition, Facts, Seen } from '../condition.ts';
import { counted, listed, localTime, safeCode, span } from '../words.ts';

type DestinationStatus = StatusAnswer['destinations'][number];
type Of<K extends AlertCondition['kind']> = Extract<AlertCondition, { kind: K }>;

/** One condition for each destination that is stopped. */
export function stopped(rule: AlertRule, when: Of<'stopped'>, facts: Facts): Seen {
  return ofDestinations(facts, when.destinations, (status) => {
    const { stop, name } = status;
    if (!stop) return undefined;
    const code = safeCode(stop.code);
    const waiting = waitingOf(status);
    return {
      ...about(rule, name),
      since: stop.since,
      due: facts.now - stop.since >= when.for,
      sentence: `The destination ${name} has been stopped since ${localTime(stop.since, facts.timeZone)}${code ? ` by ${code}` : ''}; ${counted(waiting, 'message')} wait.`,
      advice: `waybill status says why and what to do; then waybill resume ${name}`,
      over: `The destination ${name} is no longer stopped.`,
      facts: { destination: name, waiting, ...(code ? { code } : {}), ...(stop.whose ? { whose: stop.whose } : {}) },
    };
  });
}

/** One condition for each destination whose oldest message has been under way for too long. */
export function oldestMessage(rule: AlertRule, when: Of<'oldestMessage'>, facts: Facts): Seen {
  return ofDestinations(facts, when.destinations, (status) => {
    const { name, oldestUnsettledAt: oldest } = status;
    if (oldest === undefined || facts.now - oldest < when.olderThan) return undefined;
    const waiting = waitingOf(status);
    return {
      ...about(rule, name),
      since: oldest + when.olderThan,
      // In hours of maintenance nothing is late; what was told before stays as it is.
      due: !status.pauses.some(({ kind }) => kind === 'maintenance'),
      sentence: `The oldest message for ${name} has been under way for ${span(facts.now - oldest)}; ${counted(waiting, 'message')} wait.`,
      advice: 'waybill status says what the destination does, what it waits for, and what a person can do',
      over: `No message for ${name} has been under way for more than ${span(when.olderThan)}.`,
      facts: { destination: name, waiting, oldestSeconds: Math.round((facts.now - oldest) / 1000) },
    };
  });
}

/** One condition for each destination with enough messages that have been in doubt for long enough. */
export function inDoubt(rule: AlertRule, when: Of<'inDoubt'>, facts: Facts): Seen {
  return ofDestinations(facts, when.destinations, ({ name, inDoubt: batches }) => {
    const [first] = batches;
    if (!first) return undefined;
    const old = batches.filter(({ since }) => facts.now - since >= when.for);
    const messages = sumOf(old.length > 0 ? old : batches);
    const ids = batches.map(({ batch }) => batchId(facts.instance, batch));
    const since = Math.min(...batches.map((batch) => batch.since));
    return {
      ...about(rule, name),
      since,
      due: sumOf(old) >= when.messages,
      sentence: `${counted(messages, 'message')} for ${name} may have arrived or not, since ${localTime(since, facts.timeZone)}: ${listed(ids)}.`,
      advice: `ask the receiver whether it has them, then waybill resolve ${ids[0]} --delivered, --rejected, --resend or --cancel`,
      over: `Nothing for ${name} is in doubt any more.`,
      facts: { destination: name, messages, batches: batches.length, batch: ids[0] ?? '' },
    };
  });
}

function ofDestinations(
  { status }: Facts,
  names: readonly string[],
  see: (status: DestinationStatus) => Condition | undefined,
): Seen {
  if (!status) return 'unknown';
  return status.destinations
    .filter(({ name }) => names.length === 0 || names.includes(name))
    .flatMap((each) => see(each) ?? []);
}

function about(rule: AlertRule, subject: string) {
  return { rule: rule.name, subject, once: false };
}

function waitingOf({ counts }: DestinationStatus): number {
  return (counts.queued ?? 0) + (counts.suspended ?? 0);
}

function sumOf(batches: readonly { readonly messages: number }[]): number {
  return batches.reduce((sum, { messages }) => sum + messages, 0);
}
