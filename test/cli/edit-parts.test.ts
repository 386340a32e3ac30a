/** Parts of `waybill edit`: what is given, which entries are meant, how messages differ. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { changesFrom, changesOf } from '../../cli/edit/changes.ts';
import { differencesOf } from '../../cli/edit/differences.ts';
import { type CurrentMessage, entriesToEdit, type Subject } from '../../cli/edit/subject.ts';
import type { MessageState } from '../../engine/states.ts';
import { temporaryFolder } from '../support/redis.ts';

test('values are taken as they stand, and no error repeats one', async (t) => {
  assert.deepEqual(
    [...changesOf(['a=1', 'b=x=y', 'c='])],
    [
      ['a', '1'],
      ['b', 'x=y'],
      ['c', ''],
    ],
  );
  assert.throws(() => changesOf(['a=1', 'Marker']), /value 2 has no column and =$/);
  const folder = await temporaryFolder(t);
  const from = async (text: string) => {
    const path = join(folder, 'values.yaml');
    await writeFile(path, text);
    return changesFrom(path);
  };
  assert.deepEqual(
    [...(await from('zip: 00123\nborn: 2024-01-02\nactive: yes\nnote: ""\nempty:\n'))],
    [
      ['zip', '00123'],
      ['born', '2024-01-02'],
      ['active', 'yes'],
      ['note', ''],
      ['empty', ''],
    ],
  );
  for (const text of ['Marker', '- Marker', 'a: [Marker]', 'a: "Marker', 'a: {b: Marker}'])
    await assert.rejects(
      from(text),
      (error: Error) => !error.message.includes('Marker') && /values\.yaml/.test(error.message),
    );
  assert.throws(() => changesFrom(join(folder, 'nowhere')), { code: 'INPUT_NOT_READABLE' });
});

function subject(states: Readonly<Record<string, MessageState>>): Subject {
  const current = Object.entries(states).map(
    ([entry, state], index): CurrentMessage => ({
      message: index + 1,
      entry,
      destination: entry,
      transform: '',
      version: 1,
      state,
      batch: undefined,
      bodyBlock: 1,
      position: 0,
    }),
  );
  const part: Pick<Subject, 'id' | 'current'> = { id: '7kq2-1-1', current };
  return part as Subject;
}

test('an edit takes every entry that may change, and says which stay', () => {
  const all = { entry: undefined, again: false };
  const names = (of: Subject, choice: { entry: string | undefined; again: boolean }) => {
    const { chosen, left } = entriesToEdit(of, choice);
    return [chosen.map(({ entry }) => entry), left.map(({ entry }) => entry)];
  };
  const mixed = subject({ a: 'invalid', b: 'delivered', c: 'filtered', d: 'queued' });
  assert.deepEqual(names(mixed, all), [
    ['a', 'd'],
    ['b', 'c'],
  ]);
  assert.deepEqual(names(mixed, { ...all, again: true }), [['a', 'b', 'd'], ['c']]);
  assert.deepEqual(names(mixed, { ...all, entry: 'd' }), [['d'], []]);
  assert.throws(() => entriesToEdit(mixed, { ...all, entry: 'x' }), { code: 'ENTRY_UNKNOWN' });
  assert.throws(() => entriesToEdit(mixed, { ...all, entry: 'b' }), { code: 'EDIT_DELIVERED' });
  assert.throws(() => entriesToEdit(mixed, { ...all, entry: 'c' }), { code: 'EDIT_NOT_NOW' });
});

test('what is under way keeps the row from being edited, unless other entries are named', () => {
  const busy = subject({ a: 'invalid', b: 'inDoubt' });
  assert.throws(() => entriesToEdit(busy, { entry: undefined, again: true }), /waybill resolve.+/);
  assert.deepEqual(entriesToEdit(busy, { entry: 'a', again: false }).chosen.length, 1);
  const sending = subject({ a: 'sending' });
  assert.throws(() => entriesToEdit(sending, { entry: undefined, again: true }), /wait for the answer/);
});

const paths = (before: string, after: string) =>
  differencesOf(Buffer.from(before), Buffer.from(after)).map(({ path }) => path);

test('messages differ by field, by key, or by line', () => {
  const message = (name: string, ...more: string[]) =>
    ['MSH|^~\\&|A|B|C|D|1||ADT^A04|id|P|2.5.1', `PID|1||M1||${name}`, 'OBX|1', 'OBX|2||x', ...more].join('\r');
  assert.deepEqual(paths(message('Roe'), message('Doe')), ['PID-5']);
  assert.deepEqual(paths(message('Roe'), message('Roe').replace('|D|', '|E|').replace('|x', '|y')), [
    'MSH-6',
    'OBX(2)-3',
  ]);
  assert.deepEqual(paths(message('Roe'), message('Roe', 'ZPI|1')), ['ZPI-1']);
  assert.deepEqual(paths('{"a":{"b":[1,2]},"c":"x"}', '{"a":{"b":[1,3]},"d":true}'), ['a.b(2)', 'c', 'd']);
  assert.deepEqual(paths('one\ntwo', 'one\nthree'), ['line 2']);
  assert.deepEqual(paths('', 'anything'), ['the whole message']);
  assert.deepEqual(paths('same', 'same'), []);
});
