import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsOf, startEngine, untilSettled } from '../support/engine.ts';
import { dosesCsv, temporaryProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
test('x', async (t) => {
  const production = await temporaryProduction(t);
  const receiver = await startReceiver(t);
  const engine = await startEngine(t, production, { url: receiver.url });
  await production.drop('doses-1.csv', dosesCsv(10));
  await untilSettled(production, 1).catch((e) => { console.log(engine.log()); throw e; });
  assert.deepEqual(countsOf(production), { delivered: 10 });
  console.log(receiver.counts(), engine.log());
  assert.equal((await engine.stop()).code, 0);
});
