import type { SubmissionRow } from '../../engine/contracts/store.ts';
import { WaybillError } from '../../engine/errors.ts';
import { submissionId } from '../../engine/ids.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { submissionReport } from '../../engine/report.ts';
import {
  ADAPTERS_FLAG,
  type Command,
  DATA_FLAG,
  EXIT,
  type Invocation,
  JSON_FLAG,
  oneWord,
  optionalFlag,
  UsageError,
} from '../command.ts';
import { adapterFolders, dataFolder } from '../folders.ts';
import { type Reading, reading } from '../ledger.ts';
import { isoTime, localTime, printJson, printLines, wantsJson } from '../output.ts';
import { eventsJson, MOST_EVENTS, summaryLines } from '../summary.ts';
import { findItems, foundLines, parseField } from '../trace/find.ts';
import { itemLines } from '../trace/item-lines.ts';
import { traceItem } from '../trace/item-trace.ts';
import { findTarget, locateTarget, type Target } from '../trace/target.ts';

export const trace: Command = {
  name: 'trace',
  summary:
    "Say what became of one line of a file: faults, messages, batches, attempts, the receiver's words; or of a whole submission.",
  usage: 'SUBMISSION[:LINE] | FILE[:LINE] | MESSAGE | --field NAME=VALUE',
  flags: {
    bodies: {
      type: 'boolean',
      description: 'Also show the values of the row, the messages and the raw answers. They hold patient data.',
    },
    field: {
      type: 'string',
      value: 'NAME=VALUE',
      description: 'List the items with this value of a searchable column or path instead.',
    },
    ...DATA_FLAG,
    ...ADAPTERS_FLAG,
    ...JSON_FLAG,
  },
  run(invocation) {
    const field = optionalFlag(invocation, 'field');
    if (field !== undefined) return traceField(invocation, field);
    const word = oneWord(invocation, 'SUBMISSION, FILE or MESSAGE');
    return reading(dataFolder(invocation), async (open) => {
      const target = findTarget(open, word);
      const { submission, line, item } = target;
      const row = open.ledger.ask('submission', { submission });
      if (!row)
        throw new WaybillError(
          'SUBMISSION_UNKNOWN',
          `The ledger has no submission ${submissionId(open.instance, submission)}.`,
        );
      if (line === undefined && item === undefined) await traceSubmission(invocation, open, row);
      else await traceOne(invocation, open, row, target);
      return EXIT.ok.code;
    });
  },
};

function traceField(invocation: Invocation, text: string): Promise<number> {
  if (invocation.words.length > 0) throw new UsageError('--field takes the place of SUBMISSION, FILE or MESSAGE');
  const { name, value } = parseField(text);
  return reading(dataFolder(invocation), (open) => {
    const found = findItems(open, name, value);
    if (wantsJson(invocation)) printJson(invocation, { items: found });
    else printLines(invocation, foundLines(found, name));
    return EXIT.ok.code;
  });
}

async function traceSubmission(invocation: Invocation, open: Reading, row: SubmissionRow): Promise<void> {
  if (!wantsJson(invocation)) {
    printLines(invocation, summaryLines(open, row.number));
    return;
  }
  const summary = await submissionReport(
    (question, request) => open.ledger.ask(question, request),
    open.instance,
    row.number,
  );
  const events = open.ledger.ask('events', { submission: row.number, limit: MOST_EVENTS });
  printJson(invocation, { ...summary, ...purgedJson(row), events: eventsJson(events, open.instance) });
}

/** When its bodies, and its rows, were purged; nothing where they are kept. */
function purgedJson({ bodiesPurgedAt, purgedAt }: SubmissionRow) {
  return {
    ...(bodiesPurgedAt === undefined ? {} : { bodiesPurgedAt: isoTime(bodiesPurgedAt) }),
    ...(purgedAt === undefined ? {} : { purgedAt: isoTime(purgedAt) }),
  };
}

async function traceOne(invocation: Invocation, open: Reading, row: SubmissionRow, target: Target): Promise<void> {
  const located = locateTarget(open, target);
  if (!located && row.purgedAt !== undefined) {
    const id = submissionId(open.instance, row.number);
    const at = localTime(row.purgedAt);
    throw new WaybillError('PURGED', `The rows of ${id} were purged on ${at}; waybill trace ${id} says what is kept.`);
  }
  if (!located) throw new WaybillError('LINE_UNKNOWN', whyNoItem(open, row, target));
  const registry = await loadAdapters(adapterFolders(invocation));
  const found = await traceItem(open, row, located, registry, invocation.flags.bodies === true);
  if (wantsJson(invocation)) printJson(invocation, found);
  else printLines(invocation, itemLines(found));
}

function whyNoItem({ instance }: Reading, row: SubmissionRow, { line, item }: Target): string {
  const id = submissionId(instance, row.number);
  const what = line === undefined ? `item ${item}` : `line ${line}`;
  if (row.refusal) {
    return `${id} was refused as a whole, so ${what} became nothing: ${row.refusal.reason} (${row.refusal.code})`;
  }
  if (row.state !== 'routed') return `${id} is ${row.state} and ${what} was not read yet: try again shortly.`;
  const items = `${id} has ${row.items ?? 0} items`;
  return line === undefined
    ? `${items}, none with number ${item}.`
    : `${items}, none at line ${line}: it is the header, an empty line, or after the end.`;
}
