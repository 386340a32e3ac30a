/** The commands of the README, asked of what a demo leaves behind. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProgram } from '../demo/run.ts';
import { waybill } from '../support/engine.ts';
import { mongoSkip, testMongo } from '../support/mongo.ts';
import { RECEIVER_CREDENTIALS, startReceiver } from '../support/receiver.ts';
import { redisSkip, temporaryFolder } from '../support/redis.ts';
import { commandsOf } from './markdown.ts';

test('every command of waybill in the README works on the sample production', {
  skip: redisSkip() || mongoSkip(),
}, async (t) => {
  const root = join(await temporaryFolder(t), 'demo');
  const { ended, output } = startProgram(t, 'scripts/demo/main.ts', ['--folder', root]);
  assert.equal(await ended, 0, output());
  const { url } = await startReceiver(t);
  const { username, password, organisation } = RECEIVER_CREDENTIALS;
  const registry = {
    REGISTRY_URL: url,
    REGISTRY_USER: username,
    REGISTRY_PASSWORD: password,
    REGISTRY_FACILITY: organisation,
    MONGODB_URL: (await testMongo(t)).url,
  };
  const env = { ...registry, WAYBILL_DATA: join(root, 'data') };
  const commands = commandsOf('README.md').filter(({ place }) => place.includes(':'));
  assert.ok(commands.length >= 7);
  for (const { words } of commands) {
    const { code, stdout, stderr } = await waybill(words, { env, cwd: root });
    assert.equal(code, 0, `waybill ${words.join(' ')}: ${stderr}`);
    assert.notEqual(stdout, '', words.join(' '));
  }
});
