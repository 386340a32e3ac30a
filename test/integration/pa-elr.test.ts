/** Pennsylvania's contract against a SOAP stack of other people: files as base64, and a flag that says whether they were taken. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Delivery, Operation } from '../../engine/contracts/operation.ts';
import { ConfigError } from '../../engine/errors.ts';
import { outcomeOfError } from '../../engine/outcomes.ts';
import hl7Batch from '../../formats/hl7-batch/index.ts';
import soap from '../../operations/soap/index.ts';
import { freePort } from '../../scripts/start/free-port.ts';
import { DEPARTMENT_CREDENTIALS, startDepartment } from '../support/department.ts';
import { peerSkip } from '../support/peers.ts';

const NOTHING = (): void => undefined;
const NO_RESOURCES = { timeZone: 'America/New_York', values: {}, tables: {}, files: {} };

async function open(t: TestContext, url: string, credentials: object = DEPARTMENT_CREDENTIALS): Promise<Operation> {
  const logger = { debug: NOTHING, info: NOTHING, warn: NOTHING, error: NOTHING };
  const context = { name: 'department', folder: import.meta.dirname, logger, resources: NO_RESOURCES };
  const operation = await soap.open({ dialect: 'pa-elr', url, credentials }, context);
  t.after(() => operation.close());
  return operation;
}

const BATCH_ID = 'lab1-B7';

/** A batch of made-up reports, or another file. */
function delivery(ids: readonly string[], content?: Buffer): { readonly delivery: Delivery; readonly bytes: Buffer } {
  const format = hl7Batch.open({}, { resources: NO_RESOURCES });
  const messages = ids.map((id) =>
    Buffer.from(
      `MSH|^~\\&|LAB|SITE|ELR|STATE|20260401||ORU^R01^ORU_R01|${id}|P|2.5.1\rPID|1||${id}||O'NEIL^ZO\u00cb\r`,
    ),
  );
  const plan = { id: BATCH_ID, plannedAt: Date.UTC(2026, 3, 1), timeZone: 'UTC', count: ids.length };
  const bytes = content ?? Buffer.concat([...(format.write?.(plan, messages) ?? [])]);
  const each = ids.map((id, index) => ({ id, body: messages[index] ?? bytes }));
  return {
    bytes,
    delivery: {
      batchId: BATCH_ID,
      attempt: 1,
      messages: ids.length,
      byteLength: bytes.length,
      body: () => [bytes.subarray(0, 100), bytes.subarray(100)],
      each: () => each,
      firstByte: NOTHING,
      lastByte: NOTHING,
    },
  };
}

const skip = peerSkip('php');

test('a file that the department takes is delivered, byte for byte', { skip }, async (t) => {
  const { url, files } = await startDepartment(t);
  const operation = await open(t, url);
  const sent = delivery(['R1', 'R2', 'R3']);
  const answer = await operation.send(sent.delivery, AbortSignal.timeout(20_000));
  assert.ok(answer.kind === 'outcomes');
  assert.deepEqual(
    answer.outcomes.map(({ index, outcome, words }) => [index, outcome, words]),
    [0, 1, 2].map((index) => [index, 'delivered', '3 messages received']),
  );
  assert.deepEqual(await files(), [{ name: `${BATCH_ID}.hl7`, content: sent.bytes }]);
});

test('Success=False in an HTTP 200 is never delivered', { skip }, async (t) => {
  const { url, files } = await startDepartment(t);
  const operation = await open(t, url);
  const sent = delivery(['R1', 'R2'], Buffer.from('this is no HL7'));
  const answer = await operation.send(sent.delivery, AbortSignal.timeout(20_000));
  assert.ok(answer.kind === 'outcomes');
  assert.deepEqual(
    answer.outcomes.map(({ outcome, code, words }) => [outcome, code, words]),
    [1, 2].map(() => ['rejected', 'SOAP_SUCCESS_FALSE', 'Not an HL7 file']),
  );
  assert.match(Buffer.from(answer.raw).toString(), /<[a-z0-9]+:Success>false</);
  assert.equal((await files()).length, 1);
});

test('a wrong password stops the destination, in words without the password', { skip }, async (t) => {
  const { url, files } = await startDepartment(t);
  const operation = await open(t, url, { ...DEPARTMENT_CREDENTIALS, password: 'marker-password' });
  await assert.rejects(operation.send(delivery(['R1']).delivery, AbortSignal.timeout(20_000)), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(outcomeOfError(error), 'stop');
    assert.equal(error.whose, 'ours');
    assert.equal(error.words, 'Authentication failed');
    assert.doesNotMatch(error.message, /marker/);
    return true;
  });
  assert.deepEqual(await files(), []);
});

test('check compares the dialect with the WSDL that the department serves: the same call', { skip }, async (t) => {
  const { url } = await startDepartment(t);
  const operation = await open(t, url);
  const results = await operation.check(AbortSignal.timeout(20_000));
  const contract = results.filter(({ what }) => what === 'contract');
  assert.equal(contract.length, 1);
  assert.equal(contract[0]?.ok, true, contract[0]?.detail);
  assert.match(contract[0]?.detail ?? '', /describe the same call; but the WSDL also has bytSignatureToStore/);
});

test('nobody there: nothing was sent, and it is tried again', { skip }, async (t) => {
  const operation = await open(t, `http://127.0.0.1:${await freePort()}/`);
  await assert.rejects(operation.send(delivery(['R1']).delivery, AbortSignal.timeout(20_000)), (error) => {
    assert.equal(outcomeOfError(error), 'retry');
    return true;
  });
});
