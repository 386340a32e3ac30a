/** Gathers the facts that the rules of a production look at, and no others. */
import { statfs } from 'node:fs/promises';
import type { AlertCondition, AlertRule } from '../engine/contracts/alerts.ts';
import type { Destination, Production } from '../engine/contracts/production.ts';
import type { Questions, SubmissionSummary } from '../engine/contracts/questions.ts';
import type { Logger } from '../engine/contracts/runtime.ts';
import type { SubmissionRow } from '../engine/contracts/store.ts';
import { codeOf } from '../engine/errors.ts';
import type { EngineEvent } from '../engine/events.ts';
import { parseSubmissionId, submissionId } from '../engine/ids.ts';
import { Certificates } from './certificates.ts';
import type { Facts, Happening, RoutedFacts } from './condition.ts';
import { safeCode } from './words.ts';

/** What the alerts ask of a running engine, or of its ledger alone. */
export interface AlertSource {
  ask<K extends keyof Questions>(question: K, request: Questions[K]['with']): Promise<Questions[K]['gives']>;
  /** Why nothing can be stored, a code before the first colon; `undefined` while all is well. `unknown`: nobody can say. */
  storeTrouble(): string | undefined | 'unknown';
  redisReady(): boolean | 'unknown';
}

export interface GatherOptions {
  readonly production: Production;
  readonly rules: readonly AlertRule[];
  readonly dataFolder: string;
  /** Part of the ids of the data folder. */
  readonly instance: () => string;
  readonly source: AlertSource;
  readonly logger: Logger;
  /** Submissions routed up to then were looked at, milliseconds since 1970. */
  readonly routedUpTo: number;
  readonly events: Readonly<Record<string, readonly Happening[]>>;
}

/** Submissions that wait to be looked at, and that are looked at after a start: more are left out. */
const MOST_ROUTED = 1_000;
const PAGE = 200;

const OF_STATUS = ['stopped', 'oldestMessage', 'inDoubt'];

export class Gather {
  readonly #options: GatherOptions;
  readonly #certificates: Certificates;
  readonly #kinds: ReadonlySet<AlertCondition['kind']>;
  readonly #events = new Map<string, Happening[]>();
  #routed: string[] = [];
  #routedUpTo: number;
  #caughtUp = false;
  #redisAwaySince: number | undefined;
  #storeTroubleSince: number | undefined;

  constructor(options: GatherOptions) {
    this.#options = options;
    const { rules, production, events } = options;
    this.#kinds = new Set(rules.map(({ when }) => when.kind));
    this.#routedUpTo = options.routedUpTo;
    const receivers = rules.some(({ when }) => when.kind === 'certificate' && when.receivers);
    this.#certificates = new Certificates(production, receivers);
    for (const { name, when } of rules) {
      if (when.kind === 'event') this.#events.set(name, (events[name] ?? []).slice(-when.times));
    }
  }

  /** What event rules have counted, and up to when submissions were looked at. */
  get memory(): { readonly events: Readonly<Record<string, readonly Happening[]>>; readonly routedUpTo: number } {
    return { events: Object.fromEntries(this.#events), routedUpTo: this.#routedUpTo };
  }

  /** Takes an event in; cheap. @returns true where a rule counts it */
  hear({ name, fields }: EngineEvent, now: number): boolean {
    if (name === 'submissionRouted' && this.#kinds.has('rejectedRows') && typeof fields.submission === 'string') {
      if (this.#routed.length < MOST_ROUTED) this.#routed.push(fields.submission);
    }
    let counted = false;
    for (const { name: rule, when } of this.#options.rules) {
      if (when.kind !== 'event' || when.name !== name) continue;
      const destination = typeof fields.destination === 'string' ? fields.destination : undefined;
      if (when.destinations.length > 0 && !when.destinations.includes(destination ?? '')) continue;
      const code = safeCode(fields.code);
      const happened = { at: now, ...(destination === undefined ? {} : { destination }), ...(code ? { code } : {}) };
      this.#events.set(rule, [...(this.#events.get(rule) ?? []), happened].slice(-when.times));
      counted = true;
    }
    return counted;
  }

  /** Waits for what is looked at in the background: the next facts have it. */
  settled(): Promise<void> {
    return this.#certificates.settled();
  }

  /** A destination has other settings from now on. */
  renew(name: string, destination: Destination): void {
    this.#certificates.renew(name, destination);
  }

  /** Everything that the rules look at. What cannot be found out is left out. Never throws. */
  async facts(now: number, signal: AbortSignal): Promise<Facts> {
    const { instance, production, dataFolder } = this.#options;
    const wants = (kind: AlertCondition['kind']) => this.#kinds.has(kind);
    const asksStatus = OF_STATUS.some((kind) => this.#kinds.has(kind as AlertCondition['kind']));
    const status = asksStatus ? await this.#tried('status', () => this.#options.source.ask('status', {})) : undefined;
    const disk = wants('disk') ? await this.#tried('disk', () => room(dataFolder)) : undefined;
    const redis = wants('redisAway') ? this.#redis(now) : undefined;
    const store = wants('cannotStore') ? this.#store(now) : undefined;
    return {
      now,
      instance: instance(),
      timeZone: production.resources.timeZone,
      routed: wants('rejectedRows') ? ((await this.#tried('submissions', () => this.#newlyRouted())) ?? []) : [],
      certificates: wants('certificate') ? this.#certificates.look(now, signal) : [],
      events: this.#events,
      ...(status ? { status } : {}),
      ...(disk ? { disk } : {}),
      ...(redis ? { redis } : {}),
      ...(store ? { store } : {}),
    };
  }

  async #tried<T>(what: string, find: () => Promise<T>): Promise<T | undefined> {
    try {
      return await find();
    } catch (error) {
      this.#options.logger.warn(
        { what, code: codeOf(error) },
        'alerts could not look at this; what was told stays as it is',
      );
      return undefined;
    }
  }

  #redis(now: number): { readonly since?: number } | undefined {
    const ready = this.#options.source.redisReady();
    if (ready === 'unknown') return undefined;
    this.#redisAwaySince = ready ? undefined : (this.#redisAwaySince ?? now);
    return this.#redisAwaySince === undefined ? {} : { since: this.#redisAwaySince };
  }

  #store(now: number): { readonly since?: number; readonly code?: string } | undefined {
    const trouble = this.#options.source.storeTrouble();
    if (trouble === 'unknown') return undefined;
    this.#storeTroubleSince = trouble === undefined ? undefined : (this.#storeTroubleSince ?? now);
    if (this.#storeTroubleSince === undefined) return {};
    const code = safeCode(trouble?.split(':')[0]);
    return { since: this.#storeTroubleSince, ...(code ? { code } : {}) };
  }

  /** Submissions that were routed since the last look; after a start, also those that were routed while nobody looked. */
  async #newlyRouted(): Promise<readonly RoutedFacts[]> {
    const { source } = this.#options;
    const rows: (SubmissionRow | undefined)[] = this.#caughtUp ? [] : await this.#missed();
    const ids = this.#routed;
    for (const id of ids) {
      const submission = parseSubmissionId(this.#options.instance(), id);
      if (submission !== undefined) rows.push(await source.ask('submission', { submission }));
    }
    // Only now: what could not be asked is asked again.
    this.#routed = this.#routed.slice(ids.length);
    this.#caughtUp = true;
    const found = new Map(rows.flatMap((row) => (row?.routedAt === undefined ? [] : [[row.number, row]])));
    for (const { routedAt } of found.values()) this.#routedUpTo = Math.max(this.#routedUpTo, routedAt ?? 0);
    return [...found.values()].map((row) => routedFacts(this.#options.instance(), row));
  }

  async #missed(): Promise<SubmissionRow[]> {
    const missed: SubmissionSummary[] = [];
    let before: number | undefined;
    for (let looked = 0; looked < MOST_ROUTED; looked += PAGE) {
      const page = await this.#options.source.ask('submissions', {
        limit: PAGE,
        ...(before === undefined ? {} : { before }),
      });
      const news = page.filter(({ routedAt }) => routedAt !== undefined && routedAt > this.#routedUpTo);
      missed.push(...news);
      before = page.at(-1)?.number;
      if (page.length < PAGE || news.length === 0) break;
    }
    return missed;
  }
}

function routedFacts(instance: string, row: SubmissionRow): RoutedFacts {
  const { number, service, items, rejectedItems, routedAt } = row;
  return { id: submissionId(instance, number), service, items: items ?? 0, rejectedItems, routedAt: routedAt ?? 0 };
}

async function room(folder: string): Promise<NonNullable<Facts['disk']>> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { free: bavail * bsize, size: blocks * bsize };
}
