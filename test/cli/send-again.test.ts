/** `waybill resend MESSAGE --again` beside a running engine that no longer has the destination. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { sendAgain } from '../../cli/edit/again.ts';
import { MessagePacker } from '../../engine/blocks.ts';
import { openOne } from '../store/ledger.ts';
import { begin, counts, deliver, newBlock } from '../store/support.ts';
import { cleanUp, temporaryFolder } from '../support/redis.ts';

test('nothing is queued for a destination that the running engine does not have', async (t) => {
  const data = await temporaryFolder(t);
  const store = await openOne(join(data, 'ledger.db'));
  cleanUp(t, () => store.close());
  await begin(store, 1, 1);
  const made = newBlock(1, 0, 0, 0, { items: 1 });
  const packer = new MessagePacker(1000);
  packer.addBytes(Buffer.from('a letter'), 'C1');
  const body = packer.pack();
  await store.commitBlock({ ...made, bodies: made.bodies.map((each) => ({ ...each, body })) });
  await store.endRouting({ submission: 1, at: 2000 });
  await deliver(store);
  let transports = {};
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(transports));
  });
  await new Promise<void>((resolve) => server.listen(join(data, 'control.sock'), resolve));
  cleanUp(t, () => new Promise((resolve) => server.close(resolve)));
  const { instance } = await store.facts();
  const printed: string[] = [];
  const again = () =>
    sendAgain({
      flags: { data, reason: 'they lost it', json: true },
      words: [`${instance}-1-1`],
      print: (line) => printed.push(line),
      tell: () => undefined,
    });
  await assert.rejects(again(), {
    code: 'EDIT_NOT_NOW',
    message: /goes to registry, which the production no longer has/,
  });
  assert.deepEqual(printed, []);
  transports = { registry: { charset: 'utf-8', order: 'strict' } };
  // Without --yes it is only shown.
  assert.equal(await again(), 0);
  assert.equal((JSON.parse(printed.join('\n')) as { done: boolean }).done, false);
  assert.deepEqual(await counts(store, 1), { delivered: 1 });
});
