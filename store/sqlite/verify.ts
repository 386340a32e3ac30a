import type { SubmissionRow, VerifyPage } from '../../engine/contracts/store.ts';
import { MESSAGE_STATES } from '../../engine/states.ts';
import type { Database, Row } from './database.ts';
import { number, stateName, submissionRow } from './rows.ts';
import { STATE_CODES } from './schema.ts';

/** Rows of the ledger by entry, then by the state's code. */
type Found = ReadonlyMap<number, ReadonlyMap<number, number>>;

/**
 * The conservation law, submission by submission: items read = current versions in the ledger = counters, in every entry;
 * and what blocks and submission say is waiting or unsettled is so; and whatever was replaced is linked to what stands in
 * its place. A mismatch is a sentence.
 */
export function verify(db: Database, request: { after: number }): VerifyPage {
  const row = db.get('SELECT * FROM submissions WHERE number > ? ORDER BY number LIMIT 1', request.after);
  if (!row) return { submissions: [], next: undefined };
  const known = submissionRow(db, row);
  const { number: submission, state, bytes, hash, items, itemsRouted, unsettled, entries } = known;
  const { bodiesPurgedAt, purgedAt } = known;
  if (purgedAt !== undefined) return { submissions: [verifyPurged(db, known)], next: submission };
  const found = new Map<number, Map<number, number>>();
  const blocks = verifyBlocks(db, submission, found);
  if (blocks.unsettled !== unsettled) {
    blocks.mismatches.push(`${blocks.unsettled} rows are not settled, the submission says ${unsettled}`);
  }
  const verified = entries.map(({ name }, entry) => verifyEntry(db, submission, name, entry, found, itemsRouted));
  verified[0]?.mismatches.push(...blocks.mismatches);
  const purged = bodiesPurgedAt === undefined ? {} : ({ purged: 'bodies' } as const);
  return {
    submissions: [{ submission, state, bytes, hash, items, itemsRouted, ...purged, entries: verified }],
    next: submission,
  };
}

/** Of a submission whose ledger rows are purged, or being purged, its counters still add up to the items read. */
function verifyPurged(db: Database, known: SubmissionRow): VerifyPage['submissions'][number] {
  const { number: submission, state, bytes, hash, items, itemsRouted, entries } = known;
  const verified = entries.map(({ name }, entry) => {
    const sum = db.get(
      'SELECT coalesce(sum(n), 0) AS n FROM counters WHERE submission = ? AND entry = ?',
      submission,
      entry,
    );
    const counted = number(sum ?? {}, 'n');
    const mismatches =
      counted === itemsRouted ? [] : [`${itemsRouted} items were read, the counters of what was purged say ${counted}`];
    return { name, rows: 0, counted, mismatches };
  });
  return { submission, state, bytes, hash, items, itemsRouted, purged: 'ledger', entries: verified };
}

/** Counts the rows of every block into `found`, and compares them with what the block says of itself. */
function verifyBlocks(db: Database, submission: number, found: Map<number, Map<number, number>>) {
  const mismatches: string[] = [];
  let unsettled = 0;
  for (const block of db.all(
    'SELECT id, first_message, messages, pending, unsettled FROM body_blocks WHERE submission = ?',
    submission,
  )) {
    const first = number(block, 'first_message');
    const rows = db.all(
      `SELECT entry, state, count(*) AS n, sum(batch < 0) AS free FROM messages WHERE id BETWEEN ? AND ?
       GROUP BY entry, state`,
      first,
      first + number(block, 'messages') - 1,
    );
    let open = 0;
    let pending = 0;
    const last = first + number(block, 'messages') - 1;
    for (const row of rows) {
      const n = number(row, 'n');
      const earlier = number(row, 'state') === STATE_CODES.replaced ? verifyLinks(db, first, last, row, mismatches) : 0;
      const states = found.get(number(row, 'entry')) ?? new Map<number, number>();
      const before = states.get(number(row, 'state')) ?? 0;
      found.set(number(row, 'entry'), states.set(number(row, 'state'), before + n - earlier));
      if (!MESSAGE_STATES[stateName(row.state)].settled) open += n;
      if (number(row, 'state') === STATE_CODES.queued) pending += number(row, 'free');
    }
    unsettled += open;
    const id = number(block, 'id');
    if (open !== number(block, 'unsettled')) {
      mismatches.push(`body block ${id}: ${open} rows are not settled, the block says ${number(block, 'unsettled')}`);
    }
    if (pending !== number(block, 'pending')) {
      mismatches.push(`body block ${id}: ${pending} rows wait, the block says ${number(block, 'pending')}`);
    }
  }
  return { mismatches, unsettled };
}

/**
 * Holds the links of an entry's replaced messages in a range against what they lead to.
 * @returns how many of them are earlier versions, in whose place a later one of the same item is counted.
 */
function verifyLinks(db: Database, first: number, last: number, replaced: Row, mismatches: string[]): number {
  const entry = number(replaced, 'entry');
  const links =
    db.get(
      `SELECT count(s.message) AS linked, count(s.next) AS versions,
         sum(s.next IS NOT NULL AND (v.id IS NULL OR v.item <> m.item OR v.version <> m.version + 1)) AS astray
       FROM messages m LEFT JOIN successors s ON s.message = m.id
         LEFT JOIN messages v ON v.id = s.next AND v.submission = m.submission AND v.entry = m.entry
       WHERE m.id BETWEEN ? AND ? AND m.entry = ? AND m.state = ?`,
      first,
      last,
      entry,
      STATE_CODES.replaced,
    ) ?? {};
  const loose = number(replaced, 'n') - number(links, 'linked');
  if (loose > 0) mismatches.push(`${loose} replaced rows of messages ${first} to ${last} are not linked to anything`);
  const astray = number(links, 'astray');
  if (astray > 0)
    mismatches.push(`${astray} rows of messages ${first} to ${last} are linked to a version that is none`);
  return number(links, 'versions');
}

function verifyEntry(db: Database, submission: number, name: string, entry: number, found: Found, items: number) {
  const mismatches: string[] = [];
  const there = found.get(entry) ?? new Map<number, number>();
  const counters = new Map(
    db
      .all('SELECT state, n FROM counters WHERE submission = ? AND entry = ?', submission, entry)
      .map((row) => [number(row, 'state'), number(row, 'n')]),
  );
  for (const state of new Set([...there.keys(), ...counters.keys()])) {
    const [rows, counted] = [there.get(state) ?? 0, counters.get(state) ?? 0];
    if (rows !== counted) mismatches.push(`${stateName(state)}: ${rows} rows, the counter says ${counted}`);
  }
  const sum = (counts: Iterable<number>) => [...counts].reduce((total, n) => total + n, 0);
  const rows = sum(there.values());
  if (rows !== items) mismatches.push(`${items} items were read, ${rows} rows stand in the ledger`);
  return { name, rows, counted: sum(counters.values()), mismatches };
}
