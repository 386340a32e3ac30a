/** Items by the value of a searchable field. The value is made into a digest at once, and is told nowhere. */
import { WaybillError } from '../../engine/errors.ts';
import { itemId } from '../../engine/ids.ts';
import { SearchDigests } from '../../engine/search-fields.ts';
import { UsageError } from '../command.ts';
import type { Reading } from '../ledger.ts';
import { aligned } from '../output.ts';

/** Items that are shown, at most. */
const MOST_FOUND = 200;

/** An item that was found, without any value of it. */
export interface Found {
  readonly item: string;
  readonly file: string;
  readonly line: number;
  /** State of the current version by entry. */
  readonly entries: Readonly<Record<string, string>>;
}

/** Reads `NAME=VALUE`. The error does not repeat it. @throws UsageError */
export function parseField(text: string): { readonly name: string; readonly value: string } {
  const at = text.indexOf('=');
  if (at <= 0 || at === text.length - 1) throw new UsageError('--field takes NAME=VALUE');
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}

/** The items with this value, the earliest first. @throws UsageError where the value is blank. */
export function findItems({ ledger, instance }: Reading, name: string, value: string): readonly Found[] {
  const digest = new SearchDigests(ledger.ask('facts', {}).digestKey).digest(name, value);
  if (!digest) throw new UsageError('--field takes NAME=VALUE with a value that is not blank');
  return ledger.ask('search', { digest, limit: MOST_FOUND }).flatMap(({ submission, item }) => {
    const located = ledger.ask('locateItem', { submission, item });
    const row = ledger.ask('submission', { submission });
    if (!located || !row) return [];
    // Versions of an entry come in their order: the last one counts.
    const entries = Object.fromEntries(located.messages.map(({ entry, state }) => [entry, state]));
    return [{ item: itemId(instance, submission, item), file: row.name, line: located.line, entries }];
  });
}

/** What was found, for people. @throws WaybillError `FIELD_NOT_FOUND` where there is nothing. */
export function foundLines(found: readonly Found[], name: string): string[] {
  if (found.length === 0)
    throw new WaybillError(
      'FIELD_NOT_FOUND',
      `No item has this value of ${name}: only columns with searchable: true, and paths under search: of a route, can be looked up, and only for what came since they were.`,
    );
  const rows = found.map(({ item, file, line, entries }) => [
    item,
    `${file}:${line}`,
    Object.entries(entries)
      .map(([entry, state]) => `${entry} ${state}`)
      .join(', '),
  ]);
  return [...aligned(rows), ...(found.length === MOST_FOUND ? [`The first ${MOST_FOUND}; there may be more.`] : [])];
}
