import { type KeptReject, unpackRejects } from '../../engine/blocks.ts';
import type { LocatedItem, NewBlock } from '../../engine/contracts/store.ts';
import { type Correction, type CorrectionVerdict, STANDS_ELSEWHERE } from '../../engine/contracts/versions.ts';
import { label } from '../../engine/labels.ts';
import { StoreError } from '../errors.ts';
import type { Database, Row } from './database.ts';
import { successorOf } from './links.ts';
import { blockOfItem, messagesOfItem } from './locate.ts';
import { appendEvent, blob, number, text } from './rows.ts';
import { count } from './write-counters.ts';
import { bodyBlockOf, insertSuccessor, readMessage, retire } from './write-versions.ts';

/**
 * Rows that came back corrected. What they correct becomes *replaced* in the commit that brings them. A correction that
 * itself came to nothing (invalid, rejected, or cancelled with its file) can be corrected under the first row's id.
 */

type CurrentMessage = LocatedItem['messages'][number];

/** What a corrected row takes the place of. */
const CORRECTABLE: readonly string[] = ['invalid', 'rejected', 'failed'];
/** A chain of corrections longer than this is not followed. */
const MOST_CORRECTIONS = 1000;

/** What is to be said to each of these ids, in their order, when they come with rows of this submission. Changes nothing. */
export function correctionVerdicts(
  db: Database,
  request: {
    readonly submission: number;
    readonly ids: readonly { readonly submission: number; readonly item: number }[];
  },
): CorrectionVerdict[] {
  const sender = senderOf(db, request.submission);
  const rejects = new RejectReader(db);
  return request.ids.map((id) => {
    const said = verdict(db, request.submission, sender, id);
    return said.kind === 'replaces' && rejects.standsElsewhere(said.submission, said.item)
      ? { kind: 'notRejected' }
      : said;
  });
}

/** Reads why rows were rejected; those of one block are most often asked for one after the other. */
class RejectReader {
  readonly #db: Database;
  #block = '';
  #faults = new Map<number, KeptReject['faults']>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** True for a row that was refused since another one has its place. */
  standsElsewhere(submission: number, item: number): boolean {
    const row = blockOfItem(this.#db, submission, item);
    const key = `${submission} ${row && number(row, 'block')}`;
    if (key !== this.#block) {
      const rejects = row && blob(row, 'rejects');
      this.#faults = new Map(rejects ? unpackRejects(rejects).map((each) => [each.item, each.faults]) : []);
      this.#block = key;
    }
    return (this.#faults.get(item) ?? []).some(({ code }) => STANDS_ELSEWHERE.includes(code));
  }
}

function verdict(
  db: Database,
  submission: number,
  sender: string | undefined,
  id: { readonly submission: number; readonly item: number },
): CorrectionVerdict {
  if (sender === undefined || senderOf(db, id.submission) !== sender) return { kind: 'unknown' };
  const end = endOf(db, id.submission, id.item);
  if (end.messages.length === 0) return { kind: 'unknown' };
  const moved = end.submission !== id.submission || end.item !== id.item;
  if (end.submission === submission) return moved ? { kind: 'repeated' } : { kind: 'unknown' };
  if (takenOver(end, moved).length > 0) return isPurged(db, end.submission) ? { kind: 'purged' } : replaces(end);
  return moved ? { kind: 'replaced', submission: end.submission, item: end.item } : { kind: 'notRejected' };
}

/** Why its rows were rejected is not kept any more: some may have been refused since another row has their place. */
function isPurged(db: Database, submission: number): boolean {
  const row = db.get(
    `SELECT bodies_purged_at IS NOT NULL OR EXISTS (SELECT 1 FROM purges WHERE submission = number) AS purged
     FROM submissions WHERE number = ?`,
    submission,
  );
  return row !== undefined && number(row, 'purged') === 1;
}

function replaces({ submission, item, messages }: ChainEnd): CorrectionVerdict {
  const stands = messages.filter(({ state }) => !CORRECTABLE.includes(state) && state !== 'cancelled');
  return { kind: 'replaces', submission, item, stands: stands.map(({ entry }) => entry) };
}

/** Only who sent the first row may correct it. */
function senderOf(db: Database, submission: number): string | undefined {
  const row = db.get('SELECT service, partner FROM submissions WHERE number = ?', submission);
  return row && JSON.stringify([text(row, 'service'), text(row, 'partner')]);
}

interface ChainEnd {
  readonly submission: number;
  readonly item: number;
  /** The current version in each entry. */
  readonly messages: readonly CurrentMessage[];
}

/** The last correction of a row, or the row itself; of a chain that is too long, one that is corrected already. */
function endOf(db: Database, submission: number, item: number): ChainEnd {
  let end: ChainEnd = { submission, item, messages: currentMessages(db, submission, item) };
  for (let hops = 0; hops < MOST_CORRECTIONS; hops += 1) {
    const next = end.messages
      .map(({ message }) => successorOf(db, message))
      .find((link) => link !== undefined && link.next === undefined);
    if (!next) return end;
    end = {
      submission: next.submission,
      item: next.item,
      messages: currentMessages(db, next.submission, next.item),
    };
  }
  return end;
}

function currentMessages(db: Database, submission: number, item: number): CurrentMessage[] {
  const current = new Map<string, CurrentMessage>();
  for (const message of messagesOfItem(db, submission, item)) {
    const known = current.get(message.entry);
    if (!known || known.version < message.version) current.set(message.entry, message);
  }
  return [...current.values()];
}

/** The messages that a correction takes the place of; those of a correction that was cancelled keep their state. */
function takenOver({ messages }: ChainEnd, moved: boolean): readonly CurrentMessage[] {
  const correctable = messages.filter(({ state }) => CORRECTABLE.includes(state));
  if (correctable.length > 0 || !moved) return correctable;
  return messages.every(({ state }) => state === 'cancelled') ? messages : [];
}

/**
 * Links what the rows of a block correct, in the transaction of the block.
 * @throws StoreError `STORE_STALE` where the ledger says another thing by now than when it was asked.
 */
export function applyCorrections(db: Database, block: NewBlock): void {
  const { corrections = [] } = block;
  if (corrections.length === 0) return;
  const sender = senderOf(db, block.submission);
  const row = db.get('SELECT service, partner, accepted_at FROM submissions WHERE number = ?', block.submission) ?? {};
  const tally = new Map<number, number>();
  for (const correction of corrections) {
    if (senderOf(db, correction.submission) !== sender) throw changed(correction);
    applyOne(db, block, correction, row);
    tally.set(correction.submission, (tally.get(correction.submission) ?? 0) + 1);
  }
  for (const [submission, items] of tally) {
    const event = { at: number(row, 'accepted_at'), who: whoOf(row), what: 'replaced' };
    appendEvent(db, { ...event, submission, detail: { items, by: block.submission } });
    appendEvent(db, { ...event, submission: block.submission, detail: { items, of: submission } });
  }
  label('corrections.beforeCommit');
}

function applyOne(db: Database, block: NewBlock, correction: Correction, row: Row): void {
  const { submission, item, position } = correction;
  const messages = currentMessages(db, submission, item);
  const taken = takenOver({ submission, item, messages }, true);
  if (taken.length === 0 || isPurged(db, submission)) throw changed(correction);
  for (const { message } of taken) {
    const old = readMessage(db, message);
    if (!old) throw changed(correction);
    if (old.state !== 'cancelled') {
      retire(db, old, bodyBlockOf(db, message));
      count(db, old.submission, old.entry, 'replaced', 1);
    }
    insertSuccessor(db, {
      message,
      next: undefined,
      submission: block.submission,
      item: block.firstItem + position,
      kind: 'corrected',
      at: number(row, 'accepted_at'),
      who: whoOf(row),
      reason: 'the row came back with its waybill_id',
      changed: [],
    });
  }
}

/** Who corrected: the partner, else whoever has access to the service. */
function whoOf(row: Row): string {
  const partner = text(row, 'partner');
  return partner === '' ? `service ${text(row, 'service')}` : `partner ${partner}`;
}

function changed({ submission, item }: Correction): StoreError {
  return new StoreError(
    'STORE_STALE',
    `Item ${item} of submission ${submission} cannot be corrected any more as it could when it was asked for; nothing was changed.`,
  );
}
