/** What is edited: an item with the current version of its message in each entry. */
import { unpackRejects } from '../../engine/blocks.ts';
import type { ItemLinks, LocatedItem, SubmissionRow } from '../../engine/contracts/store.ts';
import { STANDS_ELSEWHERE } from '../../engine/contracts/versions.ts';
import { WaybillError } from '../../engine/errors.ts';
import { itemId, submissionId } from '../../engine/ids.ts';
import type { Transports } from '../../engine/route-program.ts';
import type { MessageState } from '../../engine/states.ts';
import { REPLACEABLE } from '../../engine/versions.ts';
import type { Reading } from '../ledger.ts';
import { findTarget, locateTarget, type Target } from '../trace/target.ts';

export type CurrentMessage = LocatedItem['messages'][number];

export interface Subject {
  readonly target: Target;
  readonly row: SubmissionRow;
  readonly located: LocatedItem;
  readonly links: ItemLinks;
  /** `7kq2-15-217`. */
  readonly id: string;
  /** The current version in each entry, in the order of the route. */
  readonly current: readonly CurrentMessage[];
}

/**
 * Finds what a person names, and whether anything of it may be edited at all.
 * @throws WaybillError `SUBMISSION_UNKNOWN`, `LINE_UNKNOWN`, `EDIT_NOT_NOW`.
 */
export function subjectOf(open: Reading, word: string): Subject {
  const target = findTarget(open, word);
  const row = open.ledger.ask('submission', { submission: target.submission });
  const located = row && locateTarget(open, target);
  const submission = submissionId(open.instance, target.submission);
  if (!row || !located)
    throw new WaybillError(
      'LINE_UNKNOWN',
      `${submission} has no such line or item: name one as waybill trace does, ${submission}:LINE or ${submission}-ITEM.`,
    );
  refuseSubmission(row, submission);
  const id = itemId(open.instance, row.number, located.item);
  refuseElsewhere(id, located);
  const links = open.ledger.ask('links', {
    submission: row.number,
    item: located.item,
    messages: located.messages.map(({ message }) => message),
  });
  const current = row.entries.flatMap(({ name }) => currentOf(located, name) ?? []);
  refuseCorrected(open, id, links, current);
  return { target, row, located, links, id, current };
}

function refuseSubmission(row: SubmissionRow, submission: string): void {
  if (row.state !== 'routed')
    throw new WaybillError('EDIT_NOT_NOW', `${submission} is ${row.state}: only what was routed can be edited.`);
  if (row.gate && row.rejectedItems > 0)
    throw new WaybillError(
      'EDIT_NOT_NOW',
      `${submission} was refused as a whole, since its route has onInvalidRow: refuseFile: submit the file again, corrected.`,
    );
}

/** A row that was refused since another one has its place would be sent beside that one. */
function refuseElsewhere(id: string, { item, rejects }: LocatedItem): void {
  const faults = rejects ? (unpackRejects(rejects).find((each) => each.item === item)?.faults ?? []) : [];
  const fault = faults.find(({ code }) => STANDS_ELSEWHERE.includes(code));
  if (fault) throw new WaybillError('EDIT_NOT_NOW', `${id} has nothing to edit: ${fault.reason} (${fault.code}).`);
}

/** A row that came back corrected in a later file is edited there. */
function refuseCorrected(open: Reading, id: string, links: ItemLinks, current: readonly CurrentMessage[]): void {
  const elsewhere = links.successors.find(({ next }) => next === undefined);
  if (!elsewhere || current.some(({ state }) => REPLACEABLE.includes(state))) return;
  const by = itemId(open.instance, elsewhere.submission, elsewhere.item);
  throw new WaybillError('EDIT_NOT_NOW', `${id} was corrected: ${by} stands in its place; edit that one.`);
}

function currentOf({ messages }: LocatedItem, entry: string): CurrentMessage | undefined {
  return messages
    .filter((message) => message.entry === entry)
    .reduce<CurrentMessage | undefined>((a, b) => (a && a.version > b.version ? a : b), undefined);
}

/** The index of an entry in its submission. */
export function indexOf({ row }: Subject, entry: string): number {
  return row.entries.findIndex(({ name }) => name === entry);
}

/** An entry that stays as it is, and why. */
export interface Left {
  readonly entry: string;
  readonly state: MessageState;
  readonly why: string;
}

/**
 * Which entries get a new version: the one that is named, else all whose message may be replaced; what was delivered only
 * where it is to be sent again.
 * @throws WaybillError `ENTRY_UNKNOWN`, `EDIT_NOT_NOW`, `EDIT_DELIVERED`.
 */
export function entriesToEdit(
  { id, current }: Subject,
  { entry, again }: { readonly entry: string | undefined; readonly again: boolean },
): { readonly chosen: readonly CurrentMessage[]; readonly left: readonly Left[] } {
  const asked = entry === undefined ? current : current.filter((message) => message.entry === entry);
  if (asked.length === 0) {
    const names = current.map((message) => message.entry).join(', ');
    throw new WaybillError('ENTRY_UNKNOWN', `${id} has no entry ${JSON.stringify(entry ?? '')}: it has ${names}.`);
  }
  const busy = asked.find(({ state }) => state === 'sending' || state === 'inDoubt');
  if (busy) throw notNow(id, busy);
  const chosen = asked.filter(({ state }) => REPLACEABLE.includes(state) && (again || state !== 'delivered'));
  const left = asked.filter((message) => !chosen.includes(message)).map((message) => leftOut(message));
  const [first] = asked;
  if (chosen.length > 0 || !first) return { chosen, left };
  const delivered = asked.find(({ state }) => state === 'delivered');
  if (!delivered) throw notNow(id, first);
  throw new WaybillError(
    'EDIT_DELIVERED',
    `${id} was delivered in entry ${delivered.entry}: say --again if the receiver is to get it once more.`,
  );
}

function leftOut({ entry, state }: CurrentMessage): Left {
  const why =
    state === 'delivered' ? 'delivered; --again would send it once more' : `${state}; nothing takes its place`;
  return { entry, state, why };
}

/** What carries a message. @throws WaybillError `EDIT_NOT_NOW` where the production has its destination no longer. */
export function transportOf({ id }: Subject, { destination }: CurrentMessage, transports: Transports) {
  const transport = transports[destination];
  if (transport) return transport;
  throw new WaybillError('EDIT_NOT_NOW', `${id} goes to ${destination}, which the production no longer has.`);
}

/** The error that says what keeps a message from being replaced. */
export function notNow(id: string, { entry, state }: CurrentMessage): WaybillError {
  const cure: Readonly<Partial<Record<MessageState, string>>> = {
    sending: 'wait for the answer',
    inDoubt: 'decide with waybill resolve whether it arrived',
  };
  return new WaybillError(
    'EDIT_NOT_NOW',
    `${id} is ${state} in entry ${entry}: ${cure[state] ?? 'nothing takes its place'}.`,
  );
}
