import assert from 'node:assert/strict';
import { cp, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { freshFolder } from '../../scripts/demo/folder.ts';
import { openLedger } from '../../store/sqlite/client.ts';
import { mongoSkip } from '../support/mongo.ts';
import { redisSkip, temporaryFolder, until } from '../support/redis.ts';
import { processesOf, startProgram } from './run.ts';

const skip = redisSkip() || mongoSkip();

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`npm start delivers what is dropped, and ${signal} ends it with 0`, { skip }, async (t) => {
    const { root, config, data, inbox, sample } = await freshFolder(join(await temporaryFolder(t), 'start'));
    const { child, ended, output } = startProgram(t, 'scripts/start/main.ts', [config, '--data', data]);
    await until('it has said where everything is', () => output().includes('  one row  '), 60_000);
    assert.ok(output().includes(`drop files  ${inbox} (vaccinations*.csv)`), output());
    assert.match(output(), /health +http:\/\/127\.0\.0\.1:\d+\/health\/ready/);
    const health = /http:\S+\/health\/ready/.exec(output())?.[0] ?? '';
    assert.equal((await fetch(health)).status, 200);
    await mkdir(inbox, { recursive: true });
    await cp(sample, join(inbox, '.sample.part'));
    await rename(join(inbox, '.sample.part'), join(inbox, 'vaccinations-1.csv'));
    const ledger = openLedger(join(data, 'ledger.db'));
    await until(
      '34 messages are delivered to each destination',
      () => ledger.ask('status', {}).destinations.every(({ counts }) => counts.delivered === 34),
      60_000,
    );
    ledger.close();
    child.kill(signal);
    child.kill(signal);
    assert.equal(await ended, 0, output());
    assert.deepEqual(processesOf(root), []);
  });
}

test('where the engine cannot start, npm start says so, ends the receiver, and ends with 1', { skip }, async (t) => {
  const root = await temporaryFolder(t);
  await cp(join(PROJECT_FOLDER, 'config'), join(root, 'config'), { recursive: true });
  await rename(join(root, 'config', 'tables'), join(root, 'config', 'tables-gone'));
  const { ended, output } = startProgram(t, 'scripts/start/main.ts', [
    join(root, 'config'),
    '--data',
    join(root, 'data'),
  ]);
  assert.equal(await ended, 1);
  assert.match(output(), /UNKNOWN_TABLE/);
  assert.match(output(), /The engine ended at its start \(code 3\)/);
  assert.deepEqual(processesOf(root), []);
});
