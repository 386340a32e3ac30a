/** Batches that the receiver finds too large: halved by themselves, down to what it takes, each message once. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { resolveDialect } from '../../operations/soap/dialect.ts';
import { type Sin, startTwin } from '../../operations/soap/twin/index.ts';
import { FileMaker } from '../crash/files.ts';
import { crashProduction } from '../crash/production.ts';
import { readTwinLog } from '../support/crash.ts';
import { askLedger, startEngine, untilSettled } from '../support/engine.ts';
import { RECEIVER_CREDENTIALS } from '../support/receiver.ts';
import { cleanUp, redisSkip } from '../support/redis.ts';

const MESSAGES = 1000;

interface Limit {
  readonly name: string;
  readonly sin: Sin;
  /** Fewest calls for messages of these sizes. */
  readonly least: (sizes: readonly number[]) => number;
}

const byCount = (messages: number): Limit => ({
  name: `${messages} a call`,
  sin: { sin: 'too-large', messages, answer: 'fault' },
  least: (sizes) => Math.ceil(sizes.length / messages),
});

/** Bytes of a request that are not its messages: the SOAP envelope, and FHS to FTS. */
const AROUND = 900;
const BYTES = 64_000;

const LIMITS: readonly Limit[] = [
  byCount(1),
  byCount(7),
  byCount(200),
  {
    name: '64 KB a call',
    sin: { sin: 'too-large', bytes: BYTES, answer: 'http' },
    least: (sizes) => Math.ceil(sizes.reduce((sum, size) => sum + size, 0) / (BYTES - AROUND)),
  },
];

describe('mode auto', { concurrency: 2, skip: redisSkip() }, () => {
  for (const { name, sin, least } of LIMITS) {
    test(`${MESSAGES} messages to a receiver that takes ${name}`, async (t) => {
      const production = await crashProduction(t, { policy: 'hold', mode: 'auto' }, MESSAGES);
      const dialect = resolveDialect('cdc-iis-2011', { timeZone: 'UTC', values: {}, tables: {}, files: {} });
      const log = join(production.root, 'twin.log');
      const scenario = { scenario: 'small', seed: 1, timeZone: 'UTC', rules: [{ do: [sin] }] };
      const twin = await startTwin({ dialect, credentials: RECEIVER_CREDENTIALS, log, logMessages: true, scenario });
      cleanUp(t, () => twin.close());
      const file = new FileMaker().make('utf8', Math.ceil(MESSAGES / 0.98));
      await production.drop(file.name, file.bytes);
      const engine = await startEngine(t, production, { url: twin.url });
      await untilSettled(production, 1, 120_000);
      assert.deepEqual(await engine.stop(), { code: 0, signal: null }, engine.log().slice(-2000));

      const taken = readTwinLog(log);
      const valid = file.rows.filter((row) => row.valid).length;
      assert.equal(taken.length, valid);
      assert.equal(new Set(taken.map(({ controlId }) => controlId)).size, valid, 'each once');
      const order = taken.map(({ controlId }) => Number(controlId.split('-')[2]));
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
        'in their order',
      );
      const [destination] = askLedger(production, 'status', {}).destinations;
      assert.equal(destination?.counts.delivered, valid);
      assert.equal(destination?.stop, undefined);
      const fewest = least(taken.map(({ message }) => Buffer.byteLength(message.replaceAll('\r', '&#xD;'))));
      const { requests, refused } = twin.counts();
      t.diagnostic(`${requests} calls, ${refused} of them refused; ${fewest} would do`);
      assert.ok(requests <= 2 * fewest, `${requests} calls, ${fewest} would do`);
    });
  }
});
