import type { MessageFilter, SelectedMessage, SelectionCursor, SelectionPage } from '../../engine/contracts/acting.ts';
import type { MessageState } from '../../engine/states.ts';
import { MESSAGE_STATES } from '../../engine/states.ts';
import type { Database, Row } from './database.ts';
import { ACTABLE } from './migration-acting.ts';
import { number, optionalNumber, stateName, text } from './rows.ts';
import { NO_BATCH, STATE_CODES } from './schema.ts';
import { SENDABLE } from './sendable.ts';

/**
 * Finds messages that fit a filter, a page at a time. The counters say which submissions have any in a state; of those,
 * the body blocks are read one after the other.
 */

/** A page ends after so many messages, or body blocks and submissions without any that were read: some ten milliseconds. */
const PAGE_MESSAGES = 2000;
const PAGE_READS = 100;

/** States that a message can be in when a person acts on it, or is told that it is left as it is. */
const STATES: readonly MessageState[] = ['queued', 'sending', 'inDoubt', 'suspended', 'rejected', 'failed'];

export function selectMessages(
  db: Database,
  request: { filter: MessageFilter; after: SelectionCursor | undefined },
): SelectionPage {
  const reading = new Reading(db, request.filter);
  const messages: SelectedMessage[] = [];
  let reads = 0;
  for (const submission of submissionsOf(db, request.filter, request.after?.submission ?? 0)) {
    const behind = submission === request.after?.submission ? request.after.bodyBlock : 0;
    const blocks = blocksOf(db, reading.filter, submission, behind);
    for (const block of blocks) {
      for (const message of reading.messages(block)) messages.push(message);
      reads += 1;
      if (messages.length >= PAGE_MESSAGES || reads >= PAGE_READS)
        return { messages, next: { submission, bodyBlock: number(block, 'id') } };
    }
    if (blocks.length > 0) continue;
    reads += 1;
    if (reads >= PAGE_READS) return { messages, next: { submission: submission + 1, bodyBlock: 0 } };
  }
  return { messages, next: undefined };
}

function codesOf(states: readonly MessageState[]): string {
  return states.map((state) => STATE_CODES[state]).join(', ');
}

/** Submissions from this one on that have messages in one of the states, in the order of their numbers. */
function* submissionsOf(db: Database, filter: MessageFilter, from: number): Generator<number> {
  const named = namedSubmissions(db, filter);
  if (named) {
    for (const submission of [...new Set(named)].sort((a, b) => a - b)) if (submission >= from) yield submission;
    return;
  }
  for (let next = from; ; ) {
    const found = db.all(
      `SELECT DISTINCT submission FROM counters ${actable(filter)} ORDER BY submission LIMIT 256`,
      next,
    );
    for (const row of found) yield number(row, 'submission');
    const last = found.at(-1);
    if (!last) return;
    next = number(last, 'submission') + 1;
  }
}

/** Where submissions are looked for. The index has the few states on which people act; of others every counter is read. */
function actable(filter: MessageFilter): string {
  const wanted = filter.states ?? STATES;
  // Named, since without statistics the planner would read every counter of the ledger.
  if (wanted.every((state) => STATES.includes(state)))
    return `INDEXED BY counters_actable WHERE submission >= ? AND state IN (${codesOf(wanted)}) AND n > 0 AND ${ACTABLE}`;
  return `WHERE submission >= ? AND state IN (${codesOf(wanted)}) AND n > 0`;
}

/** The submissions that a filter names itself; `undefined` where it names none. */
function namedSubmissions(db: Database, filter: MessageFilter): readonly number[] | undefined {
  if (filter.items) return filter.items.map(({ submission }) => submission);
  if (filter.submissions) return filter.submissions;
  if (filter.batch === undefined) return undefined;
  return db
    .all(
      'SELECT DISTINCT b.submission FROM batch_parts p JOIN body_blocks b ON b.id = p.body_block WHERE p.batch = ?',
      filter.batch,
    )
    .map((row) => number(row, 'submission'));
}

/** Body blocks of a submission behind this one in which the filter may hold. */
function blocksOf(db: Database, filter: MessageFilter, submission: number, behind: number): Row[] {
  const unsettled = (filter.states ?? STATES).every((state) => !MESSAGE_STATES[state].settled);
  const rows = db.all(
    `SELECT b.id, b.submission, b.block, b.destination, b.first_message, b.messages, b.routed_at, ${SENDABLE} AS kept
     FROM body_blocks b WHERE b.submission = ? AND b.id > ?${unsettled ? ' AND b.unsettled > 0' : ''} ORDER BY b.id`,
    submission,
    behind,
  );
  const wanted = filter.items ? itemBlocks(db, filter.items, submission) : undefined;
  return rows.filter(
    (row) =>
      (!filter.destinations || filter.destinations.includes(text(row, 'destination'))) &&
      (!wanted || wanted.has(number(row, 'block'))),
  );
}

/** The blocks in which items of a submission stand. */
function itemBlocks(db: Database, items: NonNullable<MessageFilter['items']>, submission: number): ReadonlySet<number> {
  const own = items.filter((item) => item.submission === submission).map(({ item }) => item);
  const blocks = db.all('SELECT block, first_item, items FROM item_blocks WHERE submission = ?', submission);
  const holding = blocks.filter((row) => {
    const first = number(row, 'first_item');
    return own.some((item) => item >= first && item < first + number(row, 'items'));
  });
  return new Set(holding.map((row) => number(row, 'block')));
}

interface Said {
  readonly code: string;
  readonly at: number | undefined;
}

/** What is looked up again and again while blocks are read. */
class Reading {
  readonly filter: MessageFilter;
  readonly #db: Database;
  readonly #codes: string;
  readonly #items: ReadonlySet<string> | undefined;
  readonly #attempts = new Map<number, Said & { readonly attempt: number }>();
  readonly #entries = new Map<number, readonly string[]>();

  constructor(db: Database, filter: MessageFilter) {
    this.filter = filter;
    this.#db = db;
    this.#codes = codesOf(filter.states ?? STATES);
    this.#items = filter.items && new Set(filter.items.map(keyOfItem));
  }

  /** The messages of a block for which the filter holds. */
  *messages(block: Row): Generator<SelectedMessage> {
    const first = number(block, 'first_message');
    const last = first + number(block, 'messages') - 1;
    const rows = this.#db.all(
      `SELECT id, entry, item, version, state, batch FROM messages
       WHERE id BETWEEN ? AND ? AND state IN (${this.#codes}) ORDER BY id`,
      first,
      last,
    );
    if (rows.length === 0) return;
    const spoken = this.#spokenOf(first, last);
    for (const row of rows) {
      const message = this.#message(block, row, spoken);
      if (this.#fits(message)) yield message;
    }
  }

  #message(block: Row, row: Row, spoken: ReadonlyMap<string, string>): SelectedMessage {
    const held = number(row, 'batch');
    const was = Math.abs(held);
    const said = held === NO_BATCH ? undefined : this.#attemptOf(was);
    const submission = number(block, 'submission');
    const state = stateName(row.state);
    return {
      message: number(row, 'id'),
      submission,
      item: number(row, 'item'),
      entry: number(row, 'entry'),
      entryName: this.#entriesOf(submission)[number(row, 'entry')] ?? '',
      destination: text(block, 'destination'),
      version: number(row, 'version'),
      state,
      batch: held > 0 ? held : undefined,
      code: spoken.get(`${number(row, 'id')}.${was}.${said?.attempt ?? 0}`) ?? said?.code ?? '',
      at: said?.at ?? number(block, 'routed_at'),
      // A message that failed before it was ever in a batch was never made.
      kept: number(block, 'kept') === 1 && !(state === 'failed' && held === NO_BATCH),
    };
  }

  /** What was said of single messages of a range, by message, batch and attempt; what was found out later counts more. */
  #spokenOf(first: number, last: number): ReadonlyMap<string, string> {
    const spoken = new Map<string, string>();
    for (const row of this.#db.all(
      'SELECT message, batch, attempt, code FROM outcomes WHERE message BETWEEN ? AND ?',
      first,
      last,
    ))
      spoken.set(`${number(row, 'message')}.${number(row, 'batch')}.${number(row, 'attempt')}`, text(row, 'code'));
    for (const row of this.#db.all(
      'SELECT message, batch, code FROM verdicts WHERE message BETWEEN ? AND ? ORDER BY message, batch, asked',
      first,
      last,
    )) {
      const attempt = this.#attemptOf(number(row, 'batch'))?.attempt ?? 0;
      spoken.set(`${number(row, 'message')}.${number(row, 'batch')}.${attempt}`, text(row, 'code'));
    }
    return spoken;
  }

  /** The last attempt of a batch; none was made of one that was planned only. */
  #attemptOf(batch: number): (Said & { readonly attempt: number }) | undefined {
    const known = this.#attempts.get(batch);
    if (known) return known;
    const row = this.#db.get(
      'SELECT attempt, code, ended_at FROM attempts WHERE batch = ? ORDER BY attempt DESC LIMIT 1',
      batch,
    );
    if (!row) return undefined;
    const said = { attempt: number(row, 'attempt'), code: text(row, 'code'), at: optionalNumber(row, 'ended_at') };
    this.#attempts.set(batch, said);
    return said;
  }

  #entriesOf(submission: number): readonly string[] {
    const known = this.#entries.get(submission);
    if (known) return known;
    const names = this.#db
      .all('SELECT name FROM entries WHERE submission = ? ORDER BY entry', submission)
      .map((row) => text(row, 'name'));
    this.#entries.set(submission, names);
    return names;
  }

  #fits(message: SelectedMessage): boolean {
    const { codes, entries, submissions, batch, since, until } = this.filter;
    const { submission, item, entry } = message;
    if (submissions && !submissions.includes(submission)) return false;
    if (batch !== undefined && message.batch !== batch) return false;
    if (codes && !codes.includes(message.code)) return false;
    if (entries && !entries.includes(message.entryName)) return false;
    if (since !== undefined && message.at < since) return false;
    if (until !== undefined && message.at >= until) return false;
    if (!this.#items) return true;
    return this.#items.has(keyOfItem({ submission, item })) || this.#items.has(keyOfItem({ submission, item, entry }));
  }
}

function keyOfItem({ submission, item, entry }: { submission: number; item: number; entry?: number }): string {
  return `${submission}.${item}.${entry ?? ''}`;
}
