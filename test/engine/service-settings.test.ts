/** What services say alike: through the loader's own validation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { validate } from '../../engine/config/validate.ts';
import type { DuplicatePolicy } from '../../engine/contracts/service.ts';
import { Keys, Type } from '../../engine/schema.ts';
import { duplicatesOf, duplicatesSchema, RULE_KEYS } from '../../engine/service-settings.ts';
import { projectFiles, projectText } from '../support/source-files.ts';
import { policy } from './support.ts';

const SCHEMA = Keys({
  duplicates: Type.Optional(duplicatesSchema({ description: 'd', within: 'w', choice: 't' })),
});
const DAY = 86_400_000;

function read(yaml: string): { readonly policy: DuplicatePolicy; readonly codes: readonly string[] } {
  const { value, issues } = validate(parse(yaml, { schema: 'failsafe' }), SCHEMA);
  return { policy: duplicatesOf(value as { duplicates?: DuplicatePolicy }), codes: issues.map(({ code }) => code) };
}

test('the same content is reported for thirty days, unless said otherwise, key by key', () => {
  assert.deepEqual(duplicatesOf({}), policy('report', 30 * DAY));
  assert.deepEqual(read('{}'), { policy: policy('report', 30 * DAY), codes: [] });
  assert.deepEqual(read('duplicates: { within: 2d }'), { policy: policy('report', 2 * DAY), codes: [] });
  assert.deepEqual(read('duplicates: { then: accept }'), { policy: policy('accept', 30 * DAY), codes: [] });
  assert.equal(read('duplicates: { then: ignore }').codes.length, 1);
  assert.equal(read('duplicates: { for: 2d }').codes.length, 1);
});

test('a rule has a format with settings of its own, and a route', () => {
  const issuesOf = (yaml: string) => validate(parse(yaml, { schema: 'failsafe' }), Keys(RULE_KEYS)).issues;
  assert.deepEqual(issuesOf('{ format: { type: csv, recordMap: doses }, route: doses }'), []);
  for (const yaml of ['{ route: doses }', '{ format: { type: csv } }', '{ format: { type: csv }, route: "" }']) {
    assert.equal(issuesOf(yaml).length, 1, yaml);
  }
});

test('no service keeps a schema of its own for them', () => {
  const own = projectFiles('services').filter((file) => /'report', 'accept'|'The format and/.test(projectText(file)));
  assert.deepEqual(own, []);
});
