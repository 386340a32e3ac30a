import type { EventRow, SubmissionRow } from '../engine/contracts/store.ts';
import { batchId, receiptId, submissionId } from '../engine/ids.ts';
import { SUBMISSION_STATES } from '../engine/states.ts';
import type { Reading } from './ledger.ts';
import { aligned, counted, isoTime, localTime, stateCounts } from './output.ts';

/** At most so many events are shown. */
export const MOST_EVENTS = 50;

/** What became of a submission, for people: states, counts by entry, times, the refusal, events. No value of any row. */
export function summaryLines({ ledger, instance }: Reading, submission: number): string[] {
  const row = ledger.ask('submission', { submission });
  if (!row) return [];
  const counters = ledger.ask('counters', { submission });
  const entries = row.entries.map(({ name, destination, transform }) => {
    const counts = Object.fromEntries(
      counters.filter(({ entry }) => entry === name).map(({ state, count }) => [state, count]),
    );
    return [
      `entry ${name}:`,
      `${stateCounts(counts)}  (${transform === '' ? 'as it came' : transform} to ${destination})`,
    ];
  });
  return [
    `${submissionId(instance, submission)}: ${row.name}`,
    ...aligned(
      [
        ['state:', stateText(row)],
        ['items:', itemsText(row)],
        ...entries,
        ['service:', `${row.service}${row.partner === '' ? '' : `, partner ${row.partner}`}`],
        ...originOf(row, instance),
        ...answersOf(ledger, row, instance),
        ['accepted:', localTime(row.acceptedAt)],
        ...(row.routedAt === undefined ? [] : [['routed:', localTime(row.routedAt)]]),
        ...(row.settledAt === undefined ? [] : [['settled:', localTime(row.settledAt)]]),
        ...purgedText(row).map((text) => ['purged:', text]),
        ['content:', `${counted(row.bytes, 'byte')}, SHA-256 ${row.hash}`],
        ['snapshot:', row.snapshot],
      ],
      '  ',
    ),
    ...eventLines(ledger.ask('events', { submission, limit: MOST_EVENTS }), instance),
  ];
}

/** What of it is purged, and since when. */
function purgedText({ bodiesPurgedAt, purgedAt }: SubmissionRow): string[] {
  return [
    ...(bodiesPurgedAt === undefined ? [] : [`its bodies, purged on ${localTime(bodiesPurgedAt)}`]),
    ...(purgedAt === undefined ? [] : [`the rows of its items and messages, purged on ${localTime(purgedAt)}`]),
  ];
}

/** The upload it came with, or the batch whose answer it is. */
function originOf({ receipt, part, cause }: SubmissionRow, instance: string): string[][] {
  if (receipt !== undefined) return [['receipt:', `${receiptId(instance, receipt)}, part ${part}`]];
  return cause === undefined ? [] : [['answer to:', batchId(instance, cause)]];
}

/** Submissions that the answers to its batches have become. */
function answersOf(ledger: Reading['ledger'], { number }: SubmissionRow, instance: string): string[][] {
  const ids = ledger.ask('answersTo', { submission: number }).map((answer) => submissionId(instance, answer));
  return ids.length === 0 ? [] : [['answers:', ids.join(', ')]];
}

function stateText({ state, refusal }: SubmissionRow): string {
  if (!refusal) return `${state} (${SUBMISSION_STATES[state].means})`;
  const { code, reason, line, column } = refusal;
  const place = line === undefined ? '' : ` at line ${line}${column === undefined ? '' : `, column ${column}`}`;
  return `${state}${place}: ${reason} (${code})`;
}

function itemsText({ items, itemsRouted, rejectedItems, unsettled }: SubmissionRow): string {
  if (items === undefined) return 'not counted yet';
  const routed = itemsRouted === items ? '' : `, ${itemsRouted} of them routed so far`;
  return `${items}${routed}; ${rejectedItems} with faults; ${counted(unsettled, 'message')} not settled`;
}

/** Events as lines, under a head of their own; nothing where there are none. */
function eventLines(events: readonly EventRow[], instance: string): string[] {
  if (events.length === 0) return [];
  const rows = events.map(({ at, who, what, batch, destination, detail }) => {
    const about = [batch === undefined ? '' : batchId(instance, batch), destination ?? '']
      .filter((text) => text !== '')
      .join(' ');
    const words = Object.entries(detail).map(
      ([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    return [localTime(at), who, what, about, words.join(', ')];
  });
  return ['  events:', ...aligned(rows, '    ')];
}

/** Events as data. */
export function eventsJson(events: readonly EventRow[], instance: string) {
  return events.map(({ at, who, what, batch, destination, detail }) => ({
    at: isoTime(at),
    who,
    what,
    ...(batch === undefined ? {} : { batch: batchId(instance, batch) }),
    ...(destination === undefined ? {} : { destination }),
    detail,
  }));
}
