import { formatProblem } from '../../engine/config/problems.ts';
import { counted } from '../output.ts';
import type { Failure } from './compare.ts';
import type { CaseResult, TestRun } from './run-tests.ts';

/** What people read: errors, failed cases with their differences, one line with the numbers. Passed cases and warnings are silent. */
export function testLines({ problems, files, cases }: TestRun, ms: number): readonly string[] {
  return [
    ...problems.filter(({ warning }) => !warning).map((problem) => formatProblem(problem)),
    ...cases.filter(({ passed }) => !passed).flatMap(failedLines),
    ...(cases.length === 0 ? ['no case was run'] : [summary(files, cases, ms)]),
  ];
}

function summary(files: number, cases: readonly CaseResult[], ms: number): string {
  const failed = cases.filter(({ passed }) => !passed).length;
  return `${counted(cases.length, 'case')} of ${counted(files, 'file')}: ${cases.length - failed} passed, ${failed} failed (${Math.round(ms)} ms)`;
}

function failedLines({ file, line, name, failures }: CaseResult): readonly string[] {
  return [`FAILED ${file}:${line} ${name}`, ...failures.flatMap(differenceLines)];
}

function differenceLines({ file, line, column, what, expected, found }: Failure): readonly string[] {
  return [`  ${file}:${line}:${column} ${what}`, `    expected: ${shown(expected)}`, `    found:    ${shown(found)}`];
}

/** A text in which spaces at the ends, and nothing at all, can be seen. */
function shown(text: string): string {
  if (text === '') return '(nothing)';
  return text.trim() === text ? text : `"${text}"`;
}
