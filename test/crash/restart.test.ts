/** What a restart finds, keeps and changes. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readLedger, readTwinLog } from '../support/crash.ts';
import { askLedger, waybill } from '../support/engine.ts';
import { hasEnded, processOf } from '../support/processes.ts';
import { redisSkip, until } from '../support/redis.ts';
import { startRig } from './rig.ts';

const TRANSFORM = 'transforms/dose-to-vxu.yaml';

async function redisPid(data: string): Promise<number> {
  return Number.parseInt(await readFile(join(data, 'redis', 'redis.pid'), 'utf8'), 10);
}

describe('a restart', { concurrency: 2, skip: redisSkip() }, () => {
  test('a submission goes on with the transform and the record map that it began with', async (t) => {
    const rig = await startRig(t);
    const { production, make } = rig;
    const engine = rig.spawn();
    await engine.ready();
    await engine.arm({ label: 'route.afterCommit', nth: 1, fault: 'kill' });
    await until('the plug is armed', () => engine.log().includes('"armed"'));
    const old = make.make('utf8', 1080, true);
    await rig.drop(old);
    await engine.ended;
    rig.died('route.afterCommit');
    const unfinished = askLedger(production, 'submissions', { limit: 1 })[0];
    assert.equal(unfinished?.state, 'routing');
    assert.equal(unfinished?.itemsRouted, 1000);

    await production.edit(TRANSFORM, 'MSH-3: CRASH', 'MSH-3: LATER');
    await production.edit('record-maps/doses.yaml', "'C\\d{7}'", "'C00\\d{5}'");
    await production.edit('record-maps/doses.yaml', 'unique: { columns: [chart] }\n', '');
    const again = rig.spawn();
    await again.ready();
    await rig.drop(make.make('utf16', 60));
    await rig.settled();
    await again.stop();
    rig.holds();
    const senders = Map.groupBy(readTwinLog(rig.twinLog), ({ message }) => message.split('|')[2]);
    assert.deepEqual(
      [...senders].map(([sender, messages]) => [sender, messages.length]),
      [
        ['CRASH', old.rows.filter(({ valid }) => valid).length],
        ['LATER', rig.files[1]?.rows.filter(({ valid }) => valid).length],
      ],
    );
  });

  test('a mended password helps what is waiting', async (t) => {
    const rig = await startRig(t);
    await rig.production.write('secrets/password', 'wrong');
    const engine = rig.spawn();
    await rig.drop(rig.make.make('utf8', 150));
    await until('the destination is stopped', () => engine.events('destinationStopped').length > 0, 30_000);
    await engine.kill();
    rig.died('stopped');
    assert.equal(rig.receiver.counts().messages, 0);
    await rig.production.write('secrets/password', 'correct-horse');
    const again = rig.spawn();
    await rig.settled();
    assert.deepEqual(await again.stop(), { code: 0, signal: null });
    rig.holds();
  });

  test('a second engine on the data folder is refused with a sentence, and disturbs nothing', async (t) => {
    const rig = await startRig(t);
    const engine = rig.spawn();
    await engine.ready();
    const { code, stderr } = await waybill(['run', rig.production.config, '--data', rig.production.data], {
      env: { REGISTRY_URL: rig.url },
    });
    assert.equal(code, 4);
    assert.match(stderr, new RegExp(`is held by an engine \\(process ${engine.pid}\\): stop that first`));
    await rig.drop(rig.make.make('utf8', 60));
    await rig.settled();
    assert.deepEqual(await engine.stop(), { code: 0, signal: null });
    rig.holds();
  });

  test('the redis-server that a killed engine left behind is taken over', async (t) => {
    const rig = await startRig(t);
    const engine = rig.spawn();
    await engine.ready();
    const left = await redisPid(rig.production.data);
    await engine.kill();
    const running = processOf(left);
    assert.equal(hasEnded(running), false);
    const again = rig.spawn();
    await again.ready();
    assert.equal(await redisPid(rig.production.data), left);
    await rig.drop(rig.make.make('cp1252', 60));
    await rig.settled();
    assert.deepEqual(await again.stop(), { code: 0, signal: null });
    await until('it ends with the engine', () => hasEnded(running));
    rig.holds();
  });

  test('SIGTERM: the call in flight is finished, its answer stored, and nothing is in doubt', async (t) => {
    const rig = await startRig(t, { batch: 50 });
    const engine = rig.spawn();
    await engine.ready();
    rig.receiver.door = 'hold';
    await rig.drop(rig.make.make('utf8', 200));
    await until('a call is in flight', () => rig.receiver.arrived() > 0);
    const stopped = engine.stop();
    await until('it is stopping', () => engine.events('engineStopping').length > 0);
    rig.receiver.door = 'pass';
    assert.deepEqual(await stopped, { code: 0, signal: null }, engine.log().slice(-2000));
    const { delivered, inDoubt, sending } = readLedger(rig.production);
    assert.deepEqual({ delivered: delivered.size, inDoubt, sending }, { delivered: 50, inDoubt: [], sending: [] });
    rig.died('SIGTERM');
    const again = rig.spawn();
    await rig.settled();
    await again.stop();
    assert.equal(rig.holds().doubled, 0);
  });
});
