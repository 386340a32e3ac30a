import { unpackMessages, unpackRejects } from '../../engine/blocks.ts';
import type { EventRow, ItemLinks, LocatedItem, SubmissionRow, Succession } from '../../engine/contracts/store.ts';
import type { LineageLine, TransformContext } from '../../engine/contracts/transform.ts';
import { messageOf } from '../../engine/errors.ts';
import { batchId, itemId, messageId, submissionId } from '../../engine/ids.ts';
import type { Registry } from '../../engine/registry.ts';
import type { EntryProgram } from '../../engine/route-program.ts';
import { submissionFacts } from '../../engine/submission-facts.ts';
import { unpackRow } from '../../engine/versions.ts';
import type { Reading } from '../ledger.ts';
import { isoTime } from '../output.ts';
import { eventsJson, MOST_EVENTS } from '../summary.ts';
import { type BatchTrace, batchChain } from './batches.ts';
import { type Reread, rereadItem } from './reread.ts';

export interface FaultTrace {
  readonly code: string;
  readonly line: number;
  readonly column?: string;
  readonly reason: string;
  /** The entry whose transform refused it; absent where the record map did. */
  readonly entry?: string;
}

/** Everything known about one row. Values of it, messages and answers only where bodies were asked for. */
export interface ItemTrace {
  readonly submission: string;
  readonly file: string;
  readonly service: string;
  readonly submissionState: string;
  readonly acceptedAt: string;
  readonly item: string;
  readonly line: number;
  readonly lastLine: number;
  /** `edited`: an edit gave it another value, which is shown where values are. */
  readonly columns: readonly { readonly column: string; readonly value?: string; readonly edited?: string | true }[];
  /** The rejected rows that it corrects, of earlier submissions. */
  readonly corrects?: readonly string[];
  /** The item's text where it has no columns. */
  readonly text?: string;
  readonly faults: readonly FaultTrace[];
  readonly entries: readonly EntryTrace[];
  readonly events: ReturnType<typeof eventsJson>;
  /** Why the row could not be read again, where it could not. */
  readonly note?: string;
}

export interface EntryTrace {
  readonly entry: string;
  readonly destination: string;
  readonly transform: string;
  /** The message's control id, unless the transform gives another one. */
  readonly message: string;
  readonly version: number;
  readonly state: string;
  /** What stands in its place. */
  readonly replacedBy?: ReplacedBy;
  /** Why it was left out, where it was. */
  readonly reason?: string;
  readonly lineage: readonly LineageLine[];
  readonly batches: readonly BatchTrace[];
  /** What the receiver said about this message alone. */
  readonly outcomes: readonly {
    readonly batch: string;
    readonly attempt: number;
    readonly state: string;
    readonly code: string;
    readonly words: string;
  }[];
  readonly body?: string;
}

/** A later version, or the row that came back corrected; who made it, when and why. */
export interface ReplacedBy {
  readonly id: string;
  readonly kind: Succession['kind'];
  readonly at: string;
  readonly who: string;
  readonly reason: string;
  /** Columns or paths. */
  readonly changed: readonly string[];
}

/** Puts together what the ledger knows of an item, and what its row and the pinned snapshot say again. */
export async function traceItem(
  open: Reading,
  row: SubmissionRow,
  located: LocatedItem,
  registry: Registry,
  bodies: boolean,
): Promise<ItemTrace> {
  const { ledger, instance } = open;
  const reread = await rereadItem(open, row, located, registry).catch((error: unknown) => messageOf(error));
  const again = typeof reread === 'string' ? undefined : reread;
  const rejects = located.rejects ? unpackRejects(located.rejects) : [];
  const faults = rejects.find(({ item }) => item === located.item)?.faults ?? [];
  const text = bodies && again?.item.bytes ? Buffer.from(again.item.bytes).toString('utf8') : undefined;
  const links = ledger.ask('links', {
    submission: row.number,
    item: located.item,
    messages: located.messages.map(({ message }) => message),
  });
  const edited = again && editedRow(row, again, links);
  const corrects = links.corrects.map(({ submission, item }) => itemId(instance, submission, item));
  const batches = new Set(located.messages.flatMap(({ batch }) => (batch === undefined ? [] : [batch])));
  const events: EventRow[] = [
    ...ledger.ask('events', { submission: row.number, limit: MOST_EVENTS }),
    ...[...batches].flatMap((batch) => ledger.ask('events', { batch, limit: MOST_EVENTS })),
  ].sort((a, b) => a.at - b.at);
  return {
    submission: submissionId(instance, row.number),
    file: row.name,
    service: row.service,
    submissionState: row.state,
    acceptedAt: isoTime(row.acceptedAt),
    item: itemId(instance, row.number, located.item),
    line: located.line,
    lastLine: again?.item.lastLine ?? located.line,
    columns: (again?.columns ?? []).map((column, index) => ({
      column,
      ...(bodies ? { value: again?.item.values[index] ?? '' } : {}),
      ...editedValue(again, edited, index, bodies),
    })),
    ...(corrects.length === 0 ? {} : { corrects }),
    ...(text === undefined ? {} : { text }),
    faults,
    entries: located.messages.map((message) => {
      const link = links.successors.find((each) => each.message === message.message);
      const source = message.version === 1 ? (faults.length > 0 ? undefined : again) : sourceOf(links, message, edited);
      return {
        ...traceEntry(open, row, located, message, source && { ...source, corrects: corrects.length > 0 }, bodies),
        ...(link ? { replacedBy: replacedBy(open, row, located, message, link) } : {}),
      };
    }),
    events: eventsJson(events, instance),
    ...(typeof reread === 'string' ? { note: reread } : {}),
  };
}

/** The row as it stands after its last edit. */
function editedRow({ scan }: SubmissionRow, again: Reread, { row }: ItemLinks): Reread | undefined {
  const item = row && scan && again.route.format.rows?.item(scan, unpackRow(row), again.item, again.today);
  return item && { ...again, item };
}

function editedValue(
  again: Reread | undefined,
  edited: Reread | undefined,
  index: number,
  bodies: boolean,
): { readonly edited?: string | true } {
  const value = edited?.item.values[index];
  if (value === undefined || value === again?.item.values[index]) return {};
  return { edited: bodies ? value : true };
}

/** What a later version was made of: only of the last edit of a row is it known. */
function sourceOf(
  { successors }: ItemLinks,
  { message }: LocatedItem['messages'][number],
  edited: Reread | undefined,
): Reread | undefined {
  const last = successors.filter(({ kind }) => kind === 'rowEdited').at(-1);
  const made = successors.find(({ next }) => next === message);
  return made?.kind === 'rowEdited' && made.at === last?.at ? edited : undefined;
}

function replacedBy(
  { instance }: Reading,
  row: SubmissionRow,
  { item }: LocatedItem,
  message: LocatedItem['messages'][number],
  link: Succession,
): ReplacedBy {
  const entry = row.entries.findIndex(({ name }) => name === message.entry);
  const { kind, at, who, reason, changed } = link;
  const id =
    link.next === undefined
      ? itemId(instance, link.submission, link.item)
      : messageId(instance, row.number, item, Math.max(entry, 0), message.version + 1);
  return { id, kind, at: isoTime(at), who, reason, changed };
}

/** A row with the route that it took. */
type Source = Reread & { readonly corrects: boolean };

function traceEntry(
  open: Reading,
  row: SubmissionRow,
  located: LocatedItem,
  message: LocatedItem['messages'][number],
  again: Source | undefined,
  bodies: boolean,
): EntryTrace {
  const { ledger, instance } = open;
  const index = row.entries.findIndex(({ name }) => name === message.entry);
  const id = messageId(instance, row.number, located.item, Math.max(index, 0), message.version);
  const { outcomes } = ledger.ask('message', { message: message.message }) ?? { outcomes: [] };
  const body = bodies ? bodyText(open, message) : undefined;
  return {
    entry: message.entry,
    destination: message.destination,
    transform: message.transform,
    message: id,
    version: message.version,
    state: message.state,
    ...retold(open, row, id, message, again),
    batches: message.batch === undefined ? [] : batchChain(open, message.batch, bodies),
    outcomes: outcomes.map(({ batch, ...rest }) => ({ batch: batchId(instance, batch), ...rest })),
    ...(body === undefined ? {} : { body }),
  };
}

function bodyText({ ledger }: Reading, { bodyBlock, position }: LocatedItem['messages'][number]): string | undefined {
  const packed = ledger.ask('bodyBlock', { bodyBlock });
  const bytes = packed && unpackMessages(packed.body).body(position);
  return bytes && bytes.length > 0 ? Buffer.from(bytes).toString('utf8') : undefined;
}

/**
 * Runs the route's rules over the row once more: why it was left out, or where each part of the message came from. A row
 * with faults is not run: one that ended the transform worker would end this process too.
 */
function retold(
  { instance }: Reading,
  row: SubmissionRow,
  id: string,
  { entry, state }: LocatedItem['messages'][number],
  again: Source | undefined,
): Pick<EntryTrace, 'reason' | 'lineage'> {
  const program = again?.route.entries.find(({ name }) => name === entry);
  if (!again || !program) return { lineage: [] };
  const context: TransformContext = {
    messageId: id,
    charset: program.charset,
    acceptedAt: row.acceptedAt,
    submission: submissionFacts(instance, row),
    fields: row.fields,
    partner: row.partner,
  };
  return state === 'filtered'
    ? { reason: filterReason(again, program, context), lineage: [] }
    : explained(again, program, context);
}

function filterReason({ route, item, corrects }: Source, program: EntryProgram, context: TransformContext): string {
  const filter = route.filters.find(({ drops }) => drops(item, context));
  if (filter) return `${filter.reason} (a filter of the route)`;
  if (program.when && !program.when(item, context)) return "the entry's condition `when` does not hold";
  const result = program.program.run(item, context);
  if (result.kind === 'dropped') return `${result.reason} (dropped by ${program.transform})`;
  return corrects ? 'the row that it corrects was not rejected here' : 'the rules of the snapshot do not leave it out';
}

function explained({ item }: Reread, program: EntryProgram, context: TransformContext): Pick<EntryTrace, 'lineage'> {
  try {
    return { lineage: program.program.explain(item, context).lineage };
  } catch {
    // A row that ended its transform: the ledger says so by its state and its faults.
    return { lineage: [] };
  }
}
