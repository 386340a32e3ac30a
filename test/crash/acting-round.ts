/** One round of people's acts: the files that go in before, the acts, and what each of them comes to. */

import { ACTS } from '../../engine/acts.ts';
import { unpackMessages } from '../../engine/blocks.ts';
import type { ActGoal, ActRow, ActVerb } from '../../engine/contracts/acting.ts';
import type { MessageState } from '../../engine/states.ts';
import { control } from '../support/crash.ts';
import { askLedger } from '../support/engine.ts';
import type { TestProduction } from '../support/production.ts';
import { LOST } from './acting-production.ts';

export type Counts = Readonly<Partial<Record<MessageState, number>>>;

/** Messages that are cancelled: their act has two parts. */
const CANCELLED = 520;
const HELD = 30;
/** Of `mixed`, by the number of its item. */
const INVALID = [3, 5];
const REFUSED = 7;

/** Something that a person does. */
export interface Deed {
  readonly name: string;
  /** These were begun before. */
  readonly after: readonly string[];
  /** Asks the engine for it; gives the status of the answer. */
  begin(): Promise<number>;
  /** The ledger has it, be it not finished. */
  there(): boolean;
  /** All of it is done. */
  done(): boolean;
  /** Sentences about what is changed already, while `there` is false and what it comes after is done. */
  traces(): readonly string[];
}

/** What an act of a verb must have come to. */
export interface WantedAct {
  readonly reason: string;
  readonly event: string;
  readonly submission: number;
  readonly count: number;
}

/** A message that the receiver must have exactly once; `file` and `item` say where it came from. */
export interface WantedMessage {
  readonly controlId: string;
  readonly family: string;
  readonly submission: number;
  readonly item: number;
  readonly version: number;
  readonly state: MessageState;
  /** Its rows and its body are gone. */
  readonly purged: boolean;
}

type FileKey = 'doses' | 'mixed' | 'oldA' | 'oldB' | 'lossy' | 'held';

const FILES: Readonly<
  Record<FileKey, { readonly prefix: string; readonly rows: number; readonly invalid: readonly number[] }>
> = {
  doses: { prefix: 'doses', rows: 30, invalid: [] },
  mixed: { prefix: 'doses-mixed', rows: 10, invalid: INVALID },
  oldA: { prefix: 'old-a', rows: 6, invalid: [2] },
  oldB: { prefix: 'old-b', rows: 5, invalid: [] },
  lossy: { prefix: 'lossy', rows: LOST + CANCELLED, invalid: [] },
  held: { prefix: 'lossy-held', rows: HELD, invalid: [] },
};

export class Round {
  readonly number: number;
  /** The receiver had what it was asked about when the connection ended. */
  readonly arrived: boolean;
  readonly #production: TestProduction;
  readonly #instance: string;
  readonly #numbers = new Map<string, number>();

  constructor(production: TestProduction, instance: string, number: number, arrived: boolean) {
    this.#production = production;
    this.#instance = instance;
    this.number = number;
    this.arrived = arrived;
  }

  async drop(key: FileKey): Promise<void> {
    const { rows, invalid } = FILES[key];
    const lines = Array.from({ length: rows }, (_, index) =>
      this.#line(key, index + 1, invalid.includes(index + 1) ? 'none' : '207'),
    );
    await this.#production.drop(this.name(key), `chart,family,note,vaccine\r\n${lines.join('\r\n')}\r\n`);
  }

  name(key: FileKey): string {
    return `${FILES[key].prefix}-${this.number}.csv`;
  }

  family(key: string, item: number): string {
    return `${key[0]?.toUpperCase()}${key.slice(1)}${this.number}x${item}`;
  }

  #line(key: FileKey, item: number, vaccine: string): string {
    return `C${String(item).padStart(7, '0')},${this.family(key, item)},,${vaccine}`;
  }

  /** The number of the submission that a file became. */
  submission(name: string): number | undefined {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const [found] = askLedger(this.#production, 'submissions', { limit: 1, name });
    if (found) this.#numbers.set(name, found.number);
    return found?.number;
  }

  of(key: FileKey): number {
    return this.submission(this.name(key)) ?? 0;
  }

  /** States of the current versions of a file's rows. */
  counts(name: string): Counts {
    const submission = this.submission(name);
    if (submission === undefined) return {};
    const rows = askLedger(this.#production, 'counters', { submission }).filter(({ count }) => count > 0);
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  }

  /** Before the acts: what each file must have become. */
  get begins(): Readonly<Partial<Record<FileKey, Counts>>> {
    return {
      doses: { delivered: 27, rejected: 3 },
      mixed: { delivered: 7, rejected: 1, invalid: 2 },
      oldA: { delivered: 5, invalid: 1 },
      oldB: { delivered: 5 },
      lossy: { inDoubt: LOST, queued: CANCELLED },
    };
  }

  /** After them. */
  get ends(): Readonly<Record<string, Counts>> {
    return {
      [this.name('doses')]: { delivered: 30 },
      [this.name('mixed')]: { delivered: 8, replaced: 2 },
      [this.name('oldA')]: { delivered: 5, invalid: 1 },
      [this.name('oldB')]: { delivered: 5 },
      [this.name('lossy')]: { delivered: LOST, cancelled: CANCELLED },
      [this.name('held')]: { delivered: HELD },
      ...Object.fromEntries(INVALID.map((item) => [this.#corrected(item), { delivered: 1 }])),
    };
  }

  get acts(): readonly WantedAct[] {
    const act = (verb: ActVerb, key: FileKey, count: number) => ({
      reason: this.#reason(verb),
      event: ACTS[verb].past,
      submission: this.of(key),
      count,
    });
    return [
      act('resend', 'doses', 3),
      act('cancel', 'lossy', CANCELLED),
      act('suspend', 'held', HELD),
      act('release', 'held', HELD),
      act('resolve', 'lossy', LOST),
    ];
  }

  /** Events of the edits, by why they were made. */
  get edits(): readonly { readonly reason: string; readonly event: string }[] {
    return EDITS.map(({ item, kind }) => ({ reason: this.#reason(`edit ${item}`), event: kind }));
  }

  /** Everything that the receivers must have at the end, once each. */
  get messages(): readonly WantedMessage[] {
    const wanted = (key: FileKey, items: readonly number[], more: Partial<WantedMessage> = {}): WantedMessage[] =>
      items.map((item) => ({
        controlId: `${this.#instance}-${this.of(key)}-${item}${more.version === 2 ? 'v2' : ''}`,
        family: more.version === 2 ? this.family('edited', item) : this.family(key, item),
        submission: this.of(key),
        item,
        version: 1,
        state: 'delivered',
        purged: false,
        ...more,
      }));
    const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
    const corrected = INVALID.map((item) => {
      const submission = this.submission(this.#corrected(item)) ?? 0;
      const family = this.family('mended', item);
      return {
        controlId: `${this.#instance}-${submission}-1`,
        family,
        submission,
        item: 1,
        version: 1,
        state: 'delivered' as const,
        purged: false,
      };
    });
    const edited: readonly number[] = EDITS.map(({ item }) => item);
    const rest = upTo(10).filter((item) => !INVALID.includes(item) && !edited.includes(item));
    return [
      ...wanted('doses', upTo(30)),
      ...wanted('mixed', rest),
      ...wanted(
        'mixed',
        edited.filter((item) => item !== REFUSED),
        { state: 'replaced' },
      ),
      ...wanted('mixed', edited, { version: 2 }),
      ...wanted('oldA', [1, 3, 4, 5, 6], { purged: true }),
      ...wanted('oldB', upTo(5), { purged: true }),
      ...wanted('lossy', upTo(LOST)),
      ...wanted('held', upTo(HELD)),
      ...corrected,
    ];
  }

  get purged(): readonly number[] {
    return [this.of('oldA'), this.of('oldB')];
  }

  /** Everything that is done in a round, in the order in which it is written here. */
  deeds(): readonly Deed[] {
    const deed = (verb: ActVerb, key: FileKey, from: MessageState, after: readonly string[] = [], outcome?: ActGoal) =>
      this.#verb({ verb, submission: this.of(key), name: this.name(key), from, after, outcome });
    return [
      deed('resend', 'doses', 'rejected'),
      deed('cancel', 'lossy', 'queued'),
      deed('suspend', 'held', 'queued'),
      deed('release', 'held', 'suspended', ['suspend']),
      deed('resolve', 'lossy', 'inDoubt', ['cancel', 'suspend'], this.arrived ? 'delivered' : 'queued'),
      ...EDITS.map((edit) => this.#edit(edit)),
      ...INVALID.map((item) => this.#correction(item)),
      this.#purge(),
    ];
  }

  #reason(what: string): string {
    return `${what}, round ${this.number}`;
  }

  #verb(given: {
    readonly verb: ActVerb;
    readonly submission: number;
    readonly name: string;
    readonly from: MessageState;
    readonly after: readonly string[];
    readonly outcome: ActGoal | undefined;
  }): Deed {
    const { verb, submission, name, from, after, outcome } = given;
    const reason = this.#reason(verb);
    const { count } = this.acts.find((act) => act.reason === reason) ?? { count: 0 };
    const kept = (): ActRow | undefined =>
      askLedger(this.#production, 'acts', { limit: 200 }).find((act) => act.reason === reason);
    const where = `submission=${submission} state=${from}`;
    const body = { verb, where, reason, who: 'ana', confirm: count, ...(outcome ? { outcome } : {}) };
    return {
      name: verb,
      after,
      begin: async () => (await control(this.#production, '/api/v1/acts', body)).status,
      there: () => kept() !== undefined,
      done: () => kept()?.state === 'done',
      traces: () => {
        const before = this.counts(name)[from];
        return before === count ? [] : [`${verb} is not recorded, and ${before ?? 0} of ${count} messages are ${from}`];
      },
    };
  }

  #edit({ item, kind }: (typeof EDITS)[number]): Deed {
    const submission = this.of('mixed');
    const reason = this.#reason(`edit ${item}`);
    const versions = () => askLedger(this.#production, 'locateItem', { submission, item })?.messages ?? [];
    const there = () => versions().some(({ version }) => version === 2);
    return {
      name: `edit ${item}`,
      after: [],
      begin: async () => {
        const [old] = versions();
        const packed = old && askLedger(this.#production, 'bodyBlock', { bodyBlock: old.bodyBlock });
        if (!old || !packed) throw new Error(`item ${item} of submission ${submission} has no message to edit`);
        const kept = unpackMessages(packed.body);
        const controlId = `${kept.controlId(old.position)}v2`;
        const family = this.family('edited', item);
        const text = Buffer.from(kept.body(old.position))
          .toString('utf8')
          .replace(kept.controlId(old.position), controlId)
          .replace(this.family('mixed', item), family);
        const body = {
          submission,
          item,
          kind,
          who: 'ana',
          reason,
          changed: ['family'],
          ...(kind === 'rowEdited' ? { row: [`C${String(item).padStart(7, '0')}`, family, '', '207'] } : {}),
          search: [],
          versions: [
            {
              replaces: old.message,
              from: old.state,
              state: 'queued',
              body: Buffer.from(text).toString('base64'),
              controlId,
            },
          ],
        };
        return (await control(this.#production, '/control/versions', body)).status;
      },
      there,
      done: there,
      traces: () => {
        const events = askLedger(this.#production, 'events', { submission, limit: 1000 });
        const said = events.filter(({ detail }) => detail.reason === reason).length;
        const links = askLedger(this.#production, 'links', {
          submission,
          item,
          messages: versions().map(({ message }) => message),
        });
        const replaced = versions().some(({ state }) => state === 'replaced');
        return said + links.successors.length > 0 || replaced
          ? [`edit ${item} has no version, and left something`]
          : [];
      },
    };
  }

  #corrected(item: number): string {
    return `doses-again-${this.number}-${item}.csv`;
  }

  #correction(item: number): Deed {
    const name = this.#corrected(item);
    let dropped = false;
    const replaced = () =>
      askLedger(this.#production, 'locateItem', { submission: this.of('mixed'), item })?.messages[0]?.state ===
      'replaced';
    return {
      name: `correction ${item}`,
      after: [],
      begin: async () => {
        const row = `${this.#instance}-${this.of('mixed')}-${item},C${String(item).padStart(7, '0')},${this.family('mended', item)},,207`;
        await this.#production.drop(name, `waybill_id,chart,family,note,vaccine\r\n${row}\r\n`);
        dropped = true;
        return 200;
      },
      // A file that was put into the inbox is there, whoever dies.
      there: () => dropped,
      done: () => this.submission(name) !== undefined && replaced(),
      traces: () => (replaced() ? [`item ${item} is replaced before its correction came`] : []),
    };
  }

  #purge(): Deed {
    const rows = () => this.purged.map((submission) => askLedger(this.#production, 'submission', { submission }));
    const open = () => askLedger(this.#production, 'openPurges', {}).length > 0;
    const done = () => !open() && rows().every((row) => row?.purgedAt !== undefined);
    return {
      name: 'purge',
      after: [],
      begin: async () => (await control(this.#production, '/control/purge', { who: 'ana' })).status,
      there: () => open() || done(),
      done,
      // Between its two kinds a purge has nothing open: then both submissions are in the same stage.
      traces: () =>
        new Set(rows().map((row) => row?.bodiesPurgedAt !== undefined)).size === 1 &&
        rows().every((row) => row?.purgedAt === undefined)
          ? []
          : ['a purge is not open, and only a part of it is done'],
    };
  }
}

/** Two were delivered, one was refused; one is edited as a row. */
const EDITS = [
  { item: 1, kind: 'messageEdited' },
  { item: 2, kind: 'rowEdited' },
  { item: REFUSED, kind: 'messageEdited' },
] as const;
