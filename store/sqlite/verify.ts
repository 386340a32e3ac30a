import type { VerifyPage } from '../../engine/contracts/store.ts';
import { MESSAGE_STATES } from '../../engine/states.ts';
import type { Database } from './database.ts';
import { number, stateName, submissionRow } from './rows.ts';
import { STATE_CODES } from './schema.ts';

/** Rows of the ledger by entry, then by the state's code. */
type Found = ReadonlyMap<number, ReadonlyMap<number, number>>;

/**
 * The conservation law, submission by submission: items read = ledger rows = counters, in every entry; and what blocks
 * and submission say is waiting or unsettled is so. A mismatch is a sentence.
 */
export function verify(db: Database, request: { after: number }): VerifyPage {
  const row = db.get('SELECT * FROM submissions WHERE number > ? ORDER BY number LIMIT 1', request.after);
  if (!row) return { submissions: [], next: undefined };
  const { number: submission, state, bytes, hash, items, itemsRouted, unsettled, entries } = submissionRow(db, row);
  const found = new Map<number, Map<number, number>>();
  const blocks = verifyBlocks(db, submission, found);
  if (blocks.unsettled !== unsettled) {
    blocks.mismatches.push(`${blocks.unsettled} rows are not settled, the submission says ${unsettled}`);
  }
  const verified = entries.map(({ name }, entry) => verifyEntry(db, submission, name, entry, found, itemsRouted));
  verified[0]?.mismatches.push(...blocks.mismatches);
  return { submissions: [{ submission, state, bytes, hash, items, itemsRouted, entries: verified }], next: submission };
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
    for (const row of rows) {
      const n = number(row, 'n');
      const states = found.get(number(row, 'entry')) ?? new Map<number, number>();
      found.set(number(row, 'entry'), states.set(number(row, 'state'), (states.get(number(row, 'state')) ?? 0) + n));
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
