/** What an act would do, and what it did, for people. Numbers, names and ids; never a value of a row. */
import type { ActPreview } from '../../engine/act-preview.ts';
import { ACTS } from '../../engine/acts.ts';
import { counted, localTime } from '../output.ts';

/** At most so many of a kind are listed. */
const LISTED = 20;

/** What it would do, and how to say yes. */
export function previewLines(preview: ActPreview): string[] {
  const { verb, goal, filter, count, destinations, states, codes, submissions, submissionCount, leftOut } = preview;
  const { oldest, newest, examples } = preview;
  const left = leftOut.map((each) => `  left as they are: ${each.count} ${each.state} (${each.why})`);
  if (count === 0) return [`Nothing to ${verb}: no message fits ${filter}.`, ...left];
  const does =
    verb === 'resolve'
      ? `become ${goal === 'queued' ? 'queued, to be sent again' : goal}`
      : `would be ${ACTS[verb].does}`;
  return [
    `${counted(count, 'message')} ${does}: ${filter}`,
    `  destinations: ${listed(destinations)}`,
    `  states: ${listed(states)}`,
    ...(Object.keys(codes).length === 0 ? [] : [`  codes: ${listed(codes)}`]),
    `  submissions: ${listed(submissions, submissionCount)}`,
    ...(oldest === undefined || newest === undefined
      ? []
      : [`  from ${localTime(oldest)} to ${localTime(newest)}, by what was last said of them`]),
    `  for example: ${examples.join(', ')}`,
    ...left,
    `Nothing was changed. To do it, add: --reason "..." --confirm ${count}`,
  ];
}

function listed(counts: Readonly<Record<string, number>>, all = Object.keys(counts).length): string {
  const shown = Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .slice(0, LISTED)
    .map(([name, n]) => `${name} ${n}`);
  const others = all - shown.length;
  return `${shown.join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}
