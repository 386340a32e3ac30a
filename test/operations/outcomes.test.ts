/** Codes in the source of operations and lines of their outcome tables are the same, in both directions. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ERROR_CLASSES, type OutcomeTable } from '../../engine/outcomes.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { projectFiles, projectText } from '../support/source-files.ts';

const operations = await (await loadAdapters()).all('operation');

/** The operation's source without its tables. */
function sourceOf(name: string): string {
  return projectFiles('operations')
    .filter((path) => path.startsWith(`operations/${name}/`) || path === `operations/${name}.ts`)
    .filter(
      (path) =>
        path.endsWith('.ts') && !/\/(errors|outcomes|outcome-table)\.ts$/.test(path) && !path.includes('/twin/'),
    )
    .map(projectText)
    .concat(name === 'mongodb' ? projectText('operations/mongodb/outcomes.ts') : '')
    .join('\n');
}

/** What the engine is told by each class, by the name of the class. */
const OUTCOME_OF = new Map(Object.entries(ERROR_CLASSES).map(([outcome, { name }]) => [name, outcome]));

for (const { name, errors, outcomes } of operations) {
  describe(name, () => {
    const source = sourceOf(name);
    const rows: OutcomeTable = outcomes ?? {};

    test('has lines', () => assert.ok(Object.keys(rows).length > 20));

    test('every delivery error that is thrown has a line, and is of the class that the line says', () => {
      const thrown = /\bnew (Transient|Uncertain|Permanent|Config|TooLarge)Error\(\s*'([A-Z0-9_]+)'/g;
      for (const [, kind, code = ''] of source.matchAll(thrown))
        assert.equal(rows[code]?.outcome, OUTCOME_OF.get(`${kind}Error`), code);
    });

    test('every outcome of a message that is told has a line that says the same', () => {
      const told = [
        ...source.matchAll(/\.add\([^,()]+, '(\w+)', '([A-Z0-9_]+)'/g),
        ...source.matchAll(/outcome: '(\w+)',\s*code: '([A-Z0-9_]+)'/g),
        ...[...source.matchAll(/\bnew Refused\(\s*'([A-Z0-9_]+)'/g)].map(
          ([all, code]) => [all, 'rejected', code] as const,
        ),
      ];
      assert.ok(told.length > 0);
      const states: Readonly<Record<string, string>> = { queued: 'retry' };
      for (const [, state = '', code = ''] of told) assert.equal(rows[code]?.outcome, states[state] ?? state, code);
    });

    test('every line is told somewhere, and its words stand in the table of errors', () => {
      for (const code of Object.keys(rows)) {
        assert.ok(source.includes(`'${code}'`), `${code} is told nowhere`);
        assert.ok(Object.hasOwn(errors, code), `${code} has no words`);
      }
    });
  });
}

test('a code of an operation that is in no line is one that is found before anything is to be sent', () => {
  const rest = operations.flatMap(({ errors, outcomes = {} }) =>
    Object.keys(errors).filter((code) => !Object.hasOwn(outcomes, code)),
  );
  for (const code of rest)
    assert.match(code, /_(DIALECT|GENERIC|URL|CREDENTIAL|PARAMETER|TLS_MATERIAL|CONTRACT|PROBE|TWIN|SETTINGS)/, code);
});
