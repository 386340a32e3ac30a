/** What the API gives: plain data with ids as people see them and times of ISO 8601. Never a value of a row. */
import type { ActPreview } from '../../engine/act-preview.ts';
import type { ActRow, SelectedMessage } from '../../engine/contracts/acting.ts';
import type { StatusAnswer } from '../../engine/contracts/store.ts';
import { batchId, messageId, submissionId } from '../../engine/ids.ts';

/** A time in UTC; `null` where there is none. */
function iso(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}

export function previewDocument(preview: ActPreview) {
  const { goal, oldest, newest, ...rest } = preview;
  return { ...rest, outcome: goal, oldest: iso(oldest), newest: iso(newest) };
}

export function actDocument(act: ActRow, instance: string) {
  const { goal, at, endedAt, submissions, event: _event, ...rest } = act;
  return {
    ...rest,
    outcome: goal,
    at: iso(at),
    endedAt: iso(endedAt),
    submissions: submissions.map(({ submission, done }) => ({ submission: submissionId(instance, submission), done })),
  };
}

export function messageDocument(message: SelectedMessage, instance: string) {
  const { submission, item, entry, entryName, destination, version, state, batch, code, at } = message;
  return {
    message: messageId(instance, submission, item, entry),
    submission: submissionId(instance, submission),
    item,
    entry: entryName,
    destination,
    version,
    state,
    batch: batch === undefined ? null : batchId(instance, batch),
    code,
    at: iso(at),
  };
}

export function statusDocument({ destinations, submissions }: StatusAnswer, instance: string) {
  return {
    instance,
    submissions,
    destinations: destinations.map(({ name, counts, stop, pauses, inFlight, head, inDoubt, oldestUnsettledAt }) => ({
      name,
      counts,
      inFlight,
      oldestUnsettledAt: iso(oldestUnsettledAt),
      stop: stop ? stopDocument(stop) : null,
      pauses: pauses.map((pause) => ({ ...pause, since: iso(pause.since), until: iso(pause.until) })),
      head: head ? headDocument(head, instance) : null,
      inDoubt: inDoubt.map(({ batch, messages, since, overdue }) => ({
        batch: batchId(instance, batch),
        messages,
        since: iso(since),
        overdue,
      })),
    })),
  };
}

/** Without the reason, in which the receiver's words may stand; its code is in the outcome table. */
function stopDocument({ reason: _reason, since, ...stop }: NonNullable<StatusAnswer['destinations'][number]['stop']>) {
  return { ...stop, since: iso(since) };
}

/** Without the receiver's words, which may name a patient. */
function headDocument(
  { lastWords: _words, batch, dueAt, ...head }: NonNullable<StatusAnswer['destinations'][number]['head']>,
  instance: string,
) {
  return { ...head, batch: batchId(instance, batch), dueAt: dueAt === 0 ? null : iso(dueAt) };
}
