import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { BatchPlan, Format } from '../../engine/contracts/format.ts';
import hl7Batch from '../../formats/hl7-batch/index.ts';
import { splitMessages } from '../../hl7/split.ts';
import { needsShared, sharedPath } from '../support/shared.ts';

const PLAN: BatchPlan = {
  id: 'b-7kq2-1',
  plannedAt: Date.UTC(2024, 0, 17, 19, 30, 0),
  timeZone: 'America/Denver',
  count: 2,
};
const MESSAGES = ['MSH|^~\\&|A\rPID|1\r', 'MSH|^~\\&|B\rPID|é\r'];

function open(config: Parameters<typeof hl7Batch.open>[0]): Required<Pick<Format, 'write' | 'overhead' | 'answers'>> {
  const { write, overhead, answers } = hl7Batch.open(config, {
    resources: { timeZone: 'UTC', values: {}, tables: {}, files: {} },
  });
  assert.ok(write && overhead && answers);
  return { write, overhead, answers };
}

function written(format: ReturnType<typeof open>, plan: BatchPlan, messages: readonly string[]): string {
  return Buffer.concat([
    ...format.write(
      plan,
      messages.map((text) => Buffer.from(text)),
    ),
  ]).toString('utf8');
}

test('a file has FHS to FTS, with ids, names and the local time of planning', () => {
  const format = open({
    sendingApplication: 'A^B',
    sendingFacility: { raw: 'COUNTY HEALTH^1234567893^NPI' },
    receivingApplication: 'IIS',
    receivingFacility: 'STATE',
  });
  const header = 'A\\S\\B|COUNTY HEALTH^1234567893^NPI|IIS|STATE|20240117123000-0700||||b-7kq2-1';
  const text = `FHS|^~\\&|${header}\rBHS|^~\\&|${header}\r${MESSAGES.join('')}BTS|2\rFTS|1\r`;
  assert.equal(written(format, PLAN, MESSAGES), text);
  assert.equal(format.overhead(PLAN), Buffer.byteLength(text) - Buffer.byteLength(MESSAGES.join('')));
  assert.equal(
    written(format, { ...PLAN, replaces: 'b-old' }, MESSAGES),
    text.replace('b-7kq2-1\rMSH', 'b-7kq2-1|b-old\rMSH'),
    'the batch that this one stands for is named in BHS-12 alone',
  );
});

test('the offset follows the clocks of the zone', () => {
  const format = open({ envelope: 'batch', controlIds: false });
  const at = (plannedAt: number, timeZone: string) =>
    written(format, { ...PLAN, plannedAt, timeZone, count: 0 }, [])
      .split('|')[6]
      ?.split('\r')[0];
  assert.equal(at(Date.UTC(2024, 6, 1, 12), 'America/Denver'), '20240701060000-0600');
  assert.equal(at(Date.UTC(2024, 2, 10, 8, 59, 59), 'America/Denver'), '20240310015959-0700');
  assert.equal(at(Date.UTC(2024, 2, 10, 9, 0, 0), 'America/Denver'), '20240310030000-0600');
  assert.equal(at(Date.UTC(2024, 6, 1, 20), 'Asia/Kathmandu'), '20240702014500+0545');
});

test('other envelopes', () => {
  assert.equal(
    written(open({ envelope: 'batch', controlIds: false }), { ...PLAN, replaces: 'old' }, MESSAGES),
    `BHS|^~\\&|||||20240117123000-0700\r${MESSAGES.join('')}BTS|2\r`,
  );
  assert.equal(written(open({ envelope: 'none' }), PLAN, MESSAGES), MESSAGES.join(''));
  assert.equal(open({ envelope: 'none' }).overhead(PLAN), 0);
  assert.match(written(open({}), { ...PLAN, count: 0 }, []), /\rBTS\|0\rFTS\|1\r$/);
});

test('one message without an envelope is just its bytes', () => {
  const format = open({ envelope: 'none' });
  for (const text of ['MSH|^~\\&|no line end', '{"any":"thing"}', '']) {
    assert.equal(written(format, { ...PLAN, count: 1 }, [text]), text);
  }
});

test('what would make a wrong batch is refused, without its content', () => {
  const refused = (messages: readonly string[], code: string, says: RegExp) =>
    assert.throws(
      () => written(open({}), PLAN, messages),
      (error) =>
        error instanceof Error &&
        'code' in error &&
        error.code === code &&
        says.test(error.message) &&
        !error.message.includes('Roe'),
    );
  refused(MESSAGES.slice(1), 'HL7_BATCH_COUNT', /planned for 2 messages and got only 1/);
  refused([...MESSAGES, ...MESSAGES], 'HL7_BATCH_COUNT', /more than 2/);
  refused([MESSAGES[0] ?? '', 'MSH|^~\\&|Roe'], 'HL7_BATCH_MESSAGE', /message 2 .* line end/);
  refused(['{"name":"Roe"}\r', ''], 'HL7_BATCH_MESSAGE', /message 1 .* begin with MSH/);
});

test('answers say what became of each message', () => {
  const { answers } = open({});
  const msh = 'MSH|^~\\&|IIS';
  const text = [
    msh,
    'MSA|AA|1',
    msh,
    'MSA|AE|2|bad',
    msh,
    'MSA|AR|3',
    msh,
    'MSA|CA|4',
    msh,
    'MSA|CE|5',
    msh,
    'MSA|CR|6',
    msh,
    'MSA|aa|7',
  ];
  const { acknowledgements, warning } = answers(text.join('\n'));
  assert.deepEqual(
    acknowledgements.map((one) => [one.controlId, one.accepted]),
    [
      ['1', true],
      ['2', false],
      ['3', false],
      ['4', true],
      ['5', false],
      ['6', false],
      ['7', false],
    ],
  );
  assert.equal(acknowledgements[1]?.words, 'bad');
  assert.equal(warning, undefined);
  assert.match(answers(`BHS|^~\\&\r${msh}\rMSA|AA|1\rBTS|2`).warning ?? '', /BTS-1 says 2/);
  assert.throws(() => answers('<ok/>'), { code: 'ANSWER_NOT_UNDERSTOOD' });
});

test('an envelope published by others is made again', needsShared, () => {
  const bytes = readFileSync(sharedPath('fixtures/csv-to-hl7/pdi-elr/sample-batch-pdi-20210608-0001.hl7'));
  const messages = splitMessages(bytes).filter((part) => part.kind === 'message');
  assert.equal(messages.length, 20);
  const sender = { raw: 'CDC PRIME - Atlanta, Georgia (Dekalb)^2.16.840.1.114222.4.1.237821^ISO' };
  const format = open({
    controlIds: false,
    sendingApplication: sender,
    sendingFacility: sender,
    receivingApplication: { raw: 'FDOH-ELR^2.16.840.1.114222.4.3.3.8.1.3^ISO' },
    receivingFacility: { raw: 'FDOH^2.16.840.1.114222.1.3645^ISO' },
  });
  const plan = { id: 'b', plannedAt: Date.UTC(2022, 4, 26, 14, 59, 55), timeZone: 'UTC', count: 20 };
  const made = Buffer.concat([
    ...format.write(
      plan,
      messages.map((part) => part.bytes),
    ),
  ]);
  assert.equal(made.toString('utf8'), bytes.toString('utf8'));
});

test('a batch of 100,000 messages is written in chunks with flat memory', async () => {
  const format = open({ sendingApplication: 'A' });
  const count = 100_000;
  const message = `MSH|^~\\&|A|B|C|D|20240117||VXU^V04^VXU_V04|id|P|2.5.1\rPID|1||${'x'.repeat(450)}\r`;
  function* messages(): Iterable<Uint8Array> {
    for (let n = 0; n < count; n++) yield Buffer.from(message);
  }
  const plan = { ...PLAN, count };
  let bytes = 0;
  let chunks = 0;
  let highest = 0;
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  // Buffers are given back after a turn of the event loop, so one collection does not show what is really held.
  const collect = async () => {
    gc();
    await turn();
    gc();
  };
  await collect();
  const before = process.memoryUsage();
  for (const chunk of format.write(plan, messages())) {
    bytes += chunk.length;
    chunks++;
    assert.ok(chunk.length <= 65_536);
    assert.equal(chunk.byteLength, chunk.buffer.byteLength, 'a chunk has memory of its own');
    if (chunks % 100 === 0) {
      await collect();
      const now = process.memoryUsage();
      highest = Math.max(highest, now.heapUsed + now.arrayBuffers - before.heapUsed - before.arrayBuffers);
    }
  }
  assert.equal(bytes, count * Buffer.byteLength(message) + format.overhead(plan));
  assert.ok(chunks < 1000, `${chunks} chunks`);
  assert.ok(bytes > 50_000_000 && highest < 2_000_000, `${highest} bytes held of ${bytes}`);
});
