import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { CSV_ERRORS } from '../../../formats/csv/errors.ts';
import { RECORD_MAPS } from '../../../formats/csv/record-map-schema.ts';
import { needsShared, sharedPath } from '../../support/shared.ts';
import { mapOf, mapText, resourcesOf } from './support.ts';

/** Issues of a record map, as `path CODE`. */
function issues(yaml: string): string[] {
  const map = mapOf(`recordMap: m\n${yaml}`);
  const found = RECORD_MAPS.check?.(map, resourcesOf(map), 'm') ?? [];
  for (const issue of found) {
    assert.ok(
      Object.hasOwn(CSV_ERRORS, issue.code) && issue.found !== '' && issue.expected !== '' && issue.cure !== '',
    );
  }
  return found.map((issue) => `${issue.path.join('.')} ${issue.code}`);
}

/** Issues of a map of one column. */
function column(rules: string): string[] {
  return issues(`columns:\n  - { name: v, ${rules} }\n`);
}

describe('the check of a record map', () => {
  const wrong: readonly [rules: string, ...issues: string[]][] = [
    ['type: code, table: no-such', 'columns.0.table UNKNOWN_TABLE'],
    ['type: code, table: constructor', 'columns.0.table UNKNOWN_TABLE'],
    ['type: code', 'columns.0 UNKNOWN_TABLE'],
    ['table: cvx', 'columns.0.table BAD_RULE'],
    ['ignoreCase: true', 'columns.0.ignoreCase BAD_RULE'],
    ['type: date', 'columns.0 BAD_DATE_FORMAT'],
    [
      'type: date, formats: [yyyy-MM-dd, YYYY, HH:mm]',
      'columns.0.formats.1 BAD_DATE_FORMAT',
      'columns.0.formats.2 BAD_DATE_FORMAT',
    ],
    ['formats: [yyyy]', 'columns.0.formats BAD_RULE'],
    ['notAfter: today', 'columns.0.notAfter BAD_RULE'],
    ['type: date, formats: [yyyy], notAfter: 2023-02-29', 'columns.0.notAfter BAD_RULE'],
    ["pattern: 'a(b'", 'columns.0.pattern BAD_PATTERN'],
    ["pattern: '(?=a)b'", 'columns.0.pattern BAD_PATTERN'],
    ["pattern: '(a)\\1'", 'columns.0.pattern BAD_PATTERN'],
    ['minLength: 3, maxLength: 2', 'columns.0.minLength BAD_RULE'],
    ['required: true, inHeader: optional', 'columns.0.inHeader BAD_RULE'],
    ['default: abc, maxLength: 2', 'columns.0.default BAD_DEFAULT'],
    ["default: ''", 'columns.0.default BAD_DEFAULT'],
    ['type: integer, default: x', 'columns.0.default BAD_DEFAULT'],
    ['type: code, table: cvx, default: 1', 'columns.0.default BAD_DEFAULT'],
    ['type: date, formats: [yyyy-MM-dd], default: 2023-02-29', 'columns.0.default BAD_DEFAULT'],
    ['type: date, formats: [yyyy-MM-dd], default: 2023-02-28, notAfter: 2020-01-01', 'columns.0.default BAD_DEFAULT'],
    ['aliases: [w, v]', 'columns.0.aliases.1 COLUMN_REPEATED'],
    ["aliases: [' w']", 'columns.0.aliases.0 BAD_RULE'],
  ];
  for (const [rules, ...expected] of wrong) {
    test(`finds ${expected.join(', ')} in ${rules}`, () => assert.deepEqual(column(rules), expected));
  }

  test('takes what is right', () => {
    assert.deepEqual(
      column("type: date, formats: [M/d/yy], default: 1/1/20, notAfter: today, notBefore: '1900-01-01'"),
      [],
    );
    assert.deepEqual(column('required: true, inHeader: optional, default: x'), []);
    assert.deepEqual(column("pattern: '[A-Z]{2}', default: AB, minLength: 2, maxLength: 2"), []);
  });

  test('finds a name that stands for two columns, also by case where case is ignored', () => {
    const two = 'columns: [{ name: a, aliases: [b] }, { name: B }, { name: c, aliases: [a] }]\n';
    assert.deepEqual(issues(two), ['columns.2.aliases.0 COLUMN_REPEATED']);
    assert.deepEqual(issues(`headerCase: ignore\n${two}`), [
      'columns.1.name COLUMN_REPEATED',
      'columns.2.aliases.0 COLUMN_REPEATED',
    ]);
  });

  test('finds wrong columns in unique', () => {
    const found = issues('columns: [{ name: a }]\nunique: { columns: [a, b, a] }\n');
    assert.deepEqual(found, ['unique.columns.1 UNKNOWN_COLUMN', 'unique.columns.2 COLUMN_REPEATED']);
  });

  test('finds nothing in the maps of the verdicts', () => {
    for (const name of ['patients', 'reports'])
      assert.deepEqual(issues(mapText(name).replace(/^recordMap:.*\n/, '')), []);
  });

  test('finds nothing in the map of the design', needsShared, () => {
    const yaml = readFileSync(sharedPath('design/example/record-maps/doses.yaml'), 'utf8');
    assert.deepEqual(issues(yaml.replace(/^recordMap:.*\n/, '')), []);
  });
});
