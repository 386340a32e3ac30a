/** A process is known by its number and its time of start; a number alone may be another's. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { hasEnded, processOf } from '../support/processes.ts';

test('this process runs; one with its number and another start has ended', {
  skip: process.platform !== 'linux',
}, () => {
  const own = processOf(process.pid);
  assert.match(own.since ?? '', /^\d+$/);
  assert.equal(hasEnded(own), false);
  assert.equal(hasEnded({ ...own, since: '1' }), true);
});

test('a child that was killed has ended, before and after its parent asks', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const known = processOf(child.pid ?? 0);
  assert.equal(hasEnded(known), false);
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
  assert.equal(hasEnded(known), true);
});
