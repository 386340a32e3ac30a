import { outcomeParts } from '../../cli/outcome-table.ts';
import { NEXT_STEPS, OUTCOMES, type OutcomeLine } from '../../engine/outcomes.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { cell } from './markdown.ts';
import { pageHead } from './pages.ts';

const TITLES: Readonly<Record<string, string>> = {
  engine: 'The engine',
  'hl7-batch': 'Acknowledgements (hl7-batch)',
  soap: 'SOAP',
  mongodb: 'MongoDB',
};

/** `docs/reference/outcomes.md`: the outcome table, from the same data that the engine goes by. */
export async function outcomesPage(): Promise<string> {
  const parts = await outcomeParts(await loadAdapters());
  return [
    pageHead('Outcomes'),
    'What can become of a message that is sent, by the code that `waybill status` and `waybill trace` show. The same table',
    'in the terminal: `waybill outcomes`, and one line of it in full: `waybill outcomes CODE`. In plain words, and how a',
    'destination takes a line otherwise: [What became of my messages?](../guides/outcomes.md).',
    '',
    '| outcome | means |',
    '| --- | --- |',
    ...Object.entries(OUTCOMES).map(([name, means]) => `| ${name} | ${cell(means)} |`),
    '',
    ...parts.flatMap(({ from, lines }) => [
      `## ${TITLES[from] ?? from}`,
      '',
      '| code | what happened | outcome | next step | whose | what to do | override |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...lines.map(row),
      '',
    ]),
    'In the column `override`: whether a destination may take the line otherwise under `outcomes`, and if not, why.',
    '',
  ].join('\n');
}

function row({ code, happened, outcome, next, whose, sentence, fixed }: OutcomeLine): string {
  const verdict = outcome === 'delivered' || outcome === 'rejected';
  const override = fixed ?? (verdict ? 'no: it is a verdict.' : 'yes');
  const cells = [`\`${code}\``, happened, outcome, NEXT_STEPS[next], whose, sentence, override];
  return `| ${cells.map(cell).join(' | ')} |`;
}
