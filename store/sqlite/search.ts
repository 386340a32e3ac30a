import type { NewBlock } from '../../engine/contracts/store.ts';
import type { Database } from './database.ts';
import { number } from './rows.ts';
import { NUMBERS } from './schema.ts';

/**
 * What items can be looked up by: keyed digests of the values of searchable fields, never the values. Nothing is written
 * where a route has no such field.
 */

/** Bytes of one digest. */
const WIDTH = 16;
/** In a list with one digest for each item of a block: this one has no value. */
const NO_VALUE = 'zeroblob(16)';

/** An item of a submission. */
export interface FoundItem {
  readonly submission: number;
  readonly item: number;
}

/** Enters the digests of a block: in each list 16 bytes for each of its items, zeros where it has no value. */
export function insertSearch(db: Database, block: NewBlock): void {
  for (const digests of block.search ?? []) {
    for (let done = 0; done < block.items; done += NUMBERS) {
      const items = Math.min(NUMBERS, block.items - done);
      db.run(
        `INSERT OR IGNORE INTO search_digests (digest, submission, item)
         SELECT substr(?1, n * ${WIDTH} + 1, ${WIDTH}), ?2, ?3 + n FROM numbers
         WHERE n < ?4 AND substr(?1, n * ${WIDTH} + 1, ${WIDTH}) <> ${NO_VALUE}`,
        digests.subarray(done * WIDTH, (done + items) * WIDTH),
        block.submission,
        block.firstItem + done,
        items,
      );
    }
  }
}

/** Enters digests of one item, as an edit gives it new values; those of the row as it came stay. */
export function insertDigests(db: Database, submission: number, item: number, digests: readonly Uint8Array[]): void {
  for (const digest of digests) {
    db.run(
      'INSERT OR IGNORE INTO search_digests (digest, submission, item) VALUES (?, ?, ?)',
      digest,
      submission,
      item,
    );
  }
}

/** Items with this digest (engine/search-fields.ts), in the order of submissions and items, after the given one. */
export function itemsWith(
  db: Database,
  request: { readonly digest: Uint8Array; readonly after?: FoundItem; readonly limit: number },
): FoundItem[] {
  const after = request.after ?? { submission: 0, item: 0 };
  return db
    .all(
      `SELECT submission, item FROM search_digests WHERE digest = ? AND (submission, item) > (?, ?)
       ORDER BY submission, item LIMIT ?`,
      request.digest,
      after.submission,
      after.item,
      request.limit,
    )
    .map((row) => ({ submission: number(row, 'submission'), item: number(row, 'item') }));
}
