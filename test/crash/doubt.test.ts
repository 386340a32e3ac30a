/** Answers that leave something open: only that is in doubt, and a decision settles only that. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { control, type LedgerFacts, type PluggedEngine, readLedger, readTwinLog } from '../support/crash.ts';
import { countsOf } from '../support/engine.ts';
import { redisSkip, until } from '../support/redis.ts';
import { type Door, editAcknowledgements, startDoor } from './doors.ts';
import { type Rig, startRig } from './rig.ts';

async function untilInDoubt(rig: Rig, messages: number): Promise<LedgerFacts['inDoubt'][number]> {
  await until(`${messages} messages are in doubt`, () => countsOf(rig.production).inDoubt === messages, 30_000);
  const [batch, ...others] = readLedger(rig.production).inDoubt;
  assert.ok(batch);
  assert.equal(others.length, 0);
  return batch;
}

async function decide(rig: Rig, batch: number, to: 'queued' | 'delivered'): Promise<void> {
  const { status, body } = await control(rig.production, '/control/resolve', {
    batch,
    to,
    reason: 'asked the receiver',
    who: 'test',
  });
  assert.equal(status, 200, JSON.stringify(body));
}

/** A thousand in one call; the first answer leaves out every two hundredth. */
async function fiveOfThousand(rig: Rig): Promise<PluggedEngine> {
  const engine = rig.spawn();
  await engine.ready();
  await rig.drop(rig.make.make('utf8', 1021));
  return engine;
}

describe('answers that leave something open', { concurrency: 2, skip: redisSkip() }, () => {
  const leaveOutFive = (xml: string, nth: number) =>
    nth === 1 ? editAcknowledgements(xml, (index, code) => (index % 200 === 100 ? undefined : code)) : xml;

  for (const to of ['queued', 'delivered'] as const) {
    test(`five of a batch's thousand in doubt, resolved to ${to}, over a kill`, async (t) => {
      const rig = await startRig(t, {
        batch: 1000,
        between: async (url) => (await startDoor(t, url, { edit: leaveOutFive })).url,
      });
      const engine = await fiveOfThousand(rig);
      const { batch, controlIds } = await untilInDoubt(rig, 5);
      await engine.kill();
      rig.died('five in doubt');
      const again = rig.spawn();
      await again.ready();
      assert.deepEqual(await untilInDoubt(rig, 5), { batch, controlIds });
      assert.equal(rig.receiver.counts().requests, 1);
      await decide(rig, batch, to);
      await rig.drop(rig.make.make('utf16', 60));
      await rig.settled();
      assert.deepEqual(await again.stop(), { code: 0, signal: null });
      const times = Map.groupBy(readTwinLog(rig.twinLog), ({ controlId }) => controlId);
      const twice = [...times].filter(([, taken]) => taken.length > 1).map(([id]) => id);
      assert.deepEqual(twice, to === 'queued' ? controlIds : []);
      assert.equal(rig.holds().doubled, twice.length);
    });
  }

  test('a mixed answer: rejected stays rejected, what is not mentioned is in doubt, the rest is delivered', async (t) => {
    const edit = (xml: string, nth: number) =>
      nth === 1 ? editAcknowledgements(xml, (index) => (index < 3 ? 'AE' : index < 5 ? undefined : 'AA')) : xml;
    const rig = await startRig(t, { batch: 50, between: async (url) => (await startDoor(t, url, { edit })).url });
    const engine = rig.spawn();
    await engine.ready();
    await engine.arm({ label: 'answer.afterCommit', nth: 1, fault: 'kill' });
    await until('the plug is armed', () => engine.log().includes('"armed"'));
    await rig.drop(rig.make.make('utf8', 120));
    await engine.ended;
    rig.died('answer.afterCommit');
    const again = rig.spawn();
    await again.ready();
    const { batch } = await untilInDoubt(rig, 2);
    assert.equal(rig.receiver.counts().requests, 1, 'the lane waits');
    await decide(rig, batch, 'delivered');
    await until(
      'all is settled',
      () => (countsOf(rig.production).queued ?? 0) === 0 && (countsOf(rig.production).sending ?? 0) === 0,
      30_000,
    );
    assert.deepEqual(await again.stop(), { code: 0, signal: null });
    const { delivered, rejected, inDoubt, invalid } = countsOf(rig.production);
    assert.deepEqual(
      { delivered, rejected, inDoubt: inDoubt ?? 0, invalid },
      { delivered: 114, rejected: 3, inDoubt: 0, invalid: 3 },
    );
    assert.equal(rig.look().doubled, 0);
  });

  test('a receiver that closes idle connections makes no doubt', async (t) => {
    let door: Door | undefined;
    const rig = await startRig(t, {
      between: async (url) => {
        door = await startDoor(t, url, { closeIdleAfter: 60 });
        return door.url;
      },
    });
    const engine = rig.spawn();
    await engine.ready();
    for (let round = 0; round < 6; round += 1) {
      await rig.drop(rig.make.make('utf8', 20));
      await rig.settled();
      await until('the connection is closed', async () => (await door?.connections()) === 0);
    }
    assert.equal(engine.events('batchInDoubt').length, 0);
    assert.deepEqual(await engine.stop(), { code: 0, signal: null });
    assert.equal(rig.holds().doubled, 0);
  });
});
