/** What goes out: one message for each channel, with all that is to be told there. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Severity } from '../engine/contracts/alerts.ts';
import { localTime } from './words.ts';

/** More are counted, not listed. */
const MOST = 50;

/** One thing to tell. */
export interface Notice {
  readonly kind: 'raised' | 'lasting' | 'resolved';
  readonly rule: string;
  readonly severity: Severity;
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly sentence: string;
  readonly advice: string;
  readonly facts: Readonly<Record<string, string | number>>;
}

/** A message as webhooks and commands get it, as JSON. Every text is ours. */
export interface AlertMessage {
  /** The same in every try to send it. */
  readonly id: string;
  readonly kind: 'alert' | 'test';
  readonly production: string;
  readonly host: string;
  readonly channel: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The worst of those that are not resolved; `info` where all are. */
  readonly severity: Severity;
  /** One line for a phone. */
  readonly summary: string;
  readonly alerts: readonly (Omit<Notice, 'since'> & { readonly since: string })[];
  /** How many more there are. */
  readonly more: number;
  /** The same as text for people. */
  readonly text: string;
}

export interface MessageOptions {
  readonly production: string;
  readonly timeZone: string;
  readonly channel: string;
  readonly now: number;
}

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };
const HEADINGS: Readonly<Record<Notice['kind'], string>> = { raised: '', lasting: 'STILL ', resolved: 'RESOLVED ' };

/** Puts notices into one message, the worst first. @param notices at least one */
export function messageOf(notices: readonly Notice[], options: MessageOptions): AlertMessage {
  const { production, channel, now, timeZone } = options;
  const sorted = [...notices].sort((a, b) => weight(b) - weight(a) || a.since - b.since);
  const shown = sorted.slice(0, MOST);
  const more = sorted.length - shown.length;
  const open = sorted.filter(({ kind }) => kind !== 'resolved');
  const severity = open.reduce<Severity>(
    (worst, each) => (RANK[each.severity] > RANK[worst] ? each.severity : worst),
    'info',
  );
  const [first] = shown;
  const others = sorted.length > 1 ? ` (and ${sorted.length - 1} more)` : '';
  const summary = `${production}: ${first ? `${HEADINGS[first.kind]}${first.sentence}` : ''}${others}`;
  const lines = [
    `Production ${production} on ${hostname()}, ${localTime(now, timeZone)}`,
    ...shown.flatMap((notice) => ['', ...textLines(notice, timeZone)]),
    ...(more > 0 ? ['', `and ${more} more: waybill alerts lists them all`] : []),
    '',
    'waybill alerts shows every rule and what was told.',
  ];
  return {
    id: randomUUID(),
    kind: 'alert',
    production,
    host: hostname(),
    channel,
    at: new Date(now).toISOString(),
    severity,
    summary,
    alerts: shown.map((notice) => ({ ...notice, since: new Date(notice.since).toISOString() })),
    more,
    text: `${lines.join('\n')}\n`,
  };
}

/** A message that says that the channel works. */
export function testMessage({ production, channel, now, timeZone }: MessageOptions): AlertMessage {
  const summary = `${production}: a test of the channel ${channel}; nothing is wrong.`;
  return {
    id: randomUUID(),
    kind: 'test',
    production,
    host: hostname(),
    channel,
    at: new Date(now).toISOString(),
    severity: 'info',
    summary,
    alerts: [],
    more: 0,
    text: `${summary}\n${hostname()}, ${localTime(now, timeZone)}\n`,
  };
}

/** A notice as lines for people. */
function textLines({ kind, severity, rule, sentence, advice, since }: Notice, timeZone: string): string[] {
  const head = kind === 'resolved' ? 'RESOLVED' : `${HEADINGS[kind]}${severity.toUpperCase()}`;
  return [
    `${head}: ${sentence}`,
    ...(kind === 'resolved' || advice === '' ? [] : [`  do: ${advice}`]),
    `  rule ${rule}, since ${localTime(since, timeZone)}`,
  ];
}

function weight({ kind, severity }: Notice): number {
  return kind === 'resolved' ? -1 : RANK[severity];
}
