import type { ItemLinks, Succession, SuccessionKind } from '../../engine/contracts/versions.ts';
import type { Database, Row } from './database.ts';
import { blob, number, optionalNumber, text } from './rows.ts';

/** How items and messages are linked to what came before and after them. */

/** What stands in the place of a message, if anything does. */
export function successorOf(db: Database, message: number): Succession | undefined {
  const row = db.get('SELECT * FROM successors WHERE message = ?', message);
  return row && succession(row);
}

/** The links of an item, given the numbers of its messages. */
export function linksOf(
  db: Database,
  request: { readonly submission: number; readonly item: number; readonly messages: readonly number[] },
): ItemLinks {
  const { submission, item, messages } = request;
  const edited = db.get(
    'SELECT row FROM edited_rows WHERE submission = ? AND item = ? ORDER BY edit DESC LIMIT 1',
    submission,
    item,
  );
  return {
    successors: messages.flatMap((message) => successorOf(db, message) ?? []),
    corrects: db
      .all(
        `SELECT DISTINCT m.submission, m.item FROM successors s JOIN messages m ON m.id = s.message
         WHERE s.submission = ? AND s.item = ? AND s.next IS NULL ORDER BY m.submission, m.item`,
        submission,
        item,
      )
      .map((row) => ({ submission: number(row, 'submission'), item: number(row, 'item') })),
    row: edited && blob(edited, 'row'),
  };
}

function succession(row: Row): Succession {
  return {
    message: number(row, 'message'),
    kind: text(row, 'kind') as SuccessionKind,
    next: optionalNumber(row, 'next'),
    submission: number(row, 'submission'),
    item: number(row, 'item'),
    at: number(row, 'at'),
    who: text(row, 'who'),
    reason: text(row, 'reason'),
    changed: JSON.parse(text(row, 'changed')) as string[],
  };
}
