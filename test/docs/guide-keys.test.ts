/** A guide that promises every key has every key: in its text and at work in a block, so that it is run. */
import assert from 'node:assert/strict';
import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { RECORD_MAPS } from '../../formats/csv/record-map-schema.ts';
import { schema } from '../../services/file-drop/config.ts';
import { needsProgram, ran } from '../deploy/support.ts';
import { temporaryFolder } from '../support/redis.ts';
import { blocksOf } from './markdown.ts';

const NOBODY = { uid: 65_534, gid: 65_534 };

/** Names of all keys of a schema, inner ones too. */
function keysOf(node: unknown): ReadonlySet<string> {
  const keys = new Set<string>();
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    if ('properties' in part && typeof part.properties === 'object' && part.properties !== null) {
      for (const [key, value] of Object.entries(part.properties)) {
        keys.add(key);
        visit(value);
      }
    }
    for (const inner of ['items', 'anyOf', 'allOf', 'oneOf'] as const) {
      const found: unknown = Reflect.get(part, inner);
      for (const each of Array.isArray(found) ? found : [found]) visit(each);
    }
  };
  visit(node);
  return keys;
}

/** Keys that no block of YAML of the page uses. */
function unused(page: string, keys: ReadonlySet<string>): readonly string[] {
  const yaml = blocksOf(page)
    .filter(({ language }) => language === 'yaml')
    .map(({ text }) => text)
    .join('\n');
  return [...keys].filter((key) => !new RegExp(`(^|[\\s{,])${key}:`, 'm').test(yaml));
}

test('the guide for record maps uses every key of a record map', () => {
  const keys = keysOf(RECORD_MAPS.schema);
  assert.ok(keys.size > 20 && keys.has('notBefore') && keys.has('maxRecord'));
  assert.deepEqual(unused('docs/guides/record-maps.md', keys), []);
});

test('the guide for drop folders uses every key of the service', () => {
  const keys = keysOf(schema);
  assert.ok(keys.size > 8 && keys.has('marker') && keys.has('then'));
  assert.deepEqual(unused('docs/guides/drop-folders.md', keys), []);
});

test('OpenSSH takes the lines that are shown for it', needsProgram('sshd'), async (t) => {
  const folder = await temporaryFolder(t, 'waybill-sshd-');
  const lines = blocksOf('docs/guides/drop-folders.md').find(({ text }) => text.startsWith('Match Group'))?.text ?? '';
  assert.notEqual(lines, '');
  const key = join(folder, 'key');
  assert.equal(ran('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]).status, 0);
  await writeFile(join(folder, 'sshd_config'), `HostKey ${key}\nSubsystem sftp internal-sftp\n${lines}`);
  // As root it asks for the folder of its service as well, which only its start makes.
  const user = process.getuid?.() === 0 ? NOBODY : {};
  if (user === NOBODY) for (const path of [folder, key]) await chown(path, NOBODY.uid, NOBODY.gid);
  const { status, output } = ran('sshd', ['-t', '-f', join(folder, 'sshd_config')], {}, user);
  assert.equal(status, 0, output);
});
