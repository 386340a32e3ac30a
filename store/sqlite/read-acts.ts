import type { ActGoal, ActRow, ActVerb } from '../../engine/contracts/acting.ts';
import type { Database, Row } from './database.ts';
import { number, optionalNumber, text } from './rows.ts';

/** Acts of people, as the ledger knows them. */

/** At most so many of an act's submissions are named. */
const NAMED = 100;

export function acts(db: Database, request: { limit: number; before?: number; running?: boolean }): ActRow[] {
  const rows = request.running
    ? db.all(`SELECT * FROM acts WHERE state = 'running' ORDER BY id LIMIT ?`, request.limit)
    : db.all(
        'SELECT * FROM acts WHERE id < ? ORDER BY id DESC LIMIT ?',
        request.before ?? Number.MAX_SAFE_INTEGER,
        request.limit,
      );
  return rows.map((row) => actRow(db, row));
}

export function act(db: Database, request: { act: number }): ActRow | undefined {
  const row = db.get('SELECT * FROM acts WHERE id = ?', request.act);
  return row && actRow(db, row);
}

function actRow(db: Database, row: Row): ActRow {
  const id = number(row, 'id');
  const destinations = db.all(
    'SELECT DISTINCT destination FROM act_submissions WHERE act = ? ORDER BY destination',
    id,
  );
  const submissions = db.all(
    'SELECT submission, sum(done) AS n FROM act_submissions WHERE act = ? GROUP BY submission ORDER BY submission LIMIT ?',
    id,
    NAMED,
  );
  return {
    act: id,
    verb: text(row, 'verb') as ActVerb,
    goal: text(row, 'goal') as ActGoal,
    event: text(row, 'event'),
    filter: text(row, 'filter'),
    who: text(row, 'who'),
    reason: text(row, 'reason'),
    at: number(row, 'at'),
    count: number(row, 'count'),
    state: text(row, 'state') === 'done' ? 'done' : 'running',
    done: number(row, 'done'),
    skipped: number(row, 'skipped'),
    endedAt: optionalNumber(row, 'ended_at'),
    destinations: destinations.map((each) => text(each, 'destination')),
    submissions: submissions.map((each) => ({ submission: number(each, 'submission'), done: number(each, 'n') })),
  };
}
