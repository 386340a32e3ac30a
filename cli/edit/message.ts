/** A message given as it shall be: checked as what carries it and what it is would have it. */
import { isUtf8 } from 'node:buffer';
import { carriesChecks } from '../../engine/carries.ts';
import type { BodySource, Format } from '../../engine/contracts/format.ts';
import type { Item } from '../../engine/contracts/item.ts';
import { messageOf, WaybillError } from '../../engine/errors.ts';
import type { Registry } from '../../engine/registry.ts';
import type { Transports } from '../../engine/route-program.ts';
import { controlIdOf } from '../../hl7/control-id.ts';
import type { Reading } from '../ledger.ts';
import { jsonOf } from '../message-text.ts';
import { snapshotOf } from '../trace/reread.ts';
import { bodyOf, type EditPlan, versionOf } from './plan.ts';
import { type CurrentMessage, entriesToEdit, notNow, type Subject, transportOf } from './subject.ts';

/**
 * The message that a person means: of the entry that the id or `--entry` names, else of the first one.
 * @throws WaybillError `ENTRY_UNKNOWN`, `EDIT_VERSION`, `EDIT_NOT_NOW`, `EDIT_DELIVERED`.
 */
export function messageToReplace(
  subject: Subject,
  { entry, again }: { readonly entry: string | undefined; readonly again: boolean },
): CurrentMessage {
  const { target, row, id } = subject;
  const name = entry ?? row.entries[target.entry ?? 0]?.name;
  if (name === undefined) throw new WaybillError('ENTRY_UNKNOWN', `${id} has no entry ${(target.entry ?? 0) + 1}.`);
  const [old] = entriesToEdit(subject, { entry: name, again }).chosen;
  if (!old) throw new WaybillError('ENTRY_UNKNOWN', `${id} has no message in entry ${name}.`);
  if (target.version !== undefined && target.version !== old.version)
    throw new WaybillError('EDIT_VERSION', `The current version of ${id} in entry ${name} is ${old.version}.`);
  return old;
}

export interface MessageEdit {
  readonly subject: Subject;
  readonly old: CurrentMessage;
  /** The message as it was given. */
  readonly given: Uint8Array;
  readonly registry: Registry;
  readonly transports: Transports;
}

/** Plans a new version with these bytes. @throws WaybillError `EDIT_REFUSED`, `EDIT_CHANGES_NOTHING`. */
export async function planMessageEdit(open: Reading, edit: MessageEdit): Promise<EditPlan> {
  const { subject, old } = edit;
  const before = bodyOf(open, old);
  const bytes = await checked(open, edit, before.bytes);
  if (Buffer.compare(bytes, before.bytes) === 0)
    throw new WaybillError('EDIT_CHANGES_NOTHING', `${subject.id} is this message already.`);
  const controlId = isHl7(bytes) ? controlIdOf(bytes) : before.controlId;
  const { request, planned } = versionOf(open, subject, old, { bytes, controlId });
  return {
    id: subject.id,
    line: subject.located.line,
    left: [],
    versions: [planned],
    request: {
      submission: subject.row.number,
      item: subject.located.item,
      kind: 'messageEdited',
      changed: planned.differences.map(({ path }) => path),
      search: [],
      versions: [request],
    },
  };
}

/** Plans a new version with the bytes that were sent before. @throws WaybillError `EDIT_NOT_NOW` where there are none. */
export function planSendingAgain(open: Reading, subject: Subject, old: CurrentMessage): EditPlan {
  const { bytes, controlId } = bodyOf(open, old);
  if (bytes.length === 0) throw notNow(subject.id, old);
  const { request, planned } = versionOf(open, subject, old, { bytes, controlId });
  const { row, located, id } = subject;
  return {
    id,
    line: located.line,
    left: [],
    versions: [planned],
    request: {
      submission: row.number,
      item: located.item,
      kind: 'sentAgain',
      changed: [],
      search: [],
      versions: [request],
    },
  };
}

function isHl7(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 4))
    .toString('latin1')
    .startsWith('MSH');
}

/** The bytes as they would be sent, held against what the message was, its standard, and its transport. */
async function checked(open: Reading, edit: MessageEdit, before: Uint8Array): Promise<Uint8Array> {
  const { given, old, subject, transports } = edit;
  if (given.length === 0) throw refused(edit, 'the message is empty');
  const bytes = isHl7(given) ? withSegmentEnds(given) : given;
  if (isHl7(before) && !isHl7(bytes)) throw refused(edit, 'it does not begin with MSH, and what it replaces is HL7');
  if (isHl7(bytes)) await checkHl7(open, edit, bytes);
  else if (isDocument(before) && !isDocument(bytes)) throw refused(edit, 'it is no JSON, and what it replaces is');
  const transport = transportOf(subject, old, transports);
  const { carries, carriesBytes } = carriesChecks(transport);
  const fits = isUtf8(bytes) ? carries(Buffer.from(bytes).toString('utf8')) : carriesBytes(bytes);
  if (!fits)
    throw refused(
      edit,
      `a character of it cannot be carried to ${old.destination} (its transport takes ${transport.charset})`,
    );
  return bytes;
}

/** Editors write lines; HL7 ends a segment with CR alone. */
function withSegmentEnds(bytes: Uint8Array): Uint8Array {
  if (!isUtf8(bytes)) return bytes;
  return Buffer.from(
    Buffer.from(bytes)
      .toString('utf8')
      .replace(/\r\n|\n/g, '\r'),
    'utf8',
  );
}

/** One message that can be read, with a control id; by the standard too, where its route asks for that. */
async function checkHl7(open: Reading, edit: MessageEdit, bytes: Uint8Array): Promise<void> {
  const { row } = edit.subject;
  if (controlIdOf(bytes) === '') throw refused(edit, 'it has no control id (MSH-10), so no answer could name it');
  const snapshot = snapshotOf(open, row);
  const definition = await edit.registry.get('format', 'hl7-batch');
  const format = definition.open({ type: 'hl7-batch' }, { resources: snapshot.resources });
  const items = await itemsOf(edit, format, bytes);
  const [item] = items;
  if (!item || items.length > 1) throw refused(edit, `it holds ${items.length} messages, and one is replaced`);
  const standard = snapshot.routes[row.route]?.validate === true ? await format.validator?.() : undefined;
  const faults = item.faults.length > 0 ? item.faults : (standard?.(item) ?? []);
  if (faults.length > 0)
    throw refused(
      edit,
      faults
        .map(({ column, reason, code }) => `${column === undefined ? '' : `${column}: `}${reason} (${code})`)
        .join('\n  '),
    );
}

async function itemsOf(edit: MessageEdit, format: Format, bytes: Uint8Array): Promise<readonly Item[]> {
  const source: BodySource = {
    path: '',
    bytes: bytes.length,
    async *read(start = 0) {
      yield new Uint8Array(bytes.subarray(start));
    },
  };
  const { signal } = new AbortController();
  try {
    const scan = await format.scan?.(source, { signal, transcode: () => ({ write: async () => undefined }) });
    if (!scan) return [];
    const from = { cursor: scan.cursor, lines: scan.lines };
    const reader = await format.read?.(source, scan, from, { signal, today: '' });
    const block = await reader?.next(2, bytes.length + 1);
    await reader?.close();
    return block?.items ?? [];
  } catch (error) {
    throw refused(edit, messageOf(error), error);
  }
}

function isDocument(bytes: Uint8Array): boolean {
  const document = isUtf8(bytes) ? jsonOf(Buffer.from(bytes).toString('utf8')) : undefined;
  return typeof document === 'object' && document !== null;
}

function refused({ subject, old }: MessageEdit, what: string, cause?: unknown): WaybillError {
  return new WaybillError(
    'EDIT_REFUSED',
    `The message cannot take the place of ${subject.id} in entry ${old.entry}; nothing was changed:\n  ${what}`,
    { cause },
  );
}
