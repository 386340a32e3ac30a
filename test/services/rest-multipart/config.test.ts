import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { validate } from '../../../engine/config/validate.ts';
import { parseYaml } from '../../../engine/config/yaml.ts';
import { settingsOf } from '../../../services/rest-multipart/config.ts';
import service from '../../../services/rest-multipart/index.ts';
import { shadowedBy } from '../../../services/rest-multipart/rules.ts';
import { CSV, PARTS, RAW } from './support.ts';

const THEN = 'then';

function issues(yaml: string): readonly string[] {
  const { tree } = parseYaml(yaml);
  assert.ok(tree);
  return validate(tree, service.schema).issues.map(({ path, code }) => `${path.join('.')} ${code}`);
}

const codes = async (path: string, parts: typeof PARTS) =>
  ((await service.probe?.({ path, parts }, '/nowhere')) ?? []).map((found) => `${found.code} ${found.path.join('.')}`);

describe('settings', () => {
  test('have defaults', () => {
    assert.deepEqual(settingsOf({ path: '/uploads', parts: PARTS }), {
      maxBytes: 500_000_000,
      maxConcurrent: 100,
      duplicates: { within: 30 * 86_400_000, [THEN]: 'report' },
      limits: { parts: 100, fields: 100, fieldBytes: 256_000, headerBytes: 8000, nameLength: 200 },
      timeouts: { idle: 30_000, total: 3_600_000, stop: 10_000 },
    });
    const given = { limits: { parts: 2 }, timeouts: { idle: 1 }, duplicates: { within: 5 }, maxBytes: 9 };
    const settings = settingsOf({ path: '/uploads', parts: PARTS, ...given });
    assert.deepEqual(
      [
        settings.limits.parts,
        settings.limits.fields,
        settings.timeouts.idle,
        settings.duplicates.within,
        settings.maxBytes,
      ],
      [2, 100, 1, 5, 9],
    );
  });

  const part = 'parts: [{ format: { type: raw }, route: a }]';
  for (const path of [
    'uploads',
    '/',
    '/a/',
    '/a//b',
    '/a/../b',
    '/.a',
    '/a b',
    '/:id',
    '/a*',
    '/a?b',
    '//a',
    '/a%2fb',
  ]) {
    test(`the path ${path} is none`, () => {
      assert.equal(issues(`path: "${path}"\n${part}\n`).length, 1);
    });
  }
  test('paths of plain segments are sound', () => {
    for (const path of ['/uploads', '/v1/lab-results', '/a_b/~c.d'])
      assert.deepEqual(issues(`path: ${path}\n${part}\n`), []);
  });
  test('a type is a type', () => {
    const withType = (type: string) =>
      issues(`path: /a\nparts: [{ contentType: "${type}", format: { type: raw }, route: a }]\n`);
    for (const type of ['text/csv', 'text/*', '*/*', 'application/hl7-v2+er7']) assert.deepEqual(withType(type), []);
    for (const type of ['csv', 'text/csv; charset=utf-8', '*/csv', '!text/csv', 'text/'])
      assert.equal(withType(type).length, 1, type);
  });
});

describe('probe', () => {
  test('a path of the listener itself is refused', async () => {
    assert.deepEqual(await codes('/receipts', PARTS), ['PATH_RESERVED path']);
    assert.deepEqual(await codes('/receipts/mine', PARTS), ['PATH_RESERVED path']);
    assert.deepEqual(await codes('/receipts-of-mine', PARTS), []);
  });

  test('rules that can never be used', async () => {
    assert.deepEqual(await codes('/uploads', PARTS), []);
    assert.deepEqual(await codes('/a', [{ fileName: 'in/*.csv', ...CSV }]), [
      'PART_RULE_NEVER_MATCHES parts.0.fileName',
    ]);
    assert.deepEqual(await codes('/a', [{ contentType: 'multipart/mixed', ...CSV }]), [
      'PART_RULE_NEVER_MATCHES parts.0.contentType',
    ]);
    assert.deepEqual(await codes('/a', [CSV, { name: 'consent', ...RAW }]), ['PART_RULE_SHADOWED parts.1']);
  });

  test('a rule is shadowed by an earlier one that is wider in everything', () => {
    assert.equal(
      shadowedBy(
        [
          { name: 'a*', ...CSV },
          { name: 'ab', ...RAW },
        ],
        1,
      ),
      0,
    );
    assert.equal(
      shadowedBy(
        [
          { name: 'ab', ...CSV },
          { name: 'a*', ...RAW },
        ],
        1,
      ),
      -1,
    );
    assert.equal(
      shadowedBy(
        [
          { contentType: 'text/*', ...CSV },
          { contentType: 'TEXT/csv', name: 'x', ...RAW },
        ],
        1,
      ),
      0,
    );
    assert.equal(
      shadowedBy(
        [
          { contentType: 'text/*', ...CSV },
          { name: 'x', ...RAW },
        ],
        1,
      ),
      -1,
    );
    assert.equal(
      shadowedBy(
        [
          { fileName: '*.csv', ...CSV },
          { fileName: 'a.csv', ...RAW },
        ],
        1,
      ),
      0,
    );
    assert.equal(
      shadowedBy(
        [
          { fileName: '*.csv', ...CSV },
          { fileName: '*.csv', name: 'x', ...RAW },
        ],
        1,
      ),
      0,
    );
    assert.equal(shadowedBy([CSV], 0), -1);
  });
});

describe('what the engine asks', () => {
  test('rules, with their places', () => {
    assert.deepEqual(service.rules({ path: '/uploads', parts: PARTS }), [
      { rule: CSV, path: ['parts', 0] },
      { rule: RAW, path: ['parts', 1] },
    ]);
    assert.equal(service.listens, true);
  });

  test('the rule of a file that is submitted by hand', () => {
    const match = (name: string, parts: typeof PARTS = PARTS) =>
      service.match({ path: '/uploads', parts }, name)?.rule.route;
    assert.equal(match('doses.csv'), 'doses');
    assert.equal(match('doses'), 'doses');
    assert.equal(match('/tmp/consent.pdf'), 'documents');
    assert.equal(match('other.csv'), undefined);
    assert.equal(match('vax-1.csv', [{ name: 'a', fileName: 'vax-*.csv', ...CSV }]), 'doses');
    assert.equal(match('a.csv', [{ name: 'a', fileName: 'vax-*.csv', ...CSV }, RAW]), 'documents');
    assert.equal(match('a.csv', [{ contentType: 'text/csv', ...CSV }]), undefined);
    assert.deepEqual(service.match({ path: '/u', parts: PARTS }, 'doses.csv')?.duplicates, {
      within: 2_592_000_000,
      [THEN]: 'report',
    });
  });
});
