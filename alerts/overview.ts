/** How things are with the alerts, for people: rules with their levels, channels, and what would be told. Sends nothing. */
import type { AlertRule, AlertSettings } from '../engine/contracts/alerts.ts';
import type { Production } from '../engine/contracts/production.ts';
import type { Logger } from '../engine/contracts/runtime.ts';
import { Book, keyOf } from './book.ts';
import type { Condition } from './condition.ts';
import { type Evaluated, evaluate } from './evaluate.ts';
import { type AlertSource, Gather } from './gather.ts';
import { type AlertMessage, messageOf } from './message.ts';
import { type Failing, readState } from './state-file.ts';

/** Where nobody looked before, submissions of this time count. */
const LOOK_BACK = 24 * 3_600_000;

export interface OverviewOptions {
  readonly production: Production;
  readonly settings: AlertSettings;
  readonly dataFolder: string;
  readonly instance: string;
  readonly source: AlertSource;
  readonly logger: Logger;
  readonly now: number;
}

/**
 * `pending`: not long enough. `due`: told at the next look. `told`: and it lasts. `ending`: told, and gone; told to be over
 * soon.
 */
export type Level = 'pending' | 'due' | 'told' | 'ending';

export interface Sighting extends Pick<Condition, 'subject' | 'since' | 'sentence' | 'advice' | 'facts'> {
  readonly level: Level;
  /** When each channel was told last, milliseconds since 1970. */
  readonly told: Readonly<Record<string, number>>;
}

export interface Overview {
  readonly rules: readonly {
    readonly rule: AlertRule;
    readonly unknown: boolean;
    readonly seen: readonly Sighting[];
  }[];
  readonly failing: Readonly<Record<string, Failing>>;
  /** What was told cannot be read. */
  readonly broken: boolean;
  /** What an engine would send now, by channel. */
  readonly messages: readonly AlertMessage[];
}

/** Looks at every rule once, with what was told before. Writes nothing, sends nothing. */
export async function overview(options: OverviewOptions): Promise<Overview> {
  const { production, settings, dataFolder, instance, source, logger, now } = options;
  const { state, broken } = readState(dataFolder);
  const gather = new Gather({
    production,
    rules: settings.rules,
    dataFolder,
    instance: () => instance,
    source,
    logger,
    routedUpTo: state.routedUpTo ?? now - LOOK_BACK,
    events: state.events,
  });
  const { signal } = new AbortController();
  const { routed } = await gather.facts(now, signal);
  await gather.settled();
  const evaluated = evaluate(settings.rules, { ...(await gather.facts(now, signal)), routed });
  const book = new Book(settings, state.kept);
  book.see(evaluated, now);
  return {
    rules: settings.rules.map((rule) => ({
      rule,
      unknown: evaluated.unknown.has(rule.name),
      seen: seenBy(rule, book, evaluated),
    })),
    failing: state.failing,
    broken,
    messages: messagesOf(book, options),
  };
}

function messagesOf(book: Book, { production, settings, now }: OverviewOptions): AlertMessage[] {
  return Object.keys(settings.channels).flatMap((channel) => {
    // As if everything that comes together had come.
    const notices = book.wanted(channel, now + settings.group).map(({ notice }) => notice);
    const { name, resources } = production;
    if (notices.length === 0) return [];
    return [messageOf(notices, { production: name, timeZone: resources.timeZone, channel, now })];
  });
}

function seenBy({ name, channels }: AlertRule, book: Book, { conditions }: Evaluated): readonly Sighting[] {
  const kept = book.kept.filter(({ rule }) => rule === name);
  const known = new Set(kept.map(keyOf));
  const pending = conditions.filter((condition) => condition.rule === name && !known.has(keyOf(condition)));
  return [
    ...kept.map(({ clearSince, told, ...condition }) => {
      const lasts: Level = Object.keys(told).length > 0 ? 'told' : 'due';
      const inOrder = channels.flatMap((channel) => (told[channel] === undefined ? [] : [[channel, told[channel]]]));
      return {
        ...shown(condition),
        told: Object.fromEntries(inOrder),
        level: clearSince === undefined ? lasts : ('ending' as const),
      };
    }),
    ...pending.map((condition) => ({ ...shown(condition), told: {}, level: 'pending' as const })),
  ];
}

function shown({ subject, since, sentence, advice, facts }: Omit<Condition, 'due'>) {
  return { subject, since, sentence, advice, facts };
}
