/** What was seen, and who was told of it when: from this follows what is to be told. Kept over restarts. */
import type { AlertRule, AlertSettings } from '../engine/contracts/alerts.ts';
import type { Condition } from './condition.ts';
import type { Evaluated } from './evaluate.ts';
import type { Notice } from './message.ts';
import { inWindow } from './quiet.ts';

/** A condition that is due, or was told of and has not been told to be over. Plain data. */
export interface Kept extends Omit<Condition, 'due'> {
  /** Since when it is no longer seen, milliseconds since 1970; absent while it lasts. */
  readonly clearSince?: number;
  /** When each channel was told last. */
  readonly told: Readonly<Record<string, number>>;
}

/** What is to be told to one channel. */
export interface Wanted {
  readonly key: string;
  readonly notice: Notice;
}

/** What happened once is told within this time, or not at all: nobody wants it a week later. */
const ONCE_FOR = 24 * 3_600_000;
/** So many are kept, the latest; more are only counted by the log. */
const MOST = 5_000;

export class Book {
  readonly #settings: Pick<AlertSettings, 'channels' | 'group'>;
  readonly #rules: ReadonlyMap<string, AlertRule>;
  readonly #kept = new Map<string, Kept>();
  /** Keys that are on their way to a channel: what becomes of them is not known yet. */
  readonly #sending = new Map<string, number>();

  /** @param kept from the last run; what belongs to a rule or channel that is gone is left out */
  constructor(settings: Pick<AlertSettings, 'channels' | 'group' | 'rules'>, kept: readonly Kept[] = []) {
    this.#settings = settings;
    this.#rules = new Map(settings.rules.map((rule) => [rule.name, rule]));
    for (const each of kept) {
      const rule = this.#rules.get(each.rule);
      if (!rule) continue;
      const told = Object.entries(each.told).filter(([channel]) => rule.channels.includes(channel));
      this.#kept.set(keyOf(each), { ...each, told: Object.fromEntries(told) });
    }
  }

  /** Everything that is kept, the oldest first. */
  get kept(): readonly Kept[] {
    return [...this.#kept.values()];
  }

  /** Takes in what the rules see now. @returns true where something begins or ends */
  see({ conditions, unknown }: Evaluated, now: number): boolean {
    let changed = false;
    const seen = new Set<string>();
    for (const condition of conditions) {
      const key = keyOf(condition);
      const before = this.#kept.get(key);
      seen.add(key);
      if (!before && (!condition.due || this.#kept.size >= MOST)) continue;
      changed ||= !before || before.clearSince !== undefined;
      this.#kept.set(key, lasting(before, condition));
    }
    for (const [key, kept] of this.#kept) {
      if (seen.has(key) || (!kept.once && unknown.has(kept.rule))) continue;
      changed = this.#unseen(key, kept, now) || changed;
    }
    return changed;
  }

  /** What a channel is to be told now, whatever came before. */
  wanted(channel: string, now: number): readonly Wanted[] {
    const settings = this.#settings.channels[channel];
    if (!settings) return [];
    const quiet = inWindow(settings.quiet, now);
    return [...this.#kept].flatMap(([key, kept]) => {
      const rule = this.#rules.get(kept.rule);
      if (!rule?.channels.includes(channel) || (quiet && rule.severity !== 'critical')) return [];
      const kind = this.#kind(rule, kept, channel, now);
      return kind ? [{ key, notice: noticeOf(kind, rule, kept) }] : [];
    });
  }

  /** These are on their way: they are not forgotten meanwhile. */
  sending(keys: readonly string[]): void {
    for (const key of keys) this.#sending.set(key, (this.#sending.get(key) ?? 0) + 1);
  }

  /** They have been told to a channel, or (`told` false) could not be. */
  sent(channel: string, wanted: readonly Wanted[], told: boolean, now: number): void {
    for (const { key, notice } of wanted) {
      const left = (this.#sending.get(key) ?? 0) - 1;
      if (left > 0) this.#sending.set(key, left);
      else this.#sending.delete(key);
      const kept = this.#kept.get(key);
      if (!told || !kept) continue;
      const { [channel]: _, ...others } = kept.told;
      this.#kept.set(key, { ...kept, told: notice.kind === 'resolved' ? others : { ...others, [channel]: now } });
      this.#forget(key);
    }
  }

  #kind(rule: AlertRule, { told, clearSince, once }: Kept, channel: string, now: number): Notice['kind'] | undefined {
    const at = told[channel];
    if (clearSince !== undefined) {
      // For a while it may come back unseen: a level that sways is one alert.
      return at !== undefined && rule.resolved && now - clearSince >= this.#settings.group ? 'resolved' : undefined;
    }
    if (at === undefined) return 'raised';
    return !once && rule.repeat !== 'never' && now - at >= rule.repeat ? 'lasting' : undefined;
  }

  /** A condition that is no longer there. @returns true where that is new */
  #unseen(key: string, kept: Kept, now: number): boolean {
    if (kept.once) {
      if (now - kept.since < ONCE_FOR) return false;
      this.#kept.delete(key);
      return true;
    }
    if (kept.clearSince === undefined) this.#kept.set(key, { ...kept, clearSince: now });
    const ended = this.#forget(key) || kept.clearSince === undefined;
    if (this.#rules.get(kept.rule)?.resolved || now - (kept.clearSince ?? now) < this.#settings.group) return ended;
    // Nobody wants to hear that it is over.
    if (!this.#sending.has(key)) this.#kept.delete(key);
    return true;
  }

  /** Lets go of what nobody has to be told of any more. @returns true where it did */
  #forget(key: string): boolean {
    const kept = this.#kept.get(key);
    if (!kept || this.#sending.has(key)) return false;
    const channels = this.#rules.get(kept.rule)?.channels ?? [];
    const over = kept.clearSince !== undefined && Object.keys(kept.told).length === 0;
    const done = kept.once && channels.every((channel) => kept.told[channel] !== undefined);
    return (over || done) && this.#kept.delete(key);
  }
}

/** What a condition is remembered by. */
export function keyOf({ rule, subject }: Pick<Condition, 'rule' | 'subject'>): string {
  return `${rule}|${subject}`;
}

function lasting(before: Kept | undefined, { due, ...condition }: Condition): Kept {
  if (!before) return { ...condition, told: {} };
  const { clearSince: _, ...kept } = before;
  // What is not due any more, but not gone, keeps its words.
  return due ? { ...kept, ...condition, since: Math.min(kept.since, condition.since) } : kept;
}

function noticeOf(kind: Notice['kind'], { severity }: AlertRule, kept: Kept): Notice {
  const { rule, subject, since, sentence, advice, over, facts } = kept;
  return { kind, rule, severity, subject, since, sentence: kind === 'resolved' ? over : sentence, advice, facts };
}
