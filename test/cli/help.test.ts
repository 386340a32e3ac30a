/** What `waybill help` says: every command once, in its group, in a line of its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMAND_GROUPS, COMMANDS } from '../../cli/commands.ts';
import { waybill } from '../support/engine.ts';

test('every command stands in one group, under the name that it has', async () => {
  const names = Object.values(COMMAND_GROUPS).flatMap((commands) => Object.keys(commands));
  assert.deepEqual(names, [...new Set(names)]);
  assert.deepEqual(Object.keys(COMMANDS), names);
  for (const [name, load] of Object.entries(COMMANDS)) assert.equal((await load()).name, name);
});

test('help lists them by group, in short lines; help of one says all of it', async () => {
  const { stdout, code } = await waybill(['help']);
  assert.equal(code, 0);
  for (const [group, commands] of Object.entries(COMMAND_GROUPS)) {
    const [, listed = ''] = stdout.split(`\n${group}:\n`);
    const lines = (listed.split('\n\n')[0] ?? '').split('\n');
    assert.deepEqual(
      lines.map((line) => line.trim().split(' ')[0]),
      Object.keys(commands),
    );
    for (const line of lines) assert.match(line, /^ {2}[a-z]+ +[A-Z].{15,120}[^.:;(]$/, line);
  }
  assert.match(
    (await waybill(['help', 'cancel'])).stdout,
    /^waybill cancel MESSAGE .+\n\nGive up messages .+; or a submission .+\n/,
  );
});
