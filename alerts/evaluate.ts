/** What the rules see now, each by itself. */
import type { AlertRule } from '../engine/contracts/alerts.ts';
import type { Condition, Facts, Seen } from './condition.ts';
import { inDoubt, oldestMessage, stopped } from './rules/destinations.ts';
import { event, rejectedRows } from './rules/happenings.ts';
import { cannotStore, certificate, disk, redisAway } from './rules/house.ts';

export interface Evaluated {
  readonly conditions: readonly Condition[];
  /** Rules whose level could not be found out; what was told of them stays as it is. */
  readonly unknown: ReadonlySet<string>;
}

/** Looks at every rule. Pure: the same facts give the same conditions. */
export function evaluate(rules: readonly AlertRule[], facts: Facts): Evaluated {
  const conditions: Condition[] = [];
  const unknown = new Set<string>();
  for (const rule of rules) {
    const seen = see(rule, facts);
    if (seen === 'unknown') unknown.add(rule.name);
    else conditions.push(...seen);
  }
  return { conditions, unknown };
}

function see(rule: AlertRule, facts: Facts): Seen {
  const { when } = rule;
  switch (when.kind) {
    case 'stopped':
      return stopped(rule, when, facts);
    case 'oldestMessage':
      return oldestMessage(rule, when, facts);
    case 'inDoubt':
      return inDoubt(rule, when, facts);
    case 'rejectedRows':
      return rejectedRows(rule, when, facts);
    case 'disk':
      return disk(rule, when, facts);
    case 'certificate':
      return certificate(rule, when, facts);
    case 'event':
      return event(rule, when, facts);
    case 'redisAway':
      return redisAway(rule, when, facts);
    case 'cannotStore':
      return cannotStore(rule, when, facts);
  }
}
