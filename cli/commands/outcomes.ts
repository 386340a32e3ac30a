import { listWords, suggest } from '../../engine/config/suggest.ts';
import { WaybillError } from '../../engine/errors.ts';
import { NEXT_STEPS, OUTCOMES, type OutcomeLine } from '../../engine/outcomes.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { ADAPTERS_FLAG, type Command, EXIT, type Invocation, JSON_FLAG, UsageError } from '../command.ts';
import { adapterFolders } from '../folders.ts';
import { type OutcomePart, outcomeParts } from '../outcome-table.ts';
import { aligned, printJson, printLines, wantsJson } from '../output.ts';

export const outcomes: Command = {
  name: 'outcomes',
  summary:
    'Explain what can become of a message that is sent: what happened, what follows by itself, whose fault it is, what to do. One code, as status and trace show it, or all of them.',
  usage: '[CODE]',
  flags: { ...ADAPTERS_FLAG, ...JSON_FLAG },
  async run(invocation) {
    const code = oneCode(invocation);
    const parts = await outcomeParts(await loadAdapters(adapterFolders(invocation)));
    const found = code === undefined ? parts : partsWith(parts, code);
    if (wantsJson(invocation))
      printJson(invocation, {
        outcomes: found.flatMap(({ from, lines }) => lines.map((line) => ({ ...line, from }))),
      });
    else printLines(invocation, code === undefined ? overview(found) : found.flatMap(explained));
    return EXIT.ok.code;
  },
};

function oneCode({ words }: Invocation): string | undefined {
  if (words.length > 1) throw new UsageError(`one CODE is taken, and ${words.length} words were given`);
  return words[0];
}

/** The lines of one code, of which several parts may have one of their own; a person may type small letters. */
function partsWith(parts: readonly OutcomePart[], asked: string): readonly OutcomePart[] {
  const code = asked.toUpperCase().replaceAll('-', '_');
  const found = parts
    .map(({ from, lines }) => ({ from, lines: lines.filter((line) => line.code === code) }))
    .filter(({ lines }) => lines.length > 0);
  if (found.length > 0) return found;
  const known = parts.flatMap(({ lines }) => lines.map((line) => line.code));
  const near = suggest(code, known);
  throw new WaybillError(
    'OUTCOME_UNKNOWN',
    `The outcome table has no ${JSON.stringify(asked)}${
      near
        ? `: did you mean ${near}?`
        : `; it has lines of ${listWords(
            parts.map(({ from }) => from),
            'and',
          )}.`
    }`,
  );
}

function overview(parts: readonly OutcomePart[]): string[] {
  const rows = parts.flatMap(({ from, lines }) =>
    lines.map(({ code, outcome, next, whose }) => [code, outcome, NEXT_STEPS[next], whose, from]),
  );
  return aligned([['code', 'outcome', 'next step', 'whose', 'from'], ...rows]);
}

function explained({ from, lines }: OutcomePart): string[] {
  return lines.flatMap(({ code, happened, outcome, next, whose, sentence, fixed }: OutcomeLine) => [
    `${code} (${from})`,
    `  happened: ${happened}`,
    `  outcome: ${outcome}. ${OUTCOMES[outcome]}`,
    `  next step: ${NEXT_STEPS[next]}`,
    `  whose: ${whose}`,
    `  do: ${sentence}`,
    ...(fixed === undefined ? [] : [`  no override: ${fixed}`]),
  ]);
}
