import type { SubmissionSummary } from '../../engine/contracts/store.ts';
import { batchId, receiptId, submissionId } from '../../engine/ids.ts';
import { type Command, DATA_FLAG, EXIT, JSON_FLAG, optionalFlag, wholeNumber } from '../command.ts';
import { dataFolder } from '../folders.ts';
import { reading } from '../ledger.ts';
import { aligned, isoTime, localTime, printJson, printLines, stateCounts, wantsJson } from '../output.ts';

const USUAL_LIMIT = 20;
const MOST = 1000;

export const submissions: Command = {
  name: 'submissions',
  summary: 'List what was taken in, the latest first, with what became of it.',
  usage: '[--name FILE] [--limit N]',
  flags: {
    name: { type: 'string', value: 'FILE', description: 'Only submissions of this file name.' },
    limit: { type: 'string', value: 'N', description: `At most so many; default ${USUAL_LIMIT}, at most ${MOST}.` },
    ...DATA_FLAG,
    ...JSON_FLAG,
  },
  run(invocation) {
    const limit = Math.min(wholeNumber(optionalFlag(invocation, 'limit') ?? String(USUAL_LIMIT), 'limit'), MOST);
    const name = optionalFlag(invocation, 'name');
    return reading(dataFolder(invocation), ({ ledger, instance }) => {
      const rows = ledger.ask('submissions', { limit, ...(name === undefined ? {} : { name }) });
      if (wantsJson(invocation)) printJson(invocation, { submissions: rows.map((row) => asJson(instance, row)) });
      else if (rows.length === 0)
        printLines(invocation, [
          name === undefined ? 'There are no submissions yet.' : `There is no submission of a file ${name}.`,
        ]);
      else {
        const head = ['id', 'accepted', 'service', 'state', 'items', 'messages', 'file'];
        printLines(invocation, aligned([head, ...rows.map((row) => cells(instance, row))]));
      }
      return EXIT.ok.code;
    });
  },
};

function cells(instance: string, row: SubmissionSummary): string[] {
  const { number, acceptedAt, service, state, items, refusal, name } = row;
  const became = refusal ? refusal.code : stateCounts(sums(row));
  return [
    submissionId(instance, number),
    localTime(acceptedAt),
    service,
    state,
    items === undefined ? '-' : String(items),
    became,
    name,
  ];
}

/** Messages by state, all entries together. */
function sums({ counts }: SubmissionSummary): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const { state, count } of counts) totals[state] = (totals[state] ?? 0) + count;
  return totals;
}

function asJson(instance: string, row: SubmissionSummary) {
  const {
    number,
    name,
    service,
    partner,
    state,
    bytes,
    hash,
    items,
    rejectedItems,
    refusal,
    acceptedAt,
    routedAt,
    settledAt,
    counts,
  } = row;
  return {
    submission: submissionId(instance, number),
    ...(row.receipt === undefined ? {} : { receipt: receiptId(instance, row.receipt), part: row.part }),
    ...(row.cause === undefined ? {} : { answerTo: batchId(instance, row.cause) }),
    name,
    service,
    partner,
    state,
    bytes,
    sha256: hash,
    items: items ?? null,
    rejectedItems,
    refusal: refusal ?? null,
    acceptedAt: isoTime(acceptedAt),
    routedAt: isoTime(routedAt),
    settledAt: isoTime(settledAt),
    counts,
  };
}
