/** Redis stands still for a minute in the middle of a run, which is longer than any of its time limits. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { redisSkip, sendSignal } from '../../support/redis.ts';
import { until } from '../../support/until.ts';
import { startRig } from '../rig.ts';

/** How long it stands still, milliseconds: the fault itself. */
const STANDS_STILL = 60_000;

test('SIGSTOP for a minute: services accept, delivery goes on, nothing is lost or sent twice', {
  skip: redisSkip(),
}, async (t) => {
  const rig = await startRig(t, { batch: 20 });
  const engine = rig.spawn();
  await engine.ready();
  rig.receiver.door = 'hold';
  await rig.drop(rig.make.make('utf8', 150));
  await until('a call is in flight', () => rig.receiver.arrived() > 0);
  const pid = Number.parseInt(await readFile(join(rig.production.data, 'redis', 'redis.pid'), 'utf8'), 10);
  sendSignal(pid, 'SIGSTOP');
  t.after(() => sendSignal(pid, 'SIGCONT'));
  const still = wait(STANDS_STILL);
  rig.receiver.door = 'pass';
  await rig.settled();
  await rig.drop(rig.make.make('utf16', 70));
  await rig.settled();
  await still;
  sendSignal(pid, 'SIGCONT');
  await rig.drop(rig.make.make('cp1252', 60));
  await rig.settled();
  assert.deepEqual(await engine.stop(), { code: 0, signal: null }, engine.log().slice(-2000));
  const { doubled, lost } = rig.holds();
  assert.deepEqual({ doubled, lost }, { doubled: 0, lost: 0 });
});
