/** A row with other values: run again through the route as it was when the row was accepted. */
import type { Fault } from '../../engine/contracts/item.ts';
import type { TransformContext } from '../../engine/contracts/transform.ts';
import { WaybillError } from '../../engine/errors.ts';
import { messageId } from '../../engine/ids.ts';
import { laneChoice } from '../../engine/key-lanes.ts';
import type { Registry } from '../../engine/registry.ts';
import type { EntryResult, Transports } from '../../engine/route-program.ts';
import { SearchDigests } from '../../engine/search-fields.ts';
import { submissionFacts } from '../../engine/submission-facts.ts';
import { rerunRow, unpackRow } from '../../engine/versions.ts';
import type { Reading } from '../ledger.ts';
import { type Reread, rereadItem } from '../trace/reread.ts';
import type { Changes } from './changes.ts';
import { type EditPlan, type Made, versionOf } from './plan.ts';
import { type CurrentMessage, entriesToEdit, indexOf, type Left, type Subject, transportOf } from './subject.ts';

export interface RowEdit {
  readonly subject: Subject;
  readonly changes: Changes;
  readonly entry: string | undefined;
  readonly again: boolean;
  readonly registry: Registry;
  readonly transports: Transports;
}

/**
 * Plans the new versions of a row.
 * @throws WaybillError `EDIT_NOT_A_ROW`, `EDIT_COLUMN_UNKNOWN`, `EDIT_CHANGES_NOTHING`; `EDIT_REFUSED` with every fault;
 * what `entriesToEdit` throws.
 */
export async function planRowEdit(open: Reading, edit: RowEdit): Promise<EditPlan> {
  const { subject, transports } = edit;
  const { row, located, links } = subject;
  const { chosen, left } = entriesToEdit(subject, edit);
  for (const old of chosen) transportOf(subject, old, transports);
  const again = await rereadItem(open, row, located, edit.registry, transports);
  const before = links.row ? unpackRow(links.row) : again.item.fields;
  const fields = changedFields(edit, again, before);
  const { rows } = again.route.format;
  const { scan } = row;
  if (!rows || !scan) throw notARow(subject);
  const item = rows.item(scan, fields, again.item, again.today);
  const contextOf = (entry: string): TransformContext => {
    const index = indexOf(subject, entry);
    const version = chosen.find((message) => message.entry === entry)?.version ?? 0;
    return {
      messageId: messageId(open.instance, row.number, located.item, index, version + 1),
      charset: transports[row.entries[index]?.destination ?? '']?.charset ?? 'utf-8',
      acceptedAt: row.acceptedAt,
      submission: submissionFacts(open.instance, row),
      fields: row.fields,
      partner: row.partner,
    };
  };
  const names = chosen.map(({ entry }) => entry);
  const ran = rerunRow(again.route, item, names, (index) => contextOf(row.entries[index]?.name ?? ''));
  if ('faults' in ran) throw refused(subject, ran.faults);
  const { digestKey } = open.ledger.ask('facts', {});
  const lanes = (destination: string) =>
    laneChoice(transports[destination]?.order, again.route.format.columns ?? [], digestKey)?.(item);
  const results = chosen.map((old) => ({ old, result: resultOf(ran.entries, old, subject) }));
  const made = results.flatMap(({ old, result }): { old: CurrentMessage; made: Made }[] => {
    const found = madeOf(result, old, lanes(old.destination));
    return found ? [{ old, made: found }] : [];
  });
  const stays = results.filter(({ old }) => !made.some((one) => one.old === old)).map(({ old }) => leftDelivered(old));
  const versions = made.map((one) => versionOf(open, subject, one.old, one.made));
  if (versions.length === 0)
    throw new WaybillError(
      'EDIT_CHANGES_NOTHING',
      `${subject.id} would be left out; it was delivered, and stays as it is.`,
    );
  return {
    id: subject.id,
    line: located.line,
    left: [...left, ...stays],
    versions: versions.map(({ planned }) => planned),
    request: {
      submission: row.number,
      item: located.item,
      kind: 'rowEdited',
      changed: [...edit.changes.keys()],
      row: fields,
      search: new SearchDigests(digestKey)
        .ofItem(again.route.search ?? [], item)
        .map((digest) => Buffer.from(digest).toString('base64')),
      versions: versions.map(({ request }) => request),
    },
  };
}

/** The row's fields with the new values in their places. */
function changedFields({ subject, changes }: RowEdit, again: Reread, before: readonly string[]): string[] {
  const { rows } = again.route.format;
  const { scan } = subject.row;
  if (!rows || !scan) throw notARow(subject);
  const fields = [...before];
  for (const [column, value] of changes) {
    const place = rows.place(scan, column);
    if (place === undefined)
      throw new WaybillError(
        'EDIT_COLUMN_UNKNOWN',
        `The file of ${subject.id} has no column ${JSON.stringify(column)}: its columns are ${namesOf(again, subject).join(', ')}.`,
      );
    fields[place] = value;
  }
  if (fields.every((field, index) => field === before[index]))
    throw new WaybillError('EDIT_CHANGES_NOTHING', `${subject.id} has these values already.`);
  return fields;
}

function namesOf(again: Reread, { row }: Subject): readonly string[] {
  const { header } = row.scan?.details ?? {};
  return again.columns.length > 0 ? again.columns : Array.isArray(header) ? header.map(String) : [];
}

function notARow({ id }: Subject): WaybillError {
  return new WaybillError(
    'EDIT_NOT_A_ROW',
    `${id} is no row with columns: give the whole message with --file or --editor.`,
  );
}

function resultOf(
  ran: readonly { readonly entry: string; readonly result: EntryResult }[],
  { entry }: CurrentMessage,
  subject: Subject,
): Exclude<EntryResult, { readonly kind: 'invalid' }> {
  const result = ran.find((one) => one.entry === entry)?.result;
  if (!result)
    throw new WaybillError('ENTRY_UNKNOWN', `The route of ${subject.id} had no entry ${entry} when it was accepted.`);
  if (result.kind === 'invalid') throw refused(subject, result.faults, entry);
  return result;
}

/** `undefined` where the edited row is left out and the old message was delivered: nothing can take that back. */
function madeOf(
  result: Exclude<EntryResult, { readonly kind: 'invalid' }>,
  old: CurrentMessage,
  lane: number | undefined,
): Made | undefined {
  if (result.kind === 'filtered')
    return old.state === 'delivered' ? undefined : { bytes: new Uint8Array(), controlId: '', filtered: result.reason };
  const { text, bytes, controlId } = result.message;
  return { bytes: bytes ?? Buffer.from(text, 'utf8'), controlId, ...(lane === undefined ? {} : { lane }) };
}

function leftDelivered({ entry, state }: CurrentMessage): Left {
  return { entry, state, why: 'the edited row is left out there, and what was delivered stays' };
}

/** Every fault with its column; no value. */
function refused({ id }: Subject, faults: readonly Fault[], entry?: string): WaybillError {
  const where = entry === undefined ? '' : ` in entry ${entry}`;
  const lines = faults.map(
    ({ column, reason, code }) => `  ${column === undefined ? '' : `${column}: `}${reason} (${code})`,
  );
  return new WaybillError(
    'EDIT_REFUSED',
    `${id} cannot be sent with these values${where}; nothing was changed:\n${lines.join('\n')}`,
  );
}
