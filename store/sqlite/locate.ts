import { unpackLines, unpackPositions } from '../../engine/blocks.ts';
import type { LocatedItem } from '../../engine/contracts/store.ts';
import type { Database, Row } from './database.ts';
import { blob, number, optionalNumber, stateName, text } from './rows.ts';

/** Where an item stands: its block, and its messages in every entry and version. */

/** The item that lies on a physical line. */
export function locate(db: Database, request: { submission: number; line: number }): LocatedItem | undefined {
  const row = blockAt(db, request.submission, 'last_line', request.line);
  const index = row ? linesOf(row).findIndex(({ first, last }) => first <= request.line && request.line <= last) : -1;
  return row && index >= 0 ? located(db, request.submission, row, index) : undefined;
}

/** The item with this number. */
export function locateItem(db: Database, request: { submission: number; item: number }): LocatedItem | undefined {
  const row = blockAt(db, request.submission, 'first_item + items - 1', request.item);
  const index = row ? request.item - number(row, 'first_item') : -1;
  return row && index >= 0 ? located(db, request.submission, row, index) : undefined;
}

/**
 * The first block that goes as far as this line or item. Blocks are numbered in the order of lines and items, so that a
 * few look-ups by their key find it, however long the file is.
 */
function blockAt(db: Database, submission: number, end: string, value: number): Row | undefined {
  const last = db.get('SELECT max(block) AS block FROM item_blocks WHERE submission = ?', submission);
  let low = 0;
  let high = optionalNumber(last ?? {}, 'block') ?? -1;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const row = db.get(`SELECT ${end} AS end FROM item_blocks WHERE submission = ? AND block = ?`, submission, middle);
    if (number(row ?? {}, 'end') < value) low = middle + 1;
    else high = middle - 1;
  }
  return db.get('SELECT * FROM item_blocks WHERE submission = ? AND block = ?', submission, low);
}

function linesOf(row: Row): ReturnType<typeof unpackLines> {
  const lines = blob(row, 'item_lines');
  return lines ? unpackLines(lines) : [];
}

/** @param index of the item in its block */
function located(db: Database, submission: number, row: Row, index: number): LocatedItem {
  const item = number(row, 'first_item') + index;
  return {
    submission,
    item,
    line: linesOf(row)[index]?.first ?? number(row, 'first_line'),
    block: {
      firstItem: number(row, 'first_item'),
      items: number(row, 'items'),
      cursor: number(row, 'from_cursor'),
      lines: number(row, 'from_lines'),
    },
    rejects: blob(row, 'rejects'),
    messages: messagesOf(db, submission, number(row, 'block'), item),
  };
}

/** Every message of an item, in all entries and versions; empty where there is no such item. */
export function messagesOfItem(db: Database, submission: number, item: number): LocatedItem['messages'] {
  const row = blockOfItem(db, submission, item);
  return row ? messagesOf(db, submission, number(row, 'block'), item) : [];
}

/** The block of an item, as it stands in `item_blocks`. */
export function blockOfItem(db: Database, submission: number, item: number): Row | undefined {
  const row = blockAt(db, submission, 'first_item + items - 1', item);
  return row && item >= number(row, 'first_item') ? row : undefined;
}

function messagesOf(db: Database, submission: number, block: number, item: number): LocatedItem['messages'] {
  const blocks = db.all(
    'SELECT id, entries, items, first_item, first_message FROM body_blocks WHERE submission = ? AND block = ? ORDER BY id',
    submission,
    block,
  );
  return blocks.flatMap((body) => {
    const entries = JSON.parse(text(body, 'entries')) as number[];
    const place = placeOf(body, item - number(body, 'first_item'));
    if (place < 0) return [];
    return entries.flatMap((entry, at) => {
      const position = place * entries.length + at;
      const row = db.get(
        `SELECT m.*, e.name, e.destination, e.transform FROM messages m JOIN entries e ON e.submission = m.submission AND e.entry = m.entry
         WHERE m.id = ?`,
        number(body, 'first_message') + position,
      );
      if (!row || number(row, 'entry') !== entry) return [];
      const batchNumber = number(row, 'batch');
      return {
        message: number(row, 'id'),
        entry: text(row, 'name'),
        destination: text(row, 'destination'),
        transform: text(row, 'transform'),
        version: number(row, 'version'),
        state: stateName(row.state),
        batch: batchNumber < 0 ? undefined : batchNumber,
        bodyBlock: number(body, 'id'),
        position,
      };
    });
  });
}

/** The how-manieth item of the body block this one is: as in the block, but where it holds only some of the items. */
function placeOf(body: Row, index: number): number {
  const items = blob(body, 'items');
  return items ? unpackPositions(items).indexOf(index) : index;
}
