import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mongoSkip } from '../support/mongo.ts';
import { redisSkip, temporaryFolder, until } from '../support/redis.ts';
import { processesOf, startProgram } from './run.ts';

const skip = redisSkip() || mongoSkip();

test('the demo ends with 0 and shows counts, bad rows, the batch and a trace; it passes again at once', {
  skip,
}, async (t) => {
  const root = join(await temporaryFolder(t), 'demo');
  for (const time of ['first', 'second']) {
    const { ended, output } = startProgram(t, 'scripts/demo/main.ts', ['--folder', root]);
    assert.equal(await ended, 0, `${time}: ${output()}`);
    assert.match(output(), /vaccinations\.csv +state-registry +34 +5 +1\n/);
    assert.match(output(), /vaccinations\.csv +archive +34 +5 +1\n/);
    assert.match(output(), /north-clinic\.csv +state-registry +4 +1 +0\n/);
    assert.match(output(), /consent\.pdf +archive +1 +0 +0\n/);
    for (const line of [10, 17, 24, 31, 37])
      assert.match(output(), new RegExp(`^ +vaccinations.csv +${line}  .*[A-Z]_[A-Z]`, 'm'));
    assert.match(output(), /north-clinic\.csv +4 +given_on +NOT_A_DATE/);
    assert.match(output(), /GET \/receipts\/[a-z0-9]{4}-R1\n/);
    assert.match(output(), /one batch of 34 messages\n/);
    assert.match(output(), /documents of kind vaccination: 38\n +documents of kind consent: 1\n/);
    assert.match(output(), /message +[a-z0-9]{4}-\d-1, made by vaccination-to-vxu for state-registry: delivered\n/);
    assert.match(output(), /The ledger and the receivers agree: 38 messages and 39 documents delivered/);
    assert.deepEqual(processesOf(root), [], 'nothing that it started is left');
  }
  assert.equal(readFileSync(join(root, 'receiver.log'), 'utf8').trimEnd().split('\n').length, 38);
});

test('where the receiver forgot a message, the demo names it and ends with 1', { skip }, async (t) => {
  const root = join(await temporaryFolder(t), 'demo');
  const { ended, output } = startProgram(t, 'test/demo/forgetful-demo.ts', [root]);
  assert.equal(await ended, 1, output());
  assert.match(
    output(),
    /The ledger and the receivers do not agree\n\n +line \d+ is delivered as [a-z0-9]{4}-\d-\d+, which the receiver's log has 0 times\n/,
  );
  assert.match(output(), /The end of the engine's log/);
  assert.deepEqual(processesOf(root), []);
});

test('Ctrl-C in the middle ends everything that was started', { skip }, async (t) => {
  const root = join(await temporaryFolder(t), 'demo');
  const { child, ended, output } = startProgram(t, 'scripts/demo/main.ts', ['--folder', root]);
  await until('the file lies in the inbox', () => output().includes('into '), 60_000);
  child.kill('SIGINT');
  child.kill('SIGINT');
  assert.equal(await ended, 130, output());
  assert.deepEqual(processesOf(root), []);
});

test('a folder that the demo did not make is left alone', async (t) => {
  const root = await temporaryFolder(t);
  writeFileSync(join(root, 'mine.txt'), 'mine');
  const { ended, output } = startProgram(t, 'scripts/demo/main.ts', ['--folder', root]);
  assert.equal(await ended, 1);
  assert.match(output(), /was not made by the demo, so it is left alone/);
  assert.ok(existsSync(join(root, 'mine.txt')));
});
