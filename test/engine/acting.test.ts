import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Acting, type ActingOptions } from '../../engine/acting.ts';

test('whoever asks that acts go on is heard, however close to the end of the look before', async () => {
  // At each place behind the last look at the ledger, counted in turns of the queue of promises.
  for (let behind = 0; behind < 12; behind += 1) {
    let looks = 0;
    const ask = async () => {
      looks += 1;
      if (looks > 1) return [];
      let later = Promise.resolve();
      for (let turns = 0; turns < behind; turns += 1) later = later.then(() => undefined);
      void later.then(() => acting.goOn());
      return [];
    };
    const options: ActingOptions = {
      store: {
        ask: ask as ActingOptions['store']['ask'],
        recordAct: () => assert.fail('nothing is recorded'),
        continueAct: () => assert.fail('nothing is done'),
      },
      facts: { instance: '7kq2', digestKey: new Uint8Array(32) },
      clock: { now: () => 1 },
      changed: async () => undefined,
    };
    const acting = new Acting(options);
    acting.goOn();
    await turn();
    await turn();
    assert.equal(looks, 2, `asked ${behind} turns behind the look`);
    await acting.stop();
  }
});
