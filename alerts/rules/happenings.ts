/** What happens, rather than lasts: events, and submissions with many rejected rows. */
import type { AlertCondition, AlertRule } from '../../engine/contracts/alerts.ts';
import { EVENTS } from '../../engine/events.ts';
import type { Facts, Seen } from '../condition.ts';
import { counted, listed, span } from '../words.ts';

type Of<K extends AlertCondition['kind']> = Extract<AlertCondition, { kind: K }>;

/** An event that has happened often enough in the time that counts. */
export function event(rule: AlertRule, when: Of<'event'>, { events, now }: Facts): Seen {
  const recent = (events.get(rule.name) ?? []).filter(({ at }) => now - at < when.within);
  const [first] = recent;
  if (!first || recent.length < when.times) return [];
  const destinations = unique(recent.map(({ destination }) => destination));
  const codes = unique(recent.map(({ code }) => code));
  const where = destinations.length === 0 ? '' : `; destinations: ${listed(destinations)}`;
  const why = codes.length === 0 ? '' : `; codes: ${listed(codes)}`;
  // No more than `times` are remembered.
  const often = when.times === 1 ? 'once or more' : `at least ${counted(when.times, 'time')}`;
  return [
    {
      rule: rule.name,
      subject: '',
      once: false,
      since: first.at,
      due: true,
      sentence: `${when.name}, ${often} in ${span(when.within)}: ${EVENTS[when.name].says}${where}${why}.`,
      advice: 'the log has each of them; waybill status and waybill submissions say how things are now',
      over: `${when.name} has not happened so often any more in the last ${span(when.within)}.`,
      facts: {
        event: when.name,
        times: recent.length,
        ...(destinations[0] === undefined ? {} : { destination: destinations.join(' ') }),
        ...(codes[0] === undefined ? {} : { code: codes.join(' ') }),
      },
    },
  ];
}

/** One condition for each submission that was routed with too many rejected rows. */
export function rejectedRows(rule: AlertRule, when: Of<'rejectedRows'>, { routed }: Facts): Seen {
  return routed
    .filter(({ service }) => when.services.length === 0 || when.services.includes(service))
    .filter(({ items, rejectedItems }) => items >= when.minRows && rejectedItems * 100 > when.overPercent * items)
    .map(({ id, service, items, rejectedItems, routedAt }) => ({
      rule: rule.name,
      subject: id,
      once: true,
      since: routedAt,
      due: true,
      sentence: `${rejectedItems} of ${counted(items, 'row')} (${Math.round((rejectedItems / items) * 100)} %) of submission ${id} of service ${service} were rejected.`,
      advice: `waybill trace ${id} says which and why; the sender finds them in rejected.csv`,
      over: '',
      facts: { submission: id, service, rows: items, rejected: rejectedItems },
    }));
}

function unique(words: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(words.filter((word) => word !== undefined))];
}
