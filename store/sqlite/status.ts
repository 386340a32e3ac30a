import type { BatchState, StatusAnswer } from '../../engine/contracts/store.ts';
import type { MessageState, SubmissionState } from '../../engine/states.ts';
import type { Database, Row } from './database.ts';
import { OPEN } from './lane-order.ts';
import { readLimit, readPauses } from './pace.ts';
import { number, optionalNumber, optionalText, stateName, text } from './rows.ts';
import { STATE_CODES } from './schema.ts';

/** Every destination and every state of a submission, counted. Reads the counters of all submissions that are kept. */
export function status(db: Database): StatusAnswer {
  const names = new Set<string>();
  const counts = new Map<string, Partial<Record<MessageState, number>>>();
  const rows = db.all(
    `SELECT e.destination, c.state, sum(c.n) AS n FROM counters c JOIN entries e ON e.submission = c.submission AND e.entry = c.entry
     GROUP BY e.destination, c.state HAVING sum(c.n) > 0`,
  );
  for (const row of rows) {
    const name = text(row, 'destination');
    names.add(name);
    counts.set(name, { ...counts.get(name), [stateName(row.state)]: number(row, 'n') });
  }
  for (const row of db.all('SELECT name FROM destinations')) names.add(text(row, 'name'));
  const states: Partial<Record<SubmissionState, number>> = {};
  for (const row of db.all('SELECT state, count(*) AS n FROM submissions GROUP BY state'))
    states[text(row, 'state') as SubmissionState] = number(row, 'n');
  return {
    submissions: states,
    destinations: [...names].sort().map((name) => destinationStatus(db, name, counts.get(name) ?? {})),
  };
}

function destinationStatus(
  db: Database,
  name: string,
  counts: Partial<Record<MessageState, number>>,
): StatusAnswer['destinations'][number] {
  const stopRow = db.get('SELECT * FROM destinations WHERE name = ?', name);
  const open = db.all(
    `SELECT * FROM batches WHERE destination = ? AND ${OPEN} ORDER BY place, first_message LIMIT 100`,
    name,
  );
  const head = open[0];
  const last =
    head &&
    db.get('SELECT code, words FROM attempts WHERE batch = ? ORDER BY attempt DESC LIMIT 1', number(head, 'id'));
  return {
    name,
    counts,
    stop: stopRow && {
      since: number(stopRow, 'since'),
      code: text(stopRow, 'code'),
      reason: text(stopRow, 'reason'),
      whose: text(stopRow, 'whose'),
      next: text(stopRow, 'next'),
    },
    head: head && {
      batch: number(head, 'id'),
      state: text(head, 'state') as BatchState,
      count: number(head, 'count'),
      attempts: number(head, 'attempts'),
      dueAt: number(head, 'due_at'),
      lastCode: text(last ?? {}, 'code'),
      lastWords: text(last ?? {}, 'words'),
    },
    inDoubt: open.filter((row) => text(row, 'state') === 'inDoubt').map((row) => inDoubtBatch(db, row)),
    pauses: readPauses(db, name),
    limit: readLimit(db, { destination: name }),
    inFlight: number(
      db.get(`SELECT count(*) AS n FROM batches WHERE destination = ? AND ${OPEN} AND state = 'sending'`, name) ?? {},
      'n',
    ),
    oldestUnsettledAt: oldestUnsettled(db, name),
  };
}

function inDoubtBatch(db: Database, row: Row): StatusAnswer['destinations'][number]['inDoubt'][number] {
  const id = number(row, 'id');
  const since = db.get('SELECT max(ended_at) AS at FROM attempts WHERE batch = ?', id);
  const messages = db
    .all('SELECT first_message, last_message FROM batch_parts WHERE batch = ?', id)
    .map((part) =>
      number(
        db.get(
          'SELECT count(*) AS n FROM messages WHERE id BETWEEN ? AND ? AND batch = ? AND state = ?',
          number(part, 'first_message'),
          number(part, 'last_message'),
          id,
          STATE_CODES.inDoubt,
        ) ?? {},
        'n',
      ),
    );
  return {
    batch: id,
    messages: messages.reduce((sum, n) => sum + n, 0),
    since: number(since ?? {}, 'at'),
    askAt: number(row, 'due_at'),
    asked: number(row, 'asked'),
    overdue: number(row, 'overdue') === 1,
    ticket: optionalText(row, 'ticket'),
  };
}

/** When the oldest message under way was routed: it waits in the lane's first block, or is in a batch that is open. */
function oldestUnsettled(db: Database, destination: string): number | undefined {
  const waiting = db.get(
    'SELECT min(routed_at) AS at FROM body_blocks WHERE destination = ? AND pending > 0',
    destination,
  );
  const open = db.get(
    `SELECT min(b.routed_at) AS at FROM batch_parts p JOIN body_blocks b ON b.id = p.body_block
     WHERE p.batch IN (SELECT id FROM batches WHERE destination = ? AND ${OPEN})`,
    destination,
  );
  const times = [optionalNumber(waiting ?? {}, 'at'), optionalNumber(open ?? {}, 'at')];
  const known = times.filter((at) => at !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
