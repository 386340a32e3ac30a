import { aligned, counted, localTime } from '../output.ts';
import type { AttemptTrace, BatchTrace } from './batches.ts';
import type { EntryTrace, FaultTrace, ItemTrace, ReplacedBy } from './item-trace.ts';

/** A row's trace for people. */
export function itemLines(trace: ItemTrace): string[] {
  const { file, line, lastLine, item, submission, submissionState, acceptedAt, service, note, events, corrects } =
    trace;
  const lines = lastLine > line ? `lines ${line} to ${lastLine}` : `line ${line}`;
  return [
    `${file}, ${lines}: item ${item} of ${submission} (${submissionState})`,
    `  accepted ${local(acceptedAt)} by ${service}`,
    ...(corrects === undefined ? [] : [`  corrects ${corrects.join(', ')}`]),
    ...(note === undefined ? [] : [`  the row was not read again: ${note}`]),
    ...rowLines(trace),
    ...trace.entries.flatMap(entryLines),
    ...(events.length === 0
      ? []
      : [
          'events:',
          ...aligned(
            events.map(({ at, who, what, batch, destination, detail }) => [
              local(at),
              who,
              what,
              batch ?? '',
              destination ?? '',
              wordsOf(detail),
            ]),
            '  ',
          ),
        ]),
  ];
}

function rowLines({ columns, text, faults }: ItemTrace): string[] {
  const shown = columns.some(({ value }) => value !== undefined);
  const rows = columns.map(({ column, value, edited }) => {
    const wrong = faults.filter((fault) => fault.column === column).map(({ code }) => code);
    const marks = [
      ...(wrong.length > 0 ? [`<- ${wrong.join(', ')}`] : []),
      ...(edited === undefined ? [] : [edited === true ? 'edited' : `edited: ${edited}`]),
    ];
    return [column, ...(shown ? [value ?? ''] : []), marks.join('; ')];
  });
  return [
    ...(rows.length > 0 ? [shown ? 'row:' : 'row (values with --bodies):', ...aligned(rows, '  ')] : []),
    ...(text === undefined ? [] : ['row:', ...payload(text, '  ')]),
    ...(faults.length > 0 ? ['faults:', ...faults.map(faultLine)] : []),
  ];
}

function faultLine({ code, line, column, reason, entry }: FaultTrace): string {
  return `  line ${line}${column === undefined ? '' : `, column ${column}`}${entry === undefined ? '' : `, entry ${entry}`}: ${reason} (${code})`;
}

function entryLines(trace: EntryTrace): string[] {
  const {
    entry,
    state,
    reason,
    message,
    version,
    transform,
    destination,
    batches,
    outcomes,
    lineage,
    body,
    replacedBy,
  } = trace;
  return [
    `entry ${entry}: ${state}${reason === undefined ? '' : `, ${reason}`}`,
    `  message ${message}${version > 1 ? `, version ${version}` : ''}, ${transform === '' ? 'as it came' : `made by ${transform}`}, for ${destination}`,
    ...(replacedBy === undefined ? [] : [replacedLine(replacedBy)]),
    ...batches.flatMap(batchLines),
    ...outcomes.map(
      ({ batch, attempt, state: became, code, words }) =>
        `  said of this message in ${batch}, attempt ${attempt}: ${became}, ${words} (${code})`,
    ),
    ...(lineage.length === 0
      ? []
      : [
          '  lineage:',
          ...aligned(
            lineage.map(({ target, sources, action }) => [target, `<- ${sources.join(', ')}`, action]),
            '    ',
          ),
        ]),
    ...(body === undefined ? [] : ['  body:', ...payload(body, '    ')]),
  ];
}

const SAYS: Readonly<Record<ReplacedBy['kind'], string>> = {
  rowEdited: 'the row was edited',
  messageEdited: 'the message was edited',
  sentAgain: 'it was sent again on purpose',
  corrected: 'the row came back corrected',
};

function replacedLine({ id, kind, at, who, reason, changed }: ReplacedBy): string {
  const what = changed.length === 0 ? '' : ` (${changed.join(', ')})`;
  return `  replaced by ${id}: ${SAYS[kind]}${what} by ${who}, ${local(at)}${kind === 'corrected' ? '' : `: ${reason}`}`;
}

function batchLines({ batch, state, messages, bytes, plannedAt, dueAt, replaces, attempts }: BatchTrace): string[] {
  const took = replaces === null ? '' : `, took over from ${replaces}`;
  const due = dueAt === null ? '' : `, due ${local(dueAt)}`;
  return [
    `  batch ${batch}: ${state}, ${counted(messages, 'message')}, ${counted(bytes, 'byte')}, planned ${local(plannedAt)}${due}${took}`,
    ...attempts.flatMap(attemptLines),
  ];
}

function attemptLines({
  attempt,
  startedAt,
  endedAt,
  outcome,
  code,
  whose,
  words,
  status,
  answer,
}: AttemptTrace): string[] {
  const took = endedAt === null ? ', not ended' : ` in ${Date.parse(endedAt) - Date.parse(startedAt)} ms`;
  const facts = [code, whose === '' ? '' : `whose: ${whose}`, status === null ? '' : `HTTP ${status}`].filter(
    (fact) => fact !== '',
  );
  return [
    `    attempt ${attempt} at ${local(startedAt)}${took}: ${outcome}${words === '' ? '' : `, ${words}`}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`,
    ...(answer === undefined ? [] : ['      answer:', ...payload(answer, '        ')]),
  ];
}

/** HL7 has one segment a line; everything else its own lines. */
function payload(text: string, indent: string): string[] {
  return text
    .replace(/(\r\n|\r|\n)$/, '')
    .split(/\r\n|\r|\n/)
    .map((line) => `${indent}${line}`);
}

function wordsOf(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail)
    .map(([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}

function local(iso: string): string {
  return localTime(Date.parse(iso));
}
