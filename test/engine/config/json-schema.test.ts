import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Check } from 'typebox/schema';
import { parse } from 'yaml';
import { editorSchemas } from '../../../engine/config/json-schema.ts';
import { loadAdapters } from '../../../engine/registry.ts';

const schemas = await editorSchemas(await loadAdapters());
const FOLDERS = ['../../../config', '../../productions/mistakes'].map((each) => join(import.meta.dirname, each));

function accepts(schema: unknown, value: unknown): boolean {
  return Check(schema as object, value);
}

const SAMPLE = readFileSync(join(FOLDERS[0] ?? '', 'production.yaml'), 'utf8');

test('there is a schema for production.yaml and for each kind of file', () => {
  for (const name of ['production', 'record-maps', 'dialects', 'transforms']) assert.ok(schemas[name], name);
});

test('productions are right as an editor reads them, with numbers and truth values', () => {
  for (const folder of FOLDERS) {
    assert.ok(accepts(schemas.production, parse(readFileSync(join(folder, 'production.yaml'), 'utf8'))), folder);
    for (const kind of readdirSync(folder)) {
      const schema = schemas[kind];
      if (!schema) continue;
      for (const file of readdirSync(join(folder, kind))) {
        const data = parse(readFileSync(join(folder, kind, file), 'utf8'));
        assert.ok(accepts(schema, data), `${kind}/${file}`);
      }
    }
  }
});

const MISTAKES: readonly (readonly [string, string])[] = [
  ['production: harbor-county', 'productoin: harbor-county'],
  ['production: harbor-county\n', ''],
  ['type: file-drop', 'type: file-dorp'],
  ['type: csv', 'type: cvs'],
  ['recordMap: vaccinations', 'recordmap: vaccinations'],
  ['onInvalidRow: continue', 'onInvalidRow: stop'],
  ['connect: 5s', 'connect: 5 s'],
  ['maxMessages: 500', 'maxMessages: many'],
  ['envelope: file', 'envelope: files'],
  ['dialect: cdc-iis-2011', 'dialct: cdc-iis-2011'],
];
for (const [right, wrong] of MISTAKES) {
  test(`an editor sees that ${JSON.stringify(wrong)} is wrong`, () => {
    assert.ok(accepts(schemas.production, parse(SAMPLE)));
    assert.ok(SAMPLE.includes(right));
    assert.equal(accepts(schemas.production, parse(SAMPLE.replace(right, wrong))), false);
  });
}

test('a variable may stand for a number', () => {
  const text = SAMPLE.replace('maxMessages: 500', `maxMessages: "\${env:BATCH_SIZE}"`);
  assert.ok(accepts(schemas.production, parse(text)));
});

test('keys with defaults are not required, and nothing of ours is in the schema', () => {
  const text = JSON.stringify(schemas);
  assert.equal(text.includes('"x-'), false);
  assert.equal(text.includes('"~'), false);
  const { required } = schemas.production as { required: readonly string[] };
  assert.deepEqual([...required].sort(), ['destinations', 'production', 'routes', 'services']);
});
