import { MESSAGE_STATES, type StateEntry, SUBMISSION_STATES } from '../../engine/states.ts';
import { cell } from './markdown.ts';
import { pageHead } from './pages.ts';

/** `docs/reference/states.md`: what states there are, what they mean, what can follow. */
export function statesPage(): string {
  return [
    pageHead('States'),
    '## Submissions',
    '',
    ...table(SUBMISSION_STATES),
    '',
    '## Messages',
    '',
    'One row in the ledger for each item, entry and version. For each submission and entry, the items read are the sum of',
    'the states of the current versions, at any moment.',
    '',
    ...table(MESSAGE_STATES),
    '',
  ].join('\n');
}

function table(states: Readonly<Record<string, StateEntry>>): string[] {
  return [
    '| state | means | settled | can become |',
    '| --- | --- | --- | --- |',
    ...Object.entries(states).map(
      ([name, { settled, next, means }]) =>
        `| ${name} | ${cell(means)} | ${settled ? 'yes' : 'no'} | ${next.length === 0 ? '-' : next.join(', ')} |`,
    ),
  ];
}
