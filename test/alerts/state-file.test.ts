import assert from 'node:assert/strict';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { type AlertState, NOTHING_TOLD, readState, stateFile, writeState } from '../../alerts/state-file.ts';
import { temporaryFolder } from '../support/redis.ts';
import { condition, NOW } from './support.ts';

const { due: _, ...kept } = condition();
const STATE: AlertState = {
  kept: [{ ...kept, told: { a: NOW } }],
  events: { failed: [{ at: NOW, code: 'GAVE_UP' }] },
  routedUpTo: NOW,
  failing: { a: { since: NOW, tries: 2, code: 'ALERT_NOT_REACHED', retryAt: NOW } },
};

test('what is written is read again, whole, and only by its owner', async (t) => {
  const folder = await temporaryFolder(t);
  assert.deepEqual(readState(folder), { state: NOTHING_TOLD, broken: false });
  await writeState(folder, STATE);
  await writeState(folder, STATE);
  const { state, broken } = readState(folder);
  assert.equal(broken, false);
  assert.deepEqual({ ...state, version: undefined }, { ...STATE, version: undefined });
  assert.deepEqual(await readdir(folder), ['alerts.json']);
  assert.equal((await stat(stateFile(folder))).mode & 0o777, 0o600);
});

test('a file that was cut short, or is of another shape, counts as broken and keeps nothing from starting', async (t) => {
  const folder = await temporaryFolder(t);
  const texts = ['', '{', 'null', '[]', '{"version":2}', '{"version":1,"kept":[{}],"events":{},"failing":{}}'];
  const events = ['1', '[null]', '[{}]', '[{"at":"now"}]'].map(
    (each) => `{"version":1,"kept":[],"events":{"a":${each}},"failing":{}}`,
  );
  const failing = '{"version":1,"kept":[],"events":{},"failing":{"a":{"since":1,"tries":1,"code":"X"}}}';
  const noTime = JSON.stringify({ version: 1, ...STATE }).replaceAll(`"since":${NOW}`, '"since":1e999');
  for (const text of [...texts, ...events, failing, noTime]) {
    await writeFile(stateFile(folder), text);
    assert.deepEqual(readState(folder), { state: NOTHING_TOLD, broken: true }, text);
  }
});
